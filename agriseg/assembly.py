"""Builds a machine from a configuration: the only place that knows which parts are real."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import platformdirs

from agriseg.cameras.opening import open_camera
from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import MonotonicClock, VirtualClock
from agriseg.config import Config
from agriseg.engine import EngineParts, FieldEngine
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import BoomView
from agriseg.pipeline import FieldPipeline
from agriseg.ports import Camera, Clock, RunSink, Segmenter, SprayController
from agriseg.segmenting import InlineSegmenting, Segmenting, ThreadedSegmenting
from agriseg.simulation.field_parameters import field_from_config
from agriseg.simulation.latency import LatencyCamera
from agriseg.simulation.light import FieldLight
from agriseg.simulation.procedural_field import ProceduralField
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.truth import TruthSegmenter
from agriseg.simulation.world import World
from agriseg.spraying.boom import Boom
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from firmware_bridge.wires import SimulatedWire

VIRTUAL_TICK_S = 0.005
REALTIME_WAIT_S = 0.004
_FIELD_BORDER_M = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedField:
    """The simulated robot's surroundings; ``start_s`` is when it begins to drive."""

    world: World
    trajectory: Trajectory
    light: FieldLight
    start_s: float


def build_field(config: Config, ground: GroundPlane, boom: Boom, start_s: float) -> SimulatedField:
    """Make the ground, the robot's motion and the light that ``config.simulation`` names."""
    simulation = config.simulation
    parameters = field_from_config(simulation)
    half_m = _half_width_m(ground, boom) + simulation.wobble_m + _FIELD_BORDER_M
    return SimulatedField(
        world=ProceduralField(parameters, y_min_m=-half_m, y_max_m=half_m),
        trajectory=Trajectory(simulation),
        light=FieldLight(simulation.seed, simulation.light, parameters.sun_azimuth_rad),
        start_s=start_s,
    )


def encoder(
    trajectory: Trajectory, start_s: float, counts_per_m: float
) -> Callable[[float], int]:
    """Return a wheel encoder on the simulated robot: host time in seconds to counts."""

    def count_at(t_s: float) -> int:
        return int(np.floor(counts_per_m * trajectory.encoder_distance_m(t_s - start_s)))

    return count_at


def simulator_settings(config: Config, boom: Boom) -> SimulatorSettings:
    """Return a simulated controller whose valves behave as the configuration says."""
    valves = int(boom.channels.max()) + 1
    opening = np.full(valves, 1e-3 * config.boom.open_latency_ms)
    closing = np.full(valves, 1e-3 * config.boom.close_latency_ms)
    opening[boom.channels] = [nozzle.open_latency_s for nozzle in boom.nozzles]
    closing[boom.channels] = [nozzle.close_latency_s for nozzle in boom.nozzles]
    return SimulatorSettings(
        valves=valves,
        open_latency_s=tuple(float(value) for value in opening),
        close_latency_s=tuple(float(value) for value in closing),
        nozzle_l_min=config.boom.flow_l_min,
        nominal_kpa=config.boom.nominal_pressure_kpa,
        seed=config.simulation.seed,
    )


class Machine:
    """A built machine: the engine, what drives its time, and where its run goes."""

    def __init__(
        self,
        *,
        engine: FieldEngine,
        clock: Clock,
        ground: GroundPlane,
        boom: Boom,
        is_simulation: bool,
        is_virtual: bool,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.is_simulation = is_simulation
        self.run_directory: Path | None = None
        self._ground = ground
        self._boom = boom
        self._is_virtual = is_virtual
        self._views: dict[tuple[int, int], BoomView] = {}

    def step(self) -> None:
        """Let the engine do one round; virtual time moves by one tick."""
        if self._is_virtual:
            self.clock.sleep_until(self.clock.now_s() + VIRTUAL_TICK_S)
            self.engine.step()
        else:
            self.engine.step(REALTIME_WAIT_S)

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


def build_virtual_machine(config: Config, out: Path | None = None) -> Machine:
    """Build a machine on the simulated field in virtual time.

    Raises
    ------
    AgrisegError
        Something that the configuration names cannot be used.
    """
    clock = VirtualClock()
    ground, boom = _geometry(config)
    field = build_field(config, ground, boom, start_s=0.0)
    simulator = ControllerSimulator(
        simulator_settings(config, boom),
        count_at=encoder(field.trajectory, field.start_s, config.wheel.counts_per_m),
    )
    camera = LatencyCamera(
        _field_camera(config, field, clock), 1e-3 * config.simulation.processing_latency_ms, clock
    )
    controller = SerialController(
        config=config,
        wire=SimulatedWire(simulator, baud=float(config.controller.baud)),
        clock=clock,
    )
    engine = FieldEngine(
        EngineParts(
            config=config,
            clock=clock,
            camera=camera,
            segmenting=InlineSegmenting(_open_segmenter(config, field)),
            boom=boom,
            pipeline=FieldPipeline(config, ground, boom),
            controller=controller,
            open_run=lambda: None,
            on_run_closed=lambda sink: None,
        )
    )
    return Machine(
        engine=engine, clock=clock, ground=ground, boom=boom, is_simulation=True, is_virtual=True
    )


def _geometry(config: Config) -> tuple[GroundPlane, Boom]:
    camera = config.camera
    size = (camera.width_px, camera.height_px)
    return GroundPlane(camera.intrinsics, camera.pose, size), Boom(config.boom)


def _half_width_m(ground: GroundPlane, boom: Boom) -> float:
    seen_m = float(np.abs(ground.view_polygon_m[:, 1]).max())
    return max(seen_m, float(np.abs(boom.footprint_y_m).max()))


def _field_camera(config: Config, field: SimulatedField, clock: Clock) -> SyntheticCamera:
    return SyntheticCamera(
        field.world,
        field.trajectory,
        config.camera,
        clock,
        field.start_s,
        light=field.light,
        seed=config.simulation.seed,
    )


def _open_segmenter(config: Config, field: SimulatedField | None) -> Segmenter:
    from agriseg.models.runtime import open_segmenter
    from agriseg.segmentation.color_index import ExcessGreenSegmenter

    model = config.model
    if model.method == "exg":
        return ExcessGreenSegmenter()
    if model.method == "truth":
        if field is None:
            raise ValueError
        return TruthSegmenter(field.world, field.trajectory, config.camera, field.start_s)
    return open_segmenter(
        Path(model.path) if model.path else None, runtime=model.runtime, threads=model.threads
    )
