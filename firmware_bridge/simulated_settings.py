"""What the simulated controller is, and the clock that it lives by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_bridge.schema import PROTOCOL_VERSION, SCHEMA_HASH
from firmware_bridge.simulated_hydraulics import HydraulicsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What the simulated controller is.

    ``open_latency_s`` and the like are the valves' true behaviour; what the controller
    believes comes by CONFIG_VALVES. ``flow_factors`` is by valve the true flow over
    ``nozzle_l_min``, empty for new nozzles. ``clock_ppm`` is how much too fast its clock runs.
    ``kept_edges`` bounds how many of the newest valve and coil edges are remembered, for a
    simulator that runs for hours; None remembers all.
    """

    valves: int = 24
    queue: int = 512
    name: str = "AgriSeg simulator"
    firmware: tuple[int, int, int] = (0, 1, 0)
    protocol: int = PROTOCOL_VERSION
    schema: int = SCHEMA_HASH
    tick_hz: int = 250_000
    clock_ppm: float = 20.0
    first_tick: int = 0
    boot_id: int = 1
    max_open_ms: int = 10_000
    resolution_s: float = 0.0001
    open_latency_s: float | tuple[float, ...] = 0.012
    close_latency_s: float | tuple[float, ...] = 0.010
    nozzle_l_min: float = 0.4
    flow_factors: tuple[float, ...] = ()
    nominal_kpa: float = 300.0
    supply_droop: float = 0.2
    tank_l: float = 200.0
    baud: float = 500_000.0
    """Bits per second that it sends with; 0 where bytes take no time."""
    bit_error_rate: float = 0.0
    seed: int = 1
    kept_edges: int | None = None

    def hydraulics(self) -> HydraulicsSettings:
        """Return the part of it that sprays."""
        return HydraulicsSettings(
            open_latency_s=_per_valve(self.open_latency_s, self.valves),
            close_latency_s=_per_valve(self.close_latency_s, self.valves),
            nozzle_l_min=self.nozzle_l_min,
            flow_factors=self.flow_factors,
            nominal_kpa=self.nominal_kpa,
            supply_droop=self.supply_droop,
            tank_l=self.tank_l,
            kept_edges=self.kept_edges,
        )


def _per_valve(value: float | tuple[float, ...], count: int) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,) * count


class SimulatedClock:
    """Counts ticks from when the controller was switched on, a little too fast or too slow."""

    def __init__(self, settings: SimulatorSettings, boot_s: float) -> None:
        self._first_tick = settings.first_tick
        self._boot_s = boot_s
        self._hz = settings.tick_hz * (1.0 + settings.clock_ppm * 1e-6)

    def ticks_at(self, t_s: float) -> int:
        """Return the tick at a host time in seconds, without wrapping."""
        return self._first_tick + math.floor((t_s - self._boot_s) * self._hz)

    def time_of(self, tick: float) -> float:
        """Return the host time in seconds of a tick that does not wrap."""
        return self._boot_s + (tick - self._first_tick) / self._hz
