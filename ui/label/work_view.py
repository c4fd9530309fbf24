"""The picture at work with everything around it; what is done with it is decided elsewhere."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ui.label.actions import ACTIONS, PANELS
from ui.label.canvas import LabelCanvas
from ui.label.check_panel import CheckPanel
from ui.label.composing import LayerLook
from ui.label.data_panel import DataPanel
from ui.label.layers_panel import LayersPanel
from ui.label.pictures_panel import PicturesPanel
from ui.label.tool_palette import ToolPalette
from ui.label.tool_panel import ToolPanel
from ui.review.panels import JobBar
from ui.style import set_property
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_HEAD_FACE = KeyFace(text_px=12, icon_px=24, min_width_px=64, stacked=True)
_TAB_FACE = KeyFace(text_px=12, icon_px=22, min_width_px=64, stacked=True)
_SAID_FOR_MS = 8000
_HEAD_KEYS = ("undo", "redo", "last", "next", "done", "help")


class WorkView(QWidget):
    """Head, tools, canvas, hint and panels."""

    asked = Signal(str)
    """Carries the name of an `Action`."""
    mend_asked = Signal()
    """The key beside a problem."""

    def __init__(self, keeper: ThemeKeeper, look: LayerLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back_key = Key(keeper, "Projects", "arrow-left", "", KeyFace(text_px=15, icon_px=22))
        self.back_key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.title = Words("", "strong")
        self.title.setWordWrap(False)
        self.state = Words("", "note")
        self.state.setWordWrap(False)
        self.saving = Words("", "note")
        self.saving.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.head_keys: dict[str, Key] = {}
        for name in _HEAD_KEYS:
            action = ACTIONS[name]
            shown = action.keys[0].replace("Ctrl+", "^").replace("Return", "⏎")
            shown = {"PgUp": "Pg↑", "PgDown": "Pg↓"}.get(shown, shown)
            key = Key(keeper, action.word, action.icon, shown, _HEAD_FACE)
            key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            key.setToolTip(action.help)
            self.head_keys[name] = key
        self.tool_palette = ToolPalette(keeper)
        self.canvas = LabelCanvas(keeper, look)
        self.hint = Words("", "note")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._hint = ""
        self._saying = QTimer(self)
        self._saying.setSingleShot(True)
        self._saying.setInterval(_SAID_FOR_MS)
        self._saying.timeout.connect(self._draw_hint)
        self.place = Words("", "note")
        self.place.setWordWrap(False)
        self.problem = Words("", "strong")
        self.mend_key = Key(keeper, "Try again", "restart", "", KeyFace(text_px=16, icon_px=22))
        self.mend_key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.mend_key.hide()
        self.tools = ToolPanel(keeper)
        self.pictures = PicturesPanel(keeper)
        self.layers = LayersPanel(keeper, look)
        self.check = CheckPanel(keeper)
        self.data = DataPanel(keeper)
        self.job = JobBar(keeper)
        self.tabs: dict[str, QWidget] = {
            "labels": self.tools,
            "pictures": self.pictures,
            "layers": self.layers,
            "checks": self.check,
            "data": self.data,
        }
        self.tab_keys: dict[str, Key] = {}
        for action in PANELS:
            key = Key(keeper, action.word, action.icon, "", _TAB_FACE)
            key.setToolTip(f"{action.help} ({action.keys[0]})")
            self.tab_keys[action.name.removeprefix("panel-")] = key
        self._lay_out()
        self._connect()
        self.show_tab("labels")
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_tab(self, name: str) -> None:
        """Show one of the panels."""
        self._side.setCurrentWidget(self.tabs[name])
        for other, key in self.tab_keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)

    def offers(self, mend: str) -> bool:
        """Return whether the key beside a problem offers this."""
        return self.mend_key.isVisibleTo(self) and self.mend_key.text() == mend

    def show_hint(self, text: str) -> None:
        """Say how the tool is worked."""
        self._hint = text
        if not self._saying.isActive():
            self._draw_hint()

    def say(self, text: str) -> None:
        """Say something in the place of the hint, for some seconds."""
        set_property(self.hint, "role", "strong")
        self.hint.say(text)
        self._saying.start()

    def _draw_hint(self) -> None:
        set_property(self.hint, "role", "note")
        self.hint.say(self._hint)

    def show_history(self, undo: str, redo: str) -> None:
        """Say what undo and redo would do."""
        for name, what in (("undo", undo), ("redo", redo)):
            self.head_keys[name].setEnabled(bool(what))
            self.head_keys[name].setToolTip(f"{ACTIONS[name].word}: {what}" if what else "")

    def show_problem(self, text: str, mend: str = "") -> None:
        """Say what is wrong, and offer a key against it; nothing where ``text`` is empty."""
        self.problem.say(text)
        self.mend_key.setVisible(bool(text and mend))
        if mend:
            self.mend_key.set_words(mend)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self.title)
        words.addWidget(self.state)
        words.addStretch(1)
        self._head = QHBoxLayout()
        self._head.addWidget(self.back_key)
        self._head.addLayout(words)
        self._head.addWidget(self.saving, 1)
        for key in self.head_keys.values():
            self._head.addWidget(key)
        below = QHBoxLayout()
        below.addWidget(self.hint, 1)
        below.addWidget(self.place)
        middle = QVBoxLayout()
        trouble = QHBoxLayout()
        trouble.addWidget(self.problem, 1)
        trouble.addWidget(self.mend_key)
        middle.addLayout(trouble)
        middle.addWidget(self.canvas, 1)
        middle.addLayout(below)
        self._middle = middle
        self._body = QHBoxLayout()
        self._body.addWidget(self.tool_palette)
        self._body.addLayout(middle, 1)
        self._body.addWidget(self._side_panel())
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(self._head)
        self._column.addLayout(self._body, 1)

    def _side_panel(self) -> QFrame:
        self._panel = QFrame()
        self._panel.setProperty("role", "panel")
        self._tab_row = QHBoxLayout()
        for key in self.tab_keys.values():
            self._tab_row.addWidget(key, 1)
        self._side = QStackedWidget()
        for tab in self.tabs.values():
            self._side.addWidget(tab)
        column = QVBoxLayout(self._panel)
        column.setContentsMargins(8, 8, 8, 8)
        column.addLayout(self._tab_row)
        column.addWidget(self._side, 1)
        column.addWidget(self.job)
        return self._panel

    def _connect(self) -> None:
        self.mend_key.clicked.connect(self.mend_asked)
        self.back_key.clicked.connect(lambda: self.asked.emit("leave"))
        for name, key in self.head_keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.asked.emit(n))
        for name, key in self.tab_keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.show_tab(n))
        self.check.asked.connect(self.asked)
        self.data.asked.connect(self.asked)
        self.tool_palette.chosen.connect(self.asked)
        self.layers.changed.connect(self.canvas.show_look)

    def _set_theme(self, theme: Theme) -> None:
        gap = theme.px(6)
        for layout in (self._head, self._body, self._column):
            layout.setSpacing(gap)
        self._middle.setSpacing(theme.px(4))
        self.hint.setFixedHeight(theme.px(38))
        self._tab_row.setSpacing(theme.px(4))
        self._panel.setFixedWidth(max(5 * theme.touch_px() + 4 * theme.px(4) + 18, theme.px(356)))
