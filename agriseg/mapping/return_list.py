"""Ground that should have been sprayed and was not: where to go again, and with how much."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agriseg.mapping.applied import AppliedMap
from agriseg.mapping.shapes import strip
from agriseg.messages import PulseOutcome
from agriseg.spraying.boom import Boom

ON_PURPOSE = frozenset({"crop", "boundary", "off", "outside"})
"""Reasons for which ground was left that are none to go there again."""

_NOT_SPRAYED = {
    PulseOutcome.LATE: "late",
    PulseOutcome.REJECTED: "refused by the controller",
    PulseOutcome.FAILED: "the valve did not open",
    PulseOutcome.FLUSHED: "stopped before",
    PulseOutcome.CUT: "stopped during",
    PulseOutcome.LOST: "no report of the controller",
}
_TOGETHER_M = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MissedStrip:
    """One nozzle's ground that was not sprayed, and the mix that it needs."""

    area: BaseGeometry
    nozzle_id: int
    reason: str
    litres: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReturnPatch:
    """Strips that lie together: one place to go to again."""

    area: BaseGeometry
    strips: int
    reasons: str
    area_m2: float
    litres: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TankPlan:
    """What the next pass needs.

    ``product_l`` is NaN where the product's share in the mix is not stated. ``fills`` counts
    tanks; 0 without a tank's size.
    """

    mix_l: float
    reserve_l: float
    product_l: float
    fills: int


def missed_strips(applied: AppliedMap) -> list[MissedStrip]:
    """Return the ground to be sprayed again, nozzle by nozzle.

    Weeds given up for any reason but crop, boundary, mode or reach, and pulses that were
    commanded and not carried out.
    """
    return [*_given_up(applied), *_not_carried_out(applied)]


def return_list(applied: AppliedMap) -> list[ReturnPatch]:
    """Return the places to go to again, largest first."""
    strips = missed_strips(applied)
    if not strips:
        return []
    grown = shapely.union_all([shapely.buffer(one.area, _TOGETHER_M) for one in strips])
    groups: list[list[MissedStrip]] = [[] for _ in shapely.get_parts(grown)]
    tree = shapely.STRtree(shapely.get_parts(grown))
    for one in strips:
        found = tree.query(shapely.centroid(one.area), predicate="intersects")
        groups[int(found[0])].append(one)
    patches = [_patch(group) for group in groups if group]
    return sorted(patches, key=lambda patch: -patch.area_m2)


def plan_tank(
    litres: float, *, reserve_fraction: float, tank_l: float, product_l_per_l: float
) -> TankPlan:
    """Return how much to mix.

    Parameters
    ----------
    litres : float
        What the nozzles will need.
    reserve_fraction : float
        Added to it: what hoses hold and the sump cannot give.
    tank_l : float
        Size of the tank; 0: unknown.
    product_l_per_l : float
        Product in a litre of mix; 0: not stated.
    """
    reserve_l = litres * reserve_fraction
    mix_l = litres + reserve_l
    return TankPlan(
        mix_l=mix_l,
        reserve_l=reserve_l,
        product_l=mix_l * product_l_per_l if product_l_per_l > 0.0 else math.nan,
        fills=math.ceil(mix_l / tank_l) if tank_l > 0.0 and mix_l > 0.0 else 0,
    )


def _given_up(applied: AppliedMap) -> Iterator[MissedStrip]:
    for entry in applied.history.missed:
        missed = entry.missed
        if missed.reason not in ON_PURPOSE:
            stretch = (missed.s_min_m, missed.s_max_m)
            yield from _strip(applied, missed.nozzle_id, stretch, missed.reason, entry.t_s)


def _not_carried_out(applied: AppliedMap) -> Iterator[MissedStrip]:
    history = applied.history
    answers = {pulse.event_id: pulse for pulse in history.pulses}
    last_s = history.odometry[-1].t_s if history.odometry else history.start_s
    for event in history.commanded.values():
        pulse = answers.get(event.event_id)
        reason = _NOT_SPRAYED.get(pulse.outcome, "") if pulse else "no report of the controller"
        if reason:
            stretch = (event.wanted_s_min_m, event.wanted_s_max_m)
            known = pulse is not None and math.isfinite(pulse.t_open_s)
            t_s = pulse.t_open_s if pulse is not None and known else last_s
            yield from _strip(applied, event.nozzle_id, stretch, reason, t_s)


def _strip(
    applied: AppliedMap, nozzle_id: int, stretch: tuple[float, float], reason: str, t_s: float
) -> Iterator[MissedStrip]:
    boom = Boom(applied.config.boom)
    section = applied.track.section_at(t_s)
    if section is None or not 0 <= nozzle_id < len(boom) or not stretch[1] > stretch[0]:
        return
    nozzle = boom.nozzles[nozzle_id]
    speed_m_s = _speed_m_s(applied, t_s)
    travel_m = stretch[1] - stretch[0] + nozzle.footprint_along_m
    yield MissedStrip(
        area=strip(section, stretch, (nozzle.zone_min_y_m, nozzle.zone_max_y_m)),
        nozzle_id=nozzle_id,
        reason=reason,
        litres=nozzle.flow_l_min / 60.0 * travel_m / speed_m_s,
    )


def _speed_m_s(applied: AppliedMap, t_s: float) -> float:
    """Return the speed at a time, not below the least at which anything is sprayed."""
    speed = float(applied.history.speed_at(np.array([t_s]))[0])
    least = applied.config.spray.min_speed_m_s
    return max(speed, least) if math.isfinite(speed) else least


def _patch(group: list[MissedStrip]) -> ReturnPatch:
    area = shapely.union_all([one.area for one in group])
    return ReturnPatch(
        area=area,
        strips=len(group),
        reasons=", ".join(sorted({one.reason for one in group})),
        area_m2=float(shapely.area(area)),
        litres=math.fsum(one.litres for one in group),
    )
