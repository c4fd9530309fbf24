"""A boundary in metres: known squares come out with their areas, distances and margins."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely
from boundary_files import FRAME, box, feature, write_geojson

from agriseg.boundary.loading import load_boundary
from agriseg.boundary.local_boundary import frame_about, in_frame


def test_a_field_with_a_pond_in_metres(tmp_path: Path) -> None:
    path = write_geojson(
        tmp_path / "field.geojson",
        feature(box(0, 0, 100, 50), name="Long acre"),
        feature(box(40, 20, 60, 30), name="pond", role="no-spray"),
    )
    local = in_frame(load_boundary(path), FRAME)
    assert local.field_m2 == pytest.approx(5000.0 - 200.0, rel=1e-4)
    assert local.bounds_m == pytest.approx((0.0, 0.0, 100.0, 50.0), abs=1e-3)
    assert local.away_m(50.0, 40.0) == 0.0
    assert local.away_m(103.0, 54.0) == pytest.approx(5.0, abs=1e-3)
    inner = local.within(2.0)
    assert shapely.area(inner) == pytest.approx(
        96.0 * 46.0 - (20.0 * 10.0 + 2.0 * (20 + 10) * 2.0 + math.pi * 4.0), rel=1e-3
    )
    assert not inner.intersects(shapely.Point(41.0, 18.5)), "within 2 m of the pond"
    about = frame_about(load_boundary(path))
    assert (about.latitude_deg, about.longitude_deg) == pytest.approx(
        tuple(FRAME.geographic([[50.0, 25.0]])[0]), abs=1e-7
    )


def test_zones_alone_limit_nothing_but_themselves(tmp_path: Path) -> None:
    path = write_geojson(tmp_path / "zones.geojson", feature(box(0, 0, 4, 4), role="no-spray"))
    local = in_frame(load_boundary(path), FRAME)
    assert local.field is None
    assert math.isnan(local.field_m2)
    assert local.away_m(5e4, 0.0) == 0.0
    assert shapely.area(local.within(1.0)) == pytest.approx(16.0 + 16.0 + math.pi, rel=2e-3)
