"""Draws the plan of a field with colours and patterns that hold in sunlight."""

from __future__ import annotations

import math

import numpy as np
import shapely
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
)
from shapely.geometry.base import BaseGeometry

from agriseg.boundary.local_boundary import LocalBoundary
from agriseg.messages import Float64Array
from ui.field.ground_viewport import GroundViewport, scale_bar
from ui.models.field_plan import MachineOnPlan
from ui.models.field_track import FieldTrack
from ui.style import font
from ui.theme import Theme
from ui.units import Units

_BAR_PX = 170.0
_LEAST_STEP_PX = 1.5
_GRID_PX = 170.0
_ARROW_PX = 15.0
_EDGE_PX = 34.0


class PlanPainter:
    """Keeps the boundary as paths in metres, and maps them to the screen at each drawing."""

    def __init__(self, theme: Theme, units: Units) -> None:
        self.theme = theme
        self.units = units
        self._field: QPainterPath | None = None
        self._inner = QPainterPath()
        self._zones: list[tuple[str, QPainterPath, tuple[float, float]]] = []

    def take_boundary(self, boundary: LocalBoundary | None, margin_m: float) -> None:
        """Take a boundary and the margin kept clear within it."""
        self._field, self._inner, self._zones = None, QPainterPath(), []
        if boundary is None:
            return
        if boundary.field is not None:
            self._field = _path(boundary.field)
        self._inner = _path(boundary.within(margin_m))
        for zone in boundary.zones:
            middle = shapely.point_on_surface(zone.area)
            self._zones.append((zone.name, _path(zone.area), (float(middle.x), float(middle.y))))

    def empty(self, painter: QPainter, rect: QRect, words: str) -> None:
        """Say why there is nothing to be seen."""
        theme = self.theme
        painter.fillRect(rect, QColor(theme.panel))
        painter.setPen(QColor(theme.text))
        painter.setFont(font(theme, 18, QFont.Weight.DemiBold))
        inset = theme.px(40)
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(rect.adjusted(inset, inset, -inset, -inset), flags, words)

    def focus(self, painter: QPainter, rect: QRect) -> None:
        """Show that keys act on the plan."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self.theme.text), self.theme.px(3)))
        painter.drawRect(QRectF(rect).adjusted(1.5, 1.5, -1.5, -1.5))

    def paint(
        self,
        painter: QPainter,
        view: GroundViewport,
        track: FieldTrack,
        machine: MachineOnPlan | None,
        *,
        is_candidate: bool,
    ) -> None:
        """Draw all of it."""
        painter.fillRect(QRectF(0, 0, view.width_px, view.height_px), QColor(self.theme.panel))
        self._grid(painter, view)
        self._boundary(painter, view, is_candidate)
        boom_m = 0.0 if machine is None else machine.boom.width_m
        self._track(painter, view, track, boom_m)
        if machine is not None:
            self._machine(painter, view, machine)
        self._scale(painter, view)
        self._north(painter)

    def _grid(self, painter: QPainter, view: GroundViewport) -> None:
        """Draw faint lines, some of the scale bar's lengths apart."""
        length_px, _ = scale_bar(view.scale, self.units.system, _GRID_PX)
        step_m = length_px / view.scale
        line = QColor(self.theme.line)
        line.setAlpha(70)
        painter.setPen(QPen(line, 1))
        west, north = view.to_ground(QPointF(0.0, 0.0))
        east, south = view.to_ground(QPointF(view.width_px, view.height_px))
        for number in range(math.ceil(west / step_m), math.floor(east / step_m) + 1):
            x = float(view.to_screen(np.array([[number * step_m, 0.0]]))[0, 0])
            painter.drawLine(QPointF(x, 0.0), QPointF(x, view.height_px))
        for number in range(math.ceil(south / step_m), math.floor(north / step_m) + 1):
            y = float(view.to_screen(np.array([[0.0, number * step_m]]))[0, 1])
            painter.drawLine(QPointF(0.0, y), QPointF(view.width_px, y))

    def _boundary(self, painter: QPainter, view: GroundViewport, is_candidate: bool) -> None:
        theme, transform = self.theme, view.transform
        ink = QColor(theme.accent if is_candidate else theme.text)
        if self._field is not None:
            ground = QColor(theme.ok)
            ground.setAlpha(38)
            painter.setPen(QPen(ink, theme.px(3)))
            painter.setBrush(ground)
            painter.drawPath(transform.map(self._field))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.text), 1.2, Qt.PenStyle.DashLine))
        painter.drawPath(transform.map(self._inner))
        for name, zone, middle in self._zones:
            shape = transform.map(zone)
            painter.setPen(QPen(QColor(theme.fault), theme.px(3)))
            painter.setBrush(QBrush(QColor(theme.fault), Qt.BrushStyle.BDiagPattern))
            painter.drawPath(shape)
            self._zone_name(painter, view, name, shape, middle)

    def _zone_name(
        self,
        painter: QPainter,
        view: GroundViewport,
        name: str,
        shape: QPainterPath,
        middle: tuple[float, float],
    ) -> None:
        made = font(self.theme, 13, QFont.Weight.DemiBold)
        width = QFontMetricsF(made).horizontalAdvance(name) + self.theme.px(10)
        height = self.theme.px(20)
        bounds = shape.boundingRect()
        if bounds.width() < width or bounds.height() < height:
            return
        (x, y), *_ = view.to_screen(np.array([middle]))
        self._label(painter, QPointF(x, y), name, made)

    def _track(
        self, painter: QPainter, view: GroundViewport, track: FieldTrack, boom_m: float
    ) -> None:
        theme = self.theme
        band = QColor(theme.curves[0])
        band.setAlpha(170)
        wide_px = max(theme.px(4), boom_m * view.scale)
        for places, is_sprayed in track.pieces():
            points = _thinned(view.to_screen(places))
            line = QPolygonF([QPointF(x, y) for x, y in points])
            if is_sprayed:
                pen = QPen(band, wide_px)
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            else:
                pen = QPen(QColor(theme.accent), theme.px(2), Qt.PenStyle.DotLine)
            painter.setPen(pen)
            painter.drawPolyline(line)

    def _machine(self, painter: QPainter, view: GroundViewport, machine: MachineOnPlan) -> None:
        (x, y), *_ = view.to_screen(np.array([[machine.east_m, machine.north_m]]))
        if not view.is_inside(QPointF(x, y), 0.0):
            self._beyond(painter, view, machine, QPointF(x, y))
            return
        theme = self.theme
        spread_px = 2.0 * machine.accuracy_m * view.scale
        if math.isfinite(spread_px) and spread_px > theme.px(6):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.text), 1.5, Qt.PenStyle.DashLine))
            painter.drawEllipse(QPointF(x, y), spread_px, spread_px)
        painter.save()
        painter.translate(x, y)
        if math.isfinite(machine.heading_rad):
            painter.rotate(-math.degrees(machine.heading_rad))
            self._boom(painter, view, machine)
        size = theme.px(_ARROW_PX)
        corners = ((1.0, 0.0), (-1.0, 0.75), (-0.5, 0.0), (-1.0, -0.75))
        shape = QPolygonF([QPointF(x * size, y * size) for x, y in corners])
        painter.setPen(QPen(QColor(theme.text), theme.px(2)))
        painter.setBrush(
            QBrush(QColor(theme.accent)) if machine.is_sure else QBrush(QColor(theme.panel))
        )
        if math.isfinite(machine.heading_rad):
            painter.drawPolygon(shape)
        else:
            painter.drawEllipse(QPointF(0, 0), 0.7 * size, 0.7 * size)
        painter.restore()

    def _boom(self, painter: QPainter, view: GroundViewport, machine: MachineOnPlan) -> None:
        if machine.boom.width_m * view.scale < self.theme.px(6):
            return
        x = machine.boom.x_m * view.scale
        painter.setPen(QPen(QColor(self.theme.text), self.theme.px(4)))
        painter.drawLine(
            QPointF(x, -machine.boom.left_m * view.scale),
            QPointF(x, -machine.boom.right_m * view.scale),
        )

    def _beyond(
        self, painter: QPainter, view: GroundViewport, machine: MachineOnPlan, place: QPointF
    ) -> None:
        """Point from the edge to a machine that is out of view, and say how far it is."""
        theme = self.theme
        dx, dy = place.x() - 0.5 * view.width_px, place.y() - 0.5 * view.height_px
        inset = theme.px(_EDGE_PX)
        shrink = min(
            (0.5 * view.width_px - inset) / max(abs(dx), 1e-6),
            (0.5 * view.height_px - inset) / max(abs(dy), 1e-6),
        )
        edge = QPointF(0.5 * view.width_px + dx * shrink, 0.5 * view.height_px + dy * shrink)
        away_m = math.hypot(machine.east_m - view.east_m, machine.north_m - view.north_m)
        size = theme.px(_ARROW_PX)
        painter.save()
        painter.translate(edge)
        painter.rotate(math.degrees(math.atan2(dy, dx)))
        painter.setPen(QPen(QColor(theme.text), theme.px(2)))
        painter.setBrush(QColor(theme.accent))
        corners = ((1.0, 0.0), (-1.0, 1.0), (-1.0, -1.0))
        painter.drawPolygon(QPolygonF([QPointF(x * size, y * size) for x, y in corners]))
        painter.restore()
        made = font(theme, 14, QFont.Weight.Bold)
        words = f"machine {self.units.length(away_m, 0)}"
        half = 0.5 * QFontMetricsF(made).horizontalAdvance(words) + theme.px(10)
        middle = QPointF(
            min(max(edge.x(), half), view.width_px - half),
            edge.y() + (theme.px(30) if dy < 0 else -theme.px(30)),
        )
        self._label(painter, middle, words, made)

    def _scale(self, painter: QPainter, view: GroundViewport) -> None:
        theme = self.theme
        length_px, words = scale_bar(view.scale, self.units.system, theme.px(_BAR_PX))
        left, bottom = float(theme.px(16)), view.height_px - float(theme.px(16))
        tick = theme.px(8)
        painter.setPen(QPen(QColor(theme.text), theme.px(3)))
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(left, bottom - tick),
                    QPointF(left, bottom),
                    QPointF(left + length_px, bottom),
                    QPointF(left + length_px, bottom - tick),
                ]
            )
        )
        made = font(theme, 14, QFont.Weight.Bold)
        middle = QPointF(left + 0.5 * length_px, bottom - theme.px(18))
        self._label(painter, middle, words, made)

    def _north(self, painter: QPainter) -> None:
        theme = self.theme
        x, top = float(theme.px(26)), float(theme.px(16))
        high, half = theme.px(26), theme.px(9)
        painter.setPen(QPen(QColor(theme.text), 1.5))
        painter.setBrush(QColor(theme.text))
        tip = [QPointF(x, top), QPointF(x + half, top + high), QPointF(x, top + 0.7 * high)]
        painter.drawPolygon(QPolygonF([*tip, QPointF(x - half, top + high)]))
        painter.setFont(font(theme, 14, QFont.Weight.Bold))
        box = QRectF(x - 20, top + high, 40, theme.px(22))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "N")

    def _label(self, painter: QPainter, middle: QPointF, words: str, made: QFont) -> None:
        """Write on a plate, so that nothing below takes the contrast away."""
        metrics = QFontMetricsF(made)
        width = metrics.horizontalAdvance(words) + self.theme.px(10)
        height = metrics.height() + self.theme.px(2)
        box = QRectF(middle.x() - 0.5 * width, middle.y() - 0.5 * height, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.panel))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(self.theme.text))
        painter.setFont(made)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)


def _path(area: BaseGeometry) -> QPainterPath:
    """Return the rings of an area in metres; holes stay holes."""
    made = QPainterPath()
    made.setFillRule(Qt.FillRule.OddEvenFill)
    for part in shapely.get_parts(area):
        if part.geom_type != "Polygon":
            continue
        for ring in (part.exterior, *part.interiors):
            made.addPolygon(QPolygonF([QPointF(x, y) for x, y in ring.coords]))
            made.closeSubpath()
    return made


def _thinned(points_px: Float64Array) -> Float64Array:
    """Leave out points that fall on nearly the same pixel as the one before."""
    if len(points_px) < 3:
        return points_px
    cells = np.floor(points_px / _LEAST_STEP_PX)
    kept = np.concatenate(([True], (np.diff(cells, axis=0) != 0.0).any(axis=1)))
    kept[-1] = True
    return points_px[kept]
