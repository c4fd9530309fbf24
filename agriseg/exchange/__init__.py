"""A run's maps and records in the formats of other programs."""
