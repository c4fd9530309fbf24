"""A robot with a simulated controller and the real host link, in virtual time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agriseg.clock import VirtualClock
from agriseg.config import BoomConfig, Config
from agriseg.messages import (
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    OdometrySample,
    PulseReport,
    ValveEvent,
)
from agriseg.spraying.serial_controller import SerialController
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from firmware_bridge.wires import SimulatedWire, Wire

COUNTS_PER_M = 2000.0
FALL_S = 0.020


def small_config(**boom: float) -> Config:
    return Config(boom=BoomConfig(nozzle_count=8, **boom))


@dataclass
class Motion:
    """Speed that changes linearly from ``v0`` by ``a`` between ``t0`` and ``t1``."""

    v0: float
    a: float = 0.0
    t0: float = 0.0
    t1: float = 0.0

    def distance(self, t_s: float) -> float:
        ramp = min(max(t_s - self.t0, 0.0), self.t1 - self.t0)
        coast = max(t_s - self.t1, 0.0)
        moved = self.v0 * max(t_s, 0.0)
        return moved + 0.5 * self.a * ramp**2 + self.a * ramp * coast

    def count(self, t_s: float) -> int:
        return math.floor(self.distance(t_s) * COUNTS_PER_M)


class Bench:
    """Steps virtual time as the engine does, and keeps everything that was said."""

    def __init__(
        self,
        *,
        distance: Callable[[float], float] | None = None,
        settings: SimulatorSettings | None = None,
        config: Config | None = None,
        wrap: Callable[[SimulatedWire], Wire] = lambda wire: wire,
        has_encoder: bool = True,
    ) -> None:
        distance = Motion(1.0).distance if distance is None else distance
        self.distance = distance
        self.config = small_config() if config is None else config
        count = (lambda t_s: math.floor(distance(t_s) * COUNTS_PER_M)) if has_encoder else None
        settings = SimulatorSettings(valves=8) if settings is None else settings
        self.simulator = ControllerSimulator(settings, count)
        self.clock = VirtualClock()
        baud = float(self.config.controller.baud)
        self.wire = wrap(SimulatedWire(self.simulator, baud=baud))
        self.controller = SerialController(config=self.config, wire=self.wire, clock=self.clock)
        self.messages: list[ControllerMessage] = []
        self.alive = [True, True, True]
        """Whether camera, model and planner are."""
        self.ground_m_s = math.nan
        self._next_id = 0

    def run(self, seconds: float, step_s: float = 0.02) -> None:
        end_s = self.clock.now_s() + seconds
        while self.clock.now_s() < end_s - 1e-9:
            self.clock.sleep_until(min(self.clock.now_s() + step_s, end_s))
            self.controller.beat(*self.alive, self.ground_m_s)
            self.messages += self.controller.poll()

    def arm(self) -> None:
        self.run(1.2)
        self.controller.arm()
        self.run(0.1)
        assert self.controller.state is ControllerState.ARMED

    def event(
        self, nozzle: int, open_at: float, close_at: float, *, by_distance: bool = True
    ) -> ValveEvent:
        self._next_id += 1
        return ValveEvent(
            event_id=self._next_id,
            nozzle_id=nozzle,
            by_distance=by_distance,
            open_at=open_at,
            close_at=close_at,
            wanted_s_min_m=open_at,
            wanted_s_max_m=close_at,
        )

    def spray(
        self, nozzle: int, open_at: float, close_at: float, *, by_distance: bool = True
    ) -> ValveEvent:
        event = self.event(nozzle, open_at, close_at, by_distance=by_distance)
        self.controller.queue([event])
        return event

    @property
    def here_m(self) -> float:
        return self.distance(self.clock.now_s())

    @property
    def reports(self) -> list[PulseReport]:
        return [m for m in self.messages if isinstance(m, PulseReport)]

    def report(self, event: ValveEvent) -> PulseReport:
        found = [r for r in self.reports if r.event_id == event.event_id]
        assert len(found) == 1
        return found[0]

    @property
    def statuses(self) -> list[ControllerStatus]:
        return [m for m in self.messages if isinstance(m, ControllerStatus)]

    @property
    def status(self) -> ControllerStatus:
        return self.statuses[-1]

    @property
    def odometry(self) -> list[OdometrySample]:
        return [m for m in self.messages if isinstance(m, OdometrySample)]

    def ground_edges(self, valve: int) -> list[float]:
        """Odometer readings at which spray began and ceased to reach the ground."""
        edges = [e for e in self.simulator.valve_edges if e.valve == valve]
        assert [e.is_open for e in edges] == [i % 2 == 0 for i in range(len(edges))]
        return [self.distance(e.t_s + FALL_S) for e in edges]


class LossyWire:
    """Drops, repeats and swaps whole frames of another wire."""

    def __init__(
        self, wire: SimulatedWire, *, seed: int, drop: float, repeat: float, swap: float
    ) -> None:
        self._wire = wire
        self._random = random.Random(seed)
        self._drop, self._repeat, self._swap = drop, repeat, swap

    def moments(self, now_s: float) -> Iterable[float]:
        return self._wire.moments(now_s)

    def _mangle(self, frames: Sequence[bytes]) -> list[bytes]:
        out: list[bytes] = []
        for frame in frames:
            draw = self._random.random()
            if draw < self._drop:
                continue
            out += [frame] * (2 if draw < self._drop + self._repeat else 1)
            if len(out) > 1 and self._random.random() < self._swap:
                out[-1], out[-2] = out[-2], out[-1]
        return out

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        arrived = self._wire.read(t_s)
        if not arrived:
            return ()
        return [(t_s, frame) for frame in self._mangle([data for _, data in arrived])]

    def write(self, data: bytes, t_s: float) -> None:
        frames = [frame + b"\x00" for frame in data.split(b"\x00") if frame]
        self._wire.write(b"".join(self._mangle(frames)), t_s)

    def close(self) -> None:
        self._wire.close()
