"""The Operate page."""
