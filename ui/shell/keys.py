"""The window's keys: what each does, wherever the focus is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from agriseg.messages import SprayMode
from ui.live.controls import SENSITIVITY_STEP
from ui.shell.action_bar import ActionBar
from ui.shell.pages import Pages
from ui.widgets.key import HoldKey

Action = Callable[[], object]
STOP_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Escape)


class WindowKeys:
    """Acts on keys: Space and Escape stop in every state, S holds Start, the rest taps.

    Parameters
    ----------
    pages : Pages
    bar : ActionBar
    current : callable
        Returns the page that is shown.
    stop : callable
    show_page : callable
        Shows the page of a name.
    everywhere : mapping of key to callable
        What else acts on every page.
    """

    def __init__(
        self,
        pages: Pages,
        bar: ActionBar,
        current: Callable[[], QWidget | None],
        *,
        stop: Action,
        show_page: Callable[[str], None],
        everywhere: Mapping[Qt.Key, Action],
    ) -> None:
        self._pages = pages
        self._bar = bar
        self._current = current
        self._stop = stop
        self._everywhere: dict[Qt.Key, Action] = {
            Qt.Key.Key_P: bar.pause_key.click,
            Qt.Key.Key_M: bar.mark_key.click,
            **everywhere,
        }
        for entry in pages.entries:
            self._everywhere[entry.key] = partial(show_page, entry.name)
        operate = pages.operate
        self._on_operate: dict[Qt.Key, Action] = {
            Qt.Key.Key_1: lambda: operate.modes.choose(SprayMode.SPOT),
            Qt.Key.Key_2: lambda: operate.modes.choose(SprayMode.BAND),
            Qt.Key.Key_0: lambda: operate.modes.choose(SprayMode.OFF),
            Qt.Key.Key_Plus: lambda: operate.sensitivity.step(SENSITIVITY_STEP),
            Qt.Key.Key_Equal: lambda: operate.sensitivity.step(SENSITIVITY_STEP),
            Qt.Key.Key_Minus: lambda: operate.sensitivity.step(-SENSITIVITY_STEP),
            Qt.Key.Key_V: operate.toggle_overlay,
            Qt.Key.Key_T: operate.toggle_panel,
        }

    def press(self, event: QKeyEvent) -> bool:
        """Act on a key that went down; return whether it meant anything here."""
        if event.isAutoRepeat():
            return True
        key = Qt.Key(event.key())
        if key in STOP_KEYS:
            self._stop()
            return True
        if self._current() is self._pages.label and self._pages.label.press(event):
            return True
        hold = self._hold_key(key)
        if hold is not None:
            hold.begin_hold()
            return True
        return self._tap(key)

    def release(self, event: QKeyEvent) -> None:
        """End a hold by keyboard."""
        hold = None if event.isAutoRepeat() else self._hold_key(Qt.Key(event.key()))
        if hold is not None:
            hold.end_hold()

    def end_holds(self) -> None:
        """End all holds: another window came to the front, and takes the keys' release."""
        self._bar.start_key.end_hold()
        self._pages.operate.modes.broadcast.end_hold()

    def _hold_key(self, key: Qt.Key) -> HoldKey | None:
        if key is Qt.Key.Key_S:
            return self._bar.start_key
        if key is Qt.Key.Key_3 and self._current() is self._pages.operate:
            return self._pages.operate.modes.broadcast
        return None

    def _tap(self, key: Qt.Key) -> bool:
        pages, page = self._pages, self._current()
        action = self._everywhere.get(key)
        if action is None and page is pages.operate:
            action = self._on_operate.get(key)
        if action is not None:
            action()
            return True
        if page is pages.review:
            return bool(pages.review.press(key))
        return page is pages.field and bool(pages.field.press(key))
