"""Strips that nozzles missed are put together to weeds."""

from __future__ import annotations

import sys

from agriseg.config import BoomConfig
from agriseg.messages import MissedWeed, SprayPlan
from agriseg.missed_weeds import SAME_WEED_M, MissedWeeds
from agriseg.spraying.boom import Boom
from agriseg.totals import TotalsMeter


def strip(nozzle: int, rear_m: float, front_m: float, reason: str = "late") -> MissedWeed:
    return MissedWeed(nozzle_id=nozzle, s_min_m=rear_m, s_max_m=front_m, reason=reason)


def count(*strips: MissedWeed) -> int:
    weeds = MissedWeeds()
    for one in strips:
        weeds.add(one)
    return weeds.count


def test_a_weed_below_four_nozzles_is_one_weed() -> None:
    assert count(*(strip(n, 1.0 + 0.01 * n, 1.05 + 0.01 * n) for n in (7, 5, 6, 4))) == 1


def test_weeds_along_one_nozzle_are_as_many_as_there_are_gaps() -> None:
    assert count(*(strip(3, s, s + 0.02) for s in (1.0, 1.05, 1.1))) == 3


def test_a_weed_of_which_a_new_map_shows_more_stays_one() -> None:
    grown = strip(3, 1.02 + 0.9 * SAME_WEED_M, 1.06)
    assert count(strip(3, 1.0, 1.02), grown) == 1


def test_a_strip_between_two_weeds_makes_them_one() -> None:
    apart = (strip(3, 1.0, 1.03), strip(5, 1.0, 1.03))
    assert count(*apart) == 2
    assert count(*apart, strip(4, 1.01, 1.02)) == 1


def test_passed_weeds_stay_counted_and_a_new_odometer_begins_anew() -> None:
    assert count(*(strip(3, s, s + 0.02) for s in (1.0, 5.0, 1.0))) == 3


def test_totals_tell_weeds_and_strips_and_only_late_ones() -> None:
    meter = TotalsMeter(Boom(BoomConfig()), min_speed_m_s=0.05)
    late = (strip(2, 1.0, 1.03), strip(3, 1.0, 1.02), strip(9, 1.0, 1.02))
    for missed in (late[:1], (*late[1:], strip(12, 1.0, 1.02, "crop"))):
        meter.plan(SprayPlan(frame_id=0, t_plan_s=0.0, events=(), missed=missed), 1.0)
    assert (meter.totals.missed_late, meter.totals.missed_late_strips) == (2, 3)
    assert meter.totals.withheld_crop == 1


def test_an_hour_of_missed_weeds_is_counted_and_not_kept() -> None:
    weeds = MissedWeeds()
    early = 0
    for index in range(5000):
        for nozzle in (4, 5):
            weeds.add(strip(nozzle, 0.5 * index, 0.5 * index + 0.03))
        if index == 100:
            early = sys.getallocatedblocks()
    assert weeds.count == 5000
    assert sys.getallocatedblocks() - early < 500
