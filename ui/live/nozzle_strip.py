"""The row of nozzles: what was commanded and what the controller confirmed."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.models.nozzles import NozzleState
from ui.style import font
from ui.theme import Theme, ThemeKeeper

_MIN_PITCH_PX = 15


class NozzleStrip(QWidget):
    """One cell a nozzle, left to right: outline commanded, filled confirmed, cross fault.

    The cells wrap into rows when a boom has more nozzles than the width can show.
    """

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._nozzles: tuple[NozzleState, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Nozzles")
        keeper.changed.connect(self._set_theme)

    def sizeHint(self) -> QSize:
        """Return the height at the present scale."""
        return QSize(self._theme.px(600), self._theme.px(84))

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(300, self._theme.px(84))

    @property
    def nozzles(self) -> tuple[NozzleState, ...]:
        """What is drawn."""
        return self._nozzles

    def show_nozzles(self, nozzles: tuple[NozzleState, ...]) -> None:
        """Take the nozzles' states."""
        if nozzles != self._nozzles:
            self._nozzles = nozzles
            faults = [n.words for n in nozzles if n.fault]
            self.setAccessibleDescription("; ".join(faults) or f"{len(nozzles)} nozzles, no fault")
            self.update()

    def cell_rect(self, index: int) -> QRectF:
        """Return where nozzle ``index`` (from 0) is drawn."""
        columns, rows = self._grid()
        legend = self._legend_height()
        inset = self._theme.px(6)
        width = (self.width() - 2 * inset) / columns
        height = (self.height() - legend - inset) / rows
        row, column = divmod(index, columns)
        return QRectF(inset + column * width, inset + row * height, width, height)

    def event(self, event: QEvent) -> bool:
        """Say a nozzle's state in words on hover."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            for index, nozzle in enumerate(self._nozzles):
                if self.cell_rect(index).contains(QPointF(event.pos())):
                    QToolTip.showText(event.globalPos(), nozzle.words, self)
                    return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw all cells and the legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.line), 1))
        painter.setBrush(QColor(self._theme.panel))
        radius = self._theme.px(8)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        if not self._nozzles:
            painter.setPen(QColor(self._theme.muted))
            painter.setFont(font(self._theme, 16, QFont.Weight.DemiBold))
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "The nozzles are not known yet"
            )
        else:
            self._paint_cells(painter)
            self._paint_legend(painter)
        painter.end()

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()

    def _grid(self) -> tuple[int, int]:
        count = max(1, len(self._nozzles))
        fits = max(1, int((self.width() - 2 * self._theme.px(6)) // self._theme.px(_MIN_PITCH_PX)))
        rows = min(4, math.ceil(count / fits))
        return math.ceil(count / rows), rows

    def _legend_height(self) -> int:
        return self._theme.px(24)

    def _paint_cells(self, painter: QPainter) -> None:
        made = font(self._theme, 14, QFont.Weight.DemiBold)
        painter.setFont(made)
        widest = QFontMetrics(made).horizontalAdvance(str(len(self._nozzles))) + 2
        step = max(1, math.ceil(widest / self.cell_rect(0).width()))
        for index, nozzle in enumerate(self._nozzles):
            self._paint_cell(painter, self.cell_rect(index), nozzle, numbered=index % step == 0)

    def _paint_cell(
        self, painter: QPainter, cell: QRectF, nozzle: NozzleState, *, numbered: bool
    ) -> None:
        theme = self._theme
        gap = min(theme.px(2), cell.width() * 0.12)
        box = cell.adjusted(gap, gap, -gap, -gap)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.spray if nozzle.confirmed else theme.raised))
        painter.drawRect(box)
        outline = QPen(
            QColor(theme.line), 1, Qt.PenStyle.SolidLine if nozzle.known else Qt.PenStyle.DotLine
        )
        if nozzle.commanded:
            outline = QPen(QColor(theme.text), min(theme.px(4), box.width() * 0.2))
        painter.setPen(outline)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = outline.widthF() / 2
        painter.drawRect(box.adjusted(half, half, -half, -half))
        if nozzle.fault:
            _paint_cross(painter, box, theme)
        elif numbered:
            ink = (
                theme.on_spray if nozzle.confirmed else theme.text if nozzle.known else theme.muted
            )
            painter.setPen(QColor(ink))
            text = str(nozzle.number) if nozzle.known else "?"
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, text)

    def _paint_legend(self, painter: QPainter) -> None:
        theme = self._theme
        made = font(theme, 14)
        metrics = QFontMetrics(made)
        painter.setFont(made)
        height = self._legend_height()
        top = self.height() - height
        x = float(theme.px(10))
        size = theme.px(17)
        known = self._nozzles[0].known
        words = ("Closed", "Commanded", "Confirmed open", "Fault") if known else ("Not known",)
        for word in words:
            box = QRectF(x, top + (height - size) / 2 - 1, size, size)
            sample = NozzleState(
                number=0,
                commanded=word == "Commanded",
                confirmed=word == "Confirmed open",
                fault=word == "Fault",
                known=known,
            )
            self._paint_cell(painter, box, sample, numbered=False)
            painter.setPen(QColor(theme.muted))
            painter.drawText(
                QRectF(x + size + theme.px(6), top - 1, theme.px(200), height),
                Qt.AlignmentFlag.AlignVCenter,
                word,
            )
            x += size + metrics.horizontalAdvance(word) + theme.px(24)


def _paint_cross(painter: QPainter, box: QRectF, theme: Theme) -> None:
    side = min(box.width(), box.height()) * 0.8
    centre = box.center()
    cross = QRectF(centre.x() - side / 2, centre.y() - side / 2, side, side)
    pen = QPen(QColor(theme.fault), max(2.0, min(theme.px(4), side * 0.2)))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawLine(cross.topLeft(), cross.bottomRight())
    painter.drawLine(cross.topRight(), cross.bottomLeft())
