"""What the window says, without any widget: words and figures made from snapshots."""
