"""The form for the record of an application: kept beside the run as it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.errors import RecordingError
from agriseg.exchange.spray_record import LABELS, REQUIRED, load_record, missing_of, save_record
from agriseg.field_config import RecordConfig
from ui.models.record_form import (
    GROUPS,
    HINTS,
    as_last_time,
    text_of,
    to_be_remembered,
    value_of,
)
from ui.review.jobs import RECORD_FORMS, Written
from ui.review.outcome import Opener, Outcome, open_folder
from ui.review.panels import JobBar, scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)


class RecordField(QWidget):
    """One value: its name, what was typed, and why that cannot be."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.title = Words(LABELS[key], "title")
        self.line = QLineEdit()
        self.line.setPlaceholderText(HINTS.get(key, ""))
        self.line.setAccessibleName(LABELS[key])
        self.problem = Words("", "strong")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for widget in (self.title, self.line, self.problem):
            column.addWidget(widget)
        self.line.textChanged.connect(lambda _text: self._draw())
        self.line.returnPressed.connect(self.focusNextChild)
        self._draw()

    def show_text(self, text: str) -> None:
        """Show what is kept."""
        self.line.setText(text)
        self.problem.say("")

    def _draw(self) -> None:
        needed = self.key in REQUIRED and not self.line.text().strip()
        self.title.say(f"{LABELS[self.key]} · needed" if needed else LABELS[self.key])


class RecordView(QWidget):
    """All fields of `RecordConfig`, and the keys that write the record as PDF or HTML."""

    left = Signal()
    write_asked = Signal(object)
    """Carries the `ExportForm`."""
    kept = Signal(object)
    """Carries what is likely to be the same next time."""

    def __init__(
        self, keeper: ThemeKeeper, opener: Opener = open_folder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._directory = Path()
        self._configured = RecordConfig()
        self._record = RecordConfig()
        self._last: Mapping[str, object] = {}
        self.title = Words("", "heading")
        self.note = Words("Each value is kept beside the run as soon as it is entered.", "note")
        self.missing = Words("", "strong")
        self.problem = Words("", "strong")
        self.outcome = Outcome(keeper, opener)
        self.job = JobBar(keeper)
        self.fields = {key: RecordField(key) for _, keys in GROUPS for key in keys}
        for key, field in self.fields.items():
            field.line.editingFinished.connect(lambda k=key: self._take(k))
        self.back_key = Key(keeper, "Run", "arrow-left", "", _FACE)
        self.last_key = Key(keeper, "As last time", "history", "", _FACE)
        self.write_keys: dict[str, Key] = {}
        for form in RECORD_FORMS:
            made = Key(keeper, f"Write {form.word}", "file-document-outline", "", _FACE)
            made.clicked.connect(lambda _checked=False, f=form: self._write(f))
            self.write_keys[form.name] = made
        self.back_key.clicked.connect(self.left)
        self.last_key.clicked.connect(self._fill)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def record(self) -> RecordConfig:
        """What is kept."""
        return self._record

    def begin(
        self, title: str, directory: Path, configured: RecordConfig, last: Mapping[str, object]
    ) -> None:
        """Take a run.

        Parameters
        ----------
        title : str
        directory : Path
            Of the run.
        configured : RecordConfig
            What its configuration states.
        last : mapping
            What was stated for the last application.
        """
        self._directory, self._configured, self._last = directory, configured, last
        self.title.say(f"Spray record: {title}")
        self.outcome.clear()
        self.problem.say("")
        try:
            self._record = load_record(directory, configured)
        except RecordingError as error:
            self._record = configured
            self.problem.say(str(error))
        self._draw()

    def show_running(self, running: bool) -> None:
        """While one record is written, no other can begin."""
        self.job.setVisible(running)
        for key in self.write_keys.values():
            key.setEnabled(not running)

    def show_done(self, written: Written) -> None:
        """Say where it is."""
        self.outcome.show_written(written)

    def show_failed(self, text: str) -> None:
        """Say why it was not written."""
        self.outcome.show_text(text)

    def _take(self, key: str) -> None:
        """Keep one value; what cannot be is said below it, and nothing changes."""
        field = self.fields[key]
        if field.line.text().strip() == text_of(self._record, key):
            field.problem.say("")
            return
        try:
            self._keep({key: value_of(key, field.line.text())})
        except RecordingError as error:
            field.problem.say(str(error).replace(f"record.{key}", LABELS[key]))
            return
        field.show_text(text_of(self._record, key))

    def _fill(self) -> None:
        try:
            self._keep(as_last_time(self._record, self._last))
        except RecordingError as error:
            self.problem.say(str(error))
            return
        self._draw()

    def _keep(self, changes: Mapping[str, object]) -> None:
        self._record = save_record(self._directory, self._configured, changes)
        self.problem.say("")
        self.kept.emit(to_be_remembered(self._record))
        self._draw_missing()

    def _write(self, form: object) -> None:
        self.outcome.clear()
        self.write_asked.emit(form)

    def _draw(self) -> None:
        for key, field in self.fields.items():
            field.show_text(text_of(self._record, key))
        self._draw_missing()

    def _draw_missing(self) -> None:
        missing = missing_of(self._record)
        self.missing.say(
            f"Still needed: {', '.join(missing)}." if missing else "Everything needed is there."
        )
        fills = len(as_last_time(self._record, self._last))
        self.last_key.setEnabled(fills > 0)
        hint = f"fills {fills} empty {'field' if fills == 1 else 'fields'}" if fills else ""
        self.last_key.set_words("As last time", hint)
        for key in self.write_keys.values():
            key.set_look(KeyLook.PLAIN if missing else KeyLook.PRIMARY)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        self.back_key.setSizePolicy(
            self.back_key.sizePolicy().Policy.Fixed, self.back_key.sizePolicy().Policy.Fixed
        )
        self.title.setWordWrap(False)
        head.addWidget(self.back_key)
        head.addWidget(self.title)
        head.addWidget(self.note, 1)
        inner = QWidget()
        self._columns = QHBoxLayout(inner)
        self._columns.setContentsMargins(0, 0, 0, 0)
        for name, keys in GROUPS:
            panel = QFrame()
            panel.setProperty("role", "panel")
            group = QVBoxLayout(panel)
            group.setSpacing(4)
            group.addWidget(Words(name, "strong"))
            for key in keys:
                group.addWidget(self.fields[key])
            group.addStretch(1)
            self._columns.addWidget(panel, 1)
        said = QVBoxLayout()
        for widget in (self.missing, self.problem, self.outcome, self.job):
            said.addWidget(widget)
        foot = QHBoxLayout()
        foot.addLayout(said, 1)
        for made in (self.last_key, *self.write_keys.values()):
            made.setSizePolicy(made.sizePolicy().Policy.Fixed, made.sizePolicy().Policy.Fixed)
            foot.addWidget(made)
        self._foot = foot
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(head)
        self._column.addWidget(scrolled(inner), 1)
        self._column.addLayout(foot)

    def _set_theme(self, theme: Theme) -> None:
        for layout in (self._column, self._columns, self._foot):
            layout.setSpacing(theme.px(8))
