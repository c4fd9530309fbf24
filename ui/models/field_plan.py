"""The machine as the plan of the field draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agriseg.messages import PositionStatus
from agriseg.positioning.local_frame import LocalFrame, heading_from_course
from agriseg.spraying.boom import Boom


@dataclass(frozen=True, slots=True, kw_only=True)
class BoomOnPlan:
    """Where the boom is in base_link: ahead, and from its right (negative) to its left end."""

    x_m: float
    right_m: float
    left_m: float

    @property
    def width_m(self) -> float:
        """Ground that it covers across."""
        return self.left_m - self.right_m


def boom_on_plan(boom: Boom) -> BoomOnPlan:
    """Return the outline of a boom."""
    return BoomOnPlan(
        x_m=float(boom.x_m.mean()),
        right_m=float(boom.zone_y_m.min()),
        left_m=float(boom.zone_y_m.max()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOnPlan:
    """The machine in metres (east, north) of the plan.

    ``heading_rad`` is counter-clockwise from east, NaN where it is not known; ``accuracy_m`` one
    standard deviation; ``is_sure`` false where the place is old or doubted.
    """

    east_m: float
    north_m: float
    heading_rad: float
    accuracy_m: float
    is_sure: bool
    boom: BoomOnPlan


def machine_on_plan(
    status: PositionStatus | None, frame: LocalFrame | None, boom: BoomOnPlan, *, is_now: bool
) -> MachineOnPlan | None:
    """Return where the machine is; the antenna's place where nothing better is known.

    ``is_now`` says whether the status is of now.
    """
    if status is None or frame is None:
        return None
    place = (status.latitude_deg, status.longitude_deg)
    accuracy_m = status.accuracy_m
    if not math.isfinite(place[0]) and status.fix is not None:
        place = (status.fix.latitude_deg, status.fix.longitude_deg)
        accuracy_m = status.fix.accuracy_m
    if not math.isfinite(place[0]):
        return None
    east, north = frame.local([place])[0]
    return MachineOnPlan(
        east_m=float(east),
        north_m=float(north),
        heading_rad=heading_from_course(status.heading_deg),
        accuracy_m=accuracy_m,
        is_sure=is_now and not status.problem,
        boom=boom,
    )
