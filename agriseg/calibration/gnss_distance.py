"""How far the machine was driven by its satellite receiver, from standing to standing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.calibration.yard import Yard
from agriseg.messages import FixQuality, Float64Array, PositionFix
from agriseg.positioning.local_frame import LocalFrame

_TAKE_S = 1.0
"""Fixes are averaged for so long; neighbours err alike, so that it makes them no surer."""
_PATIENCE_S = 2.5
_WORDS = {
    FixQuality.RTK_FIXED: "RTK fixed",
    FixQuality.RTK_FLOAT: "RTK float",
    FixQuality.DGNSS: "DGNSS",
    FixQuality.GNSS: "GNSS without corrections",
    FixQuality.SIMULATED: "simulated",
}
"""Qualities that are measured at all, best first."""
_ORDER = list(_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GnssDistance:
    """A distance between two places of the antenna.

    Attributes
    ----------
    distance_m, std_m : float
        And its standard uncertainty, by the accuracy that both fixes state; NaN without fixes.
    quality : str
        The worse of both, in words; empty without fixes.
    problem : str
        Why there is no distance, in a sentence; empty where there is one.
    """

    distance_m: float = math.nan
    std_m: float = math.nan
    quality: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPlace:
    """Where the antenna stood: mean place in degrees, its accuracy and worst quality."""

    latitude_deg: float
    longitude_deg: float
    accuracy_m: float
    quality: FixQuality


def standing_place(yard: Yard, share: float) -> StandingPlace | str:
    """Take the receiver's fixes while the machine stands; why there are none, where there are not.

    Parameters
    ----------
    yard : Yard
    share : float
        Of the test that is done.
    """
    receiver = yard.receiver
    if receiver is None:
        return "There is no satellite receiver to compare with."
    receiver.poll()  # what has waited belongs to another place
    fixes: list[PositionFix] = []
    began_s = yard.clock.now_s()
    before = yard.on_tick

    def listen() -> None:
        fixes.extend(fix for fix in receiver.poll() if fix.t_s >= began_s)
        yard.say("Stand still: the satellite position is taken.", share)

    yard.on_tick = listen
    try:
        while not _is_enough(yard.clock.now_s() - began_s, bool(_usable(fixes))):
            yard.step()
    finally:
        yard.on_tick = before
    return _place(fixes, receiver.name, receiver.problem)


def distance_between(begin: StandingPlace | str, end: StandingPlace | str) -> GnssDistance:
    """Return how far one place is from the other."""
    for place in (begin, end):
        if isinstance(place, str):
            return GnssDistance(problem=place)
    assert isinstance(begin, StandingPlace)
    assert isinstance(end, StandingPlace)
    frame = LocalFrame(begin.latitude_deg, begin.longitude_deg)
    ((east, north),) = frame.local([[end.latitude_deg, end.longitude_deg]])
    return GnssDistance(
        distance_m=math.hypot(float(east), float(north)),
        std_m=math.hypot(begin.accuracy_m, end.accuracy_m),
        quality=_WORDS[max((begin.quality, end.quality), key=_ORDER.index)],
    )


def _is_enough(waited_s: float, has_fix: bool) -> bool:
    return waited_s >= (_TAKE_S if has_fix else _PATIENCE_S)


def _usable(fixes: Sequence[PositionFix]) -> list[PositionFix]:
    return [fix for fix in fixes if fix.quality in _WORDS and math.isfinite(fix.accuracy_m)]


def _place(fixes: Sequence[PositionFix], name: str, problem: str) -> StandingPlace | str:
    usable = _usable(fixes)
    if not usable:
        if fixes:
            return f"The satellite receiver ({name}) had no fix while the machine stood."
        return f"The satellite receiver ({name}) sent no position. {problem}".rstrip()

    def mean(read: Callable[[PositionFix], float]) -> float:
        values: Float64Array = np.array([read(fix) for fix in usable])
        return float(values.mean())

    return StandingPlace(
        latitude_deg=mean(lambda fix: fix.latitude_deg),
        longitude_deg=mean(lambda fix: fix.longitude_deg),
        accuracy_m=max(fix.accuracy_m for fix in usable),
        quality=max((fix.quality for fix in usable), key=_ORDER.index),
    )
