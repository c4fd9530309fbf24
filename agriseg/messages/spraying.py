"""What is to be sprayed: plants on the ground, pulses, what had to be given up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agriseg.messages.pictures import ClassId


class SprayMode(Enum):
    """What the planner does with the ground below the boom."""

    OFF = "off"
    """No nozzle opens."""
    SPOT = "spot"
    """Weeds are sprayed one by one."""
    BAND = "band"
    """Continuous strips: between the crop rows or on them, as the configuration says."""
    BROADCAST = "broadcast"
    """Every nozzle sprays while the robot moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A plant on the ground, found in the fused map.

    Position and extents are in the along-track / lateral frame (s forward, y left), metres.
    ``decision`` says in words what the planner did with it, and why.
    """

    plant_id: int
    class_id: ClassId
    s_m: float
    y_m: float
    s_min_m: float
    s_max_m: float
    y_min_m: float
    y_max_m: float
    area_m2: float
    confidence: float
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValveEvent:
    """Spray reaches the ground from ``open_at`` to ``close_at``; the controller adds latencies.

    In the distance domain (``by_distance``) the two are odometer readings in metres, in the
    time domain host times in seconds. ``wanted_s_min_m`` / ``wanted_s_max_m`` is the ground
    that the pulse is to cover, along the track.
    """

    event_id: int
    nozzle_id: int
    by_distance: bool
    open_at: float
    close_at: float
    wanted_s_min_m: float
    wanted_s_max_m: float
    reason: str = "weed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedWeed:
    """Wanted ground that will not be sprayed, and why (``late``, ``crop``, ``outside``, ...)."""

    nozzle_id: int
    s_min_m: float
    s_max_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayPlan:
    """What one planning step decided: new pulses, and ground given up since the last step."""

    frame_id: int
    t_plan_s: float
    events: tuple[ValveEvent, ...]
    missed: tuple[MissedWeed, ...] = ()
    plants: tuple[Plant, ...] = ()
