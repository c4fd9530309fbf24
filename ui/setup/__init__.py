"""The page Setup: what the machine is made of."""
