"""Below the boom, and from above: two charts that move with the picture."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from agriseg.messages import Float64Array
from ui.live.camera_view import CROP_COLOUR, WEED_COLOUR
from ui.models.review_ground import PlantKind, Strips
from ui.models.review_open import OpenedRun
from ui.style import font
from ui.theme import Theme, ThemeKeeper

_AHEAD_M, _BEHIND_M = 1.2, 2.8
_DRAWN_M = 12.0
"""So much ground on either side is drawn at once; a new piece when the boom leaves it."""
_FOLLOW_M = 3.0
_MOST_DOTS = 4000
_DOTS = {
    PlantKind.CROP: ("o", CROP_COLOUR, 7),
    PlantKind.LEFT: ("t", "#9aa5a0", 10),
    PlantKind.SPRAYED: ("s", "#009e73", 10),
    PlantKind.MISSED: ("x", WEED_COLOUR, 14),
}


class NozzleChartView(QWidget):
    """Ground below each nozzle: frames are commanded, fills confirmed, lines given up."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: OpenedRun | None = None
        self._drawn_m = math.nan
        self._s_m = math.nan
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self._plot = pg.PlotWidget()
        self.commanded = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self.confirmed = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self.missed = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self._now = pg.InfiniteLine(angle=90)
        for item in (self.confirmed, self.commanded, self.missed, self._now):
            self._plot.addItem(item)
        _quieten(self._plot)
        self._plot.getPlotItem().getViewBox().invertY(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.legend)
        column.addWidget(self._plot, 1)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(700, 118)

    def show_run(self, run: OpenedRun) -> None:
        """Take a run."""
        self._run, self._drawn_m = run, math.nan
        self._plot.getPlotItem().setYRange(0.5, run.chart.nozzle_count + 0.5, padding=0.02)

    def show_distance(self, s_m: float) -> None:
        """Move to where the boom is, metres along the track."""
        if self._run is None or not math.isfinite(s_m):
            return
        self._s_m = s_m
        if not abs(s_m - self._drawn_m) < _DRAWN_M - max(_AHEAD_M, _BEHIND_M):
            self._draw(self._run, s_m)
        self._now.setValue(s_m)
        self._plot.getPlotItem().setXRange(s_m - _BEHIND_M, s_m + _AHEAD_M, padding=0.0)

    def _draw(self, run: OpenedRun, s_m: float) -> None:
        self._drawn_m = s_m
        for item, strips, low, high in (
            (self.commanded, run.chart.commanded, -0.42, 0.42),
            (self.confirmed, run.chart.confirmed, -0.42, 0.42),
            (self.missed, run.chart.missed, -0.12, 0.12),
        ):
            item.setOpts(**_bars(strips, s_m, low, high))

    def _set_theme(self, theme: Theme) -> None:
        _dress(self._plot, theme)
        self.commanded.setOpts(pen=pg.mkPen(theme.text, width=1), brush=pg.mkBrush(None))
        self.confirmed.setOpts(pen=pg.mkPen(None), brush=pg.mkBrush(theme.spray))
        self.missed.setOpts(pen=pg.mkPen(None), brush=pg.mkBrush(theme.fault))
        self._now.setPen(pg.mkPen(theme.accent, width=2))
        self._plot.setMinimumHeight(theme.px(112))
        self.legend.setText(
            f'<span style="font-size:{theme.px(13)}px; color:{theme.muted}">Nozzles, metres along'
            f' the track:  <b style="color:{theme.text}">▭ commanded</b>  '
            f'<b style="color:{theme.curves[0]}">■ confirmed</b>  '
            f'<b style="color:{theme.fault}">▬ given up</b>  '
            f'<b style="color:{theme.curves[0]}">│ boom now</b></span>'
        )


class GroundMapView(QWidget):
    """The run from above: the way, the plants, boom and camera where they are."""

    plant_tapped = Signal(int)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: OpenedRun | None = None
        self._drawn_m = math.nan
        self._s_m = math.nan
        self.is_whole = False
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self._plot = pg.PlotWidget()
        self._track = pg.PlotDataItem()
        self._view = pg.PlotDataItem()
        self._boom = pg.PlotDataItem()
        self.dots = {kind: pg.ScatterPlotItem() for kind in _DOTS}
        for item in (self._track, *self.dots.values(), self._view, self._boom):
            self._plot.addItem(item)
        for dots in self.dots.values():
            dots.sigClicked.connect(self._tap)
        _quieten(self._plot)
        self._plot.setAspectLocked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._plot, 1)
        column.addWidget(self.legend)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(270, 270)

    def show_run(self, run: OpenedRun) -> None:
        """Take a run."""
        self._run, self._drawn_m = run, math.nan
        self._track.setData(run.map.track[:, 1], run.map.track[:, 2])

    def show_distance(self, s_m: float) -> None:
        """Move to where the vehicle is, metres along the track."""
        if self._run is None or not math.isfinite(s_m):
            return
        self._s_m = s_m
        if not self.is_whole and not abs(s_m - self._drawn_m) < _DRAWN_M - 2 * _FOLLOW_M:
            self._draw(self._run, s_m)
        for item, points, closed in (
            (self._view, self._run.view_m, True),
            (self._boom, self._run.boom_m, False),
        ):
            placed = self._run.map.place(s_m + points[:, 0], points[:, 1])
            if closed:
                placed = np.vstack((placed, placed[:1]))
            item.setData(placed[:, 0], placed[:, 1])
        if not self.is_whole:
            self._follow(self._run, s_m)

    def show_whole(self, whole: bool) -> None:
        """Show all of the run, or what is around the vehicle."""
        self.is_whole, self._drawn_m = whole, math.nan
        if self._run is None:
            return
        if not whole:
            self.show_distance(self._s_m)
            return
        self._draw(self._run, math.nan)
        track = self._run.map.track
        if len(track):
            low, high = track[:, 1:3].min(axis=0) - 1.0, track[:, 1:3].max(axis=0) + 1.0
            self._plot.setRange(QRectF(low[0], low[1], *(high - low)), padding=0.0)

    def _follow(self, run: OpenedRun, s_m: float) -> None:
        (x, y), *_ = run.map.place(np.array([s_m + _FOLLOW_M / 3]), np.zeros(1))
        half = 0.5 * _FOLLOW_M
        self._plot.setRange(QRectF(x - half, y - half, 2 * half, 2 * half), padding=0.0)

    def _draw(self, run: OpenedRun, s_m: float) -> None:
        self._drawn_m = s_m
        for kind, dots in self.dots.items():
            placed = run.map.plants[kind]
            chosen = (
                slice(None, None, max(1, len(placed.s_m) // _MOST_DOTS))
                if math.isnan(s_m)
                else placed.between(s_m - _DRAWN_M, s_m + _DRAWN_M)
            )
            dots.setData(pos=placed.at_m[chosen], data=placed.plant_id[chosen].tolist())

    def _tap(self, _dots: object, points: np.ndarray, _event: object = None) -> None:
        if len(points):
            self.plant_tapped.emit(int(points[0].data()))

    def _set_theme(self, theme: Theme) -> None:
        _dress(self._plot, theme)
        self._track.setPen(pg.mkPen(theme.muted, width=1, style=Qt.PenStyle.DashLine))
        self._view.setPen(pg.mkPen(theme.muted, width=1))
        self._boom.setPen(pg.mkPen(theme.accent, width=3))
        for kind, (symbol, colour, size) in _DOTS.items():
            dots = self.dots[kind]
            dots.setSymbol(symbol)
            dots.setSize(theme.px(size))
            dots.setPen(pg.mkPen(theme.text, width=1))
            dots.setBrush(pg.mkBrush(colour))
        self.legend.setText(
            f'<span style="font-size:{theme.px(12)}px; color:{theme.muted}">■ sprayed  ✕ missed'
            f"  ▼ left  ● crop  ━ boom</span>"
        )


def _bars(strips: Strips, s_m: float, low: float, high: float) -> dict[str, Float64Array]:
    nozzles, ground = strips.between(s_m - _DRAWN_M, s_m + _DRAWN_M)
    numbers = nozzles.astype(np.float64) + 1.0
    return {"x0": ground[:, 0], "x1": ground[:, 1], "y0": numbers + low, "y1": numbers + high}


def _quieten(plot: pg.PlotWidget) -> None:
    item = plot.getPlotItem()
    item.hideButtons()
    item.setMenuEnabled(False)
    item.setMouseEnabled(x=False, y=False)
    item.getViewBox().setDefaultPadding(0.0)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setMinimumHeight(60)


def _dress(plot: pg.PlotWidget, theme: Theme) -> None:
    plot.setBackground(QColor(theme.panel))
    for name in ("left", "bottom"):
        axis = plot.getPlotItem().getAxis(name)
        axis.setPen(pg.mkPen(theme.line, width=1))
        axis.setTextPen(pg.mkPen(theme.muted))
        axis.setStyle(tickFont=font(theme, 12, QFont.Weight.Normal), tickLength=-4)
    plot.getPlotItem().getAxis("left").setWidth(theme.px(34))
