"""Whole runs with a boundary: nozzles close where they must, and all of them without a position."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "boundary"))

from boundary_files import ring

from agriseg.config import Config, parse_config
from agriseg.headless import run_headless
from agriseg.positioning.simulated import SimulatedField
from agriseg.recording.ground import sprayed_extents
from agriseg.recording.history import read_history
from agriseg.recording.reader import open_run

POND_S_M = (3.0, 4.0)
RIGHT_EDGE_Y_M = -0.3


def boundary_file(path: Path) -> Path:
    """Write a field whose right edge cuts the boom, with a pond across the track."""
    field = SimulatedField(Config().simulation.gnss)

    def area(corners: list[tuple[float, float]], **properties: str) -> dict[str, Any]:
        places = [field.geographic(x, y)[::-1] for x, y in [*corners, corners[0]]]
        geometry = {"type": "Polygon", "coordinates": [[list(place) for place in places]]}
        return {"type": "Feature", "properties": properties, "geometry": geometry}

    home = area([(-5, RIGHT_EDGE_Y_M), (99, RIGHT_EDGE_Y_M), (99, 2), (-5, 2)], name="Home")
    near, far = POND_S_M
    pond = area([(near, -2), (far, -2), (far, 2), (near, 2)], name="Pond", role="no-spray")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [home, pond]}))
    return path


def drive(folder: Path, seconds: float, **gnss: object) -> tuple[dict[str, Any], Any]:
    config = parse_config(
        {
            "camera": {"width_px": 480, "height_px": 272},
            "spray": {"mode": "broadcast"},
            "model": {"method": "exg"},
            "boundary": {"file": str(boundary_file(folder / "b.geojson"))},
            "simulation": {"speed_m_s": 1.5, "wobble_m": 0.0, "slip_fraction": 0.0, "gnss": gnss},
        },
        source="test",
    )
    result = run_headless(config, seconds=seconds, out=folder / "run", realtime=False)
    with open_run(folder / "run") as run:
        return result.summary, sprayed_extents(read_history(run, config))


def test_nozzles_stay_out_of_the_pond_and_inside_the_edge(tmp_path: Path) -> None:
    _, extents = drive(tmp_path, 5.0)
    s_m, y_m = extents.s_m, extents.y_m
    near, far = POND_S_M
    assert len(s_m) > 50
    assert not ((s_m[:, 1] > near) & (s_m[:, 0] < far)).any(), "nothing in the pond"
    assert y_m[:, 0].min() >= RIGHT_EDGE_Y_M, "nothing beyond the edge"
    assert y_m[:, 1].max() > 0.45, "the left nozzles sprayed"
    assert s_m[s_m[:, 1] < near, 1].max() > near - 0.35, "up to the pond's margin"
    assert s_m[s_m[:, 0] > far, 0].min() < far + 0.35, "and again behind it"


def test_a_lost_position_holds_all_nozzles_until_it_is_back(tmp_path: Path) -> None:
    summary, extents = drive(tmp_path, 6.0, fault="no-fix", fault_s=3.0, fault_lasts_s=1.5)
    alarms = " ".join(alarm["text"] for alarm in summary["alarms"])
    assert "has no fix" in alarms
    assert "all nozzles are held closed" in alarms
    s_m = extents.s_m
    assert not ((s_m[:, 0] > 5.0) & (s_m[:, 0] < 6.7)).any(), "from 4.5 m to 6.75 m no position"
    assert (s_m[:, 0] > 7.0).any(), "and it goes on afterwards"


@pytest.mark.slow
def test_a_boundary_elsewhere_keeps_the_run_from_starting(tmp_path: Path) -> None:
    from agriseg.errors import EngineError

    away = {"type": "Polygon", "coordinates": [ring([(0, 0), (9, 0), (9, 9)])]}
    (tmp_path / "away.geojson").write_text(json.dumps(away))
    config = parse_config(
        {
            "camera": {"width_px": 240, "height_px": 136, "fps": 2},
            "model": {"method": "exg"},
            "boundary": {"file": str(tmp_path / "away.geojson")},
            "simulation": {"gnss": {"latitude_deg": 48.9}},
        },
        source="test",
    )
    with pytest.raises(EngineError, match="lies elsewhere"):
        run_headless(config, seconds=1.0, out=tmp_path / "run", realtime=False)
