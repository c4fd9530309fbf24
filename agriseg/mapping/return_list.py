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
    wanted = [*_given_up(applied), *_not_carried_out(applied)]
    boom = Boom(applied.config.boom)
    speeds = applied.history.speed_at(np.array([one.t_s for one in wanted]))
    least = applied.config.spray.min_speed_m_s
    speeds = np.maximum(np.nan_to_num(speeds, nan=least), least)
    pairs = zip(wanted, speeds.tolist(), strict=True)
    return [strip for one, speed in pairs for strip in _strip(applied, boom, one, speed)]


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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A nozzle's ground along the track that was not sprayed."""

    nozzle_id: int
    s_min_m: float
    s_max_m: float
    reason: str
    t_s: float


def _given_up(applied: AppliedMap) -> Iterator[_Wanted]:
    for entry in applied.history.missed:
        one = entry.missed
        if one.reason not in ON_PURPOSE:
            yield _Wanted(one.nozzle_id, one.s_min_m, one.s_max_m, one.reason, entry.t_s)


def _not_carried_out(applied: AppliedMap) -> Iterator[_Wanted]:
    history = applied.history
    answers = {pulse.event_id: pulse for pulse in history.pulses}
    last_s = history.odometry[-1].t_s if history.odometry else history.start_s
    for event in history.commanded.values():
        pulse = answers.get(event.event_id)
        reason = _NOT_SPRAYED.get(pulse.outcome, "") if pulse else "no report of the controller"
        if reason:
            known = pulse is not None and math.isfinite(pulse.t_open_s)
            t_s = pulse.t_open_s if pulse is not None and known else last_s
            stretch = (event.wanted_s_min_m, event.wanted_s_max_m)
            yield _Wanted(event.nozzle_id, *stretch, reason, t_s)


def _strip(
    applied: AppliedMap, boom: Boom, wanted: _Wanted, speed_m_s: float
) -> Iterator[MissedStrip]:
    section = applied.track.section_at(wanted.t_s)
    length_m = wanted.s_max_m - wanted.s_min_m
    if section is None or not 0 <= wanted.nozzle_id < len(boom) or not length_m > 0.0:
        return
    nozzle = boom.nozzles[wanted.nozzle_id]
    travel_m = length_m + nozzle.footprint_along_m
    stretch = (wanted.s_min_m, wanted.s_max_m)
    yield MissedStrip(
        area=strip(section, stretch, (nozzle.zone_min_y_m, nozzle.zone_max_y_m)),
        nozzle_id=wanted.nozzle_id,
        reason=wanted.reason,
        litres=nozzle.flow_l_min / 60.0 * travel_m / speed_m_s,
    )


def _patch(group: list[MissedStrip]) -> ReturnPatch:
    area = shapely.union_all([one.area for one in group])
    return ReturnPatch(
        area=area,
        strips=len(group),
        reasons=", ".join(sorted({one.reason for one in group})),
        area_m2=float(shapely.area(area)),
        litres=math.fsum(one.litres for one in group),
    )
