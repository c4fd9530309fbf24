"""Two runs' curves laid over each other."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from ui.models.review_curves import RunCurves
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import Units

_NAMES = ("weeds", "missed", "sprayed", "speed")
_PENS = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine)
_NO_PREFIX = ((math.inf, math.inf),)


class CompareCurves(QWidget):
    """Weeds, misses, ground sprayed and speed over the way of two runs."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._units = units
        self._curves: tuple[RunCurves, RunCurves] | None = None
        self._titles = ("", "")
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.plots = {name: pg.PlotWidget() for name in _NAMES}
        self.lines = {name: [plot.plot(), plot.plot()] for name, plot in self.plots.items()}
        grid = QGridLayout()
        for place, plot in enumerate(self.plots.values()):
            item = plot.getPlotItem()
            item.hideButtons()
            item.setMenuEnabled(False)
            item.setMouseEnabled(x=False, y=False)
            plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            plot.setMinimumHeight(120)
            grid.addWidget(plot, place // 2, place % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.legend)
        column.addLayout(grid, 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def set_units(self, units: Units) -> None:
        """Write speeds and lengths in other units."""
        self._units = units
        self._draw()

    def show_curves(self, curves: tuple[RunCurves, RunCurves], titles: tuple[str, str]) -> None:
        """Take both runs' curves and what the runs are called."""
        self._curves, self._titles = curves, titles
        self._draw()

    def _draw(self) -> None:
        per_length = 1.0 / self._units.length_number(1.0)
        unit = self._units.length_unit
        words = {
            "weeds": f"weeds a {'metre' if unit == 'm' else 'foot'}",
            "missed": f"missed a {'metre' if unit == 'm' else 'foot'}",
            "sprayed": "ground sprayed, %",
            "speed": f"speed, {self._units.speed_unit}",
        }
        for name, plot in self.plots.items():
            plot.setLabel("left", words[name], siPrefixEnableRanges=_NO_PREFIX)
            plot.setLabel("bottom", f"driven, {unit}", siPrefixEnableRanges=_NO_PREFIX)
        if self._curves is None:
            return
        tops = dict.fromkeys(self.plots, 0.0)
        for place, one in enumerate(self._curves):
            way = self._units.length_number(1.0) * one.way_m
            values = {
                "weeds": one.weeds_per_m * per_length,
                "missed": one.missed_per_m * per_length,
                "sprayed": 100.0 * one.sprayed_share,
                "speed": one.speed_m_s * self._units.speed_number(1.0),
            }
            for name, lines in self.lines.items():
                lines[place].setData(way, values[name], connect="finite")
                tops[name] = max(tops[name], float(np.nanmax(values[name], initial=0.0)))
        for name, plot in self.plots.items():
            plot.getPlotItem().setYRange(0.0, tops[name] or 1.0, padding=0.05)
        shown = zip(self._theme.curves, ("━", "╍"), self._titles, strict=False)
        text = "&nbsp;&nbsp;&nbsp;".join(
            f'<b style="color:{colour}">{sign} {title}</b>' for colour, sign, title in shown
        )
        self.legend.setText(f'<span style="font-size:{self._theme.px(15)}px">{text}</span>')

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for name, plot in self.plots.items():
            plot.setBackground(QColor(theme.panel))
            for side in ("left", "bottom"):
                axis = plot.getPlotItem().getAxis(side)
                axis.setPen(pg.mkPen(theme.line, width=1))
                axis.setTextPen(pg.mkPen(theme.muted))
                axis.setSIPrefixEnableRanges(_NO_PREFIX)
                axis.setStyle(tickFont=font(theme, 12))
            pairs = zip(self.lines[name], theme.curves, _PENS, strict=False)
            for line, colour, style in pairs:
                line.setPen(pg.mkPen(colour, width=2, style=style))
        self._draw()
