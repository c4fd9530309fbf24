"""What is green in the picture at work, known soon after it was opened."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.tools.regions import BoolArray
from agriseg.labelling.tools.vegetation import Vegetation
from ui.review.thread import ReviewThread

_STRICTNESS_SPAN = 0.3
"""From the strictest tolerance to the loosest, in units of the index."""


class GreenSight(QObject):
    """Measures vegetation in a thread, and keeps the last mask."""

    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found: Vegetation | None = None
        self._mask: tuple[float, BoolArray] | None = None
        self._thread = ReviewThread("label-green", self)
        self._thread.failed.connect(self.failed)

    @property
    def is_known(self) -> bool:
        """Whether the picture was measured."""
        return self._found is not None

    def show_document(self, document: LabelDocument | None) -> None:
        """Measure another picture."""
        self._found, self._mask = None, None
        self._thread.cancel()
        if document is not None:
            image = document.image
            self._thread.ask(lambda: Vegetation.of(image), self._take)

    def mask(self, tolerance: float) -> BoolArray | None:
        """Return what is green, (H, W) bool; None until the picture was measured.

        Parameters
        ----------
        tolerance : float
            0: only what is clearly green; 1: pale leaves and shaded stems too.
        """
        if self._found is None:
            return None
        if self._mask is None or self._mask[0] != tolerance:
            strictness = (0.5 - tolerance) * _STRICTNESS_SPAN
            self._mask = (tolerance, self._found.mask(strictness))
        return self._mask[1]

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _take(self, found: Vegetation) -> None:
        self._found = found
