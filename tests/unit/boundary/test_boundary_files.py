"""Boundaries come in the formats of farms; what cannot be used is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import shapely
from boundary_files import FRAME, box, feature, ring, write_geojson, write_taskdata

from agriseg.boundary.field_boundary import FieldBoundary
from agriseg.boundary.loading import load_boundary
from agriseg.errors import BoundaryError

FIELD, POND = box(0, 0, 100, 50), box(40, 20, 60, 30)


def area_m2(area: shapely.Geometry | None) -> float:
    assert area is not None
    local = shapely.transform(area, lambda points: FRAME.local(points[:, ::-1]))
    return float(shapely.area(local))


def assert_field_and_pond(boundary: FieldBoundary) -> None:
    assert area_m2(boundary.field) == pytest.approx(5000.0, rel=1e-5)
    assert [area_m2(zone.area) for zone in boundary.zones] == pytest.approx([200.0], rel=1e-5)


@pytest.mark.parametrize(
    "marks", [{"role": "no-spray"}, {"no_spray": True}, {"rate": 0}, {"type": "Exclusion zone"}]
)
def test_geojson_with_a_zone(tmp_path: Path, marks: dict[str, object]) -> None:
    path = write_geojson(
        tmp_path / "b.geojson",
        feature(FIELD, name="Long acre", rate=100),
        feature(POND, name="Pond", **marks),
    )
    boundary = load_boundary(path)
    assert_field_and_pond(boundary)
    assert (boundary.name, boundary.zones[0].name) == ("Long acre", "Pond")


@pytest.mark.parametrize("driver", ["ESRI Shapefile", "GPKG", "KML"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
def test_files_of_gis_programs_in_their_own_coordinates(
    tmp_path: Path, driver: str, crs: str
) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    from pyproj import Transformer

    if driver == "KML" and crs != "EPSG:4326":
        pytest.skip("KML is always in WGS84")
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    shapes = [
        shapely.transform(shapely.Polygon(ring(c)), transformer.transform, interleaved=False)
        for c in (FIELD, POND)
    ]
    suffix = {"ESRI Shapefile": "shp", "GPKG": "gpkg", "KML": "kml"}[driver]
    path = tmp_path / f"b.{suffix}"
    names = np.array(["Long acre", "Pond"], object)
    roles = np.array(["field", "no-spray"], object)
    pyogrio.raw.write(
        path, shapely.to_wkb(shapes), [names, roles], ["name", "role"],
        driver=driver, crs=crs, geometry_type="Polygon",
    )  # fmt: skip
    assert_field_and_pond(load_boundary(path))


def test_a_shapefile_without_its_projection_is_refused(tmp_path: Path) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    path = tmp_path / "b.shp"
    shape = shapely.to_wkb([shapely.Polygon(ring(FIELD))])
    names = [np.array(["x"], object)]
    pyogrio.raw.write(path, shape, names, ["n"], crs="EPSG:4326", geometry_type="Polygon")
    path.with_suffix(".prj").unlink()
    with pytest.raises(BoundaryError, match=r"coordinate system .*\.prj"):
        load_boundary(path)


@pytest.mark.parametrize("form", ["folder", "file", "zip"])
def test_isoxml_with_obstacle_and_a_prescription_of_zero(tmp_path: Path, form: str) -> None:
    folder = write_taskdata(tmp_path / "TASKDATA", FIELD, POND, box(80, 0, 100, 10))
    path = {
        "folder": folder,
        "file": folder / "TASKDATA.XML",
        "zip": Path(shutil.make_archive(str(tmp_path / "job"), "zip", tmp_path, "TASKDATA")),
    }[form]
    boundary = load_boundary(path)
    assert boundary.name == "Long acre"
    assert area_m2(boundary.field) == pytest.approx(5000.0, rel=1e-5)
    assert [area_m2(zone.area) for zone in boundary.zones] == pytest.approx([200, 200], rel=1e-5)


def test_a_boundary_that_crosses_itself_is_refused_with_the_place(tmp_path: Path) -> None:
    bow = ((0, 0), (100, 50), (100, 0), (0, 50))
    path = write_geojson(tmp_path / "bow.geojson", feature(bow, name="Bow"))
    with pytest.raises(BoundaryError, match=r"Bow is not a proper area .*crosses itself.*11\.000"):
        load_boundary(path)


def test_metres_instead_of_degrees_are_refused(tmp_path: Path) -> None:
    bad = feature(FIELD)
    bad["geometry"]["coordinates"] = [[[0, 0], [400000, 0], [400000, 5000000], [0, 0]]]
    with pytest.raises(BoundaryError, match=r"no degrees .*WGS84"):
        load_boundary(write_geojson(tmp_path / "m.geojson", bad))
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    with pytest.raises(BoundaryError, match="EPSG::25832, expected WGS84"):
        load_boundary(write_geojson(tmp_path / "n.geojson", feature(FIELD), crs=named))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.geojson", '{"type": "FeatureCollection", "features": []}', "no area in it"),
        ("b.geojson", "{", "this is not GeoJSON"),
        ("b.geojson", '{"type": "Point", "coordinates": [11, 48]}', "is a Point"),
        ("b.xml", "<ISO11783_TaskData", "task data cannot be read"),
        ("b.xml", "<ISO11783_TaskData><TSK><GRD/></TSK></ISO11783_TaskData>", "is a grid"),
        ("b.shp", "no shapefile", "no boundary file that can be read"),
    ],
)
def test_what_is_no_boundary_is_refused(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(BoundaryError, match=words):
        load_boundary(tmp_path / name)
    with pytest.raises(BoundaryError, match="no such boundary file"):
        load_boundary(tmp_path / "absent.geojson")
