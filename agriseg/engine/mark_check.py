"""Closes the nozzles when fixed parts of the machine are seen elsewhere than at calibration."""

from __future__ import annotations

import logging
import math

from agriseg.alarms import MARKS_DOUBTFUL, MARKS_MOVED
from agriseg.engine.parts import EngineParts
from agriseg.engine.spray_gate import SprayGate
from agriseg.geometry.machine_marks import MarkVerdict, MarkWatch, judge_marks
from agriseg.messages import Frame

_log = logging.getLogger(__name__)

PERIOD_S = 0.2
"""The marks are looked at this often: about a millisecond each."""

UNSEEN_S = 10.0
"""Dust and a passing leaf are nothing to tell; marks that stay away for so long are."""

_LONGEST_GAP_S = 1.0
_OTHER_SIZE = (
    "The marks on the machine were chosen in pictures of another size, so that they cannot be"
    " looked for"
)


class MarkCheck:
    """Follows the marks of the ground step, also while the machine stands.

    Without marks it does nothing.
    """

    def __init__(self, parts: EngineParts, gate: SprayGate) -> None:
        self._marks = parts.marks
        ground = parts.pipeline.ground
        self._mm_per_px = 1e3 * ground.centre_gsd_m
        self._limit_mm = parts.config.camera.marks_stop_mm
        self._gate = gate
        usable = self._marks and self._limit_mm > 0.0
        self._watch = MarkWatch(self._marks) if usable else None
        self._looked_s = -math.inf
        self._seen_s = -math.inf
        self._was_wanted = False
        self._has_closed = False

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why spraying cannot start, in a sentence with what to do."""
        alarm = next((a for a in self._gate.alarms.list() if a.code == MARKS_MOVED.code), None)
        if alarm is None or not alarm.active:
            return ()
        return (f"{alarm.text} {alarm.remedy}",)

    def look(self, frame: Frame | None) -> None:
        """Look at the newest picture, if it is time to."""
        if self._watch is None or frame is None or frame.t_capture_s < self._looked_s + PERIOD_S:
            return
        if frame.t_capture_s > self._looked_s + _LONGEST_GAP_S:
            self._watch.forget()
        if not self._watch.look(frame.image):
            self._gate.set_alarm(MARKS_DOUBTFUL, _OTHER_SIZE)
            return
        self._looked_s = frame.t_capture_s
        states = self._watch.states
        if states is not None:
            limit_px = self._limit_mm / self._mm_per_px
            self._tell(judge_marks(self._marks, states, limit_px), frame.t_capture_s)

    def _tell(self, verdict: MarkVerdict, now_s: float) -> None:
        _log.debug("marks moved by %.2f px, unseen %s", verdict.shift_px, verdict.unseen)
        is_blind = len(verdict.unseen) == len(self._marks)
        if not is_blind or self._gate.is_wanted is not self._was_wanted:
            self._seen_s = now_s
        self._was_wanted = self._gate.is_wanted
        if verdict.has_moved:
            self._has_closed = self._has_closed or self._gate.is_wanted
            closed = " All nozzles were closed." if self._has_closed else ""
            self._gate.stop(MARKS_MOVED, self._moved_text(verdict) + closed)
        elif not is_blind:
            self._has_closed = False
            self._gate.alarms.clear(MARKS_MOVED)
        self._gate.set_alarm(MARKS_DOUBTFUL, self._doubt(verdict, now_s))

    def _moved_text(self, verdict: MarkVerdict) -> str:
        text = (
            f"The camera has moved on the machine: its marks are seen {verdict.shift_px:.0f} px"
            f" from where they were, which is up to"
            f" {verdict.shift_px * self._mm_per_px:.0f} mm on the ground."
        )
        if abs(verdict.spread) > 0.015:
            way = "lower" if verdict.spread > 0.0 else "higher"
            text += f" They stand {100 * verdict.spread:+.0f} % apart, as if it were {way}."
        return text

    def _doubt(self, verdict: MarkVerdict, now_s: float) -> str:
        if verdict.alone:
            return (
                f"Mark {verdict.alone[0] + 1} has moved by {verdict.shift_px:.0f} px and the others"
                " have not: it is loose itself and no longer counts"
            )
        if self._gate.is_wanted and now_s - self._seen_s >= UNSEEN_S:
            return (
                "The marks on the machine cannot be seen, so a camera that slides would not be"
                " noticed; one that turns still would"
            )
        return ""
