"""Pixel classes without a network, plants and metrics."""
