"""A recording through the whole machine in virtual time: none of it is lost to Start."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes import FakeSink

from agriseg.cameras.opening import open_for_machine
from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.engine import EngineParts, FieldEngine
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import CommandKind, EngineCommand, EngineState, OdometrySample
from agriseg.pipeline import FieldPipeline
from agriseg.ports import RunSink
from agriseg.segmentation.color_index import ExcessGreenSegmenter
from agriseg.segmenting import InlineSegmenting
from agriseg.simulated_controller import build_simulator
from agriseg.spraying.boom import Boom
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.wires import SimulatedWire

PICTURES = 24
RATE_HZ = 5.0
STEP_M = 765 / 1080
TICK_S = 0.005
CAMERA = {
    "width_px": 1296,
    "height_px": 966,
    "fps": RATE_HZ,
    "intrinsics": {
        "width_px": 1296,
        "height_px": 966,
        "fx_px": 1080.0,
        "fy_px": 1080.0,
        "cx_px": 647.5,
        "cy_px": 482.5,
    },
}


class RecordedDrive:
    """A machine on a folder of pictures, with a controller that has no wheel encoder."""

    def __init__(self, folder: Path) -> None:
        self.config: Config = parse_config(
            {"model": {"method": "exg"}, "camera": {**CAMERA, "source": str(folder)}},
            source="test",
        )
        self.clock = VirtualClock(10.0)
        self.sinks: list[FakeSink] = []
        view = self.config.camera
        boom = Boom(self.config.boom)
        ground = GroundPlane(view.intrinsics, view.pose, (view.width_px, view.height_px))
        baud = float(self.config.controller.baud)
        simulator = build_simulator(
            self.config, 0.0, on_s=self.clock.now_s(), baud=baud, has_wheel=False
        )
        self.engine = FieldEngine(
            EngineParts(
                config=self.config,
                clock=self.clock,
                camera=open_for_machine(view, self.clock),
                segmenting=InlineSegmenting(ExcessGreenSegmenter()),
                boom=boom,
                pipeline=FieldPipeline(self.config, ground, boom),
                controller=SerialController(
                    config=self.config,
                    wire=SimulatedWire(simulator, baud=baud),
                    clock=self.clock,
                ),
                reopen_controller=None,
                open_run=self._open_run,
                on_run_closed=lambda _: None,
            )
        )

    def _open_run(self) -> RunSink:
        self.sinks.append(FakeSink())
        return self.sinks[-1]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end_s = self.clock.now_s() + seconds
        while self.clock.now_s() < end_s and not self.engine.finished:
            self.clock.sleep_until(self.clock.now_s() + TICK_S)
            self.engine.step()

    def order(self, kind: CommandKind) -> None:
        """Carry out an order."""
        self.engine.handle(EngineCommand(kind=kind))

    def stops(self) -> list[str]:
        """Return the alarms that closed the nozzles."""
        return [alarm.text for alarm in self.engine.snapshot().alarms if alarm.stops_spraying]

    def readings(self) -> list[OdometrySample]:
        """Return the odometry recorded since Start."""
        return [m for sink in self.sinks for m in sink.messages if isinstance(m, OdometrySample)]


@pytest.fixture
def drive(shared_data: Path, tmp_path: Path) -> RecordedDrive:
    images = sorted((shared_data / "sugarbeet_drive" / "images").iterdir())[:PICTURES]
    for image in images:
        shutil.copy(image, tmp_path)
    return RecordedDrive(tmp_path)


def test_a_real_drive_is_sprayed_from_its_first_picture_however_late_start_comes(
    drive: RecordedDrive,
) -> None:
    drive.run(3.0)
    assert drive.engine.snapshot().state is EngineState.READY
    assert drive.engine.snapshot().speed_m_s == 0.0
    drive.order(CommandKind.START)
    drive.run(30.0)
    assert drive.engine.finished
    assert not drive.stops()
    (sink,) = drive.sinks
    assert [frame.name for frame, *_ in sink.frames] == [f"{i:03}.jpg" for i in range(PICTURES)]
    assert [frame.frame_id for frame, *_ in sink.frames] == list(range(PICTURES))
    poses = [vehicle for *_, vehicle, _ in sink.frames]
    places_m = [vehicle.distance_m for vehicle in poses if vehicle is not None]
    steps_m = [b - a for a, b in pairwise(places_m)]
    assert steps_m == pytest.approx([STEP_M] * (PICTURES - 1), rel=0.06)
    assert drive.engine.snapshot().totals.distance_m == pytest.approx(places_m[-1], rel=0.05)


def test_it_stands_while_paused_and_goes_on_where_it_stood(drive: RecordedDrive) -> None:
    drive.run(1.0)
    drive.order(CommandKind.START)
    drive.run(2.0)
    drive.order(CommandKind.PAUSE)
    drive.run(0.5)
    driven_m = drive.readings()[-1].distance_m
    drive.run(3.0)
    paused = drive.engine.snapshot()
    assert paused.state is EngineState.PAUSED
    assert paused.speed_m_s == 0.0
    assert drive.readings()[-1].distance_m == driven_m
    drive.order(CommandKind.START)
    drive.run(30.0)
    (sink,) = drive.sinks
    names = [frame.name for frame, *_ in sink.frames]
    assert sorted(set(names)) == [f"{i:03}.jpg" for i in range(PICTURES)]
    assert len(names) == PICTURES + 1  # the picture at which it stood begins both parts
    assert not drive.stops()
    assert drive.readings()[-1].distance_m == pytest.approx(STEP_M * (PICTURES - 1), rel=0.02)
