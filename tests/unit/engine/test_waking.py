"""The engine's loop sleeps until there is something to do, and is woken by each source."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes import FakeCamera, FakeController, FakeSegmenter

from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.doorbell import Doorbell, prompt_threads, wait_for_any
from agriseg.engine import EngineParts, FieldEngine
from agriseg.errors import CameraLostError, ModelFileError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import CommandKind, EngineCommand, Frame, Segmentation
from agriseg.pipeline import FieldPipeline
from agriseg.segmenting import Arrival, ThreadedSegmenting
from agriseg.simulated_camera import SimulatedCameraProcess
from agriseg.spraying.boom import Boom

PATIENCE_S = 30.0
"""Longest wait for another thread or process; never waited out when things work."""

SIZE = (240, 136)


def small() -> Config:
    return parse_config(
        {"camera": {"width_px": SIZE[0], "height_px": SIZE[1], "fps": 10.0}}, source="test"
    )


def picture(frame_id: int = 0, t_s: float = 0.0) -> Frame:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    return Frame(frame_id=frame_id, t_capture_s=t_s, image=image)


@pytest.fixture
def bell() -> Iterator[Doorbell]:
    with closing(Doorbell()) as bell:
        yield bell


def test_a_bell_wakes_once_however_often_it_was_rung(bell: Doorbell) -> None:
    assert not wait_for_any([bell], 0.0)
    for _ in range(100_000):
        bell.ring()
    assert wait_for_any([bell], 0.0)
    bell.hush()
    assert not wait_for_any([bell], 0.0)


def test_a_bell_rung_by_another_thread_ends_a_wait(bell: Doorbell) -> None:
    ringer = threading.Thread(target=bell.ring)
    ringer.start()
    assert wait_for_any([bell], PATIENCE_S)
    ringer.join()


def test_sources_that_have_ended_are_not_waited_for(bell: Doorbell) -> None:
    over = Doorbell()
    over.close()
    over.ring()
    bell.ring()
    assert over.fileno() == -1
    assert not wait_for_any([over], 0.0)
    assert wait_for_any([over, bell], 0.0)


def test_threads_are_prompt_only_where_it_was_asked_for() -> None:
    before_s = sys.getswitchinterval()
    with prompt_threads():
        assert sys.getswitchinterval() < before_s
    assert sys.getswitchinterval() == before_s


class HeldSegmenter(FakeSegmenter):
    """Answers when the test lets it, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: queue.Queue[int] = queue.Queue()
        self.leave: queue.Queue[Exception | None] = queue.Queue()

    def segment(self, frame: Frame) -> Segmentation:
        self.entered.put(frame.frame_id)
        failure = self.leave.get(timeout=PATIENCE_S)
        if failure is not None:
            raise failure
        return super().segment(frame)


class RingingCamera(FakeCamera):
    """A camera that announces its frames."""

    def __init__(self, bell: Doorbell) -> None:
        super().__init__()
        self._bell = bell

    def fileno(self) -> int:
        return self._bell.fileno()

    def deliver(self, frame: Frame) -> None:
        self.coming.append(frame)
        self._bell.ring()

    def read(self, timeout_s: float) -> Frame | None:
        assert timeout_s == 0.0, "the loop must not wait for one source alone"
        self._bell.hush()
        return super().read(timeout_s)


def threaded_engine(
    config: Config,
    clock: VirtualClock,
    camera: RingingCamera,
    segmenter: HeldSegmenter,
    controller: FakeController,
) -> FieldEngine:
    boom = Boom(config.boom)
    ground = GroundPlane(config.camera.intrinsics, config.camera.pose, SIZE)
    return FieldEngine(
        EngineParts(
            config=config,
            clock=clock,
            camera=camera,
            segmenting=ThreadedSegmenting(lambda: segmenter),
            boom=boom,
            pipeline=FieldPipeline(config, ground, boom),
            controller=controller,
            reopen_controller=None,
            open_run=lambda: None,
            on_run_closed=lambda _: None,
        )
    )


def test_a_frame_passes_from_camera_to_plan_without_being_asked_for(bell: Doorbell) -> None:
    config, clock, camera = small(), VirtualClock(10.0), RingingCamera(bell)
    segmenter = HeldSegmenter()
    engine = threaded_engine(config, clock, camera, segmenter, FakeController(clock))
    with closing(engine):
        camera.deliver(picture(t_s=10.0))
        assert wait_for_any(engine.sources, PATIENCE_S)
        engine.step()
        assert not wait_for_any(engine.sources, 0.0)
        assert engine.segmented is None
        segmenter.leave.put(None)
        assert wait_for_any(engine.sources, PATIENCE_S)
        engine.step()
        assert engine.segmented is not None
        stage = engine.snapshot().stage
        assert stage is not None
        parts_ms = (
            stage.queue_ms,
            stage.segment_ms - stage.forward_ms,
            stage.handover_ms,
            stage.project_ms,
            stage.plan_ms,
            stage.link_ms,
        )
        assert min(parts_ms) >= 0.0
        assert stage.overhead_ms == pytest.approx(sum(parts_ms))


def arrival(frame_id: int) -> Arrival:
    return Arrival(frame=picture(frame_id), received_s=0.0, received_perf_s=0.0)


def test_a_busy_model_goes_on_with_the_newest_frame_and_counts_the_others() -> None:
    segmenter = HeldSegmenter()
    with closing(ThreadedSegmenting(lambda: segmenter)) as segmenting:
        segmenting.offer(arrival(0))
        assert segmenter.entered.get(timeout=PATIENCE_S) == 0
        for frame_id in (1, 2, 3):
            segmenting.offer(arrival(frame_id))
        segmenter.leave.put(None)
        assert segmenter.entered.get(timeout=PATIENCE_S) == 3
        segmenter.leave.put(None)
        assert segmenting.replaced == 2


def test_a_segmented_frame_that_nobody_took_in_time_is_counted_too() -> None:
    segmenter = HeldSegmenter()
    with closing(ThreadedSegmenting(lambda: segmenter)) as segmenting:
        for frame_id in (0, 1, 2):
            segmenting.offer(arrival(frame_id))
            assert segmenter.entered.get(timeout=PATIENCE_S) == frame_id
            if frame_id < 2:
                segmenter.leave.put(None)
        newest = segmenting.take()
        assert newest is not None
        assert newest.arrival.frame.frame_id == 1
        assert segmenting.replaced == 1
        segmenter.leave.put(None)


@pytest.mark.error_logs
def test_a_model_that_fails_wakes_the_loop() -> None:
    segmenter = HeldSegmenter()
    with closing(ThreadedSegmenting(lambda: segmenter)) as segmenting:
        segmenting.offer(Arrival(frame=picture(), received_s=0.0, received_perf_s=0.0))
        segmenter.leave.put(RuntimeError("out of memory"))
        assert wait_for_any([segmenting], PATIENCE_S)
        assert "out of memory" in segmenting.problem


def test_a_model_that_cannot_be_loaded_wakes_the_loop() -> None:
    def load() -> FakeSegmenter:
        raise ModelFileError("weeds.bundle is not a model")

    with closing(ThreadedSegmenting(load)) as segmenting:
        assert wait_for_any([segmenting], PATIENCE_S)
        assert segmenting.problem == "weeds.bundle is not a model"


@pytest.fixture(scope="module")
def simulated_camera() -> Iterator[SimulatedCameraProcess]:
    with closing(SimulatedCameraProcess(small(), time.monotonic())) as camera:
        yield camera


def next_frame(camera: SimulatedCameraProcess) -> Frame:
    assert wait_for_any([camera], PATIENCE_S)
    frame = camera.read(0.0)
    assert frame is not None
    return frame


def test_the_simulated_camera_announces_frames_and_delivers_none_before_its_exposure(
    simulated_camera: SimulatedCameraProcess,
) -> None:
    exposure_s = 1e-4 * simulated_camera.controls()["exposure"][2]
    for _ in range(5):
        frame = next_frame(simulated_camera)
        assert time.monotonic() >= frame.t_capture_s + 0.5 * exposure_s
    assert frame.image.any()


def read_until_it_fails(camera: SimulatedCameraProcess) -> None:
    while wait_for_any([camera], PATIENCE_S):
        camera.read(0.0)


def test_a_killed_simulated_camera_is_announced_once_and_named(
    simulated_camera: SimulatedCameraProcess,
) -> None:
    (process,) = (
        p for p in multiprocessing.active_children() if p.name == "agriseg-simulated-camera"
    )
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(CameraLostError, match="process ended"):
        read_until_it_fails(simulated_camera)
    assert simulated_camera.fileno() == -1
    with pytest.raises(CameraLostError, match="process ended"):
        simulated_camera.read(0.0)


def test_a_model_that_hangs_closes_the_nozzles_and_is_named(bell: Doorbell) -> None:
    config, clock, camera = small(), VirtualClock(10.0), RingingCamera(bell)
    segmenter, controller = HeldSegmenter(), FakeController(clock)
    engine = threaded_engine(config, clock, camera, segmenter, controller)
    with closing(engine):
        camera.deliver(picture(t_s=10.0))
        segmenter.leave.put(None)
        while engine.segmented is None:
            assert wait_for_any(engine.sources, PATIENCE_S)
            engine.step()
        engine.handle(EngineCommand(kind=CommandKind.START))
        engine.step()
        assert engine.spraying
        for frame_id in range(1, 20):
            clock.sleep_until(clock.now_s() + 0.1)
            camera.deliver(picture(frame_id, clock.now_s()))
            engine.step()
        assert not engine.spraying
        assert controller.orders[-1] == "disarm"
        (alarm,) = engine.snapshot().alarms
        assert alarm.code == "frames-stale"
        assert "No picture was understood" in alarm.text
        segmenter.leave.put(None)
        segmenter.leave.put(None)
