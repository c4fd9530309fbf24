"""Which calibrations are missing, old or overtaken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from agriseg.calibration.catalogue import STEPS, StepInfo
from agriseg.calibration.entries import CalibrationEntry
from agriseg.calibration.overlay import Calibrated
from agriseg.config import Config


class StepState(Enum):
    """How a step's calibration stands."""

    MISSING = "missing"
    FRESH = "fresh"
    OLD = "old"
    OVERTAKEN = "overtaken"
    """The configuration was changed since, or a step that it rests on was done anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStatus:
    """A step and how its calibration stands.

    Attributes
    ----------
    info : StepInfo
    state : StepState
    entry : CalibrationEntry, optional
        The newest that was not taken back.
    age : timedelta, optional
        Since it was accepted.
    text : str
        A sentence for people.
    """

    info: StepInfo
    state: StepState
    entry: CalibrationEntry | None
    age: timedelta | None
    text: str

    @property
    def is_due(self) -> bool:
        """Whether the step should be done before spraying."""
        return self.state is not StepState.FRESH


def step_statuses(
    config: Config,
    calibration: Calibrated,
    in_force: Sequence[CalibrationEntry],
    now: datetime,
    steps: Sequence[StepInfo] = STEPS,
) -> tuple[StepStatus, ...]:
    """Return every step with its state.

    Parameters
    ----------
    config : Config
        Its ``calibration.season_days`` says what is old.
    calibration : Calibrated
        What became of the entries.
    in_force : sequence of CalibrationEntry
        Those that were not taken back, oldest first.
    now : datetime
        With time zone.
    steps : sequence of StepInfo, optional
    """
    newest = {entry.step: entry for entry in in_force}
    return tuple(_status(info, newest, config, calibration, now) for info in steps)


def due_note(config: Config, statuses: Sequence[StepStatus]) -> str:
    """Return the sentence for the operator about what is due; empty when nothing is.

    The simulated machine is what the configuration says: it needs no calibration, unless its
    truth was set apart from it.
    """
    if config.camera.source == "sim" and not config.simulation.truth:
        return ""
    due = [status.text for status in statuses if status.is_due]
    return " ".join(due)


def _status(
    info: StepInfo,
    newest: dict[str, CalibrationEntry],
    config: Config,
    calibration: Calibrated,
    now: datetime,
) -> StepStatus:
    entry = newest.get(info.name)
    if entry is None:
        return StepStatus(
            info=info,
            state=StepState.MISSING,
            entry=None,
            age=None,
            text=f"{info.title}: never calibrated.",
        )
    age = now - entry.accepted_at
    state, text = _judged(info, entry, newest, config, calibration, age)
    return StepStatus(info=info, state=state, entry=entry, age=age, text=text)


def _judged(
    info: StepInfo,
    entry: CalibrationEntry,
    newest: dict[str, CalibrationEntry],
    config: Config,
    calibration: Calibrated,
    age: timedelta,
) -> tuple[StepState, str]:
    left_out = calibration.left_out.get(entry.entry_id)
    if left_out:
        return StepState.OVERTAKEN, f"{info.title}: {left_out}."
    for name in info.rests_on:
        other = newest.get(name)
        if other is not None and other.entry_id > entry.entry_id:
            return (
                StepState.OVERTAKEN,
                f"{info.title}: rests on {name}, which was calibrated again since.",
            )
    if age > timedelta(days=config.calibration.season_days):
        season = f"older than a season of {config.calibration.season_days:.0f} days"
        return StepState.OLD, f"{info.title}: calibrated {age_words(age)} ago, {season}."
    return StepState.FRESH, f"{info.title}: calibrated {age_words(age)} ago."


def age_words(age: timedelta) -> str:
    """Return an age in words, such as ``3 days``."""
    minutes = max(0.0, age.total_seconds() / 60.0)
    for unit, length in (("year", 525_960.0), ("month", 43_830.0), ("day", 1440.0), ("hour", 60.0)):
        if minutes >= 2 * length or (unit in ("day", "hour") and minutes >= length):
            count = int(minutes // length)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    count = int(minutes)
    return "less than a minute" if count == 0 else f"{count} minute{'s' if count > 1 else ''}"
