"""One line across the window for what must not be overlooked."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from ui.models.status import Level
from ui.style import set_property
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import LEVEL_ICONS, pixmap
from ui.widgets.key import Key, KeyFace


@dataclass(frozen=True, slots=True, kw_only=True)
class BannerText:
    """What the banner says, how urgent it is, and the key it offers."""

    level: Level
    text: str
    action: str = ""


class Banner(QFrame):
    """Hidden while there is nothing to say."""

    action_asked = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._shown: BannerText | None = None
        self.setProperty("role", "banner")
        self._icon = QLabel()
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.key = Key(keeper, "Start the engine again", "restart", "", KeyFace(text_px=16))
        self.key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.key.clicked.connect(self.action_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(12)
        row.addWidget(self._icon)
        row.addWidget(self.label, 1)
        row.addWidget(self.key)
        self.hide()
        keeper.changed.connect(self._set_theme)

    @property
    def shown(self) -> BannerText | None:
        """What it says now."""
        return self._shown

    def show_text(self, text: BannerText | None) -> None:
        """Say something, or nothing."""
        if text == self._shown:
            return
        self._shown = text
        if text is None:
            self.hide()
            return
        self.label.setText(text.text)
        self.key.setVisible(bool(text.action))
        if text.action:
            self.key.set_words(text.action)
        level = text.level if text.level in (Level.DANGER, Level.WARNING) else Level.WAIT
        set_property(self, "level", level.value)
        set_property(self.label, "level", level.value)
        self._set_theme(self._keeper.theme)
        self.show()

    def _set_theme(self, theme: Theme) -> None:
        if self._shown is None:
            return
        ink = {
            Level.DANGER: theme.on_danger,
            Level.WARNING: theme.on_warning,
        }.get(self._shown.level, theme.on_accent)
        size = theme.px(32)
        self._icon.setPixmap(
            pixmap(LEVEL_ICONS[self._shown.level], ink, size, self.devicePixelRatioF())
        )
