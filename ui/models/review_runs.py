"""The recorded runs as the list shows them: figures, place, state; search and filter."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from agriseg.errors import AgrisegError, RecordingError
from agriseg.messages import FixQuality, PositionFix
from agriseg.recording import topics
from agriseg.recording.history import HistoryReader
from agriseg.recording.marks import RunNotes, read_notes
from agriseg.recording.reader import Run, open_run
from agriseg.recording.run_directories import SUMMARY_FILE, is_starred, size_of
from agriseg.recording.summary import SUMMARY_VERSION, load_truth, summarize
from ui.units import DASH, Units, clock_text, percent

_LOOKS_FOR_PLACE_S = 30.0

HOW_TO_RECORD = (
    "There are no recorded runs yet.",
    "Every run is recorded by itself: go to Operate and hold START. When spraying has ended, the"
    " run is listed here.",
)
NOTHING_FOUND = ("No run fits the search.", "Clear the search, or show all runs.")


class RunFilter(Enum):
    """Which runs are listed."""

    ALL = "all"
    STARRED = "starred"
    FAULTS = "faults"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """A run in the list.

    Attributes
    ----------
    started_at : datetime, optional
        With time zone; None where the run cannot be opened.
    area_m2, litres, saving_fraction : float
        By confirmed spray; NaN where not known.
    faults : int
        Alarms, stops and pulses that failed.
    place : str
        Latitude and longitude, or why there are none.
    state : str
        Empty for a whole run; else what was recovered, or why it cannot be opened.
    summary : mapping
        The run's figures, see SUMMARY.md; empty where there are none.
    """

    directory: Path
    started_at: datetime | None = None
    duration_s: float = math.nan
    area_m2: float = math.nan
    litres: float = math.nan
    saving_fraction: float = math.nan
    faults: int = 0
    place: str = ""
    pictures: int = 0
    size_bytes: int = 0
    starred: bool = False
    notes: RunNotes = field(default_factory=RunNotes)
    state: str = ""
    opens: bool = True
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Local date and time of the start, or the folder's name."""
        if self.started_at is None:
            return self.directory.name
        return self.started_at.astimezone().strftime("%Y-%m-%d  %H:%M")


def read_card(directory: Path, cancelled: Callable[[], bool] = lambda: False) -> RunCard | None:
    """Read what the list shows of a run; None when it was cancelled. Nothing is written."""
    size = size_of(directory)
    starred = is_starred(directory)
    try:
        with open_run(directory) as run:
            summary = _summary(run, cancelled)
            if summary is None:
                return None
            notes, problem = _notes(directory)
            recovery = run.recovery
            state = "" if recovery.is_whole else recovery.sentence
            return RunCard(
                directory=directory,
                started_at=run.info.started_at,
                duration_s=run.duration_s,
                area_m2=_number(summary.get("area_m2")),
                litres=_number(summary.get("litres", {}).get("confirmed")),
                saving_fraction=_number(summary.get("saving_fraction")),
                faults=fault_count(summary),
                place=_place(run),
                pictures=run.frame_count,
                size_bytes=size,
                starred=starred,
                notes=notes,
                state=" ".join(part for part in (state, problem, *run.problems) if part),
                summary=summary,
            )
    except AgrisegError as error:
        return RunCard(
            directory=directory, size_bytes=size, starred=starred, state=str(error), opens=False
        )


def fault_count(summary: Mapping[str, Any]) -> int:
    """Return how many alarms, stops and failed pulses a summary has."""
    alarms = summary.get("alarms") or ()
    failed = summary.get("pulses", {}).get("failed") or 0
    return len(alarms) + int(failed)


def matching(cards: Iterable[RunCard], words: str, only: RunFilter) -> list[RunCard]:
    """Return the runs that hold every word, newest first.

    Looked through are date, folder, place, notes and model.
    """
    wanted = words.casefold().split()
    found = [card for card in cards if _passes(card, only) and _holds(card, wanted)]
    return sorted(found, key=_order, reverse=True)


def card_lines(card: RunCard, units: Units) -> tuple[str, str, str]:
    """Return three lines: title, figures, state or place."""
    if not card.opens:
        return card.title, "cannot be opened", card.state
    faults = {0: "no faults", 1: "1 fault"}.get(card.faults, f"{card.faults} faults")
    figures = (
        f"{clock_text(card.duration_s)}  ·  {units.area(card.area_m2)}  ·"
        f"  {units.volume(card.litres)}  ·  saved {percent(card.saving_fraction)}  ·  {faults}"
    )
    return card.title, figures, card.state or card.place


def card_figures(card: RunCard, units: Units) -> tuple[tuple[str, str], ...]:
    """Return names and values of a run's figures."""
    model = card.summary.get("model", {}).get("name", "")
    return (
        ("Length", clock_text(card.duration_s)),
        ("Area", str(units.area(card.area_m2))),
        ("Sprayed, confirmed", str(units.volume(card.litres))),
        ("Saving", str(percent(card.saving_fraction))),
        ("Alarms, stops, failed pulses", str(card.faults) if card.summary else DASH),
        ("Place", card.place or DASH),
        ("Seen by", model or card.summary.get("segmenter") or DASH),
        ("Pictures", f"{card.pictures:,}"),
        ("On disk", f"{card.size_bytes / 1e6:,.0f} MB"),
    )


def _summary(run: Run, cancelled: Callable[[], bool]) -> dict[str, Any] | None:
    """Return the summary beside the run, or a new one where it is missing or the run is torn."""
    if run.recovery.is_whole:
        try:
            kept = json.loads((run.directory / SUMMARY_FILE).read_text(encoding="utf-8"))
            if isinstance(kept, dict) and kept.get("summary_version") == SUMMARY_VERSION:
                return kept
        except (OSError, ValueError):
            pass  # made anew from the recording, which is what it was made from
    reader = HistoryReader(run, run.config)
    while not reader.is_done:
        if cancelled():
            return None
        reader.read_on()
    return summarize(run, reader.history, load_truth(run.directory))


def _notes(directory: Path) -> tuple[RunNotes, str]:
    try:
        return read_notes(directory), ""
    except RecordingError as error:
        return RunNotes(), str(error)


def _place(run: Run) -> str:
    start_s = run.info.start_s
    for record in run.records({topics.POSITION}, start_s, start_s + _LOOKS_FOR_PLACE_S):
        fix = record.message
        if isinstance(fix, PositionFix) and fix.quality is not FixQuality.NONE:
            return f"{_degrees(fix.latitude_deg, 'NS')}  {_degrees(fix.longitude_deg, 'EW')}"
    return "place not recorded"


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):.5f}° {signs[0] if value >= 0.0 else signs[1]}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _passes(card: RunCard, only: RunFilter) -> bool:
    if only is RunFilter.STARRED:
        return card.starred
    if only is RunFilter.FAULTS:
        return bool(card.faults or card.state)
    return True


def _holds(card: RunCard, wanted: list[str]) -> bool:
    model = card.summary.get("model", {}).get("name", "")
    texts = [card.title, card.directory.name, card.place, card.notes.note, model, card.state]
    texts += [mark.text for mark in card.notes.marks]
    text = " ".join(texts).casefold()
    return all(word in text for word in wanted)


def _order(card: RunCard) -> tuple[float, str]:
    return (card.started_at.timestamp() if card.started_at else math.inf, card.directory.name)
