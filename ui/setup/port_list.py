"""The list of controllers: a key a line, kept in place while ports come and go."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QScroller, QVBoxLayout, QWidget

from ui.models.connection import PortEntry
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook

_FACE = KeyFace(text_px=17, icon_px=30, min_width_px=200, min_height_px=68, left=True)


def _icon(entry: PortEntry) -> str:
    if entry.choice.is_simulated:
        return "test-tube"
    if not entry.is_there:
        return "power-plug-off-outline"
    if not entry.is_permitted:
        return "lock"
    return "usb" if entry.port is not None and entry.port.usb_id else "serial-port"


class PortList(QScrollArea):
    """One key for each entry; the selected one is marked."""

    selected = Signal(object)
    """The operator selects a `ControllerChoice`; nothing is connected yet."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.keys: dict[str, Key] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Sprayer controllers")
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.addStretch(1)
        self.setWidget(inner)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_entries(self, entries: Sequence[PortEntry], selected_port: str) -> None:
        """Show the entries in order; keys of those that stay are kept, and so is the focus."""
        wanted = {entry.choice.port: entry for entry in entries}
        for port in [port for port in self.keys if port not in wanted]:
            key = self.keys.pop(port)
            self._column.removeWidget(key)
            key.hide()
            key.deleteLater()
        for index, entry in enumerate(entries):
            key = self.keys.get(entry.choice.port) or self._add(entry)
            if self._column.indexOf(key) != index:
                self._column.removeWidget(key)
                self._column.insertWidget(index, key)
            key.set_words(entry.choice.name, entry.detail, _icon(entry))
            is_selected = entry.choice.port == selected_port
            key.set_look(KeyLook.SELECTED if is_selected else KeyLook.PLAIN)
            key.setToolTip(entry.detail)

    def _add(self, entry: PortEntry) -> Key:
        key = Key(self._keeper, entry.choice.name, _icon(entry), "", _FACE)
        key.clicked.connect(lambda _checked=False, c=entry.choice: self.selected.emit(c))
        self.keys[entry.choice.port] = key
        return key

    def _set_theme(self, theme: Theme) -> None:
        self._column.setContentsMargins(0, 0, theme.px(4), 0)
        self._column.setSpacing(theme.px(6))
