"""What the engine makes of a satellite receiver and a boundary: alarms, holds, reasons, records."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "boundary"))

from boundary_files import FRAME, box, feature, write_geojson
from fakes import FakeCamera, FakeController, FakeSegmenter, FakeSink

from agriseg.boundary.loading import load_boundary
from agriseg.clock import VirtualClock
from agriseg.config import Config
from agriseg.engine.parts import EngineParts
from agriseg.engine.position_side import PositionSide
from agriseg.engine.run_book import RunBook
from agriseg.engine.spray_gate import SprayGate
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import FixQuality, OdometrySample, OdometrySource, PositionFix
from agriseg.pipeline import FieldPipeline
from agriseg.segmenting import InlineSegmenting
from agriseg.spraying.boom import Boom


class FakeReceiver:
    """Delivers what a test puts into `coming`."""

    name = "fake receiver"

    def __init__(self) -> None:
        self.coming: list[PositionFix] = []
        self.problem = ""
        self.closed = False

    def poll(self) -> Sequence[PositionFix]:
        found, self.coming = self.coming, []
        return found

    def close(self) -> None:
        self.closed = True


class Rig:
    """The position's side of an engine that drives east at 1 m/s."""

    def __init__(self, boundary: Path | None, receiver: FakeReceiver | None) -> None:
        config = Config()
        self.clock = VirtualClock(10.0)
        self.receiver = receiver
        self.sink = FakeSink()
        camera, boom = config.camera, Boom(config.boom)
        ground = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
        self.parts = EngineParts(
            config=config,
            clock=self.clock,
            camera=FakeCamera(),
            segmenting=InlineSegmenting(FakeSegmenter()),
            boom=boom,
            pipeline=FieldPipeline(config, ground, boom),
            controller=FakeController(self.clock),
            reopen_controller=None,
            open_run=lambda: self.sink,
            on_run_closed=lambda _: None,
            receiver=receiver,
            boundary=load_boundary(boundary) if boundary else None,
        )
        self.book = RunBook(self.parts)
        self.gate = SprayGate(self.parts, self.book)
        self.side = PositionSide(self.parts, self.book, self.gate)
        self.book.begin(None)
        self.gate.open()

    def drive(self, seconds: float, *, quality: FixQuality = FixQuality.RTK_FIXED) -> None:
        """Drive on, with a fix ten times a second."""
        for _ in range(round(10 * seconds)):
            now_s = self.clock.now_s() + 0.1
            self.clock.sleep_until(now_s)
            s_m = now_s - 10.0
            self.parts.pipeline.odometry.add(
                OdometrySample(
                    t_s=now_s, distance_m=s_m, speed_m_s=1.0, source=OdometrySource.WHEEL
                )
            )
            if self.receiver is not None:
                self.receiver.coming.append(_fix(now_s, s_m, quality))
            self.side.take()
            self.side.check()

    def alarms(self) -> dict[str, str]:
        return {alarm.code: alarm.text for alarm in self.gate.alarms.list() if alarm.active}


def _fix(t_s: float, east_m: float, quality: FixQuality) -> PositionFix:
    latitude, longitude = FRAME.geographic([[east_m, 0.0]])[0]
    is_known = quality is not FixQuality.NONE
    return PositionFix(
        t_s=t_s,
        latitude_deg=float(latitude) if is_known else math.nan,
        longitude_deg=float(longitude) if is_known else math.nan,
        altitude_m=0.0,
        quality=quality,
        satellites=12,
        accuracy_m=0.02,
        speed_m_s=1.0,
        course_deg=90.0,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_geojson(tmp_path / "home.geojson", feature(box(-10, -50, 5, 50), name="Home"))


def test_fixes_are_recorded_and_the_place_is_shown() -> None:
    rig = Rig(None, FakeReceiver())
    rig.drive(2.0)
    assert len(rig.sink.positions) == 20
    status = rig.side.status()
    assert status is not None
    assert (status.problem, status.hold, status.receiver) == ("", "", "fake receiver")
    assert status.heading_deg == pytest.approx(90.0, abs=0.5)
    east, north = FRAME.local([[status.latitude_deg, status.longitude_deg]])[0]
    assert (east, north) == pytest.approx((2.0, 0.0), abs=0.05)
    assert rig.alarms() == {}


def test_without_a_boundary_a_lost_fix_only_warns() -> None:
    rig = Rig(None, FakeReceiver())
    rig.drive(1.0)
    rig.drive(1.0, quality=FixQuality.NONE)
    assert "no fix (12 satellites). Spraying goes on" in rig.alarms()["position-lost"]
    assert rig.gate.is_open
    assert rig.side.reasons() == []
    rig.drive(1.0)
    assert rig.alarms() == {}


def test_with_a_boundary_a_lost_fix_holds_and_says_so(home: Path) -> None:
    rig = Rig(home, FakeReceiver())
    rig.drive(1.0)
    limits = rig.parts.pipeline.limits
    vehicle = rig.parts.pipeline.vehicle_at(rig.clock.now_s())
    assert limits is not None
    assert vehicle is not None
    assert limits.hold(rig.clock.now_s(), vehicle) == ""
    rig.drive(1.0, quality=FixQuality.NONE)
    assert "all nozzles are held closed" in rig.alarms()["position-lost"]
    assert limits.hold(rig.clock.now_s(), vehicle) != ""
    assert "Check the satellite receiver" in rig.side.reasons()[0]


def test_the_operator_is_told_how_many_nozzles_the_boundary_closes(home: Path) -> None:
    rig = Rig(home, FakeReceiver())
    rig.drive(3.0)
    assert rig.alarms() == {}
    rig.drive(3.0)
    assert rig.alarms() == {
        "boundary-closes": "24 nozzles are kept closed: at the edge or outside of Home."
    }
    status = rig.side.status()
    assert status is not None
    assert (status.barred, status.boundary) == (24, "Home")


def test_a_boundary_without_a_receiver_holds_and_forbids_to_start(home: Path) -> None:
    rig = Rig(home, None)
    rig.drive(1.0)
    assert "no satellite receiver (position.source)" in rig.side.reasons()[0]
    assert "all nozzles are held closed" in rig.alarms()["position-lost"]


def test_a_receiver_that_is_unplugged_is_named() -> None:
    receiver = FakeReceiver()
    rig = Rig(None, receiver)
    rig.drive(1.0)
    receiver.problem = "/dev/ttyX: the serial port was lost"
    rig.drive(0.3)
    assert "/dev/ttyX" in rig.alarms()["position-lost"]
    rig.side.close()
    assert receiver.closed


def test_neither_receiver_nor_boundary_shows_nothing() -> None:
    rig = Rig(None, None)
    rig.drive(0.5)
    assert rig.side.status() is None
    assert rig.alarms() == {}
