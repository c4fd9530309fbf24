"""What is published of a run: the status as it is, and records that add up to its totals."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from agriseg.field_config import MqttConfig
from agriseg.messages import (
    ControllerState,
    ControllerStatus,
    EngineSnapshot,
    EngineState,
    FixQuality,
    OdometrySource,
    PositionFix,
    PositionStatus,
    RunTotals,
    SprayMode,
)
from agriseg.publishing.publisher import Publisher, open_publisher

NAN = math.nan
SNAPSHOT = EngineSnapshot(
    t_s=0.0,
    state=EngineState.READY,
    not_ready=(),
    mode=SprayMode.SPOT,
    sensitivity=0.5,
    camera_name="camera",
    camera_fps=20.0,
    frame_age_ms=10.0,
    latency_ms=50.0,
    segmenter_name="model",
    stage=None,
    speed_m_s=NAN,
    odometry=OdometrySource.WHEEL,
    weed_cover=NAN,
    crop_cover=NAN,
    lookahead_s=NAN,
    nozzle_commanded=(),
    controller=ControllerStatus(t_s=0.0, state=ControllerState.SAFE),
    capabilities=None,
    totals=RunTotals(),
    alarms=(),
    run_directory="",
    recording=False,
)


class Outlet:
    def __init__(self) -> None:
        self.status: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.closed = False

    def publish_status(self, payload: bytes) -> None:
        self.status.append(json.loads(payload))

    def publish_record(self, topic: str, payload: bytes) -> None:
        assert topic == "applied"
        self.records.append(json.loads(payload))

    def close(self) -> None:
        self.closed = True


def spraying(t_s: float, **other: Any) -> EngineSnapshot:
    totals = RunTotals(
        distance_m=t_s,
        area_m2=0.96 * t_s,
        treated_area_m2=0.05 * t_s,
        volume_commanded_l=0.0021 * t_s,
        volume_confirmed_l=0.002 * t_s,
        pulses_confirmed=int(10 * t_s),
        weeds_seen=int(5 * t_s),
        broadcast_volume_l=0.16 * t_s,
    )
    values = {"state": EngineState.SPRAYING, "totals": totals, "run_directory": "runs/r1"} | other
    return replace(SNAPSHOT, t_s=t_s, speed_m_s=1.0, **values)


def drive(publisher: Publisher, seconds: float) -> None:
    for tick in range(round(10 * seconds) + 1):
        publisher.take(spraying(0.1 * tick))


def test_records_add_up_to_the_totals() -> None:
    outlet = Outlet()
    publisher = Publisher(MqttConfig(host="h", applied_every_s=5.0), outlet, lambda: 1.8e9)
    publisher.take(SNAPSHOT)
    drive(publisher, 12.0)
    publisher.take(spraying(12.3, state=EngineState.PAUSED))
    publisher.take(spraying(12.4, state=EngineState.PAUSED, totals=spraying(12.3).totals))
    assert 3 <= len(outlet.records) <= 5
    end = spraying(12.3).totals
    for key, total in (
        ("distance_m", end.distance_m),
        ("area_m2", end.area_m2),
        ("treated_m2", end.treated_area_m2),
        ("litres_confirmed", end.volume_confirmed_l),
        ("litres_commanded", end.volume_commanded_l),
        ("pulses_confirmed", end.pulses_confirmed),
        ("weeds", end.weeds_seen),
    ):
        assert sum(one[key] for one in outlet.records) == pytest.approx(total), key
    assert {one["run"] for one in outlet.records} == {"r1"}
    assert outlet.records[0]["time"] == "2027-01-15T08:00:00.000Z"


@pytest.mark.parametrize("directory", ["runs/r2", ""])
def test_a_new_run_begins_anew(directory: str) -> None:
    """Also where runs are not recorded, and only the totals tell that one has begun."""
    outlet = Outlet()
    publisher = Publisher(MqttConfig(host="h", applied_every_s=1.0), outlet)
    for tick in range(51):
        folder = "runs/r1" if directory else ""
        publisher.take(spraying(0.1 * tick, run_directory=folder))
    first = len(outlet.records)
    publisher.take(replace(spraying(2.0), t_s=10.0, run_directory=directory))
    assert len(outlet.records) == first + 1
    assert outlet.records[-1]["run"] == ("r2" if directory else "")
    assert outlet.records[-1]["area_m2"] == pytest.approx(0.96 * 2.0)


def test_the_status_comes_in_time_and_at_each_change() -> None:
    outlet = Outlet()
    publisher = Publisher(MqttConfig(host="h", status_every_s=2.0), outlet)
    publisher.take(SNAPSHOT)
    publisher.take(replace(SNAPSHOT, t_s=1.0))
    assert [one["state"] for one in outlet.status] == ["ready"]
    publisher.take(replace(SNAPSHOT, t_s=1.1, state=EngineState.STOPPED))
    publisher.take(replace(SNAPSHOT, t_s=3.2, state=EngineState.STOPPED))
    assert [one["state"] for one in outlet.status] == ["ready", "stopped", "stopped"]
    assert outlet.status[0]["speed_m_s"] is None, "not known is null, never a guess"
    assert "latitude" not in outlet.status[0]
    assert outlet.records == []


def test_the_place_is_told_where_it_is_known() -> None:
    outlet = Outlet()
    fix = PositionFix(
        t_s=0.0, latitude_deg=48.0, longitude_deg=11.0, altitude_m=0.0, quality=FixQuality.RTK_FIXED
    )
    place = PositionStatus(
        receiver="r", fix=fix, latitude_deg=48.1, longitude_deg=11.1, heading_deg=90.0,
        accuracy_m=0.02,
    )  # fmt: skip
    Publisher(MqttConfig(host="h"), outlet).take(replace(SNAPSHOT, position=place))
    told = outlet.status[0]
    assert (told["latitude"], told["longitude"], told["fix"]) == (48.1, 11.1, "rtk-fixed")


def test_without_a_broker_nothing_is_published() -> None:
    assert open_publisher(MqttConfig()) is None
