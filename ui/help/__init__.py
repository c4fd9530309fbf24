"""The pages Display and Help."""
