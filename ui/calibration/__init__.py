"""The page Calibrate: the steps, the wizard that leads through one, what was measured before."""
