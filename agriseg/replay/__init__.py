"""Recorded runs, decided again: the same way, or as other settings would have."""
