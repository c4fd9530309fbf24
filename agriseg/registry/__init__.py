"""Models with their versions: where they come from, which one works, and how they travel."""
