"""Maps of a run open in GDAL, and their areas and litres are the run's."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import shapely
from pyproj import Geod

sys.path.insert(0, str(Path(__file__).parents[1] / "mapping"))

from mapped_run import record_straight

from agriseg.errors import ExportError
from agriseg.exchange.gis_files import write_csv, write_gis
from agriseg.exchange.layers import LAYERS, build_layers
from agriseg.mapping.applied import AppliedMap, applied_map
from agriseg.recording.reader import open_run

pyogrio = pytest.importorskip("pyogrio")

GEOD = Geod(ellps="WGS84")
FORMATS = {"geojson": "", "shp": "", "gpkg": ".gpkg", "kml": ".kml"}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> AppliedMap:
    with open_run(record_straight(tmp_path_factory.mktemp("exported") / "run")) as run:
        return applied_map(run)


def geodesic_m2(shapes: Any) -> float:
    """Area on the ellipsoid: nothing of ours."""
    return float(sum(abs(GEOD.geometry_area_perimeter(shape)[0]) for shape in shapes))


def opened(out: Path, form: str, layer: str) -> tuple[Any, dict[str, Any]]:
    path = out if out.is_file() else out / f"{layer}.{form}"
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer if out.is_file() else None)
    assert "4326" in meta["crs"] or "WGS 84" in meta["crs"]
    return shapely.from_wkb(geometry), dict(zip(meta["fields"], columns, strict=True))


@pytest.mark.parametrize("form", FORMATS)
def test_gdal_reads_every_layer_with_our_areas_and_litres(
    applied: AppliedMap, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"map{FORMATS[form]}"
    layers = build_layers(applied)
    assert {layer.name for layer in layers} == set(LAYERS)
    write_gis(layers, form, out, overwrite=False)
    for layer in layers:
        shapes, columns = opened(out, form, layer.name)
        assert len(shapes) == len(layer.geometry) > 0, layer.name
        assert set(layer.columns) <= set(columns), layer.name
    figures = applied.figures
    driven, _ = opened(out, form, "driven")
    assert geodesic_m2(driven) == pytest.approx(figures.driven_m2, rel=0.005)
    assert geodesic_m2(driven) == pytest.approx(applied.history.totals.area_m2, rel=0.005)
    treated, columns = opened(out, form, "treated")
    assert geodesic_m2(treated) == pytest.approx(figures.treated_m2, rel=0.005)
    litres = sum(float(value) for value in columns["litres"])
    assert litres == pytest.approx(applied.history.totals.volume_confirmed_l, rel=0.005)
    assert sum(float(v) for v in columns["area_m2"]) == pytest.approx(
        applied.history.totals.treated_area_m2, rel=0.005
    )


def test_geojson_is_what_rfc_7946_says(applied: AppliedMap, tmp_path: Path) -> None:
    write_gis(build_layers(applied, ["plants"]), "geojson", tmp_path / "m", overwrite=False)
    data = json.loads((tmp_path / "m" / "plants.geojson").read_text())
    longitude, latitude = data["features"][0]["geometry"]["coordinates"][:2]
    assert 10.9 < longitude < 11.1
    assert 47.9 < latitude < 48.1
    assert {feature["properties"]["class"] for feature in data["features"]} == {"weed", "crop"}


def test_tables_hold_the_same(applied: AppliedMap, tmp_path: Path) -> None:
    files = write_csv(build_layers(applied), tmp_path / "tables", overwrite=False)
    assert [path.stem for path in files] == sorted(LAYERS)
    with (tmp_path / "tables" / "treated.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shapes = [shapely.from_wkt(row["wkt"]) for row in rows]
    assert geodesic_m2(shapes) == pytest.approx(applied.figures.treated_m2, rel=0.005)
    assert sum(float(row["litres"]) for row in rows) == pytest.approx(
        applied.figures.litres_confirmed, rel=1e-6
    )
    assert rows[0]["time"].endswith("Z")


def test_nothing_is_overwritten_silently(applied: AppliedMap, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    out.mkdir()
    (out / "precious.txt").write_text("kept")
    layers = build_layers(applied, ["driven"])
    with pytest.raises(ExportError, match="is not overwritten"):
        write_csv(layers, out, overwrite=False)
    assert (out / "precious.txt").exists()
    write_csv(layers, out, overwrite=True)
    assert not (out / "precious.txt").exists()
    with pytest.raises(ExportError, match=r"must end in \.gpkg"):
        write_gis(layers, "gpkg", tmp_path / "map.kml", overwrite=False)
    with pytest.raises(ExportError, match="no layer 'wheat'"):
        build_layers(applied, ["wheat"])
