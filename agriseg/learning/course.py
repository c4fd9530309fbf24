"""What a job has told so far: its lines of JSON, and what they add up to."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

EVENTS_NAME = "events.jsonl"

_ENDS = frozenset({"cancelled", "failed", "done"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Figures on held-out pictures after a step: mean IoU by source."""

    step: int
    miou: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far a job is.

    Attributes
    ----------
    phase : str
        ``prepare``, ``train``, ``paused``, ``finish``, ``prove``, or how it ended:
        ``cancelled``, ``failed``, ``done``; empty before the first word.
    words : str
        What is being done, or why it ended, for people.
    share : float
        Of the present phase, 0 to 1; NaN where that is not known.
    step, steps : int
    losses : tuple of (int, float)
        Loss by step.
    validations : tuple of Validation
    remaining_s : float
        Of the training's steps; NaN where that is not known.
    model_id : str
        The finished model's name in the registry.
    link : str
        Why the other computer cannot be reached at present; empty when it can.
    """

    phase: str = ""
    words: str = ""
    share: float = math.nan
    step: int = 0
    steps: int = 0
    losses: tuple[tuple[int, float], ...] = ()
    validations: tuple[Validation, ...] = ()
    remaining_s: float = math.nan
    model_id: str = ""
    link: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether the job told of its end."""
        return self.phase in _ENDS

    def after(self, event: Mapping[str, Any]) -> Course:
        """Return the course after one more event; what is not known is passed over."""
        kind = event.get("event")
        take = _TAKE.get(kind) if isinstance(kind, str) else None
        return self if take is None else take(self, event)


def _started(course: Course, event: Mapping[str, Any]) -> Course:
    first = int(event["step"])
    return replace(
        course,
        phase="train",
        words="learning",
        share=first / max(1, int(event["steps"])),
        step=first,
        steps=int(event["steps"]),
        losses=tuple(one for one in course.losses if one[0] <= first),
        validations=tuple(one for one in course.validations if one.step <= first),
        remaining_s=math.nan,
    )


def _step(course: Course, event: Mapping[str, Any]) -> Course:
    step, steps = int(event["step"]), int(event["steps"])
    loss = event.get("loss")
    losses = course.losses if loss is None else (*course.losses, (step, float(loss)))
    left = event.get("remaining_s")
    return replace(
        course,
        phase="train",
        words="learning",
        step=step,
        steps=steps,
        share=step / max(1, steps),
        losses=losses,
        remaining_s=math.nan if left is None else float(left),
    )


def _validation(course: Course, event: Mapping[str, Any]) -> Course:
    figures = {
        name.removesuffix(".miou"): math.nan if value is None else float(value)
        for name, value in event["validation"].items()
        if name.endswith(".miou")
    }
    one = Validation(step=int(event["step"]), miou=figures)
    return replace(course, step=one.step, validations=(*course.validations, one))


def _paused(course: Course, event: Mapping[str, Any]) -> Course:
    return replace(course, phase="paused", words="paused", step=int(event["step"]))


def _continued(course: Course, event: Mapping[str, Any]) -> Course:  # noqa: ARG001
    return replace(course, phase="train", words="learning")


def _stage(course: Course, event: Mapping[str, Any]) -> Course:
    return replace(course, phase="finish", words=str(event["stage"]), share=math.nan)


def _job(course: Course, event: Mapping[str, Any]) -> Course:
    share = event.get("share")
    return replace(
        course,
        phase=str(event["phase"]),
        words=str(event.get("words", "")),
        share=math.nan if share is None else float(share),
        model_id=str(event.get("model_id", course.model_id)),
        link="",
    )


def _link(course: Course, event: Mapping[str, Any]) -> Course:
    return replace(course, link=str(event.get("message", "")))


_TAKE = {
    "started": _started,
    "step": _step,
    "validation": _validation,
    "paused": _paused,
    "continued": _continued,
    "stage": _stage,
    "job": _job,
    "link": _link,
}


@dataclass(slots=True)
class CourseReader:
    """Follows a job's lines as they are written.

    Parameters
    ----------
    path : Path
        ``events.jsonl`` of the job.
    """

    path: Path
    course: Course = field(default_factory=Course)
    _offset: int = 0

    def read(self) -> Course:
        """Take what was written since the last time; return how far the job is."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return self.course
        whole, end, _ = data.rpartition(b"\n")
        self._offset += len(whole) + len(end)
        for event in parse_lines(whole.splitlines()):
            self.course = self.course.after(event)
        return self.course


def parse_lines(lines: Iterable[bytes]) -> Iterable[Mapping[str, Any]]:
    """Yield the objects among lines of JSON; a line torn by a crash is passed over."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def job_line(phase: str, words: str, **more: Any) -> str:
    """Return a job's own event as a line of JSON, beside those of the training."""
    known = {key: value for key, value in more.items() if not _is_nan(value)}
    event = {"version": 1, "event": "job", "phase": phase, "words": words, **known}
    return json.dumps(event, ensure_ascii=False, allow_nan=False)


def link_line(message: str) -> str:
    """Return the event of a computer that cannot be reached; an empty message: it can again."""
    return json.dumps({"version": 1, "event": "link", "message": message}, ensure_ascii=False)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
