"""Judges models by labelled images: scores, comparisons and their reports; definitions in
``SCORES.md``."""
