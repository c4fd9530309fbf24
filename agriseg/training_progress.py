"""Tells of a training as it runs: a bar, lines of text, or lines of JSON for another process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from agriseg.models.training_events import (
    BatchDivided,
    ModelWritten,
    StageBegun,
    StepDone,
    StopReason,
    TrainingContinued,
    TrainingEvent,
    TrainingPaused,
    TrainingProgress,
    TrainingStarted,
    TrainingStopped,
    event_line,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ProgressChoice = Literal["auto", "bar", "lines", "json"]


class Speaker(Protocol):
    """Hears of a training and tells somebody."""

    def hear(self, event: TrainingEvent) -> None:
        """Hear of something that happened."""
        ...

    def close(self) -> None:
        """Tell nothing more."""
        ...


class JsonSpeaker:
    """Writes every event as a line of JSON."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def hear(self, event: TrainingEvent) -> None:
        """Write the event, at once."""
        self._out.write(event_line(event) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing is held."""


class LineSpeaker:
    """Writes a line of text for every validation, and for what a user should know."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def hear(self, event: TrainingEvent) -> None:
        """Write the event, if it is worth a line."""
        words = event_words(event)
        if words:
            self._out.write(words + "\n")
            self._out.flush()

    def close(self) -> None:
        """Nothing is held."""


class BarSpeaker:
    """Shows a bar with the remaining time on the terminal, and the lines above it."""

    def __init__(self, out: TextIO, terminal: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._lines = LineSpeaker(out)
        columns = (
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[left]}"),
        )
        self._bar: Progress = Progress(*columns, console=Console(file=terminal), transient=True)
        self._task: TaskID | None = None

    def hear(self, event: TrainingEvent) -> None:
        """Move the bar."""
        if isinstance(event, TrainingStarted):
            self._bar.start()
            self._task = self._bar.add_task(
                "", total=event.steps, completed=event.step, loss=float("nan"), left=""
            )
        elif isinstance(event, StepDone | TrainingProgress) and self._task is not None:
            left = duration_words(event.remaining_s) + " left"
            self._bar.update(self._task, completed=event.step, loss=event.loss, left=left)
        elif isinstance(event, TrainingPaused) and self._task is not None:
            self._bar.update(self._task, left="paused")
        elif isinstance(event, TrainingStopped):
            self._bar.stop()
        self._lines.hear(event)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def open_speaker(choice: ProgressChoice, out: TextIO, terminal: TextIO) -> Speaker:
    """Return what tells of a training: on ``auto`` a bar where there is a terminal."""
    if choice == "json":
        return JsonSpeaker(out)
    if choice == "bar" or (choice == "auto" and terminal.isatty()):
        return BarSpeaker(out, terminal)
    return LineSpeaker(out)


def event_words(event: TrainingEvent) -> str:
    """Return an event in words; empty for what happens all the time."""
    if isinstance(event, TrainingProgress):
        return (
            f"step {event.step}/{event.steps}  loss {event.loss:.3f}  "
            f"{miou_words(event.validation)}  {duration_words(event.remaining_s)} left"
        )
    if isinstance(event, BatchDivided):
        return (
            f"step {event.step}: out of memory; from now on {event.crops_at_once} crops at once, "
            f"added up to the same batch of {event.batch}"
        )
    if isinstance(event, TrainingPaused):
        return f"step {event.step}: paused"
    if isinstance(event, TrainingContinued):
        return f"step {event.step}: going on"
    if isinstance(event, StageBegun):
        return f"{event.stage} ..."
    if isinstance(event, TrainingStopped):
        return _stopped_words(event)
    if isinstance(event, ModelWritten):
        return _written_words(event.bundle, event.report)
    return ""


def miou_words(figures: Mapping[str, float]) -> str:
    """Return the mean IoU of every source."""
    return "  ".join(
        f"{name} {value:.3f}" for name, value in figures.items() if name.endswith(".miou")
    )


def duration_words(seconds: float) -> str:
    """Return a duration in words, such as ``1 h 05 min``."""
    minutes = round(seconds / 60.0)
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _stopped_words(event: TrainingStopped) -> str:
    if event.reason is StopReason.EARLY:
        return f"step {event.step}: nothing gained any more; ended early with the best weights"
    if event.reason is StopReason.CANCELLED:
        return f"step {event.step}: stopped; go on with --resume"
    return ""


def _written_words(bundle: Path, report: Path | None) -> str:
    words = f"model written to {bundle}"
    return words if report is None else f"{words}\nreport written to {report}"
