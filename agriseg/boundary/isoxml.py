"""Field boundaries, obstacles and prescriptions of 0 in ISO 11783-10 task data."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from shapely import Polygon

from agriseg.boundary.field_boundary import Part
from agriseg.errors import BoundaryError

_TASKDATA = "taskdata.xml"

_FIELD = "1"
_KEPT_OUT = {
    "3": "water",
    "4": "building",
    "5": "road",
    "6": "obstacle",
    "11": "buffer zone",
    "12": "windbreak",
}
"""Types of PLN (attribute A) that are never sprayed."""
_EXTERIOR, _INTERIOR = "1", "2"
_APPLICATION_DDIS = frozenset({1, 6, 11})
"""Setpoints of an applied rate: volume, mass and count per area."""


def is_isoxml(path: Path) -> bool:
    """Return whether a path is task data: a folder with TASKDATA.XML, that file, or a ZIP."""
    if path.is_dir():
        return any(_task_data_files(path))
    if path.suffix.lower() == ".zip":
        return zipfile.is_zipfile(path) and _member(zipfile.ZipFile(path)) is not None
    return path.suffix.lower() == ".xml"


def read_isoxml(path: Path) -> list[Part]:
    """Return the areas of task data, in (longitude, latitude).

    The partfields' boundaries are the field. Holes, obstacles, water, buildings, roads and
    buffer zones, and treatment zones with a rate of 0, are zones.

    Raises
    ------
    BoundaryError
        It cannot be read, or holds no area.
    """
    root = _root(path)
    parts = [part for field in root.iter("PFD") for part in _partfield(path, field)]
    parts += [part for task in root.iter("TSK") for part in _treatment_zones(path, task)]
    if not parts and root.find(".//GRD") is not None:
        raise BoundaryError(
            f"{path}: its prescription is a grid (GRD), which is not read as a boundary; export it"
            " with polygons, or export the field's boundary"
        )
    return parts


def _root(path: Path) -> Element:
    try:
        if path.is_dir():
            return ElementTree.parse(next(_task_data_files(path))).getroot()
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                name = _member(archive)
                assert name is not None
                return ElementTree.parse(io.BytesIO(archive.read(name))).getroot()
        return ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError, zipfile.BadZipFile) as error:
        raise BoundaryError(f"{path}: the task data cannot be read ({error})") from error


def _task_data_files(folder: Path) -> Iterator[Path]:
    names = [folder, folder / "TASKDATA", folder / "taskdata"]
    for place in names:
        if place.is_dir():
            yield from (file for file in place.iterdir() if file.name.lower() == _TASKDATA)


def _member(archive: zipfile.ZipFile) -> str | None:
    return next((n for n in archive.namelist() if n.lower().split("/")[-1] == _TASKDATA), None)


def _partfield(path: Path, field: Element) -> Iterator[Part]:
    name = field.get("C", "")
    for polygon in field.findall("PLN"):
        kind = polygon.get("A", "")
        if kind == _FIELD:
            exterior, holes = _rings(path, polygon)
            yield from (Part(name=name, geometry=Polygon(ring), is_zone=False) for ring in exterior)
            yield from (
                Part(name=f"hole of {name}".strip(), geometry=Polygon(ring), is_zone=True)
                for ring in holes
            )
        elif kind in _KEPT_OUT:
            exterior, _ = _rings(path, polygon)
            label = polygon.get("B") or _KEPT_OUT[kind]
            yield from (Part(name=label, geometry=Polygon(ring), is_zone=True) for ring in exterior)


def _treatment_zones(path: Path, task: Element) -> Iterator[Part]:
    for zone in task.findall("TZN"):
        rates = [
            int(value.get("B", "0"))
            for value in zone.findall("PDV")
            if int(value.get("A", "0"), 16) in _APPLICATION_DDIS
        ]
        if not rates or any(rates):
            continue
        for polygon in zone.findall("PLN"):
            exterior, _ = _rings(path, polygon)
            label = zone.get("B") or "rate 0"
            yield from (Part(name=label, geometry=Polygon(ring), is_zone=True) for ring in exterior)


Ring = list[tuple[float, float]]


def _rings(path: Path, polygon: Element) -> tuple[list[Ring], list[Ring]]:
    """Return the outer and the inner rings of a PLN, in (longitude, latitude)."""
    outer: list[Ring] = []
    inner: list[Ring] = []
    for line in polygon.findall("LSG"):
        ring = [_point(path, point) for point in line.findall("PNT")]
        if len(ring) < 3:
            raise BoundaryError(
                f"{path}: a boundary in it has {len(ring)} points, expected at least 3"
            )
        if line.get("A") == _EXTERIOR:
            outer.append(ring)
        elif line.get("A") == _INTERIOR:
            inner.append(ring)
    return outer, inner


def _point(path: Path, point: Element) -> tuple[float, float]:
    try:
        return float(point.attrib["D"]), float(point.attrib["C"])
    except (KeyError, ValueError) as error:
        raise BoundaryError(
            f"{path}: a point of a boundary in it has no place (PNT needs the attributes C and D)"
        ) from error
