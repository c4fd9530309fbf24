"""Chooses a folder or files inside the window: a panel, never a dialog, so that Stop stays free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QDir, QModelIndex, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileSystemModel,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

Check = Callable[[Path], str]
"""Returns why a path cannot be taken; empty when it can."""


class PathPanel(QFrame):
    """Shows one folder at a time; a line takes any path."""

    chosen = Signal(object)
    """Carries a `Path`."""
    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._take_files = False
        self._check: Check = lambda _path: ""
        self._model: QFileSystemModel | None = None
        self.folder = Path.home()
        self.heading = Words("", "heading")
        self.explanation = Words("", "note")
        self.line = QLineEdit()
        self.line.setAccessibleName("Path")
        self.list = QListView()
        self.list.setAccessibleName("Folders and files here")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setUniformItemSizes(True)
        QScroller.grabGesture(self.list.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        self.problem = Words("", "strong")
        face = KeyFace(text_px=17, icon_px=24)
        self.up_key = Key(keeper, "Up", "arrow-up", "", face)
        self.home_key = Key(keeper, "Home", "home-outline", "", face)
        self.take_key = Key(keeper, "Take", "check", "", face)
        self.leave_key = Key(keeper, "Cancel", "close", "", face)
        self.take_key.set_look(KeyLook.PRIMARY)
        self._lay_out()
        self.up_key.clicked.connect(lambda: self.go(self.folder.parent))
        self.home_key.clicked.connect(lambda: self.go(Path.home()))
        self.take_key.clicked.connect(self._take)
        self.leave_key.clicked.connect(self._leave)
        self.line.returnPressed.connect(self._take)
        self.line.textChanged.connect(lambda _text: self._draw())
        self.list.clicked.connect(self._touch)
        self.list.activated.connect(self._touch)
        self.hide()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def ask(
        self,
        heading: str,
        explanation: str,
        start: Path,
        take: str,
        *,
        suffixes: Sequence[str] | None = None,
        check: Check = lambda _path: "",
    ) -> None:
        """Open it.

        Parameters
        ----------
        heading, explanation : str
        start : Path
            Where to begin; the nearest folder that is there.
        take : str
            What the key says.
        suffixes : sequence of str, optional
            Endings of files that can be chosen as well as folders, such as ``.json``; an empty one
            stands for all. None: folders alone.
        check : callable
            Says why a path cannot be taken.
        """
        self._take_files = suffixes is not None
        self._check = check
        self.heading.say(heading)
        self.explanation.say(explanation)
        self.take_key.set_words(take)
        model = self._begin_model()
        filters = QDir.Filter.AllDirs | QDir.Filter.NoDotAndDotDot
        if suffixes is not None:
            filters |= QDir.Filter.Files
            model.setNameFilters([f"*{suffix}" for suffix in suffixes])
            model.setNameFilterDisables(False)
        model.setFilter(filters)
        self.go(start)
        self.show()
        self.raise_()
        self.line.setFocus()

    def go(self, folder: Path) -> None:
        """Show a folder, or the nearest above it that is there."""
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        self.folder = folder
        if self._model is not None:
            self.list.setRootIndex(self._model.setRootPath(str(folder)))
        self.line.setText(str(folder))
        self._draw()

    def _begin_model(self) -> QFileSystemModel:
        """Look at the disk only as long as the panel is open."""
        self._end_model()
        model = self._model = QFileSystemModel(self)
        model.setReadOnly(True)
        self.list.setModel(model)
        return model

    def _end_model(self) -> None:
        if self._model is not None:
            self.list.setModel(None)
            self._model.deleteLater()
            self._model = None

    def _touch(self, index: QModelIndex) -> None:
        if self._model is None:
            return
        path = Path(self._model.filePath(index))
        if path.is_dir():
            self.go(path)
        else:
            self.line.setText(str(path))
            self._draw()

    def _take(self) -> None:
        path = Path(self.line.text().strip()).expanduser()
        if self._check(path):
            self._draw()
            return
        self._end_model()
        self.hide()
        self.chosen.emit(path)

    def _leave(self) -> None:
        self._end_model()
        self.hide()
        self.left.emit()

    def _draw(self) -> None:
        path = Path(self.line.text().strip()).expanduser()
        problem = self._check(path)
        self.problem.say(problem)
        self.take_key.setEnabled(not problem)

    def _lay_out(self) -> None:
        places = QHBoxLayout()
        for key in (self.up_key, self.home_key):
            key.setSizePolicy(key.sizePolicy().Policy.Fixed, key.sizePolicy().Policy.Fixed)
            places.addWidget(key)
        places.insertWidget(0, self.line, 1)
        keys = QHBoxLayout()
        keys.addWidget(self.leave_key, 1)
        keys.addWidget(self.take_key, 2)
        column = QVBoxLayout(self)
        column.addWidget(self.heading)
        column.addWidget(self.explanation)
        column.addLayout(places)
        column.addWidget(self.list, 1)
        column.addWidget(self.problem)
        column.addLayout(keys)

    def _set_theme(self, theme: Theme) -> None:
        self.list.setStyleSheet(
            f"QListView {{ background: {theme.raised}; border: 1px solid {theme.line};"
            f" border-radius: {theme.px(6)}px; }}"
            f" QListView::item {{ min-height: {theme.px(40)}px; }}"
            f" QListView::item:hover {{ background: {theme.background}; color: {theme.text}; }}"
            f" QListView::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}"
        )
