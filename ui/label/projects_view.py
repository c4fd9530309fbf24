"""Where labelling begins: projects that were open before, a new one, a folder from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.review.panels import JobBar, scrolled
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)
_ROW_FACE = KeyFace(text_px=18, icon_px=28, min_height_px=76, left=True)
_ABOUT = (
    "Correct what the model saw, on the pictures from which it learns most. The model labels first;"
    " you look at its doubtful parts and mend them. What is done can train a new model on the page"
    " Learn."
)
_EMPTY = (
    "No project was open yet. Make one at the right; its pictures come from a folder, a video or"
    " recorded runs. A folder with images/ and masks/ is opened as it is."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentProject:
    """A project that was open before; ``state`` says how far it is, or why it is not there."""

    directory: Path
    state: str
    is_there: bool = True


class ProjectsView(QWidget):
    """Lists projects and makes new ones; what is asked is told by signals."""

    opened = Signal(object)
    """Carries the `Path` of a project."""
    looked_at = Signal(object)
    forgotten = Signal(object)
    created = Signal(object, str)
    """Carries the folder of a new project, and its name."""
    browse_asked = Signal()
    place_asked = Signal()

    def __init__(self, keeper: ThemeKeeper, root: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._root = root
        self._look: Path | None = None
        self.rows: dict[Path, tuple[Key, Key]] = {}
        self.empty = Words(_EMPTY, "")
        self.problem = Words("", "strong")
        self.look_key = Key(keeper, "Look at it only", "eye-outline", "", _FACE)
        self.look_key.hide()
        self.job = JobBar(keeper)
        self.job.cancel_key.hide()
        self.browse_key = Key(keeper, "Open a folder", "folder-open-outline", "Ctrl+O", _FACE)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name, such as Maize 2026 north")
        self.place = Words("", "note")
        self.place_key = Key(keeper, "Elsewhere", "folder-outline", "", _FACE)
        self.create_key = Key(keeper, "Make the project", "plus", "", KeyFace(text_px=20))
        self._lay_out()
        self.browse_key.clicked.connect(self.browse_asked)
        self.place_key.clicked.connect(self.place_asked)
        self.create_key.clicked.connect(self._create)
        self.name.returnPressed.connect(self._create)
        self.name.textChanged.connect(lambda _text: self._draw())
        self.look_key.clicked.connect(self._look_at)
        self._draw()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def root(self) -> Path:
        """The folder in which new projects are made."""
        return self._root

    def set_root(self, root: Path) -> None:
        """Make new projects in another folder."""
        self._root = root
        self._draw()

    def show_recent(self, projects: Sequence[RecentProject]) -> None:
        """List projects, the last one first."""
        for keys in self.rows.values():
            for key in keys:
                key.hide()
                key.deleteLater()
        self.rows.clear()
        self.empty.setVisible(not projects)
        for project in projects:
            go = Key(self._keeper, project.directory.name, "image-multiple", "", _ROW_FACE)
            go.set_words(project.directory.name, project.state)
            go.setToolTip(str(project.directory))
            go.setEnabled(project.is_there)
            away = Key(self._keeper, "", "close", "", KeyFace(icon_px=22, min_height_px=76))
            away.setAccessibleName(f"Take {project.directory.name} from this list")
            away.setToolTip("Take it from this list; its files stay.")
            away.setSizePolicy(away.sizePolicy().Policy.Fixed, away.sizePolicy().Policy.Fixed)
            go.clicked.connect(lambda _c=False, d=project.directory: self.opened.emit(d))
            away.clicked.connect(lambda _c=False, d=project.directory: self.forgotten.emit(d))
            row = QHBoxLayout()
            row.addWidget(go, 1)
            row.addWidget(away)
            self._list.insertLayout(self._list.count() - 1, row)
            self.rows[project.directory] = (go, away)

    def show_busy(self, what: str) -> None:
        """Say what is being read; empty when it is."""
        if what:
            self.show_problem("")
            self.job.show_share(what, 0.0, float("nan"))
        else:
            self.job.hide()

    def show_problem(self, text: str, look_at: Path | None = None) -> None:
        """Say what cannot be done; a project that somebody else edits can be looked at."""
        self.problem.say(text)
        self._look = look_at
        self.look_key.setVisible(look_at is not None)

    def _create(self) -> None:
        name = self.name.text().strip()
        if name:
            self.created.emit(self._root / _folder_name(name), name)

    def _look_at(self) -> None:
        if self._look is not None:
            self.looked_at.emit(self._look)

    def _draw(self) -> None:
        name = self.name.text().strip()
        self.create_key.setEnabled(bool(name))
        self.create_key.set_look(KeyLook.PRIMARY if name else KeyLook.PLAIN)
        self.place.say(f"It is made in {self._root / _folder_name(name) if name else self._root}.")

    def _lay_out(self) -> None:
        left = QFrame()
        left.setProperty("role", "panel")
        column = QVBoxLayout(left)
        column.addWidget(Words("Label projects", "heading"))
        column.addWidget(self.empty)
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.problem)
        column.addWidget(self.look_key)
        column.addWidget(self.job)
        column.addWidget(self.browse_key)
        right = QFrame()
        right.setProperty("role", "panel")
        column = QVBoxLayout(right)
        column.addWidget(Words("A new project", "heading"))
        column.addWidget(Words(_ABOUT, ""))
        column.addSpacing(12)
        column.addWidget(self.name)
        place = QHBoxLayout()
        place.addWidget(self.place, 1)
        self.place_key.setSizePolicy(
            self.place_key.sizePolicy().Policy.Fixed, self.place_key.sizePolicy().Policy.Fixed
        )
        place.addWidget(self.place_key)
        column.addLayout(place)
        column.addStretch(1)
        column.addWidget(self.create_key)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(left, 7)
        self._row.addWidget(right, 5)

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
        self._list.setSpacing(theme.px(6))


def _folder_name(name: str) -> str:
    """Return a folder's name for a project's: no signs that a disk refuses."""
    kept = "".join(c if c.isalnum() or c in " ._-" else "-" for c in name)
    return kept.strip(" .-") or "project"
