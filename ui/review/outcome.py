"""What came of an export: where it is, its figures, and the key that opens its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.review.jobs import Written
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace
from ui.widgets.words import Words

Opener = Callable[[Path], bool]
"""Shows a folder in the system's file manager; returns whether there is one."""


def open_folder(folder: Path) -> bool:
    """Show a folder in the system's file manager; return whether that was possible."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class Outcome(QWidget):
    """Hidden words and key until something was written."""

    def __init__(
        self, keeper: ThemeKeeper, opener: Opener = open_folder, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._opener = opener
        self._folder: Path | None = None
        self.said = Words("", "")
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open_key = Key(
            keeper, "Open folder", "folder-open-outline", "", KeyFace(text_px=16, icon_px=22)
        )
        self.open_key.clicked.connect(self._open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.said)
        column.addWidget(self.open_key)
        self.clear()

    def clear(self) -> None:
        """Say nothing."""
        self.show_text("")

    def show_text(self, text: str) -> None:
        """Say something that has no folder."""
        self._folder = None
        self.said.say(text)
        self.open_key.hide()

    def show_written(self, written: Written) -> None:
        """Say where it is."""
        self._folder = written.path.parent
        self.said.say(f"Written: {written.path}\n{written.words}")
        self.open_key.show()

    def _open(self) -> None:
        if self._folder is not None and not self._opener(self._folder):
            self.said.say(
                f"This computer has no program that shows folders. It is in {self._folder}."
            )
