"""Which frames to label: those from which a model learns most, see ``SELECTION.md``."""
