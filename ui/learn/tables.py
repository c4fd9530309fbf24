"""Small tables and curves in the window's dress."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.widgets.words import Words

_NO_PREFIX = ((math.inf, math.inf),)
_SYMBOLS = ("o", "s", "t", "d", "+", "x")
_DOTS = ("●", "■", "▼", "◆", "+", "×")


def table_html(rows: Sequence[Sequence[str]], theme: Theme) -> str:
    """Return a table as rich text; the first row is its heading, figures lie to the right."""
    pad = theme.px(5)
    lines = []
    for number, row in enumerate(rows):
        tag = "th" if number == 0 else "td"
        cells = "".join(
            f'<{tag} align="{"left" if place < 1 or place == len(row) - 1 else "right"}"'
            f' style="padding:{pad}px">{html.escape(cell)}</{tag}>'
            for place, cell in enumerate(row)
        )
        lines.append(f"<tr>{cells}</tr>")
    return f'<table style="font-size:{theme.px(15)}px">{"".join(lines)}</table>'


class FactList(QWidget):
    """Names and texts in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[Words, Words]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)

    def show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Take other facts."""
        while len(self._rows) < len(facts):
            name, value = Words("", "note"), Words("", "")
            name.setWordWrap(False)
            row = len(self._rows)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
            self._rows.append((name, value))
        padded = [*facts, *[("", "")] * (len(self._rows) - len(facts))]
        for (name, value), (name_text, value_text) in zip(self._rows, padded, strict=True):
            name.say(name_text)
            value.say(value_text)


class LearningCurves(QWidget):
    """Mean IoU on held-out pictures over the steps, a curve for each set."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._shown: Mapping[str, tuple[Sequence[int], Sequence[float]]] = {}
        self.plot = pg.PlotWidget()
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setAccessibleName("Mean IoU on held-out pictures over the steps")
        item = self.plot.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.getViewBox().setMouseEnabled(x=False, y=False)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot, 1)
        column.addWidget(self.legend)
        column.addStretch(0)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_curves(self, curves: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> None:
        """Take the curves as far as they are."""
        if curves != self._shown:
            self._shown = dict(curves)
            self._draw()

    def _draw(self) -> None:
        item = self.plot.getPlotItem()
        item.clear()
        self.plot.setVisible(bool(self._shown))
        words = []
        colours = self._theme.curves
        for place, (name, (steps, values)) in enumerate(self._shown.items()):
            colour = colours[place % len(colours)]
            style = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine)[place // len(colours) % 2]
            symbol = place % len(_SYMBOLS)
            item.plot(
                list(steps),
                list(values),
                pen=pg.mkPen(colour, width=2, style=style),
                symbol=_SYMBOLS[symbol],
                symbolBrush=colour,
                symbolPen=None,
                symbolSize=self._theme.px(8),
            )
            words.append(f'<b style="color:{colour}">{_DOTS[symbol]} {html.escape(name)}</b>')
        text = "&nbsp; ".join(words) or "No figures yet: they come with the first look at them."
        self.legend.setText(f'<span style="font-size:{self._theme.px(14)}px">{text}</span>')

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.plot.setBackground(QColor(theme.panel))
        item = self.plot.getPlotItem()
        item.setLabel("left", "mean IoU, %", siPrefixEnableRanges=_NO_PREFIX)
        item.setLabel("bottom", "step", siPrefixEnableRanges=_NO_PREFIX)
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(pg.mkPen(theme.line, width=1))
            axis.setTextPen(pg.mkPen(theme.muted))
            axis.setSIPrefixEnableRanges(_NO_PREFIX)
            axis.setStyle(tickFont=font(theme, 12))
        self._draw()
