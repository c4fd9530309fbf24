"""Status and as-applied records for other programs, as they come about."""
