"""The simulated field and robot, with their truth and the scoring against it."""
