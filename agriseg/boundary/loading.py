"""Reads boundaries from the files that farms have: GeoJSON, GIS files, ISOXML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely

from agriseg.boundary.field_boundary import FieldBoundary, Part, assembled
from agriseg.boundary.isoxml import is_isoxml, read_isoxml
from agriseg.errors import BoundaryError

MAPS_COMMAND = 'pip install "agriseg[maps]"'

_ROLE_KEYS = ("role", "kind", "type", "category", "class", "zone")
_RATE_KEYS = ("rate", "dose", "rate_l_ha", "target_rate", "value")
_ZONE_WORDS = (
    "no-spray",
    "no_spray",
    "nospray",
    "no spray",
    "exclusion",
    "exclude",
    "obstacle",
    "buffer",
    "keep-out",
    "keepout",
)
_NAME_KEYS = ("name", "title", "label", "id")
_JSON_SUFFIXES = frozenset({".geojson", ".json"})
_WORLD = frozenset({"urn:ogc:def:crs:ogc:1.3:crs84", "epsg:4326", "urn:ogc:def:crs:epsg::4326"})


def load_boundary(path: Path) -> FieldBoundary:
    """Read a boundary.

    An area is a no-spray zone when its attribute ``role`` (or ``kind``, ``type``, ``category``,
    ``class``, ``zone``) says so (no-spray, exclusion, obstacle, buffer), when ``no_spray`` is
    true, or when its ``rate`` or ``dose`` is 0, as in a prescription. All others together are the
    field. Holes of an area are outside of it.

    Raises
    ------
    BoundaryError
        The file is missing, of no known format, or its areas cannot be used.
    """
    if not path.exists():
        raise BoundaryError(f"{path}: there is no such boundary file")
    if is_isoxml(path):
        return assembled(str(path), read_isoxml(path))
    if path.suffix.lower() in _JSON_SUFFIXES:
        return assembled(str(path), list(_geojson_parts(path)))
    return assembled(str(path), list(_gis_parts(path)))


def _geojson_parts(path: Path) -> Iterator[Part]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BoundaryError(f"{path}: this is not GeoJSON ({error})") from error
    if not isinstance(data, dict) or "type" not in data:
        raise BoundaryError(f"{path}: this is not GeoJSON (it has no type)")
    _check_geojson_crs(path, data)
    yield from _parts_of_geojson(path, data)


def _parts_of_geojson(path: Path, data: Mapping[str, Any]) -> Iterator[Part]:
    kind = data.get("type")
    if kind == "FeatureCollection":
        for feature in data.get("features") or ():
            yield from _parts_of_geojson(path, feature)
    elif kind == "Feature":
        attributes = data.get("properties") or {}
        if data.get("geometry"):
            yield _part(_shape(path, data["geometry"]), attributes)
    else:
        yield _part(_shape(path, data), {})


def _shape(path: Path, geometry: Mapping[str, Any]) -> Any:
    try:
        return shapely.from_geojson(json.dumps(geometry))
    except shapely.errors.ShapelyError as error:
        raise BoundaryError(f"{path}: an area cannot be read ({error})") from error


def _check_geojson_crs(path: Path, data: Mapping[str, Any]) -> None:
    crs = data.get("crs")
    if not isinstance(crs, dict):
        return
    name = str((crs.get("properties") or {}).get("name", ""))
    if name.lower() not in _WORLD:
        raise BoundaryError(
            f"{path}: its coordinates are in {name}, expected WGS84, as RFC 7946 wants it of"
            " GeoJSON; export it in EPSG:4326"
        )


def _part(geometry: Any, attributes: Mapping[str, Any]) -> Part:
    values = {str(key).lower(): value for key, value in attributes.items()}
    name = next((str(values[key]) for key in _NAME_KEYS if values.get(key)), "")
    return Part(name=name, geometry=geometry, is_zone=_is_zone(values))


def _is_zone(values: Mapping[str, Any]) -> bool:
    flag = values.get("no_spray", values.get("nospray"))
    if flag is not None and str(flag).lower() in ("1", "true", "yes"):
        return True
    words = " ".join(str(values[key]).lower() for key in _ROLE_KEYS if values.get(key))
    if any(word in words for word in _ZONE_WORDS):
        return True
    rates = [values[key] for key in _RATE_KEYS if isinstance(values.get(key), int | float)]
    return bool(rates) and all(float(rate) == 0.0 for rate in rates)


def _gis_parts(path: Path) -> Iterator[Part]:
    try:
        import pyogrio
    except ImportError:
        raise BoundaryError(
            f"{path}: reading this format needs GDAL; install it with `{MAPS_COMMAND}`, or export"
            " the boundary as GeoJSON or ISOXML"
        ) from None
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        read = [pyogrio.raw.read(path, layer=layer) for layer in layers]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise BoundaryError(
            f"{path}: this is no boundary file that can be read ({error}); expected GeoJSON, a"
            " shapefile, GeoPackage, KML, or an ISOXML folder or ZIP"
        ) from error
    for meta, _, geometries, columns in read:
        yield from _layer_parts(path, meta, geometries, columns)


def _layer_parts(path: Path, meta: Mapping[str, Any], geometries: Any, columns: Any) -> Any:
    if geometries is None:
        return
    shapes = shapely.from_wkb(geometries)
    if meta.get("crs") is None:
        raise BoundaryError(
            f"{path}: it does not say in which coordinate system it is (a shapefile needs its .prj"
            " file); export it again with one, in WGS84 (EPSG:4326) if you may choose"
        )
    shapes = _in_degrees(shapes, str(meta["crs"]))
    for row, shape in enumerate(shapes):
        if shape is not None:
            fields = zip(meta["fields"], columns, strict=True)
            yield _part(shape, {str(name): _plain(column[row]) for name, column in fields})


def _in_degrees(shapes: Any, crs: str) -> Any:
    from pyproj import CRS, Transformer

    given = CRS.from_user_input(crs)
    if given.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return shapes
    transformer = Transformer.from_crs(given, "EPSG:4326", always_xy=True)
    return shapely.transform(shapes, transformer.transform, interleaved=False)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
