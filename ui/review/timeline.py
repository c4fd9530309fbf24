"""The run along time: what happened when; drag to look elsewhere, wheel to zoom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from agriseg.recording.marks import Mark
from agriseg.recording.story import TimelineEvent, TimelineKind
from ui.live.camera_view import WEED_COLOUR
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import clock_text

LANES = ("Weeds", "Given up", "Events", "Marks")
_LANE_OF = {TimelineKind.WEED: 0, TimelineKind.MISS: 1, TimelineKind.NOTE: 3}
_EVENTS, _MARKS = 2, 3
_ZOOM_STEP = 1.5
_LEAST_SPAN_S = 0.5
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_LABEL_PX = 66
_NEAR_PX = 8


class Timeline(QWidget):
    """Four lanes of events, a scale, and the moment looked at."""

    sought = Signal(float)
    """Host time of the run that is to be looked at."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._told: list[TimelineEvent] = []
        self._marks: Sequence[Mark] = ()
        self._lanes: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        self._start_s, self._end_s = 0.0, 1.0
        self._from_s, self._to_s = 0.0, 1.0
        self._t_s = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Timeline")
        self.setMouseTracking(True)
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(700, self._theme.px(84))

    @property
    def span_s(self) -> tuple[float, float]:
        """First and last time shown."""
        return self._from_s, self._to_s

    def show_run(self, start_s: float, end_s: float, events: Sequence[TimelineEvent]) -> None:
        """Take a run; all of it is shown."""
        self._told = [event for event in events if event.kind is not TimelineKind.WEED]
        self._start_s, self._end_s = start_s, max(end_s, start_s + _LEAST_SPAN_S)
        self._from_s, self._to_s = self._start_s, self._end_s
        lanes: list[list[float]] = [[] for _ in LANES]
        for event in events:
            lanes[_LANE_OF.get(event.kind, _EVENTS)].append(event.t_s)
        self._lanes = [np.array(lane, np.float64) for lane in lanes]
        self.update()

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Take the operator's marks."""
        self._marks = tuple(marks)
        self.update()

    def show_time(self, t_s: float) -> None:
        """Move to a moment; what is shown follows when zoomed."""
        self._t_s = t_s
        if not self._from_s <= t_s <= self._to_s:
            self._show_span(t_s - 0.5 * (self._to_s - self._from_s), self._to_s - self._from_s)
        self.update()

    def zoom(self, steps: float, about_s: float | None = None) -> None:
        """Zoom in (positive) or out about a time, the present one by default."""
        about_s = self._t_s if about_s is None else about_s
        span_s = self._to_s - self._from_s
        wanted_s = min(max(span_s / _ZOOM_STEP**steps, _LEAST_SPAN_S), self._end_s - self._start_s)
        share = (about_s - self._from_s) / span_s
        self._show_span(about_s - share * wanted_s, wanted_s)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom where the pointer is."""
        self.zoom(event.angleDelta().y() / 120.0, self._time_at(event.position().x()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the touched time."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.sought.emit(self._clamped(self._time_at(event.position().x())))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub, or say what happened below the pointer."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.sought.emit(self._clamped(self._time_at(event.position().x())))
        else:
            self.setToolTip(self.words_at(event.position().x()))

    def words_at(self, x_px: float) -> str:
        """Return what happened near a place of the timeline; empty for nothing but weeds."""
        found = [(abs(self._x_of(e.t_s) - x_px), e.text or e.name) for e in self._told]
        found += [(abs(self._x_of(m.t_s) - x_px), m.text or "Mark") for m in self._marks]
        near = sorted(pair for pair in found if pair[0] <= self._theme.px(_NEAR_PX))
        return "\n".join(text for _, text in near[:6])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw lanes, scale and the moment."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        theme = self._theme
        painter.fillRect(self.rect(), QColor(theme.panel))
        self._paint_scale(painter)
        colours = (WEED_COLOUR, theme.fault, theme.text, theme.accent)
        for row, name in enumerate(LANES):
            self._paint_lane(painter, row, name, QColor(colours[row]))
        self._paint_marks(painter)
        x = self._x_of(self._t_s)
        painter.setPen(QPen(QColor(theme.accent), theme.px(3)))
        painter.drawLine(QLineF(x, 0, x, self.height()))
        painter.end()

    def _paint_lane(self, painter: QPainter, row: int, name: str, colour: QColor) -> None:
        top, height = self._lane(row)
        painter.setFont(font(self._theme, 12, QFont.Weight.DemiBold))
        painter.setPen(QColor(self._theme.muted))
        label = QRectF(self._theme.px(6), top, self._theme.px(_LABEL_PX), height)
        painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, name)
        if not self._lanes:
            return
        times = self._lanes[row]
        first, last = np.searchsorted(times, (self._from_s, self._to_s))
        columns = np.unique(np.round(self._x_of_all(times[first:last])))
        painter.setPen(QPen(colour, max(1, self._theme.px(2))))
        painter.drawLines([QLineF(x, top + 1, x, top + height - 1) for x in columns.tolist()])

    def _paint_marks(self, painter: QPainter) -> None:
        """Draw marks as flags, so that they differ from events by shape."""
        top, height = self._lane(_MARKS)
        painter.setPen(QPen(QColor(self._theme.text), 1))
        painter.setBrush(QColor(self._theme.accent))
        for mark in self._marks:
            if self._from_s <= mark.t_s <= self._to_s:
                x, side = self._x_of(mark.t_s), 0.7 * height
                painter.drawPolygon(
                    QPolygonF(
                        [QPointF(x, top), QPointF(x + side, top + side / 2), QPointF(x, top + side)]
                    )
                )

    def _paint_scale(self, painter: QPainter) -> None:
        made = font(self._theme, 12)
        metrics = QFontMetrics(made)
        painter.setFont(made)
        span_s = self._to_s - self._from_s
        wide = max(1.0, self._room() / (1.6 * metrics.horizontalAdvance("0:00:00.0")))
        step_s = next((s for s in _STEPS_S if span_s / s <= wide), _STEPS_S[-1])
        top = self.height() - metrics.height() - 1
        tick_s = np.ceil((self._from_s - self._start_s) / step_s) * step_s
        while self._start_s + tick_s <= self._to_s:
            x = self._x_of(self._start_s + tick_s)
            painter.setPen(QPen(QColor(self._theme.line), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(x, 0, x, top))
            painter.setPen(QColor(self._theme.muted))
            tenths = f".{round(10 * tick_s) % 10}" if step_s < 1 else ""
            painter.drawText(QPointF(x + 3, self.height() - 4), clock_text(tick_s + 0.01) + tenths)
            tick_s += step_s

    def _lane(self, row: int) -> tuple[float, float]:
        scale = QFontMetrics(font(self._theme, 12)).height()
        height = (self.height() - scale - 4) / len(LANES)
        return row * height, height

    def _room(self) -> float:
        return max(1.0, self.width() - self._theme.px(_LABEL_PX) - self._theme.px(14))

    def _x_of(self, t_s: float) -> float:
        share = (t_s - self._from_s) / (self._to_s - self._from_s)
        return self._theme.px(_LABEL_PX) + self._theme.px(6) + share * self._room()

    def _x_of_all(
        self, times_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        share = (times_s - self._from_s) / (self._to_s - self._from_s)
        left = self._theme.px(_LABEL_PX) + self._theme.px(6)
        return np.asarray(left + share * self._room(), np.float64)

    def _time_at(self, x_px: float) -> float:
        share = (x_px - self._theme.px(_LABEL_PX) - self._theme.px(6)) / self._room()
        return self._from_s + share * (self._to_s - self._from_s)

    def _clamped(self, t_s: float) -> float:
        return min(max(t_s, self._start_s), self._end_s)

    def _show_span(self, from_s: float, span_s: float) -> None:
        self._from_s = min(max(from_s, self._start_s), self._end_s - span_s)
        self._to_s = self._from_s + span_s
        self.update()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedHeight(theme.px(84))
        self.update()
