"""What lies over the pages: the banner, the panel of reasons, the panel of marks."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ui.shell.action_bar import ActionBar
from ui.shell.banner import Banner, BannerText
from ui.shell.panels import MarkPanel, ReasonPanel
from ui.shell.rail import NavigationRail
from ui.shell.top_bar import TopBar
from ui.theme import ThemeKeeper

_WIDTH_PX = 640


class Overlays:
    """Keeps banner and panels in their places, clear of the rail and of the action bar."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        shell: QWidget,
        rail: NavigationRail,
        top: TopBar,
        bar: ActionBar,
    ) -> None:
        self._keeper = keeper
        self._shell = shell
        self._rail = rail
        self._top = top
        self._bar = bar
        self.banner = Banner(keeper, shell)
        self.marks = MarkPanel(keeper, shell)
        self.reasons = ReasonPanel(keeper, shell)

    def hide_panels(self) -> None:
        """Hide the panels; the banner stays."""
        self.marks.hide()
        self.reasons.hide()

    def say(self, text: BannerText | None, width: int) -> None:
        """Show a banner ``width`` pixels wide, or none; it follows the page's own changes."""
        if text == self.banner.shown and self.banner.width() == width:
            return
        self.banner.show_text(text)
        self.place_banner(width)

    def place(self, banner_width: int) -> None:
        """Put all in their places."""
        shell, gap = self._shell, self._keeper.theme.px(16)
        room = shell.width() - self._rail.width() - 2 * gap
        width = max(1, min(self._keeper.theme.px(_WIDTH_PX), room))
        for panel in (self.marks, self.reasons):
            panel.setFixedWidth(width)
            panel.adjustSize()
        bottom = shell.height() - self._bar.height() - gap
        self.marks.move(self._rail.width() + gap, bottom - self.marks.height())
        self.reasons.move(self._rail.width() + gap, self._top.height() + gap)
        self.place_banner(banner_width)
        for panel in (self.marks, self.reasons):
            panel.raise_()

    def place_banner(self, width: int) -> None:
        """Lay the banner over the top of the page, so that nothing moves below a finger."""
        gap = self._keeper.theme.px(8)
        height = max(self.banner.heightForWidth(width), self.banner.sizeHint().height())
        self.banner.setGeometry(self._rail.width() + gap, self._top.height() + gap, width, height)
        self.banner.raise_()
