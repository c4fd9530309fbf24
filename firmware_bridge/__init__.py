"""The wire to the sprayer controller: knows channels and ticks, not weeds."""
