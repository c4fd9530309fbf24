"""Review in the window: the runs, one of them looked at again, two of them compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from agriseg.errors import AgrisegError
from agriseg.mapping.ground_track import Origin
from agriseg.recording.marks import RunNotes, write_notes
from agriseg.recording.run_directories import delete_run, find_runs, set_starred
from ui.models.review_open import OpenedRun
from ui.models.review_runs import RunCard, read_card
from ui.models.what_if import Sweep
from ui.review.compare_desk import CompareDesk
from ui.review.compare_view import CompareView
from ui.review.export_desk import ExportDesk, Forgetful, ReviewMemory, export_folder
from ui.review.job_desk import JobDesk
from ui.review.jobs import ExportForm, what_if
from ui.review.outcome import Opener, open_folder
from ui.review.picture import PaintedFrame
from ui.review.record_view import RecordView
from ui.review.run_source import RunSource, thumbnail
from ui.review.run_view import RunView
from ui.review.runs_view import RunsView
from ui.review.thread import ReviewThread
from ui.theme import ThemeKeeper
from ui.units import Units
from ui.widgets.path_panel import PathPanel

_UNKNOWN = float("nan")

Stamp = tuple[float, int]


class ReviewPage(QWidget):
    """Runs to look at. Nothing here opens a nozzle; while spraying no run is opened.

    Parameters
    ----------
    keeper : ThemeKeeper
    units : Units
    root : callable
        Returns the folder of all runs.
    exports : callable, optional
        Returns the folder that exports go to as long as none was chosen.
    memory : ReviewMemory, optional
        What was chosen and stated before.
    opener : callable, optional
        Shows a folder in the system's file manager.
    """

    explained = Signal(str)

    def __init__(
        self,
        keeper: ThemeKeeper,
        units: Units,
        root: Callable[[], Path],
        exports: Callable[[], Path] = export_folder,
        memory: ReviewMemory | None = None,
        opener: Opener = open_folder,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._root = root
        self._refusal = ""
        self._known: dict[Path, Stamp] = {}
        self._source: RunSource | None = None
        self._opened: OpenedRun | None = None
        self._reader = ReviewThread("review-list", self)
        self._thread = ReviewThread("review-run", self)
        self._job = JobDesk(self)
        self.runs = RunsView(keeper, units)
        self.view = RunView(keeper, units, opener)
        self.record = RecordView(keeper, opener)
        self.paths = PathPanel(keeper)
        self.exports = ExportDesk(
            self._job, self.view.export, self.record, exports, memory or Forgetful(), self
        )
        self.compare = CompareView(keeper, units)
        self._compare_desk = CompareDesk(self.compare, self)
        self._stack = QStackedWidget()
        for widget in (self.runs, self.view, self.compare, self.record, self.paths):
            self._stack.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self._stack.setCurrentWidget(self.runs)
        self._connect()

    @property
    def opened(self) -> OpenedRun | None:
        """The run looked at, once it is open."""
        return self._opened

    @property
    def is_busy(self) -> bool:
        """Whether an export or a what-if is at work."""
        return self._job.is_busy

    def set_units(self, units: Units) -> None:
        """Write figures in other units."""
        for view in (self.runs, self.view, self.compare):
            view.set_units(units)

    def show_state(self, refusal: str) -> None:
        """Take why no run can be looked at now (spraying is on); empty when one can.

        Decoding and deciding again take the computer that spraying needs.
        """
        if refusal == self._refusal:
            return
        self._refusal = refusal
        if refusal:
            self.close_run()
            self._reader.cancel()
        self.runs.show_refusal(refusal)
        if not refusal and self.isVisible():
            self.refresh()

    def press(self, key: Qt.Key) -> bool:
        """Act on a key of the run looked at; return whether it is one."""
        return self._stack.currentWidget() is self.view and self.view.press(key)

    def refresh(self) -> None:
        """Look for runs that are new, changed or gone."""
        if self._refusal:
            return
        self.runs.show_progress("Looking for runs …")
        root = self._root()
        self._reader.ask(lambda: _stamps(root), self._read_cards)

    def end(self) -> None:
        """Give everything up: the window closes."""
        self._reader.stop()
        self._compare_desk.end()
        source = self._source
        self.close_run()
        self._thread.stop()
        if source is not None:
            source.close()

    def showEvent(self, event: QShowEvent) -> None:
        """List the runs."""
        super().showEvent(event)
        if self._opened is None:
            self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop what nobody sees; the run looked at stays where it is, and a job goes on."""
        super().hideEvent(event)
        self._reader.cancel()
        if self._opened is None:
            self.close_run()
            return
        self.view.pause()
        self._release()

    # The list

    def _read_cards(self, stamps: dict[Path, Stamp]) -> None:
        """Read the runs that are not as they were, newest first."""
        for card in self.runs.all_cards:
            if card.directory not in stamps:
                self.runs.forget(card.directory)
        changed = [run for run, stamp in reversed(stamps.items()) if self._known.get(run) != stamp]
        self._tell_reading(len(changed), len(changed))
        for place, run in enumerate(changed, start=1):
            self._read(run, place, len(changed))

    def _read(self, run: Path, place: int, total: int) -> None:
        def take(card: RunCard | None) -> None:
            self._tell_reading(total - place, total)
            if card is not None:
                self._known[run] = _stamp(run)
                self.runs.show_card(card)
                if card.pictures:
                    self._reader.ask(
                        lambda: thumbnail(run), lambda image: self.runs.show_thumbnail(run, image)
                    )

        self._reader.ask(lambda: read_card(run, self._reader.is_cancelled), take)

    def _tell_reading(self, left: int, total: int) -> None:
        self.runs.show_progress(f"Reading runs: {total - left} of {total}" if left else "")

    def _star(self, card: RunCard, starred: bool) -> None:
        if self._guard(lambda: set_starred(card.directory, starred)):
            self.runs.show_card(replace(card, starred=starred))

    def _delete(self, card: RunCard) -> None:
        if self._guard(lambda: delete_run(card.directory)):
            self._known.pop(card.directory, None)
            self.runs.forget(card.directory)
            self.explained.emit(f"The run of {card.title} was deleted.")

    def _note(self, card: RunCard, text: str) -> None:
        notes = replace(card.notes, note=text)
        if self._guard(lambda: write_notes(card.directory, notes)):
            self.runs.show_card(replace(card, notes=notes))

    def _guard(self, action: Callable[[], object]) -> bool:
        """Do something to a run's folder; say it if it cannot be done."""
        try:
            action()
        except AgrisegError as error:
            self.runs.show_problem(str(error))
            return False
        self.runs.show_problem("")
        return True

    # One run

    def open_run(self, card: RunCard) -> None:
        """Look at a run again."""
        if self._refusal:
            self.explained.emit(self._refusal)
            return
        self.close_run()
        self._reader.cancel()
        self.runs.show_progress("")
        source = self._source = RunSource(card.directory)
        self.view.begin(card.title)
        self.view.opening.show_share("The run is being read", 0.0, _UNKNOWN)
        self._stack.setCurrentWidget(self.view)
        self._thread.ask(
            lambda: source.tell(self._progress, self._thread.is_cancelled), self._take_run
        )

    def close_run(self) -> None:
        """Go back to the list."""
        self.view.pause()
        self._compare_desk.close()
        self._job.cancel()
        self._release()
        self._source = self._opened = None
        self._stack.setCurrentWidget(self.runs)

    def _release(self) -> None:
        """Give up what is being read and close the files, without waiting for it."""
        self._thread.cancel()
        if self._source is not None:
            self._thread.ask(self._source.close, lambda _: None)

    def _leave(self) -> None:
        self.close_run()
        self.refresh()

    def _progress(self, share: float) -> None:
        """In the thread: say how far reading the run is."""
        opening = self.view.opening
        self._thread.tell(lambda: opening.show_share("The run is being read", share, _UNKNOWN))

    def _take_run(self, opened: OpenedRun | None) -> None:
        if opened is not None:
            self._opened = opened
            self.view.show_run(opened)

    def _need_frame(self, index: int) -> None:
        source, opened = self._source, self._opened
        if source is None or opened is None:
            return

        def take(shown: PaintedFrame | str) -> None:
            self.view.show_frame(shown)

        self._thread.ask(lambda: source.frame(opened, index), take, newest_of="frame")

    def _keep_notes(self, notes: RunNotes) -> None:
        if self._opened is None:
            return
        try:
            write_notes(self._opened.directory, notes)
        except AgrisegError as error:
            self.view.marks.problem.say(str(error))
            return
        self.view.marks.problem.say("")
        self._opened = replace(self._opened, notes=notes)
        self.view.take_notes(self._opened)

    def _fail(self, text: str) -> None:
        if self._opened is not None:
            self.explained.emit(text)
            return
        self.close_run()
        self.runs.show_problem(text)

    # Jobs in a process

    def _what_if(self, sweep: Sweep) -> None:
        if self._opened is not None:
            what = "The run is decided again"
            self._job.start(self.view.what_if, what, what_if, self._opened.directory, sweep)

    def _export(self, form: ExportForm, origin: Origin | None) -> None:
        if self._opened is not None:
            self.exports.write(self.view.export, self._opened.directory, form, origin)

    def _write_record(self, form: ExportForm) -> None:
        if self._opened is not None:
            self.exports.write(self.record, self._opened.directory, form)

    def _open_record(self) -> None:
        if self._opened is not None:
            self.exports.open_record(self._opened, self.view.title.text())
            self._stack.setCurrentWidget(self.record)

    def _choose_folder(self) -> None:
        self._stack.setCurrentWidget(self.paths)
        self.exports.ask_folder(self.paths)

    def _take_folder(self, folder: Path) -> None:
        self.exports.take_folder(folder)
        self._stack.setCurrentWidget(self.view)

    def _connect(self) -> None:
        self.runs.opened.connect(self.open_run)
        self.runs.starred.connect(self._star)
        self.runs.deleted.connect(self._delete)
        self.runs.noted.connect(self._note)
        self.runs.compared.connect(self._compare)
        self.compare.left.connect(self._leave_compare)
        self.view.left.connect(self._leave)
        self.view.frame_needed.connect(self._need_frame)
        self.view.notes_changed.connect(self._keep_notes)
        self.view.export.asked.connect(self._export)
        self.view.export.record_asked.connect(self._open_record)
        self.view.export.elsewhere_asked.connect(self._choose_folder)
        self.view.what_if.asked.connect(self._what_if)
        for panel in (self.view.export, self.view.what_if, self.record):
            panel.job.cancelled.connect(self._job.cancel)
        self.record.left.connect(lambda: self._stack.setCurrentWidget(self.view))
        self.record.write_asked.connect(self._write_record)
        self.paths.chosen.connect(self._take_folder)
        self.paths.left.connect(lambda: self._stack.setCurrentWidget(self.view))
        self.view.opening.cancelled.connect(self._leave)
        self._reader.failed.connect(self.runs.show_problem)
        self._thread.failed.connect(self._fail)
        self._job.refused.connect(self.explained)

    def _compare(self, first: RunCard, second: RunCard) -> None:
        if self._refusal:
            self.explained.emit(self._refusal)
            return
        self._compare_desk.open(first, second)
        self._stack.setCurrentWidget(self.compare)

    def _leave_compare(self) -> None:
        self._compare_desk.close()
        self._stack.setCurrentWidget(self.runs)


def _stamps(root: Path) -> dict[Path, Stamp]:
    return {run: _stamp(run) for run in find_runs(root)}


def _stamp(run: Path) -> Stamp:
    """Return what changes when a run's files do: newest change, and how many there are."""
    try:
        times = [path.stat().st_mtime for path in run.iterdir()]
    except OSError:
        return 0.0, 0
    return max(times, default=0.0), len(times)
