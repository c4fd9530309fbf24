"""Review: recorded runs, looked at again."""
