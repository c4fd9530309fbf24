"""Controls and displays that the pages are made of."""
