"""Jobs: how each does, its curves and pictures, and the keys that order it about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from agriseg.learning.jobs import JobView
from ui.learn.tables import FactList, LearningCurves
from ui.models.learning import (
    job_facts,
    job_sentence,
    job_share,
    job_title,
    sample_pictures,
    state_words,
    validation_curves,
)
from ui.review.panels import scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=16, icon_px=22)
_ROW_FACE = KeyFace(text_px=17, icon_px=24, left=True)
_MOST_SAMPLES = 4
_ICONS = {
    "done": "check-circle-outline",
    "failed": "alert-circle-outline",
    "broken": "alert-circle-outline",
    "paused": "pause-circle-outline",
    "cancelled": "close-circle-outline",
    "interrupted": "alert-circle-outline",
}
_EMPTY = "Nothing has been learned here yet. Choose pictures and begin."


class JobsView(QWidget):
    """Lists jobs and shows one; what is asked is told by signals."""

    ordered = Signal(str, str)
    """Carries ``pause``, ``go on``, ``cancel`` or ``delete``, and the job's id."""
    model_asked = Signal(str)
    """Carries the id of a job's model."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._views: tuple[JobView, ...] = ()
        self._selected = ""
        self._asks_delete = False
        self._drawn_samples: tuple[tuple[Path, float], ...] = ()
        self.rows: dict[str, Key] = {}
        self.empty = Words(_EMPTY, "")
        self.title = Words("", "heading")
        self.state = Words("", "strong")
        self.sentence = Words("", "")
        self.problem = Words("", "strong")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.facts = FactList()
        self.curves = LearningCurves(keeper)
        self.samples = [QLabel() for _ in range(_MOST_SAMPLES)]
        self.samples_title = Words("Held-out pictures as it sees them now", "title")
        self.pause_key = Key(keeper, "Pause", "pause", "", _FACE)
        self.cancel_key = Key(keeper, "Cancel", "close", "", _FACE)
        self.delete_key = Key(keeper, "Delete", "delete-outline", "", _FACE)
        self.model_key = Key(keeper, "Look at the model", "arrow-right", "", _FACE)
        self._lay_out()
        self.pause_key.clicked.connect(self._pause)
        self.cancel_key.clicked.connect(lambda: self.ordered.emit("cancel", self._selected))
        self.delete_key.clicked.connect(self._delete)
        self.model_key.clicked.connect(self._model)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self._draw()

    @property
    def selected(self) -> JobView | None:
        """The job shown."""
        return next((view for view in self._views if view.job_id == self._selected), None)

    def show_jobs(self, views: Sequence[JobView]) -> None:
        """Take how the jobs are now, newest first."""
        if [view.job_id for view in views] != [view.job_id for view in self._views]:
            self._views = tuple(views)
            if self.selected is None:
                self._selected = views[0].job_id if views else ""
            self._draw_rows()
        self._views = tuple(views)
        self._draw()

    def select(self, job_id: str) -> None:
        """Show a job."""
        self._selected = job_id
        self._asks_delete = False
        self.problem.say("")
        self._draw()

    def show_problem(self, text: str) -> None:
        """Say what could not be done."""
        self.problem.say(text)

    # What the user does

    def _pause(self) -> None:
        view = self.selected
        if view is not None:
            is_running = view.is_at_work and view.state != "paused"
            self.ordered.emit("pause" if is_running else "go on", view.job_id)

    def _delete(self) -> None:
        self._asks_delete = not self._asks_delete
        if not self._asks_delete:
            self.ordered.emit("delete", self._selected)
        self._draw()

    def _model(self) -> None:
        view = self.selected
        if view is not None and view.course.model_id:
            self.model_asked.emit(view.course.model_id)

    # Drawing

    def _lay_out(self) -> None:
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        left, self._detail = QFrame(), QFrame()
        for panel in (left, self._detail):
            panel.setProperty("role", "panel")
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        column = QVBoxLayout(left)
        column.addWidget(self.empty)
        column.addWidget(scrolled(inner), 1)
        self._row.addWidget(left, 4)
        self._row.addWidget(self._detail, 8)
        column = QVBoxLayout(self._detail)
        for widget in (self.title, self.state, self.sentence, self.bar, self.problem):
            column.addWidget(widget)
        middle = QHBoxLayout()
        middle.addWidget(self.curves, 5)
        facts = QVBoxLayout()
        facts.addWidget(self.facts)
        facts.addStretch(1)
        middle.addLayout(facts, 3)
        column.addLayout(middle, 3)
        column.addWidget(self.samples_title)
        pictures = QHBoxLayout()
        for label in self.samples:
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            pictures.addWidget(label)
        pictures.addStretch(1)
        column.addLayout(pictures)
        keys = QHBoxLayout()
        for key in (self.pause_key, self.cancel_key, self.delete_key, self.model_key):
            keys.addWidget(key)
        column.addLayout(keys)

    def _draw_rows(self) -> None:
        for key in self.rows.values():
            key.hide()
            key.deleteLater()
        self.rows.clear()
        for view in self._views:
            key = Key(self._keeper, job_title(view), "school-outline", "", _ROW_FACE)
            key.clicked.connect(lambda _checked=False, i=view.job_id: self.select(i))
            self._list.insertWidget(self._list.count() - 1, key)
            self.rows[view.job_id] = key

    def _draw(self) -> None:
        view = self.selected
        self.empty.setVisible(not self._views)
        self._detail.setVisible(view is not None)
        for one in self._views:
            key = self.rows.get(one.job_id)
            if key is not None:
                icon = _ICONS.get(one.state, "school-outline")
                key.set_words(job_title(one), state_words(one), icon)
                is_shown = one.job_id == self._selected
                key.set_look(KeyLook.SELECTED if is_shown else KeyLook.PLAIN)
        if view is not None:
            self._draw_job(view)

    def _draw_job(self, view: JobView) -> None:
        self.title.say(job_title(view))
        self.state.say(state_words(view).capitalize())
        self.sentence.say(job_sentence(view))
        share = job_share(view)
        self.bar.setVisible(view.is_at_work)
        self.bar.setRange(0, 100 if share > 0.0 else 0)
        self.bar.setValue(round(100 * share))
        self.facts.show_facts(job_facts(view))
        self.curves.show_curves(validation_curves(view))
        self._draw_samples(sample_pictures(view))
        self._draw_keys(view)

    def _draw_keys(self, view: JobView) -> None:
        is_running = view.is_at_work and view.state != "paused"
        words = ("Pause", "", "pause") if is_running else ("Continue", "", "play")
        self.pause_key.set_words(*words)
        self.pause_key.setEnabled(view.is_at_work or view.can_go_on)
        can_go_on = not is_running and self.pause_key.isEnabled()
        self.pause_key.set_look(KeyLook.PRIMARY if can_go_on else KeyLook.PLAIN)
        self.cancel_key.setEnabled(view.is_at_work)
        self.delete_key.setEnabled(not view.is_at_work)
        self.delete_key.set_words("Really delete?" if self._asks_delete else "Delete")
        self.delete_key.set_look(KeyLook.DANGER if self._asks_delete else KeyLook.PLAIN)
        self.model_key.setEnabled(bool(view.course.model_id))
        is_new = view.state == "done"
        self.model_key.set_look(KeyLook.PRIMARY if is_new else KeyLook.PLAIN)

    def _draw_samples(self, pictures: Sequence[Path]) -> None:
        shown = tuple((path, _changed_at(path)) for path in pictures[:_MOST_SAMPLES])
        self.samples_title.setVisible(bool(shown))
        if shown == self._drawn_samples:
            return
        self._drawn_samples = shown
        height = self._keeper.theme.px(150)
        for place, label in enumerate(self.samples):
            found = QPixmap(str(shown[place][0])) if place < len(shown) else QPixmap()
            label.setVisible(not found.isNull())
            if not found.isNull():
                mode = Qt.TransformationMode.SmoothTransformation
                label.setPixmap(found.scaledToHeight(height, mode))
                label.setToolTip(shown[place][0].stem)
                label.setAccessibleName(f"{shown[place][0].stem}: truth above, the model below")

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
        self.curves.setMinimumHeight(theme.px(150))
        self._drawn_samples = ()


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
