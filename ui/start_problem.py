"""The window in the place of the window: why AgriSeg cannot start, for who sees no terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QVBoxLayout

from ui.style import apply_theme
from ui.theme import ThemeKeeper
from ui.widgets.key import Key

_NO_SCREEN = ("offscreen", "minimal", "minimalegl", "vnc")
_WIDTH_PX = 640


def needs_a_window(has_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Return whether a sentence on standard error would be seen by nobody, and a window can be.

    Parameters
    ----------
    has_terminal : bool
        Whether standard error is a terminal.
    environment : mapping
        The environment's variables.
    """
    if has_terminal or environment.get("QT_QPA_PLATFORM", "").split(":")[0] in _NO_SCREEN:
        return False
    has_display = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return has_display or sys.platform in ("win32", "darwin")


class StartProblem(QDialog):
    """Says in one sentence what keeps AgriSeg from starting, and how to mend it."""

    def __init__(self, keeper: ThemeKeeper, sentence: str) -> None:
        super().__init__()
        self.setWindowTitle("AgriSeg")
        theme = keeper.theme
        heading = QLabel("AgriSeg cannot start")
        heading.setProperty("role", "heading")
        self.sentence = QLabel(sentence)
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        note = QLabel("No nozzle has been opened. Mend it, then start AgriSeg again.")
        note.setWordWrap(True)
        note.setProperty("role", "note")
        self.close_key = Key(keeper, "Close", "close")
        self.close_key.clicked.connect(self.accept)
        column = QVBoxLayout(self)
        margin = theme.px(24)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(theme.px(14))
        for widget in (heading, self.sentence, note):
            column.addWidget(widget)
        column.addSpacing(theme.px(8))
        column.addWidget(self.close_key, 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(theme.px(_WIDTH_PX))
        self.close_key.setFocus()


def show_start_problem(application: QApplication, keeper: ThemeKeeper, sentence: str) -> None:
    """Show the sentence until it is closed."""
    apply_theme(application, keeper.theme)
    StartProblem(keeper, sentence).exec()
