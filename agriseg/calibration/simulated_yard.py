"""A simulated machine in a simulated yard, in virtual time: every step without hardware."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agriseg.calibration.yard import Guide, Leg, Yard
from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import Config
from agriseg.config_values import true_config
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.ports import Camera
from agriseg.positioning.opening import open_receiver
from agriseg.simulated_controller import build_simulator
from agriseg.simulation.latency import LatencyCamera
from agriseg.simulation.sprayed_ground import SprayedExtent, SprayedGround, true_nozzles
from agriseg.simulation.watered_world import Drying, WateredWorld
from agriseg.simulation.yard_drive import YardDrive
from agriseg.simulation.yard_ground import YardGround
from agriseg.spraying.boom import Boom
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.wires import SimulatedWire

TICK_S = 0.005
_FPS = 8.0
"""Enough at walking pace; a test of minutes is to take seconds."""
_BORDER_M = 0.3
_REACTION_S = 0.5
_STOP_ERROR_M = 0.004
_CUP_ERROR = 0.004


class SimulatedYard:
    """The simulated machine as it truly is (``simulation.truth``), and a driver who obeys.

    Parameters
    ----------
    config : Config
        In force: what the machine believes of itself.
    marks_m : sequence of (x, y)
        Marks on the ground, in the field frame.
    drying : Drying
    """

    def __init__(
        self,
        config: Config,
        *,
        marks_m: Sequence[tuple[float, float]] = (),
        drying: Drying | None = None,
    ) -> None:
        self.true = true_config(config)
        self.config = config
        self.clock = VirtualClock()
        self.motion = YardDrive(config.simulation)
        self._nozzles = true_nozzles(self.true.boom)
        self._rng = np.random.default_rng([config.simulation.seed, 80])
        ground = YardGround(
            seed=config.simulation.seed,
            light=config.simulation.light,
            y_min_m=self._width_m()[0],
            y_max_m=self._width_m()[1],
            marks_m=marks_m,
        )
        self.world = WateredWorld(ground, self.clock.now_s, drying or Drying())
        self.simulator = build_simulator(
            config,
            0.0,
            on_s=0.0,
            baud=float(config.controller.baud),
            trajectory=self.motion,
            kept_edges=None,
        )
        wire = SimulatedWire(self.simulator, baud=float(config.controller.baud))
        self.controller = SerialController(config=config, wire=wire, clock=self.clock)
        self.camera: Camera = LatencyCamera(
            SyntheticCamera(
                self.world,
                self.motion,
                self.true.camera.model_copy(update={"fps": min(_FPS, self.true.camera.fps)}),
                self.clock,
                0.0,
                seed=config.simulation.seed,
            ),
            1e-3 * config.simulation.processing_latency_ms,
            self.clock,
        )
        self.receiver = open_receiver(config, self.clock, self.motion, 0.0)
        self._edges_seen = 0
        self._opened_s: dict[int, float] = {}
        channels = Boom(self.true.boom).channels
        self._nozzle_of = {int(channel): nozzle for nozzle, channel in enumerate(channels)}
        self._channels = [int(channel) for channel in channels]
        self.empty_cups()

    def yard(self, guide: Guide) -> Yard:
        """Return the machine for a test; whatever ``guide`` is asked to drive is driven."""
        return Yard(
            self.config,
            self.camera,
            self.controller,
            self.clock,
            self.wait,
            _Driver(self, guide),
            self.receiver,
        )

    def wait(self) -> None:
        """Let one tick pass."""
        self.clock.sleep_until(self.clock.now_s() + TICK_S)
        self._spray()

    def drive(self, leg: Leg) -> None:
        """Drive as a person does: a moment later, and stopping some millimetres off."""
        start_m = self.motion.pose_at(self.clock.now_s()).distance_m
        off_m = float(self._rng.normal(0.0, _STOP_ERROR_M))
        if leg.to_mark:
            self._drive(start_m + leg.by_m + off_m, leg)
            return
        # The driver goes by the display, which shows what the machine believes.
        share = self.config.wheel.counts_per_m / self.true.wheel.counts_per_m
        target_m = start_m + leg.by_m * share + math.copysign(abs(off_m), leg.by_m)
        self._drive(target_m, leg)

    @property
    def has_arrived(self) -> bool:
        """Whether the driver has stopped where he was sent."""
        return self.clock.now_s() > self.motion.arrives_s + _REACTION_S

    def _drive(self, target_m: float, leg: Leg) -> None:
        self.motion.drive_to(target_m, leg.speed_m_s, self.clock.now_s() + _REACTION_S)

    def empty_cups(self) -> None:
        """Empty the cups below the nozzles."""
        self._emptied_ml = [self._poured_ml(n) for n in range(len(self._nozzles))]

    def caught_ml(self, nozzle: int) -> float:
        """Return what the cup below a nozzle holds, read as well as a scale lets one."""
        caught_ml = self._poured_ml(nozzle) - self._emptied_ml[nozzle]
        return caught_ml * (1.0 + float(self._rng.normal(0.0, _CUP_ERROR)))

    def _poured_ml(self, nozzle: int) -> float:
        return 1e3 * self.simulator.poured_l(self._channels[nozzle])

    def _width_m(self) -> tuple[float, float]:
        camera = self.true.camera
        plane = GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
        seen = plane.view_polygon_m[:, 1]
        reach = [n.y_m for n in self._nozzles]
        low = min(float(seen.min()), min(reach)) - _BORDER_M
        return low, max(float(seen.max()), max(reach)) + _BORDER_M

    def _spray(self) -> None:
        """Put on the ground what the true valves have let through since the last call."""
        edges = self.simulator.valve_edges
        new, self._edges_seen = edges[self._edges_seen :], len(edges)
        for edge in new:
            nozzle = self._nozzle_of.get(edge.valve)
            if nozzle is None:
                continue
            if edge.is_open:
                self._opened_s[nozzle] = edge.t_s
                continue
            fall_s = self._nozzles[nozzle].fall_s
            extent = SprayedExtent(
                nozzle=nozzle,
                t_first_s=self._opened_s.pop(nozzle) + fall_s,
                t_last_s=edge.t_s + fall_s,
            )
            wetted = SprayedGround([extent], self._nozzles, self.motion)
            self.world.pour(wetted.boxes, extent.t_last_s)


class _Driver:
    """Hands everything on to a guide, and drives."""

    def __init__(self, yard: SimulatedYard, guide: Guide) -> None:
        self._yard = yard
        self._guide = guide

    def drive(self, leg: Leg) -> None:
        self._guide.drive(leg)
        self._yard.drive(leg)

    def say(self, text: str, fraction: float) -> None:
        self._guide.say(text, fraction)

    def stopped(self) -> bool:
        return self._guide.stopped()

    def confirmed(self) -> bool:
        return self._yard.has_arrived
