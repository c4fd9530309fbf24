"""Labelled data sets: readers of the formats in which people keep them; see ``FORMATS.md``."""
