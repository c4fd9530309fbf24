"""Where spraying is allowed: field boundaries and no-spray zones."""
