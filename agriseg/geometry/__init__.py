"""Camera model, ground plane and poses."""
