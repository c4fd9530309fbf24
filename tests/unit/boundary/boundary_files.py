"""Boundaries as files, laid out in metres about a place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.positioning.local_frame import LocalFrame

FRAME = LocalFrame(48.0, 11.0)

Corners = Sequence[tuple[float, float]]


def box(west: float, south: float, east: float, north: float) -> Corners:
    """Return a rectangle's corners in metres east and north."""
    return ((west, south), (east, south), (east, north), (west, north))


def ring(corners: Corners, frame: LocalFrame = FRAME) -> list[list[float]]:
    """Return a closed ring of [longitude, latitude]."""
    places = frame.geographic(np.array([*corners, corners[0]], np.float64))
    return [[float(longitude), float(latitude)] for latitude, longitude in places]


def feature(corners: Corners, **properties: object) -> dict[str, Any]:
    """Return a GeoJSON feature of one area."""
    geometry = {"type": "Polygon", "coordinates": [ring(corners)]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write_geojson(path: Path, *features: dict[str, Any], **other: object) -> Path:
    """Write a feature collection."""
    collection = {"type": "FeatureCollection", "features": list(features), **other}
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path


def write_taskdata(folder: Path, field: Corners, obstacle: Corners, zone: Corners) -> Path:
    """Write task data with a field, an obstacle and a prescription of 0."""

    def area(kind: str, corners: Corners) -> str:
        points = "".join(f'<PNT A="2" C="{lat}" D="{lon}"/>' for lon, lat in ring(corners))
        return f'<PLN A="{kind}" B="area {kind}"><LSG A="1">{points}</LSG></PLN>'

    folder.mkdir()
    (folder / "TASKDATA.XML").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><ISO11783_TaskData VersionMajor="4"'
        ' VersionMinor="3" ManagementSoftwareManufacturer="x" DataTransferOrigin="1">'
        f'<PFD A="PFD1" C="Long acre" D="0">{area("1", field)}{area("6", obstacle)}</PFD>'
        f'<TSK A="TSK1" G="1"><TZN A="1" B="none"><PDV A="0001" B="0"/>{area("2", zone)}</TZN>'
        f'<TZN A="2"><PDV A="0001" B="1000"/>{area("2", field)}</TZN></TSK></ISO11783_TaskData>',
        encoding="utf-8",
    )
    return folder
