"""Layers as GeoJSON, GeoPackage, shapefile, KML and CSV; see EXPORTS.md."""

from __future__ import annotations

import csv
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import shapely

from agriseg.errors import ExportError
from agriseg.exchange.layers import Layer
from agriseg.mapping.applied import Progress

MAPS_COMMAND = 'pip install "agriseg[maps]"'

_DRIVERS = {
    "geojson": ("GeoJSON", "geojson"),
    "gpkg": ("GPKG", "gpkg"),
    "shp": ("ESRI Shapefile", "shp"),
    "kml": ("KML", "kml"),
}
_ONE_FILE = frozenset({"gpkg", "kml"})


def write_gis(
    layers: Sequence[Layer],
    form: str,
    out: Path,
    *,
    overwrite: bool,
    progress: Progress = lambda _, __: None,
) -> list[Path]:
    """Write layers through GDAL.

    Parameters
    ----------
    layers : sequence of Layer
    form : str
        ``geojson`` and ``shp`` make a folder with a file for each layer, ``gpkg`` and ``kml``
        one file with all of them.
    out : Path
        The folder or file.
    overwrite : bool
        Replace what is there.
    progress : callable

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ExportError
        GDAL is not installed, ``out`` exists or has another ending, or it cannot be written.
    """
    driver, suffix = _DRIVERS[form]
    pyogrio = _pyogrio(form)
    if form in _ONE_FILE and out.suffix.lower() != f".{suffix}":
        raise ExportError(f"{out}: a {form} file's name must end in .{suffix}")

    def write(place: Path) -> None:
        for done, layer in enumerate(layers):
            progress("Writing the layers", done / len(layers))
            target = place if form in _ONE_FILE else place / f"{layer.name}.{suffix}"
            _write_layer(pyogrio, layer, driver, target, append=target.exists())
        progress("Writing the layers", 1.0)

    return write_whole(out, write, is_folder=form not in _ONE_FILE, overwrite=overwrite)


def write_csv(layers: Sequence[Layer], out: Path, *, overwrite: bool) -> list[Path]:
    """Write a folder with a table for each layer; geometry as well-known text.

    Raises
    ------
    ExportError
        ``out`` exists, or it cannot be written.
    """

    def write(place: Path) -> None:
        for layer in layers:
            with (place / f"{layer.name}.csv").open("w", encoding="utf-8", newline="") as file:
                _write_table(csv.writer(file), layer)

    return write_whole(out, write, is_folder=True, overwrite=overwrite)


def write_whole(
    out: Path, write: Callable[[Path], None], *, is_folder: bool, overwrite: bool
) -> list[Path]:
    """Write a file or folder whole or not at all; return its files.

    Raises
    ------
    ExportError
        It exists and is not to be replaced, or cannot be written.
    """
    if out.exists() and not overwrite:
        raise ExportError(
            f"{out}: this exists and is not overwritten; choose another name or give --overwrite"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            place = Path(scratch) / out.name
            if is_folder:
                place.mkdir()
            write(place)
            if out.is_dir():
                shutil.rmtree(out)
            place.replace(out)
    except OSError as error:
        reason = error.strerror or error
        raise ExportError(f"{out}: the export cannot be written ({reason})") from error
    return sorted(out.iterdir()) if is_folder else [out]


def _pyogrio(form: str) -> Any:
    try:
        import pyogrio
    except ImportError:
        raise ExportError(
            f"exporting {form} needs GDAL; install it with `{MAPS_COMMAND}` (csv and taskdata work"
            " without)"
        ) from None
    return pyogrio


def _write_layer(pyogrio: Any, layer: Layer, driver: str, target: Path, append: bool) -> None:
    try:
        pyogrio.raw.write(
            target,
            shapely.to_wkb(list(layer.geometry)),
            list(layer.columns.values()),
            list(layer.columns),
            layer=layer.name,
            driver=driver,
            crs="EPSG:4326",
            geometry_type=layer.kind,
            append=append and driver == "KML",
            **({"COORDINATE_PRECISION": 9} if driver == "GeoJSON" else {}),
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise ExportError(f"{target.name}: GDAL could not write it ({error})") from error


def _write_table(writer: Any, layer: Layer) -> None:
    names = list(layer.columns)
    is_point = layer.kind == "Point"
    writer.writerow([*names, *(("longitude", "latitude") if is_point else ("wkt",))])
    for row, shape in enumerate(layer.geometry):
        place = (
            [f"{shape.x:.9f}", f"{shape.y:.9f}"]
            if is_point
            else [shapely.to_wkt(shape, rounding_precision=9)]
        )
        writer.writerow([*(_cell(layer.columns[name][row]) for name in names), *place])


def _cell(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float):
        return "" if math.isnan(plain) else f"{plain:.9g}"
    return plain
