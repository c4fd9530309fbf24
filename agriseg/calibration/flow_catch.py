"""The catch test: what each nozzle gives in a timed catch, and which one is worn.

Tolerances follow ISO 16122-2: each nozzle within 10 % of its nominal flow at the measured
pressure, the coefficient of variation at most 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from agriseg.calibration.entries import CalibrationEntry, MeasuredValue
from agriseg.calibration.nozzle_sizes import flow_at, nozzle_size
from agriseg.calibration.steps import StepResult
from agriseg.calibration.yard import Yard
from agriseg.config import BoomConfig
from agriseg.errors import CalibrationError
from agriseg.spraying.boom import Boom

STEP = "flow"
TOLERANCE = 0.10
LARGEST_CV = 0.10
DEFAULT_SECONDS = 30.0
_LEAST_SECONDS = 10.0
_WORN_AT = 0.10
_IMPLAUSIBLE = 3.0
_SCALE_STD_ML = 2.0
_LITRES_AS_ML = 20.0


class NozzleState(Enum):
    """What a catch says about a nozzle."""

    GOOD = "good"
    WORN = "worn"
    """It gives too much: its opening has grown. It is replaced, cleaning does not help."""
    BLOCKED = "blocked"
    """It gives too little: cleaned, then caught again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spraying:
    """A finished timed spraying: how long, and at what pressure.

    ``pressure_kpa`` and ``metered_ml`` are NaN where nothing measures them.
    """

    seconds: float
    pressure_kpa: float
    nozzles: tuple[int, ...]
    metered_ml: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzleCatch:
    """One nozzle's catch.

    Attributes
    ----------
    flow_l_min : float
        At the pressure of the test.
    nominal_l_min : float
        What a new nozzle gives at that pressure.
    deviation : float
        Flow over nominal less 1.
    """

    nozzle: int
    caught_ml: float
    flow_l_min: float
    nominal_l_min: float
    deviation: float
    state: NozzleState


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchTest:
    """All catches of a test; ``cv`` is the spread of the flows over their mean."""

    spraying: Spraying
    pressure_kpa: float
    catches: tuple[NozzleCatch, ...]
    cv: float

    @property
    def passed(self) -> bool:
        """Whether every nozzle and their spread are within the tolerances."""
        good = all(catch.state is NozzleState.GOOD for catch in self.catches)
        return good and self.cv <= LARGEST_CV


def spray_into_cups(
    yard: Yard, *, seconds: float = DEFAULT_SECONDS, nozzles: Sequence[int] | None = None
) -> Spraying:
    """Open valves for a time while the machine stands.

    Parameters
    ----------
    yard : Yard
    seconds : float
        At least 10: shorter catches say little.
    nozzles : sequence of int, optional
        By default all.

    Raises
    ------
    CalibrationError
        The time is too short, the machine moves, the controller did not keep the valves open,
        or the test was interrupted.
    """
    if seconds < _LEAST_SECONDS:
        raise CalibrationError(
            f"{seconds:g} s is too short for a catch test; spray for at least"
            f" {_LEAST_SECONDS:g} s, better 30"
        )
    yard.connect()
    if not yard.is_standing and math.isfinite(yard.odometer.speed_m_s):
        raise CalibrationError("the machine moves; stop it, then begin the catch test")
    chosen = tuple(range(yard.config.boom.nozzle_count)) if nozzles is None else tuple(nozzles)
    yard.arm()

    def told(done_s: float) -> None:
        left_s = max(0.0, seconds - done_s)
        yard.say(f"Water is sprayed into the cups: {left_s:.0f} s to go.", done_s / seconds)

    try:
        reports, pressure_kpa, volume_l = yard.hold_open(chosen, seconds, told)
    finally:
        yard.disarm()
    sprayed = [report for report in reports if report.outcome.value == "done"]
    if len(sprayed) < len(reports):
        failed = sorted({r.nozzle_id + 1 for r in reports if r.outcome.value != "done"})
        names = ", ".join(map(str, failed))
        raise CalibrationError(
            f"nozzle {names} was not open all the time, so the catch does not count; empty the"
            " cups and spray again; nothing was changed"
        )
    return Spraying(
        seconds=seconds,
        pressure_kpa=pressure_kpa,
        nozzles=chosen,
        metered_ml=1e3 * volume_l,
    )


def judge_catches(
    boom: BoomConfig,
    spraying: Spraying,
    caught_ml: Mapping[int, float],
    pressure_kpa: float = math.nan,
) -> CatchTest:
    """Compare catches with what new nozzles give.

    Parameters
    ----------
    boom : BoomConfig
        Names the nozzle's size, or the nominal flow and its pressure.
    spraying : Spraying
    caught_ml : mapping
        Nozzle to millilitres.
    pressure_kpa : float, optional
        As read from the gauge; by default what the controller measured.

    Raises
    ------
    CalibrationError
        No catch was entered, a catch is zero or impossible, or the pressure is not known.
    """
    if not caught_ml:
        raise CalibrationError("no catch was entered; measure at least one cup, then go on")
    pressure = pressure_kpa if math.isfinite(pressure_kpa) else spraying.pressure_kpa
    if not math.isfinite(pressure) or pressure <= 0.0:
        raise CalibrationError(
            "the pressure during the test is not known; read it from the gauge and enter it"
        )
    nominal = nominal_flow_l_min(boom, pressure)
    catches = [
        _catch(nozzle, ml, spraying.seconds, nominal) for nozzle, ml in sorted(caught_ml.items())
    ]
    flows = np.array([catch.flow_l_min for catch in catches])
    cv = float(flows.std(ddof=1) / flows.mean()) if len(flows) > 1 else 0.0
    return CatchTest(spraying=spraying, pressure_kpa=pressure, catches=tuple(catches), cv=cv)


def nominal_flow_l_min(boom: BoomConfig, pressure_kpa: float) -> float:
    """Return what a new nozzle gives: by its size, else by the configured flow."""
    if boom.nozzle_size:
        return nozzle_size(boom.nozzle_size).flow_at(pressure_kpa)
    return flow_at(boom.flow_l_min, boom.nominal_pressure_kpa, pressure_kpa)


def catch_result(boom: BoomConfig, test: CatchTest) -> StepResult:
    """Return what is proposed: each nozzle's own flow, at the configured pressure."""
    values: list[MeasuredValue] = []
    for catch in test.catches:
        flow = flow_at(catch.flow_l_min, test.pressure_kpa, boom.nominal_pressure_kpa)
        std = flow * _SCALE_STD_ML / catch.caught_ml
        values.append(
            MeasuredValue(key=f"boom.nozzles.{catch.nozzle}.flow_l_min", value=flow, std=std)
        )
    bad = [catch for catch in test.catches if catch.state is not NozzleState.GOOD]
    worst = max(test.catches, key=lambda catch: abs(catch.deviation))
    verdict = "passed" if test.passed else "not passed"
    return StepResult(
        values=tuple(values),
        method=f"catch of {test.spraying.seconds:g} s at {test.pressure_kpa:.0f} kPa",
        observations=len(test.catches),
        summary=f"Catch test {verdict}: nozzle {worst.nozzle + 1} is furthest from nominal with"
        f" {100.0 * worst.deviation:+.1f} %, the spread is {100.0 * test.cv:.1f} %.",
        warnings=tuple(_advice(catch) for catch in bad) + _spread_warning(test),
        facts={
            "passed": test.passed,
            "seconds": test.spraying.seconds,
            "pressure_kpa": round(test.pressure_kpa, 1),
            "cv_percent": round(100.0 * test.cv, 2),
            "metered_ml": test.spraying.metered_ml,
            "nominal_l_min": round(test.catches[0].nominal_l_min, 4),
            "catches": [
                {
                    "nozzle": catch.nozzle,
                    "caught_ml": catch.caught_ml,
                    "flow_l_min": round(catch.flow_l_min, 4),
                    "deviation_percent": round(100.0 * catch.deviation, 2),
                    "state": catch.state.value,
                }
                for catch in test.catches
            ],
            "order": list(what_to_order(boom, test)),
        },
    )


def what_to_order(boom: BoomConfig, test: CatchTest) -> tuple[str, ...]:
    """Return the parts that the test asks for, in words; empty when all nozzles are good."""
    worn = sum(catch.state is NozzleState.WORN for catch in test.catches)
    if worn == 0:
        return ()
    angle = f", {boom.spray_angle_deg:g} degrees" if boom.spray_angle_deg else ""
    if boom.nozzle_size:
        size = nozzle_size(boom.nozzle_size)
        kind = f"ISO 10625 size {size.number} ({size.colour}){angle}"
    else:
        kind = (
            f"of {boom.flow_l_min:g} L/min at {boom.nominal_pressure_kpa:g} kPa{angle}; the size"
            " is not configured"
        )
    return (f"{worn} nozzle{'s' if worn > 1 else ''} {kind}",)


def flow_trend(history: Sequence[CalibrationEntry], nozzle: int) -> tuple[tuple[float, float], ...]:
    """Return (time in seconds since 1970, deviation) of a nozzle's catches, oldest first."""
    points: list[tuple[float, float]] = []
    for entry in history:
        if entry.step != STEP:
            continue
        for catch in entry.facts.get("catches", ()):
            if catch["nozzle"] == nozzle:
                points.append((entry.accepted_at.timestamp(), 0.01 * catch["deviation_percent"]))
    return tuple(points)


def _catch(nozzle: int, caught_ml: float, seconds: float, nominal_l_min: float) -> NozzleCatch:
    expected_ml = 1e3 * nominal_l_min * seconds / 60.0
    if not math.isfinite(caught_ml) or caught_ml <= 0.0:
        raise CalibrationError(
            f"the catch of nozzle {nozzle + 1} is {caught_ml:g} ml: nothing came out; clean the"
            " nozzle and its valve and catch again, or leave the nozzle out; nothing was changed"
        )
    if caught_ml > _IMPLAUSIBLE * expected_ml or caught_ml < expected_ml / _LITRES_AS_ML:
        raise CalibrationError(
            f"the catch of nozzle {nozzle + 1} is {caught_ml:g} ml, but about {expected_ml:.0f} ml"
            " was expected; enter millilitres, and check the nozzle's size in the configuration;"
            " nothing was changed"
        )
    flow = 1e-3 * caught_ml * 60.0 / seconds
    deviation = flow / nominal_l_min - 1.0
    state = NozzleState.GOOD
    if deviation > _WORN_AT:
        state = NozzleState.WORN
    elif deviation < -TOLERANCE:
        state = NozzleState.BLOCKED
    return NozzleCatch(
        nozzle=nozzle,
        caught_ml=caught_ml,
        flow_l_min=flow,
        nominal_l_min=nominal_l_min,
        deviation=deviation,
        state=state,
    )


def _advice(catch: NozzleCatch) -> str:
    name = f"Nozzle {catch.nozzle + 1} gives {100.0 * catch.deviation:+.1f} %"
    if catch.state is NozzleState.WORN:
        return f"{name}: it is worn; replace it, cleaning does not help."
    return f"{name}: it is blocked; clean nozzle and strainer, then catch again."


def _spread_warning(test: CatchTest) -> tuple[str, ...]:
    if test.cv <= LARGEST_CV:
        return ()
    return (
        f"The flows differ by {100.0 * test.cv:.1f} % (at most {100.0 * LARGEST_CV:.0f} % is"
        " allowed).",
    )


def expected_ml(boom: Boom, seconds: float) -> float:
    """Return what a new nozzle should give in a time at the configured pressure."""
    flow = nominal_flow_l_min(boom.config, boom.config.nominal_pressure_kpa)
    return 1e3 * flow * seconds / 60.0
