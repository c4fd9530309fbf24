"""Runs: written while they happen, read back, reported."""
