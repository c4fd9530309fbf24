"""Calibration: what was measured on this machine, how sure it is, and the steps that measure it."""
