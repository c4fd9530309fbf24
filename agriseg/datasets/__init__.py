"""Labelled data sets: readers and writers of the formats of other programs; see ``FORMATS.md``."""
