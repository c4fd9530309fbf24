"""The formats that a run can be exported in; nothing else, so that naming them costs nothing."""

from __future__ import annotations

RECORDING = "recording"
"""A copy of the run itself, without positions, names and accounts."""
FORMATS = ("geojson", "gpkg", "shp", "kml", "csv", "taskdata", "pdf", "html", RECORDING)
