"""Reads the two runs that are compared, beside the window."""

from __future__ import annotations

from PySide6.QtCore import QObject

from ui.models.review_curves import run_curves
from ui.models.review_open import OpenedRun
from ui.models.review_runs import RunCard
from ui.review.compare_view import CompareView
from ui.review.run_source import RunSource
from ui.review.thread import ReviewThread

_UNKNOWN = float("nan")


class CompareDesk(QObject):
    """Opens both runs for a `CompareView` and fetches the pictures it asks for."""

    def __init__(self, view: CompareView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._thread = ReviewThread("review-compare", self)
        self._sources: tuple[RunSource, ...] = ()
        self._opened: list[OpenedRun] = []
        self._thread.failed.connect(view.show_problem)
        view.side_by_side.frame_needed.connect(self._need_frame)
        view.opening.cancelled.connect(self.close)

    def open(self, first: RunCard, second: RunCard) -> None:
        """Show two runs' figures at once, and read the rest."""
        self.close()
        self._view.show_cards(first, second)
        self._sources = tuple(RunSource(card.directory) for card in (first, second))
        self._view.opening.show_share("The runs are being read", 0.0, _UNKNOWN)
        for place, source in enumerate(self._sources):
            self._ask(place, source)

    def close(self) -> None:
        """Give up what is being read and close the files."""
        self._thread.cancel()
        for source in self._sources:
            self._thread.ask(source.close, lambda _: None)
        self._sources = ()
        self._opened.clear()
        self._view.opening.hide()

    def end(self) -> None:
        """The window closes."""
        sources = self._sources
        self.close()
        self._thread.stop()
        for source in sources:
            source.close()

    def _ask(self, place: int, source: RunSource) -> None:
        opening = self._view.opening

        def progress(share: float) -> None:
            done = 0.5 * (place + share)
            self._thread.tell(lambda: opening.show_share("The runs are being read", done, _UNKNOWN))

        self._thread.ask(lambda: source.tell(progress, self._thread.is_cancelled), self._take)

    def _take(self, opened: OpenedRun | None) -> None:
        if opened is None:
            return
        self._opened.append(opened)
        if len(self._opened) == len(self._sources) == 2:
            first, second = self._opened
            self._view.opening.hide()
            self._view.show_runs((first, second), (run_curves(first), run_curves(second)))

    def _need_frame(self, which: int, index: int) -> None:
        if len(self._opened) != 2:
            return
        source, opened = self._sources[which], self._opened[which]
        self._thread.ask(
            lambda: source.frame(opened, index),
            lambda shown: self._view.side_by_side.show_frame(which, shown),
            newest_of=f"frame-{which}",
        )
