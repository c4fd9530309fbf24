"""AgriSeg: sees weeds, decides, times the spray. Runs without a window."""
