"""The plan with its keys and what its lines mean."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.field.plan_view import PlanView
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook

_FACE = KeyFace(text_px=13, icon_px=24, min_width_px=64, stacked=True)


class PlanPanel(QWidget):
    """A `PlanView` with keys below it."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = PlanView(keeper, units)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.keys: dict[str, Key] = {}
        for name, word, icon, shortcut, key in (
            ("out", "Zoom", "magnify-minus-outline", "−", Qt.Key.Key_Minus),
            ("in", "Zoom", "magnify-plus-outline", "+", Qt.Key.Key_Plus),
            ("whole", "Whole field", "arrow-expand-all", "W", Qt.Key.Key_W),
            ("follow", "Follow", "crosshairs-gps", "F", Qt.Key.Key_F),
        ):
            made = self.keys[name] = Key(keeper, word, icon, shortcut, _FACE)
            made.clicked.connect(lambda _checked=False, k=key: self.view.press(k))
        clear = self.keys["clear"] = Key(keeper, "Clear track", "eraser", "", _FACE)
        clear.clicked.connect(self._clear)
        self._lay_out()
        self.view.follow_changed.connect(self._draw_follow)
        self._draw_follow(self.view.is_following)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def _clear(self) -> None:
        self.view.track.clear()
        self.view.update()

    def _draw_follow(self, follow: bool) -> None:
        self.keys["follow"].set_look(KeyLook.SELECTED if follow else KeyLook.PLAIN)

    def _lay_out(self) -> None:
        panel = QFrame()
        panel.setProperty("role", "panel")
        inner = QVBoxLayout(panel)
        inner.setContentsMargins(4, 4, 4, 4)
        inner.addWidget(self.view, 1)
        inner.addWidget(self.legend)
        self._row = QHBoxLayout()
        for key in self.keys.values():
            self._row.addWidget(key, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(panel, 1)
        self._column.addLayout(self._row)

    def _set_theme(self, theme: Theme) -> None:
        for layout in (self._row, self._column):
            layout.setSpacing(theme.px(6))
        self.legend.setText(
            f'<span style="font-size:{theme.px(13)}px; color:{theme.muted}">'
            f'<b style="color:{theme.text}">▬ boundary</b>&nbsp;&nbsp; '
            f'<b style="color:{theme.text}">┄ kept clear</b>&nbsp;&nbsp; '
            f'<b style="color:{theme.fault}">▨ no spraying</b>&nbsp;&nbsp; '
            f'<b style="color:{theme.accent}">┈ driven</b>&nbsp;&nbsp; '
            f'<b style="color:{theme.curves[0]}">▬ spraying was on</b></span>'
        )
