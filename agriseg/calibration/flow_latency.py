"""How long each valve takes to open and to close, by the controller's flow meter.

Standing, one valve after the other gives pulses of several lengths. While one is open the volume
grows by a straight line over time, which began when the valve opened: its beginning less the coil's
switching on is the opening delay. What a whole pulse lets through grows with its length by a line
that begins at the dead time, which is opening less closing delay.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agriseg.calibration.steps import StepResult
from agriseg.calibration.valve_latency import ValveLatency, dead_time_s, latency_result
from agriseg.calibration.yard import Yard
from agriseg.errors import CalibrationError
from agriseg.messages import PulseReport
from agriseg.spraying.boom import Boom

LENGTHS_S = (0.2, 0.35, 0.5)
_REPEATS = 2
_SETTLE_S = 0.4
_SURELY_OPEN_S = 0.1
_LEAST_READINGS = 4
_LEAST_SHARE = 0.2
"""Of the nominal flow; less is a valve that does not open."""
_LEAST_STD_S = 0.0003
"""The readings' times are no surer: a tick, and the clocks."""
_LARGEST_STD_S = 0.002


@dataclass
class _Meter:
    """Readings of the flow meter, by host time."""

    t_s: list[float] = field(default_factory=list)
    volume_l: list[float] = field(default_factory=list)

    def listen(self, yard: Yard) -> None:
        status = yard.status
        if status is not None and (not self.t_s or status.t_s > self.t_s[-1]):
            self.t_s.append(status.t_s)
            self.volume_l.append(status.volume_l)

    def last_before(self, t_s: float) -> float:
        return self.volume_l[bisect_left(self.t_s, t_s) - 1]

    def between(self, from_s: float, to_s: float) -> list[tuple[float, float]]:
        both = zip(self.t_s, self.volume_l, strict=True)
        return [(t, volume) for t, volume in both if from_s < t < to_s]


def measure_latency_by_flow(yard: Yard, *, repeats: int = _REPEATS) -> StepResult:
    """Spray pulses of several lengths with one valve after the other, standing.

    Raises
    ------
    CalibrationError
        The controller has no flow meter, the test was interrupted, or no valve was measured.
    """
    boom = Boom(yard.config.boom)
    capabilities = yard.connect()
    yard.require_reports()
    if not capabilities.has_flow:
        raise CalibrationError(
            "this controller has no flow meter; choose wet strips for the latency step instead"
        )
    meter = _Meter()
    yard.on_tick = lambda: meter.listen(yard)
    found: list[ValveLatency] = []
    yard.arm()
    try:
        for nozzle in range(len(boom)):
            text = f"Stand still: nozzle {nozzle + 1} of {len(boom)} sprays short pulses."
            yard.say(text, nozzle / len(boom))
            reports = [
                report
                for length_s in LENGTHS_S * repeats
                for report in _pulse(yard, nozzle, length_s)
            ]
            valve = _valve(boom, nozzle, reports, meter)
            if valve is not None:
                found.append(valve)
    finally:
        yard.on_tick = None
        yard.disarm()
    return flow_latency_result(boom, found)


def flow_latency_result(boom: Boom, found: Sequence[ValveLatency]) -> StepResult:
    """Return what is proposed; the flow meter sees the valve alone, so the fall stays.

    Raises
    ------
    CalibrationError
        No valve was measured.
    """
    if not found:
        raise CalibrationError(
            "the flow meter saw no valve open: check that water is in the tank and the pump runs,"
            " or choose wet strips; the old delays are kept"
        )
    fall_s = 1e-3 * boom.config.fall_ms
    to_ground = [
        replace(valve, open_s=valve.open_s + fall_s, close_s=valve.close_s + fall_s)
        for valve in found
    ]
    unseen = sorted(set(range(len(boom))) - {valve.nozzle for valve in found})
    warnings = []
    if unseen:
        names = ", ".join(str(n + 1) for n in unseen)
        warnings.append(
            f"The flow meter did not see nozzle {names} spray: it is blocked, or its valve does not"
            " open; its old delays are kept."
        )
    worst_s = max(max(valve.open_std_s, valve.close_std_s) for valve in found)
    if worst_s > _LARGEST_STD_S:
        warnings.append(
            f"The flow meter is too coarse: the delays are known to {1e3 * worst_s:.1f} ms only;"
            " wet strips are surer."
        )
    method = f"flow signal, {len(LENGTHS_S)} lengths of pulse"
    return replace(latency_result(boom, to_ground, method=method), warnings=tuple(warnings))


def _pulse(yard: Yard, nozzle: int, length_s: float) -> list[PulseReport]:
    """Spray once, and wait until the meter has told what it was."""
    reports = yard.spray_standing([nozzle], length_s)
    yard.run_for(_SETTLE_S)
    return reports


def _valve(
    boom: Boom, nozzle: int, reports: Sequence[PulseReport], meter: _Meter
) -> ValveLatency | None:
    rising: list[tuple[float, float]] = []
    whole: list[tuple[float, float]] = []
    for report in reports:
        on_s, off_s = report.t_open_s, report.t_close_s
        begun_l = meter.last_before(on_s)
        open_ = meter.between(on_s + _SURELY_OPEN_S, off_s)
        rising += [(t - on_s, volume - begun_l) for t, volume in open_]
        whole.append((off_s - on_s, meter.last_before(off_s + _SETTLE_S) - begun_l))
    if len(rising) < _LEAST_READINGS or not np.isfinite(rising).all():
        return None
    least_l_s = _LEAST_SHARE * boom.nozzles[nozzle].flow_l_min / 60.0
    if any(volume < least_l_s * seconds for seconds, volume in whole):
        return None
    open_s, open_std_s = dead_time_s(*np.array(rising, np.float64).T)
    dead_s, dead_std_s = dead_time_s(*np.array(whole, np.float64).T)
    return ValveLatency(
        nozzle=nozzle,
        open_s=open_s,
        close_s=open_s - dead_s,
        open_std_s=max(open_std_s, _LEAST_STD_S),
        close_std_s=max(math.hypot(open_std_s, dead_std_s), _LEAST_STD_S),
        strips=len(whole),
    )
