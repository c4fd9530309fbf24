"""Labelling pictures by hand: documents, tools, projects and checks; no Qt, no models."""
