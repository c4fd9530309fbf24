"""Builds a machine from a configuration: the only place that knows which parts are real."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np

from agriseg.boundary.field_boundary import FieldBoundary
from agriseg.boundary.loading import load_boundary
from agriseg.calibration.mark_choice import marks_of
from agriseg.calibration.overlay import Calibrated, calibrated
from agriseg.cameras.opening import open_for_machine
from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import MonotonicClock, VirtualClock
from agriseg.config import Config
from agriseg.config_values import true_config
from agriseg.doorbell import wait_for_any
from agriseg.engine import EngineParts, FieldEngine
from agriseg.errors import CalibrationError, ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.machine_marks import MachineMark
from agriseg.messages import BoomView, PulseReport
from agriseg.opencv import use_one_thread
from agriseg.pipeline import FieldPipeline
from agriseg.ports import (
    Camera,
    Clock,
    PositionReceiver,
    RunSink,
    Segmenter,
    SprayController,
    Waitable,
)
from agriseg.positioning.opening import open_receiver
from agriseg.run_keeper import RunKeeper, describe
from agriseg.scored_run import ScoredRun
from agriseg.segmenting import InlineSegmenting, ThreadedSegmenting
from agriseg.simulated_camera import SimulatedCameraProcess
from agriseg.simulated_controller import (
    SimulatedControllerProcess,
    build_relay_board,
    build_simulator,
)
from agriseg.simulated_relay_board import VirtualRelayWire
from agriseg.simulation.latency import LatencyCamera
from agriseg.simulation.opening import open_world
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.truth import TruthSegmenter
from agriseg.simulation.world import World
from agriseg.spraying.boom import Boom
from agriseg.spraying.link_process import LinkProcess
from agriseg.spraying.relay_controller import RelayController
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.wires import SimulatedWire

_log = logging.getLogger(__name__)

VIRTUAL_TICK_S = 0.005
DRIVE_DELAY_S = 1.0
"""The simulated robot begins to drive this long after its machine was built."""

SIMULATED = "sim"


class SimulatedField:
    """The simulated robot's surroundings, made when they are asked for.

    Parameters
    ----------
    config : Config
        Its ``simulation`` names the ground and the robot's motion, and what is truly so on the
        machine where that differs from what is configured.
    start_s : float
        Host time at which the robot begins to drive.
    """

    def __init__(self, config: Config, start_s: float) -> None:
        self.true = true_config(config)
        """What is really so: camera, boom, wheel."""
        self.start_s = start_s

    @cached_property
    def world(self) -> World:
        """The ground.

        Raises
        ------
        DatasetError
            The folder of images to be laid out as ground cannot be used.
        """
        return open_world(self.true)

    @cached_property
    def trajectory(self) -> Trajectory:
        """The robot's motion."""
        return Trajectory(self.true.simulation)


class Machine:
    """A built machine: the engine, what drives its time, and where its run goes."""

    def __init__(
        self,
        *,
        engine: FieldEngine,
        clock: Clock,
        ground: GroundPlane,
        boom: Boom,
        runs: RunKeeper,
        is_simulation: bool,
        is_virtual: bool,
        also_close: Sequence[Callable[[], None]],
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.is_simulation = is_simulation
        self._runs = runs
        self._ground = ground
        self._boom = boom
        self._is_virtual = is_virtual
        self._also_close = also_close
        self._views: dict[tuple[int, int], BoomView] = {}

    def step(self, *also: Waitable) -> None:
        """Let the engine do one round as soon as there is something to do.

        Parameters
        ----------
        also : Waitable
            What else ends the wait, such as the window's orders. Virtual time knows no wait:
            it moves by one tick.
        """
        if self._is_virtual:
            self.clock.sleep_until(self.clock.now_s() + VIRTUAL_TICK_S)
        else:
            wait_for_any((*self.engine.sources, *also), self.engine.patience_s)
        self.engine.step()

    @property
    def run_directory(self) -> Path | None:
        """Directory of the newest run; None before the first."""
        return self._runs.last_directory

    def boom_view(self, size: tuple[int, int]) -> BoomView:
        """Return the boom as it appears in a picture of ``size`` (width, height) pixels."""
        if size not in self._views:
            view = self._boom.view(self._ground)
            width, height = self._ground.image_size
            scale = np.array([size[0] / width, size[1] / height])
            self._views[size] = BoomView(
                nozzle_tracks_px=view.nozzle_tracks_px * scale, swath_px=view.swath_px * scale
            )
        return self._views[size]

    def close(self) -> None:
        """Close the nozzles, end the run, release all devices."""
        self.engine.close()
        for close in self._also_close:
            close()


def build_virtual_machine(config: Config, out: Path | None = None) -> Machine:
    """Build a machine on the simulated field in virtual time.

    Parameters
    ----------
    config : Config
    out : Path, optional
        Directory of the run; a new one among the user's runs by default.

    Raises
    ------
    AgrisegError
        Something that the configuration names cannot be used.
    """
    calibration = calibrated(config)
    config = calibration.config
    clock = VirtualClock()
    ground, boom = _geometry(config)
    field = SimulatedField(config, start_s=0.0)
    camera = LatencyCamera(
        SyntheticCamera(
            field.world,
            field.trajectory,
            field.true.camera,
            clock,
            field.start_s,
            seed=config.simulation.seed,
            simulated=config.simulation,
        ),
        1e-3 * config.simulation.processing_latency_ms,
        clock,
    )
    controller, coils = _virtual_controller(config, field, clock)
    segmenter = _open_segmenter(config, field)
    runs = RunKeeper(
        config,
        clock,
        describe(calibration),
        out=out,
        is_virtual=True,
        wrap=_scored(field, keeps_seen=True, coils=coils),
        finish=_write_report,
    )
    engine = FieldEngine(
        EngineParts(
            config=config,
            clock=clock,
            camera=camera,
            segmenting=InlineSegmenting(segmenter),
            boom=boom,
            pipeline=FieldPipeline(config, ground, boom),
            controller=controller,
            reopen_controller=None,
            open_run=runs.open,
            on_run_closed=runs.finish,
            receiver=_receiver(config, field, clock),
            boundary=_boundary(config),
            marks=_marks(calibration),
        )
    )
    return Machine(
        engine=engine,
        clock=clock,
        ground=ground,
        boom=boom,
        runs=runs,
        is_simulation=True,
        is_virtual=True,
        also_close=(),
    )


def build_realtime_machine(
    config: Config,
    out: Path | None = None,
    finish: Callable[[RunSink], None] | None = None,
    *,
    is_scored: bool = True,
) -> Machine:
    """Build a machine in real time: the configured camera and controller, or simulated ones.

    Parameters
    ----------
    config : Config
    out : Path, optional
        Directory of the run; a new one among the user's runs by default.
    finish : callable, optional
        What is done with a run whose files were closed; by default the report is written.
    is_scored : bool
        Whether runs over the simulated field are judged by it; needs memory for every pulse.

    Raises
    ------
    AgrisegError
        Something that the configuration names cannot be used.
    """
    calibration = calibrated(config)
    config = calibration.config
    clock = MonotonicClock()
    ground, boom = _geometry(config)
    field = _simulated_field(config, clock)
    boundary, receiver = _boundary(config), _receiver(config, field, clock)
    use_one_thread()
    segmenting = ThreadedSegmenting(lambda: _open_segmenter(config, field))
    try:
        camera, simulated, controller = _open_devices(config, field, clock)
    except BaseException:
        segmenting.close()
        raise
    runs = RunKeeper(
        config,
        clock,
        describe(calibration),
        out=out,
        is_virtual=False,
        wrap=_scored(field if is_scored and not _is_relay(config) else None, keeps_seen=False),
        finish=finish or _write_report,
    )
    engine = FieldEngine(
        EngineParts(
            config=config,
            clock=clock,
            camera=camera,
            segmenting=segmenting,
            boom=boom,
            pipeline=FieldPipeline(config, ground, boom),
            controller=controller,
            reopen_controller=controller.reopen if isinstance(controller, LinkProcess) else None,
            open_run=runs.open,
            on_run_closed=runs.finish,
            receiver=receiver,
            boundary=boundary,
            marks=_marks(calibration),
        )
    )
    return Machine(
        engine=engine,
        clock=clock,
        ground=ground,
        boom=boom,
        runs=runs,
        is_simulation=field is not None and config.controller.port == SIMULATED,
        is_virtual=False,
        also_close=() if simulated is None else (simulated.close,),
    )


def _receiver(
    config: Config, field: SimulatedField | None, clock: Clock
) -> PositionReceiver | None:
    if field is None:
        return open_receiver(config, clock, None, 0.0)
    return open_receiver(config, clock, field.trajectory, field.start_s)


def _marks(calibration: Calibrated) -> tuple[MachineMark, ...]:
    """Return the parts of the machine that the camera is watched by."""
    grounds = [entry for entry in calibration.applied if entry.step == "ground"]
    try:
        return marks_of(grounds[-1].facts) if grounds else ()
    except CalibrationError as error:
        _log.warning("%s", error)
        return ()


def _boundary(config: Config) -> FieldBoundary | None:
    return load_boundary(Path(config.boundary.file)) if config.boundary.file else None


def _is_relay(config: Config) -> bool:
    """Return whether valves are switched by a relay board, which confirms nothing."""
    return config.controller.kind != "agriseg"


def _virtual_controller(
    config: Config, field: SimulatedField, clock: Clock
) -> tuple[SprayController, Callable[[], Sequence[PulseReport]] | None]:
    """Return a controller in virtual time and, where it confirms nothing, the valves' truth."""
    if not _is_relay(config):
        baud = float(config.controller.baud)
        simulator = build_simulator(config, field.start_s, on_s=clock.now_s(), baud=baud)
        wire = SimulatedWire(simulator, baud=baud)
        return SerialController(config=config, wire=wire, clock=clock), None
    board = build_relay_board(config, clock.now_s())
    relay_wire = VirtualRelayWire(board, clock.now_s())
    controller = RelayController(config=config, wire=relay_wire, clock=clock)
    nozzle_of = [-1] * board.outputs
    for nozzle, channel in enumerate(Boom(config.boom).channels):
        nozzle_of[channel] = nozzle
    return controller, lambda: board.reports(nozzle_of, clock.now_s())


def _simulated_field(config: Config, clock: Clock) -> SimulatedField | None:
    if config.camera.source == SIMULATED:
        return SimulatedField(config, start_s=clock.now_s() + DRIVE_DELAY_S)
    if config.model.method == "truth":
        raise ConfigError(
            f"model.method is truth, but camera.source is {config.camera.source}: only the"
            " simulated field knows its true labels; choose network or exg"
        )
    return None


def _open_devices(
    config: Config, field: SimulatedField | None, clock: Clock
) -> tuple[Camera, SimulatedControllerProcess | None, SprayController]:
    """Open camera and controller side by side: either may take a second."""
    with ThreadPoolExecutor(1, "agriseg-camera-opening") as beside:
        opening = beside.submit(_realtime_camera, config, field, clock)
        try:
            simulated, controller = _realtime_controller(config, field, clock)
        except BaseException:
            if opening.exception() is None:
                opening.result().close()
            raise
    try:
        return opening.result(), simulated, controller
    except BaseException:
        controller.close()
        if simulated is not None:
            simulated.close()
        raise


def _realtime_camera(config: Config, field: SimulatedField | None, clock: Clock) -> Camera:
    if field is None:
        return open_for_machine(config.camera, clock)
    return SimulatedCameraProcess(config, field.start_s)


def _realtime_controller(
    config: Config, field: SimulatedField | None, clock: Clock
) -> tuple[SimulatedControllerProcess | None, SprayController]:
    if config.controller.port != SIMULATED:
        return None, LinkProcess(config)
    start_s = clock.now_s() if field is None else field.start_s
    has_wheel = field is not None
    if sys.platform == "win32" and not _is_relay(config):  # no pseudo-terminals: in this process
        simulator = build_simulator(
            config,
            start_s,
            on_s=clock.now_s(),
            baud=float(config.controller.baud),
            has_wheel=has_wheel,
        )
        wire = SimulatedWire(simulator, start_s=clock.now_s())
        return None, SerialController(config=config, wire=wire, clock=clock)
    simulated = SimulatedControllerProcess(config, start_s, has_wheel=has_wheel)
    return simulated, LinkProcess(config, simulated.port)


def _scored(
    field: SimulatedField | None,
    *,
    keeps_seen: bool,
    coils: Callable[[], Sequence[PulseReport]] | None = None,
) -> Callable[[RunSink], RunSink]:
    """Return what is put around each recorder: the score by the true field, if there is one."""
    if field is None:
        return lambda sink: sink
    world = field.world  # now: it takes a third of a second, and Start must not wait for it
    return lambda sink: ScoredRun(
        sink,
        field.true,
        world,
        field.trajectory,
        field.start_s,
        keeps_seen=keeps_seen,
        coils=coils,
    )


def _write_report(sink: RunSink) -> None:
    from agriseg.recording.report import write_report

    write_report(sink.directory, truth=sink.truth() if isinstance(sink, ScoredRun) else None)


def _geometry(config: Config) -> tuple[GroundPlane, Boom]:
    camera = config.camera
    size = (camera.width_px, camera.height_px)
    return GroundPlane(camera.intrinsics, camera.pose, size), Boom(config.boom)


def _open_segmenter(config: Config, field: SimulatedField | None) -> Segmenter:
    from agriseg.models.runtime import open_segmenter
    from agriseg.models.sizing import Size
    from agriseg.segmentation.color_index import ExcessGreenSegmenter

    model = config.model
    if model.method == "exg":
        return ExcessGreenSegmenter()
    if model.method == "truth":
        if field is None:
            raise ConfigError("model.method is truth, but there is no simulated field")
        return TruthSegmenter(field.world, field.trajectory, field.true.camera, field.start_s)
    return open_segmenter(
        model.path,
        runtime=model.runtime,
        threads=model.threads,
        size=Size(config.camera.width_px, config.camera.height_px),
    )
