"""A panel that lies over its page, in the middle, until it is done with."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from ui.theme import Theme, ThemeKeeper


class Overlay(QFrame):
    """Hidden until `pop_up`; follows its page's size, and keys in it are never squeezed.

    Parameters
    ----------
    keeper : ThemeKeeper
    width_px : float
        At 1280x800; less where the page is narrower.
    parent : QWidget
        The page.
    """

    def __init__(self, keeper: ThemeKeeper, width_px: float, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._keeper = keeper
        self._page = parent
        self._width_px = width_px
        self._column = QVBoxLayout(self)
        parent.installEventFilter(self)
        self._dress(keeper.theme)
        keeper.changed.connect(self._dress)
        self.hide()

    def pop_up(self) -> None:
        """Show it over the page."""
        self.show()
        self.place()
        self.raise_()
        self.setFocus()

    def place(self) -> None:
        """Put it in the middle of its page."""
        page = self._page
        width = min(self._keeper.theme.px(self._width_px), page.width())
        self._column.activate()
        height = max(self._column.heightForWidth(width), self._column.minimumSize().height())
        self.setFixedSize(width, height)
        self.move((page.width() - width) // 2, max(0, (page.height() - height) // 2))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the page's size."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self.place()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Make room when words or keys in it change."""
        if event.type() is QEvent.Type.LayoutRequest and self.isVisible():
            self.place()
        return super().event(event)

    def _dress(self, theme: Theme) -> None:
        margin = theme.px(14)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(theme.px(8))
