"""The driven ground of a run as a map, for review: what was soil, crop and weed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agriseg.messages import UInt8Array
from agriseg.recording.reader import open_run
from agriseg.replay.driver import RecordedEvidence, drive
from agriseg.replay.judging import GroundStrip
from agriseg.replay.recorded_input import read_input, recorded_patches


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrivenGround:
    """Ground along the track.

    Attributes
    ----------
    labels : (R, C) uint8
        `ClassId`; rows from right to left from ``y0_m`` on, columns along the track from ``s0_m``
        on, each ``cell_m`` wide.
    """

    labels: UInt8Array
    s0_m: float
    y0_m: float
    cell_m: float

    def between(self, s_min_m: float, s_max_m: float) -> DrivenGround:
        """Return the tile of a stretch of the track; narrower at the ends of the run."""
        first = max(0, round((s_min_m - self.s0_m) / self.cell_m))
        last = max(first, round((s_max_m - self.s0_m) / self.cell_m))
        return DrivenGround(
            labels=self.labels[:, first:last],
            s0_m=self.s0_m + first * self.cell_m,
            y0_m=self.y0_m,
            cell_m=self.cell_m,
        )


def driven_ground(
    run: Path,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> DrivenGround | None:
    """Return the ground of a run as it was seen when it left the view; None when cancelled.

    Empty where the run has no evidence (older recordings).

    Raises
    ------
    RecordingError
        The run cannot be opened, or no controller was connected.
    """
    with open_run(run) as recording:
        given = read_input(recording)
        strip = GroundStrip(given.config)
        evidence = RecordedEvidence(recorded_patches(recording))
        decisions = drive(
            given.config,
            given.start,
            given.steps,
            given.capabilities,
            evidence,
            poses=None if given.start is not None else given.poses,
            on_frame=strip.add,
            progress=progress,
            cancelled=cancelled,
        )
    if decisions is None:
        return None
    return DrivenGround(
        labels=strip.labels(), s0_m=strip.s0_m, y0_m=strip.y0_m, cell_m=strip.cell_m
    )
