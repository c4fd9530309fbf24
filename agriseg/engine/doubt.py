"""What the engine does while the picture is unlike those that the model knows."""

from __future__ import annotations

from collections import deque

from agriseg.alarms import MODEL_UNSURE
from agriseg.engine.parts import EngineParts
from agriseg.engine.run_book import RunBook
from agriseg.engine.spray_gate import SprayGate
from agriseg.messages import Segmentation, SprayMode

_LOOKED_AT = 3
_DOUBTFUL = 2
_SURE_AGAIN = 10

_CONSEQUENCES = {
    "hold": "All nozzles are held closed",
    "broadcast": "Every nozzle sprays",
    "ignore": "Spraying goes on as it is",
}


class DoubtWatch:
    """Holds the nozzles, or sprays everything, while the model is out of its depth.

    It begins with two doubtful frames of three, so that one odd frame does nothing, and ends after
    ten familiar ones in a row.
    """

    def __init__(self, parts: EngineParts, book: RunBook, gate: SprayGate) -> None:
        self._choice = parts.config.perception.when_unsure
        self._pipeline = parts.pipeline
        self._book = book
        self._gate = gate
        self._doubts: deque[bool] = deque(maxlen=_LOOKED_AT)
        self._sure_frames = 0
        self._is_unsure = False
        self._mode_before: SprayMode | None = None

    @property
    def is_unsure(self) -> bool:
        """Whether the model is out of its depth."""
        return self._is_unsure

    def hear(self, seen: Segmentation) -> None:
        """Hear of a frame that the model has seen, before it is planned on."""
        self._doubts.append(bool(seen.doubt))
        self._sure_frames = 0 if seen.doubt else self._sure_frames + 1
        if not self._is_unsure and sum(self._doubts) >= _DOUBTFUL:
            self._begin(seen.doubt)
        elif self._is_unsure and self._sure_frames >= _SURE_AGAIN:
            self._end()
        if self._is_unsure and seen.doubt:
            self._gate.set_alarm(MODEL_UNSURE, self._words(seen.doubt))

    def choose(self, mode: SprayMode) -> None:
        """Note the mode that the operator chose: it holds once the model is sure again."""
        if self._mode_before is not None:
            self._mode_before = mode
        else:
            self._pipeline.mode = mode

    def _begin(self, doubt: str) -> None:
        self._is_unsure = True
        self._book.note("unsure", self._words(doubt))
        if self._choice == "hold":
            self._pipeline.unsure = True
        elif self._choice == "broadcast" and self._pipeline.mode is not SprayMode.OFF:
            self._mode_before = self._pipeline.mode
            self._pipeline.mode = SprayMode.BROADCAST

    def _end(self) -> None:
        self._is_unsure = self._pipeline.unsure = False
        if self._mode_before is not None:
            self._pipeline.mode, self._mode_before = self._mode_before, None
        self._book.note("sure-again", "the pictures are familiar again")
        self._gate.set_alarm(MODEL_UNSURE, "")

    def _words(self, doubt: str) -> str:
        return (
            f"The picture is {doubt or 'unlike those that the model knows'}: what the model says "
            f"of it is a guess. {_CONSEQUENCES[self._choice]}."
        )
