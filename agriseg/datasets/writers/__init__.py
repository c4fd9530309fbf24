"""Writers of labels in the formats of other programs; see ``FORMATS.md``."""
