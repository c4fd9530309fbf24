"""Live curves of the last minute: speed, weed cover, latency."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from agriseg.messages import EngineSnapshot
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import DASH, Units, milliseconds, percent

SPAN_S = 60.0
_MAX_POINTS = 700
_SPEED_TOPS = (5.0, 10.0, 20.0, 30.0, 50.0)
_COVER_TOPS = (5.0, 10.0, 25.0, 50.0, 100.0)
_LATENCY_TOPS = (100.0, 200.0, 500.0, 1000.0, 5000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What one plot shows: its title, unit, and the upper ends that its axis may have."""

    title: str
    unit: str
    tops: tuple[float, ...]


class LivePlot(QFrame):
    """One curve over the last minute, with a fixed range that steps up when needed."""

    def __init__(
        self, keeper: ThemeKeeper, curve: Curve, colour_index: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._curve = curve
        self._colour_index = colour_index
        self._times: deque[float] = deque(maxlen=_MAX_POINTS)
        self._values: deque[float] = deque(maxlen=_MAX_POINTS)
        self.setProperty("role", "panel")
        self.title_label = QLabel(curve.title)
        self.title_label.setProperty("role", "title")
        self.value_label = QLabel(DASH)
        self.value_label.setProperty("role", "strong")
        self._plot = pg.PlotWidget()
        self._line = self._plot.plot(connect="finite")
        self._top = 0.0
        self._prepare()
        head = QHBoxLayout()
        head.addWidget(self.title_label)
        head.addStretch(1)
        head.addWidget(self.value_label)
        self._column = QVBoxLayout(self)
        self._column.setSpacing(0)
        self._column.addLayout(head)
        self._column.addWidget(self._plot, 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def points(self) -> int:
        """Number of points kept."""
        return len(self._times)

    def set_unit(self, unit: str) -> None:
        """Begin anew in another unit."""
        if unit != self._curve.unit:
            self._curve = Curve(title=self._curve.title, unit=unit, tops=self._curve.tops)
            self._times.clear()
            self._values.clear()

    def add(self, t_s: float, value: float, text: str) -> None:
        """Add a point at host time ``t_s``; NaN leaves a gap. ``text`` is the value in words."""
        self._times.append(t_s)
        self._values.append(value)
        self.value_label.setText(text)
        if self.isVisible():
            self._draw()

    def _draw(self) -> None:
        times = np.fromiter(self._times, dtype=np.float64) - self._times[-1]
        values = np.fromiter(self._values, dtype=np.float64)
        recent = times >= -SPAN_S
        self._line.setData(times[recent], values[recent])
        highest = float(np.nanmax(values[recent], initial=0.0))
        self._set_top(next((t for t in self._curve.tops if t >= highest), self._curve.tops[-1]))

    def _prepare(self) -> None:
        item = self._plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(x=False, y=False)
        item.hideAxis("bottom")
        item.getViewBox().setDefaultPadding(0.0)
        item.setXRange(-SPAN_S, 0.0, padding=0.0)
        item.setContentsMargins(0, 0, 4, 0)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setMinimumHeight(34)
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._set_top(self._curve.tops[0])

    def _set_top(self, top: float) -> None:
        if top == self._top:
            return
        self._top = top
        item = self._plot.getPlotItem()
        item.setYRange(-0.16 * top, 1.16 * top, padding=0.0)
        item.getAxis("left").setTicks([[(0.0, "0"), (top, f"{top:g}")]])

    def _set_theme(self, theme: Theme) -> None:
        item = self._plot.getPlotItem()
        self._plot.setBackground(QColor(theme.panel))
        # Width 1: wider pens cost thirty times as much to stroke.
        self._line.setPen(pg.mkPen(theme.curves[self._colour_index], width=1))
        axis = item.getAxis("left")
        axis.setPen(pg.mkPen(theme.line, width=1))
        axis.setTextPen(pg.mkPen(theme.muted))
        axis.setStyle(tickFont=font(theme, 13), tickLength=-4)
        axis.setWidth(theme.px(40))
        self._column.setContentsMargins(theme.px(10), theme.px(4), theme.px(8), theme.px(2))


class LivePlots(QWidget):
    """Speed, weed cover and latency, one above the other."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self.speed = LivePlot(
            keeper, Curve(title="Speed, last minute", unit=units.speed_unit, tops=_SPEED_TOPS), 0
        )
        self.cover = LivePlot(keeper, Curve(title="Weed cover", unit="%", tops=_COVER_TOPS), 1)
        self.latency = LivePlot(keeper, Curve(title="Latency", unit="ms", tops=_LATENCY_TOPS), 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(keeper.theme.px(6))
        for plot in (self.speed, self.cover, self.latency):
            column.addWidget(plot, 1)

    def set_units(self, units: Units) -> None:
        """Change the units; the speed begins anew."""
        self._units = units
        self.speed.set_unit(units.speed_unit)

    def add(self, snapshot: EngineSnapshot) -> None:
        """Take the values of a snapshot."""
        t_s = snapshot.t_s
        speed = snapshot.speed_m_s
        cover = snapshot.weed_cover
        latency = snapshot.latency_ms
        self.speed.add(t_s, self._units.speed_number(speed), _text(speed, self._units.speed(speed)))
        self.cover.add(t_s, cover * 100.0, _text(cover, percent(cover)))
        self.latency.add(t_s, latency, _text(latency, milliseconds(latency)))


def _text(value: float, reading: object) -> str:
    return str(reading) if math.isfinite(value) else DASH
