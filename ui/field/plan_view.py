"""A plan of the field: boundary, zones, margin, the track and the machine; zoom and pan."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QSizePolicy, QWidget

from agriseg.boundary.local_boundary import LocalBoundary
from ui.field.ground_viewport import GroundViewport
from ui.field.plan_painter import PlanPainter
from ui.models.field_plan import MachineOnPlan
from ui.models.field_track import FieldTrack
from ui.theme import Theme, ThemeKeeper
from ui.units import Units

_ZOOM_A_NOTCH = 1.25
_NOTCH = 120.0
_ZOOM_A_STEP = 1.5
_PAN_SHARE = 0.2
_ALONE_SPAN_M = 30.0
_LARGEST_FITTED = 60.0


class PlanView(QWidget):
    """Shows what it was given; north is up.

    Mouse or finger pan, wheel, pinch and + − zoom, W shows all of it, F follows the machine.
    """

    follow_changed = Signal(bool)

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = GroundViewport()
        self.boundary: LocalBoundary | None = None
        self.is_candidate = False
        self.margin_m = 0.0
        self.track = FieldTrack()
        self.machine: MachineOnPlan | None = None
        self.is_following = True
        self.empty_words = ""
        self._is_placed = False
        self._is_whole = True
        self._drag_from: QPointF | None = None
        self._painter = PlanPainter(keeper.theme, units)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        self.setAccessibleName("Plan of the field")
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the size at 1280x800."""
        return QSize(680, 520)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be drawn."""
        return self.boundary is None and self.machine is None and not self.track.pieces()

    def set_units(self, units: Units) -> None:
        """Write lengths in other units."""
        self._painter.units = units
        self.update()

    def show_boundary(
        self, boundary: LocalBoundary | None, margin_m: float, *, is_candidate: bool = False
    ) -> None:
        """Draw a boundary, and show all of it when it is another one.

        Parameters
        ----------
        boundary : LocalBoundary, optional
        margin_m : float
            What is kept clear of edge and zones.
        is_candidate : bool
            It is looked at and not in force.
        """
        is_new = boundary is not self.boundary
        if not is_new and margin_m == self.margin_m and is_candidate == self.is_candidate:
            return
        self.boundary, self.margin_m, self.is_candidate = boundary, margin_m, is_candidate
        self._painter.take_boundary(boundary, margin_m)
        if boundary is not None and is_new:
            self.track.set_frame(boundary.frame)
            self.show_whole()
        self.update()

    def show_machine(self, machine: MachineOnPlan | None) -> None:
        """Draw the machine; the view follows it if it is to."""
        self.machine = machine
        if machine is not None and not self._is_placed:
            self.show_whole()
        elif machine is not None and self.is_following:
            self._keep_in_view(machine)
        self.update()

    def show_whole(self) -> None:
        """Show the boundary, or all of the track and the machine."""
        bounds = self._bounds()
        self._is_whole = True
        self._is_placed = bounds is not None
        if bounds is not None:
            self.viewport = self.viewport.fitted(bounds, _LARGEST_FITTED)
        self.update()

    def follow(self, follow: bool) -> None:
        """Keep the machine in the middle, or let the view stay where it is."""
        if follow and self.machine is not None:
            self._is_whole = False
            self.viewport = self.viewport.centred(self.machine.east_m, self.machine.north_m)
        if follow != self.is_following:
            self.is_following = follow
            self.follow_changed.emit(follow)
        self.update()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Show more or less ground."""
        self._is_whole = False
        middle = QPointF(0.5 * self.width(), 0.5 * self.height())
        self.viewport = self.viewport.zoomed(factor, middle if at is None else at)
        self.update()

    def press(self, key: Qt.Key) -> bool:
        """Act on a key; return whether it is one of the plan's."""
        step_x, step_y = _PAN_SHARE * self.width(), _PAN_SHARE * self.height()
        pans = {
            Qt.Key.Key_Left: (step_x, 0.0),
            Qt.Key.Key_Right: (-step_x, 0.0),
            Qt.Key.Key_Up: (0.0, step_y),
            Qt.Key.Key_Down: (0.0, -step_y),
        }
        if key in pans:
            self._pan(*pans[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_ZOOM_A_STEP)
        elif key is Qt.Key.Key_Minus:
            self.zoom(1.0 / _ZOOM_A_STEP)
        elif key is Qt.Key.Key_W:
            self.show_whole()
        elif key is Qt.Key.Key_F:
            self.follow(not self.is_following)
        else:
            return False
        return True

    # Qt's events

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the plan."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.is_empty:
            self._painter.empty(painter, self.rect(), self.empty_words)
        else:
            self._painter.paint(
                painter, self.viewport, self.track, self.machine, is_candidate=self.is_candidate
            )
        if self.hasFocus():
            self._painter.focus(painter, self.rect())
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the middle in the middle; what showed the whole shows it again."""
        super().resizeEvent(event)
        self.viewport = self.viewport.resized(self.width(), self.height())
        if self._is_whole:
            self.show_whole()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor."""
        notches = event.angleDelta().y() / _NOTCH
        self.zoom(_ZOOM_A_NOTCH**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan."""
        self._drag_from = event.position()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan."""
        if self._drag_from is not None:
            moved = event.position() - self._drag_from
            self._drag_from = event.position()
            self._pan(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a pan."""
        self._drag_from = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Zoom by two fingers."""
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                at = QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint()))
                self.zoom(pinch.scaleFactor(), at)
                event.accept(pinch)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on the plan's keys; leave the others, and Stop, to the window."""
        if not self.press(Qt.Key(event.key())):
            event.ignore()

    def _pan(self, dx_px: float, dy_px: float) -> None:
        self._is_whole = False
        self.viewport = self.viewport.panned(dx_px, dy_px)
        self.follow(False)
        self.update()

    def _keep_in_view(self, machine: MachineOnPlan) -> None:
        """Move the view once the machine comes near its edge."""
        (x, y), *_ = self.viewport.to_screen([[machine.east_m, machine.north_m]])
        if not self.viewport.is_inside(QPointF(x, y), 0.2 * min(self.width(), self.height())):
            self._is_whole = False
            self.viewport = self.viewport.centred(machine.east_m, machine.north_m)

    def _bounds(self) -> tuple[float, float, float, float] | None:
        if self.boundary is not None:
            return self.boundary.bounds_m
        places = [piece for piece, _ in self.track.pieces()]
        low_e = [float(piece[:, 0].min()) for piece in places]
        low_n = [float(piece[:, 1].min()) for piece in places]
        high_e = [float(piece[:, 0].max()) for piece in places]
        high_n = [float(piece[:, 1].max()) for piece in places]
        if self.machine is not None:
            for values in (low_e, high_e):
                values.append(self.machine.east_m)
            for values in (low_n, high_n):
                values.append(self.machine.north_m)
        if not low_e:
            return None
        grown = 0.5 * max(0.0, _ALONE_SPAN_M - max(max(high_e) - min(low_e), 0.0))
        grown_n = 0.5 * max(0.0, _ALONE_SPAN_M - max(max(high_n) - min(low_n), 0.0))
        return (
            min(low_e) - grown,
            min(low_n) - grown_n,
            max(high_e) + grown,
            max(high_n) + grown_n,
        )

    def _set_theme(self, theme: Theme) -> None:
        self._painter.theme = theme
        self.update()
