"""Points side by side with what is allowed: nozzles, marks, drives, years."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from agriseg.calibration.steps import Chart
from ui.style import font
from ui.theme import Theme, ThemeKeeper

_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 64, 20, 64, 40
_MARK_PX = 6
_NOTHING_YET = "What is measured appears here."


class ChartView(QWidget):
    """Paints a `Chart`; a sentence while there is none."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._chart: Chart | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 180)
        self.setAccessibleName("What was measured, as a chart")
        keeper.changed.connect(self._set_theme)

    @property
    def chart(self) -> Chart | None:
        """What is drawn."""
        return self._chart

    def show_chart(self, chart: Chart | None) -> None:
        """Draw a chart, or that there is none yet."""
        if chart != self._chart:
            self._chart = chart
            self.setAccessibleDescription("" if chart is None else _in_words(chart))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paint everything anew."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._theme.panel))
        painter.setFont(font(self._theme, 15))
        if self._chart is None:
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, _NOTHING_YET)
        else:
            _Drawing(painter, self._theme, self._chart, QRectF(self.rect())).draw()
        painter.end()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()


class _Drawing:
    """One chart on one painter."""

    def __init__(self, painter: QPainter, theme: Theme, chart: Chart, area: QRectF) -> None:
        self._painter = painter
        self._theme = theme
        self._chart = chart
        px = theme.px
        self._plot = area.adjusted(px(_LEFT_PX), px(_TOP_PX), -px(_RIGHT_PX), -px(_BOTTOM_PX))
        self._low, self._high, self._step = _scale(chart)

    def draw(self) -> None:
        self._head()
        self._grid()
        self._limits()
        self._labels()
        for index, values in enumerate(self._chart.series.values()):
            for place, value in enumerate(values):
                if math.isfinite(value):
                    self._mark(index, self._point(place, value), self._is_outside(value))

    def _head(self) -> None:
        painter, px = self._painter, self._theme.px
        painter.setPen(QColor(self._theme.text))
        title = f"{self._chart.title}, {self._chart.unit}"
        painter.drawText(QPointF(px(16), px(26)), title)
        metrics = QFontMetrics(painter.font())
        x = float(px(16))
        if len(self._chart.series) < 2:
            return
        for index, name in enumerate(self._chart.series):
            self._mark(index, QPointF(x + px(8), px(44)), False)
            painter.setPen(QColor(self._theme.text))
            painter.drawText(QPointF(x + px(22), px(50)), name)
            x += px(44) + metrics.horizontalAdvance(name)

    def _grid(self) -> None:
        painter, px = self._painter, self._theme.px
        metrics = QFontMetrics(painter.font())
        value = self._low
        while value <= self._high + 0.01 * self._step:
            y = self._y(value)
            is_zero = abs(value) < 0.01 * self._step
            colour = self._theme.text if is_zero else self._theme.line
            painter.setPen(QPen(QColor(colour), px(2 if is_zero else 1)))
            painter.drawLine(QPointF(self._plot.left(), y), QPointF(self._plot.right(), y))
            painter.setPen(QColor(self._theme.muted))
            text = _number(value, self._step)
            width = metrics.horizontalAdvance(text)
            painter.drawText(QPointF(self._plot.left() - width - px(8), y + px(5)), text)
            value += self._step

    def _limits(self) -> None:
        painter = self._painter
        pen = QPen(QColor(self._theme.fault), self._theme.px(2), Qt.PenStyle.DashLine)
        painter.setPen(pen)
        for limit in (self._chart.low, self._chart.high):
            if math.isfinite(limit):
                y = self._y(limit)
                painter.drawLine(QPointF(self._plot.left(), y), QPointF(self._plot.right(), y))

    def _labels(self) -> None:
        painter, px = self._painter, self._theme.px
        painter.setPen(QColor(self._theme.muted))
        metrics = QFontMetrics(painter.font())
        widest = max((metrics.horizontalAdvance(text) for text in self._chart.labels), default=1)
        room = self._plot.width() / max(1, len(self._chart.labels))
        every = max(1, math.ceil((widest + px(8)) / room))
        for place, text in enumerate(self._chart.labels):
            if place % every == 0:
                x = self._x(place) - 0.5 * metrics.horizontalAdvance(text)
                painter.drawText(QPointF(x, self._plot.bottom() + px(26)), text)

    def _mark(self, series: int, at: QPointF, outside: bool) -> None:
        """Draw a disc for the first series and a cross for the second."""
        painter, size = self._painter, self._theme.px(_MARK_PX)
        colour = QColor(self._theme.fault if outside else self._theme.curves[series % 3])
        if series % 2 == 0:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(at, size, size)
            return
        painter.setPen(QPen(colour, self._theme.px(3)))
        for turn in (-1, 1):
            painter.drawLine(at + QPointF(-size, -turn * size), at + QPointF(size, turn * size))

    def _is_outside(self, value: float) -> bool:
        return value < self._chart.low or value > self._chart.high

    def _point(self, place: int, value: float) -> QPointF:
        return QPointF(self._x(place), self._y(value))

    def _x(self, place: int) -> float:
        return self._plot.left() + self._plot.width() * (place + 0.5) / len(self._chart.labels)

    def _y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._plot.bottom() - share * self._plot.height()


def _scale(chart: Chart) -> tuple[float, float, float]:
    """Return lower and upper end and step of the axis, in round numbers.

    Zero is on it, unless all values are far from it.
    """
    values = [v for series in chart.series.values() for v in series if math.isfinite(v)]
    values += [limit for limit in (chart.low, chart.high) if math.isfinite(limit)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0.0 and high - low > 0.2 * high:
        low = 0.0
    span = max(high - low, 1e-6 * max(abs(high), 1.0), 1e-9)
    step = 10.0 ** math.floor(math.log10(span / 4.0))
    step *= next(factor for factor in (1.0, 2.0, 5.0, 10.0) if span / (factor * step) <= 6.0)
    return math.floor(low / step) * step, math.ceil(high / step + 1e-9) * step, step


def _number(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step)))
    return f"{value + 0.0:.{digits}f}" if abs(value) > 0.01 * step else "0"


def _in_words(chart: Chart) -> str:
    parts = []
    for name, values in chart.series.items():
        known = [value for value in values if math.isfinite(value)]
        if known:
            parts.append(f"{name}: {min(known):.1f} to {max(known):.1f} {chart.unit}")
    return f"{chart.title}. " + "; ".join(parts)
