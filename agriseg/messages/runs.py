"""What a run is told by: alarms, events, totals, the time of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class AlarmPriority(IntEnum):
    """Three priorities, as ISO 11783-6 has them."""

    NOTICE = 1
    WARNING = 2
    DANGER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that the operator must know; stays until acknowledged and mended.

    ``code`` is stable (``camera-lost``); ``text`` says what happened and what was done
    about it, ``remedy`` what to do now. ``active`` is false once the cause has gone.
    """

    code: str
    priority: AlarmPriority
    text: str
    remedy: str
    t_s: float
    active: bool = True
    acknowledged: bool = False
    stops_spraying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run: start, pause, mode change, alarm, note."""

    t_s: float
    kind: str
    text: str
    data: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """Running totals since the run began.

    Commanded and confirmed never mix: ``*_commanded`` counts what was asked of the
    controller, ``*_confirmed`` what it reported done.
    """

    distance_m: float = 0.0
    area_m2: float = 0.0
    """Ground driven over by the boom's width while spraying was on."""
    treated_area_m2: float = 0.0
    """Ground under confirmed open nozzles."""
    pulses_commanded: int = 0
    pulses_confirmed: int = 0
    pulses_failed: int = 0
    pulses_unconfirmed: int = 0
    """Sent in time to a board that confirms nothing: neither confirmed nor failed."""
    weeds_seen: int = 0
    missed_late: int = 0
    """Weeds of which a strip could no longer be reached."""
    missed_late_strips: int = 0
    """The strips: a weed below four nozzles is missed in up to four."""
    withheld_crop: int = 0
    volume_commanded_l: float = 0.0
    volume_confirmed_l: float = 0.0
    volume_measured_l: float = float("nan")
    broadcast_volume_l: float = 0.0
    """What all nozzles open over ``area_m2`` at the same speed would have used: the baseline."""
    frames: int = 0
    frames_dropped: int = 0

    @property
    def saving_fraction(self) -> float:
        """Share of the broadcast baseline not used, by confirmed volume.

        NaN before any area, and where pulses were sprayed that nothing confirms.
        """
        if self.broadcast_volume_l <= 0.0 or self.pulses_unconfirmed:
            return float("nan")
        return 1.0 - self.volume_confirmed_l / self.broadcast_volume_l


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Time of each stage for one frame, milliseconds.

    ``queue_ms`` is the wait between the frame's arrival and the segmenter taking it up,
    ``handover_ms`` that between the segmenter's answer and the engine's loop taking it up; NaN in
    recordings made before they were measured.
    """

    capture_ms: float
    segment_ms: float
    project_ms: float
    plan_ms: float
    link_ms: float
    forward_ms: float
    overhead_ms: float
    """Frame received to pulses written, less the model's forward."""
    queue_ms: float = float("nan")
    handover_ms: float = float("nan")
