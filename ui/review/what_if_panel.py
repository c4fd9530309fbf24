"""What other settings would have done, as curves over the setting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from ui.review.jobs import SweepResult
from ui.review.panels import JobBar, scrolled
from ui.review.what_if_order import WhatIfOrder
from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.units import DASH, Units, percent
from ui.widgets.words import Words

if TYPE_CHECKING:
    from agriseg.replay.judging import ReplayFigures


def shares(figures: ReplayFigures, original: ReplayFigures) -> tuple[float, float, float]:
    """Return missed weeds of all, sprayed crop of all, litres of the original's; in per cent."""
    return (
        _share(figures.weeds_missed, figures.weeds),
        _share(figures.crop_sprayed_m2, figures.crop_m2),
        _share(figures.litres, original.litres),
    )


def result_table(result: SweepResult, units: Units) -> tuple[tuple[str, ...], ...]:
    """Return a heading and a row for the run as it was and for each value of the setting."""
    sweep = result.sweep
    heading = (sweep.word if sweep.name else "Seen by", "Missed", "Crop sprayed", "Mix")
    values = [f"{sweep.shown(value)} {sweep.unit}".strip() for value in sweep.values]
    rows = [_row("as it was", result.original, units)]
    for words, figures in zip(values or [sweep.model_word], result.points, strict=True):
        rows.append(_row(words, figures, units))
    return (heading, *rows)


_NO_PREFIX = ((math.inf, math.inf),)
"""No number is written in thousandths: switching prefixes off would still scale it once."""


class WhatIfPanel(QWidget):
    """Choose a setting; it is varied, and the curves are drawn."""

    asked = Signal(object)
    """Carries a `Sweep`."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._units = units
        self._result: SweepResult | None = None
        self.order = WhatIfOrder(keeper, units)
        self.order.asked.connect(self.asked)
        self.order.model_key.clicked.connect(lambda: QTimer.singleShot(0, self._show_models))
        self.job = JobBar(keeper)
        self.said = Words(
            "Decide on this run again with another setting. Nothing is sprayed, and the recording"
            " stays as it is. Figures are by commanded pulses, against the weeds and the crop that"
            " were seen.",
            "note",
        )
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.plot = pg.PlotWidget()
        self.curves = [self.plot.plot() for _ in range(3)]
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def set_units(self, units: Units) -> None:
        """Write volumes in other units."""
        self._units = units
        self.order.set_units(units)
        self._draw()

    def show_running(self, running: bool) -> None:
        """While one setting is varied, no other can be."""
        self.job.setVisible(running)
        self.order.show_running(running)

    def show_done(self, result: SweepResult) -> None:
        """Draw what came of it, and bring it into view."""
        self.show_result(result)
        QTimer.singleShot(0, self._show_end)

    def show_failed(self, text: str) -> None:
        """Say why nothing came of it."""
        self.said.say(text)

    def show_result(self, result: SweepResult | None) -> None:
        """Draw curves and table; None for none."""
        self._result = result
        self._draw()

    def _show_models(self) -> None:
        if self.order.models.isVisible():
            self._scroll.ensureWidgetVisible(self.order.models)

    def _show_end(self) -> None:
        first = self.plot if self.plot.isVisible() else self.said
        self._scroll.verticalScrollBar().setValue(first.y())

    def _lay_out(self) -> None:
        inner = QWidget()
        inner_column = QVBoxLayout(inner)
        inner_column.setContentsMargins(0, 0, 0, 0)
        inner_column.addWidget(self.order)
        inner_column.addWidget(self.said)
        inner_column.addWidget(self.plot)
        inner_column.addWidget(self.legend)
        inner_column.addWidget(self.table)
        inner_column.addStretch(1)
        item = self.plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(x=False, y=False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.job)
        self._scroll = scrolled(inner)
        column.addWidget(self._scroll, 1)

    def _draw(self) -> None:
        result = self._result
        has_curve = result is not None and bool(result.sweep.values)
        for widget, is_shown in (
            *((self.plot, has_curve), (self.legend, has_curve)),
            (self.table, result is not None),
        ):
            widget.setVisible(is_shown)
        if result is None:
            return
        self.said.say("\n".join(self._remarks(result)))
        self.table.setText(self._html(result_table(result, self._units)))
        if not has_curve:
            return
        values = np.array(result.sweep.values, np.float64) * result.sweep.factor
        points = np.array([shares(point, result.original) for point in result.points], np.float64)
        for curve, column in zip(self.curves, points.T, strict=True):
            curve.setData(values, column)
        self.plot.setLabel("bottom", result.sweep.title, siPrefixEnableRanges=_NO_PREFIX)

    def _remarks(self, result: SweepResult) -> list[str]:
        said = [f"Not exact: {note}." for note in result.notes]
        if result.sweep.model:
            said.append(f"Seen by {result.sweep.model_word} in the recorded pictures.")
        return said

    def _html(self, rows: tuple[tuple[str, ...], ...]) -> str:
        pad = self._theme.px(5)
        lines = []
        for number, row in enumerate(rows):
            tag = "th" if number == 0 else "td"
            style = f'style="padding:{pad}px"'
            aligned = [("left" if place == 0 else "right", cell) for place, cell in enumerate(row)]
            cells = "".join(
                f'<{tag} align="{side}" {style}>{cell}</{tag}>' for side, cell in aligned
            )
            lines.append(f"<tr>{cells}</tr>")
        return f'<table style="font-size:{self._theme.px(14)}px">{"".join(lines)}</table>'

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.plot.setBackground(QColor(theme.panel))
        self.plot.setFixedHeight(theme.px(170))
        symbols = ("o", "s", "t")
        for curve, colour, symbol in zip(self.curves, theme.curves, symbols, strict=True):
            curve.setPen(pg.mkPen(colour, width=2))
            curve.setSymbol(symbol)
            curve.setSymbolBrush(colour)
        for name in ("left", "bottom"):
            axis = self.plot.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(theme.line, width=1))
            axis.setTextPen(pg.mkPen(theme.muted))
            axis.setSIPrefixEnableRanges(_NO_PREFIX)
            axis.setStyle(tickFont=font(theme, 12))
        names = ("● missed weeds", "■ sprayed crop", "▼ mix, of as it was")
        words = "  ".join(
            f'<b style="color:{c}">{n}</b>' for c, n in zip(theme.curves, names, strict=True)
        )
        self.legend.setText(f'<span style="font-size:{theme.px(13)}px">{words}, %</span>')
        self._draw()


def _row(words: str, figures: ReplayFigures, units: Units) -> tuple[str, ...]:
    crop = _share(figures.crop_sprayed_m2, figures.crop_m2)
    return (
        words,
        f"{figures.weeds_missed:,} of {figures.weeds:,}",
        str(percent(crop / 100.0, 2)) if math.isfinite(crop) else DASH,
        str(units.volume(figures.litres)),
    )


def _share(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole > 0.0 else math.nan
