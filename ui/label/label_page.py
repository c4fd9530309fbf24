"""Label in the window: projects, one picture at work, tools, and the model's help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from ui.label.actions import BY_KEY, stroke_of
from ui.label.class_panel import ClassPanel
from ui.label.composing import LayerLook
from ui.label.export_panel import ExportPanel
from ui.label.help_overlay import HelpOverlay
from ui.label.import_panel import ImportPanel
from ui.label.projects_view import ProjectsView
from ui.label.recent import RecentStore
from ui.label.select_panel import SelectPanel
from ui.label.work_view import WorkView
from ui.label.workroom import Workroom
from ui.theme import ThemeKeeper
from ui.widgets.path_panel import PathPanel
from ui.widgets.words import Words

_LOOK = LayerLook(colours={1: "#56b4e9", 2: "#e63c00"})
_INSET_PX = 24


def projects_folder() -> Path:
    """Return where new projects are made: a folder of the user's documents."""
    documents = QStandardPaths.StandardLocation.DocumentsLocation
    return Path(QStandardPaths.writableLocation(documents)) / "AgriSeg" / "labels"


class LabelPage(QWidget):
    """Pictures to label. Nothing here opens a nozzle; while spraying labelling waits.

    Parameters
    ----------
    keeper : ThemeKeeper
    recent : RecentStore
        Keeps which projects were open before.
    root : Path
        Folder in which new projects are made.
    bundle : callable
        Returns the folder of the model that labels first; None for the deployed one.
    runs : callable
        Returns the folder of all recorded runs.
    """

    explained = Signal(str)

    def __init__(
        self,
        keeper: ThemeKeeper,
        recent: RecentStore,
        root: Path,
        bundle: Callable[[], Path | None],
        runs: Callable[[], Path],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._refusal = ""
        self.projects = ProjectsView(keeper, root)
        self.view = WorkView(keeper, _LOOK)
        self.waits = Words("", "heading")
        self._stack = QStackedWidget()
        for widget in (self.projects, self.view, self.waits):
            self._stack.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        self.paths = PathPanel(keeper, self)
        self.help = HelpOverlay(keeper, self)
        self.incoming = ImportPanel(keeper, self)
        self.outgoing = ExportPanel(keeper, self)
        self.choice = SelectPanel(keeper, self)
        self.classes = ClassPanel(keeper, self)
        self.room = Workroom(
            self.view,
            self.projects,
            self.paths,
            self.incoming,
            self.outgoing,
            self.choice,
            self.classes,
            recent,
            bundle,
            runs,
            self,
        )
        self.room.explained.connect(self._explain)
        self.room.turned.connect(self._turn)
        self.room.help_asked.connect(self.help.toggle)

    @property
    def unsafe(self) -> str:
        """Why strokes are in memory alone, such as a full disk; empty when all are on the disk."""
        return self.room.desk.problem

    def show_state(self, refusal: str) -> None:
        """Take why nothing can be labelled now (spraying is on); empty when it can.

        Tools and models take the computer that spraying needs.
        """
        if refusal == self._refusal:
            return
        self._refusal = refusal
        if refusal:
            self.room.pause()
        self._turn()

    def press(self, event: QKeyEvent) -> bool:
        """Act on a key; return whether it is one of this page's."""
        if self._refusal or isinstance(self.focusWidget(), QLineEdit):
            return False
        stroke = stroke_of(event)
        if stroke == "Esc":
            self.help.hide()
            self.room.abandon()
            return False
        name = BY_KEY.get(stroke, "")
        return self.room.act(name) if name else self.room.choose_class_by_key(stroke)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on this page's keys; leave the others to the window."""
        if not self.press(event):
            event.ignore()

    def end(self) -> None:
        """Save and give everything up: the window closes."""
        self.room.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Read how far the projects are."""
        super().showEvent(event)
        self.room.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Save; what is being computed goes on."""
        super().hideEvent(event)
        self.room.rest()

    @property
    def _panels(self) -> tuple[QWidget, ...]:
        return (self.paths, self.help, self.incoming, self.outgoing, self.choice, self.classes)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the panels over the page."""
        super().resizeEvent(event)
        inset = _INSET_PX
        for panel in self._panels:
            panel.setGeometry(self.rect().adjusted(inset, inset, -inset, -inset))

    def _explain(self, text: str) -> None:
        """Say something below the picture, where it covers nothing."""
        if self._stack.currentWidget() is self.view:
            self.view.say(text)
        else:
            self.explained.emit(text)

    def _turn(self) -> None:
        """Show what there is to show: projects, the work, or why it waits."""
        if self._refusal:
            self.waits.say(f"Labelling waits: {self._refusal} Everything is saved.")
            self._stack.setCurrentWidget(self.waits)
        elif self.room.desk.project is not None:
            self._stack.setCurrentWidget(self.view)
        else:
            self._stack.setCurrentWidget(self.projects)
