"""The page that is open while driving."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from agriseg.messages import EngineSnapshot, EngineState, Picture
from ui.live.alarm_list import AlarmList
from ui.live.camera_view import COVER_AFTER_S, CameraView, PictureNotes
from ui.live.controls import ModeKeys, SensitivityControl
from ui.live.figure_tiles import FigureTiles
from ui.live.nozzle_strip import NozzleStrip
from ui.live.plots import LivePlots
from ui.models.alarms import AlarmRow
from ui.models.figures import figures
from ui.models.nozzles import nozzle_states
from ui.models.status import LinkView, engine_words
from ui.theme import Theme, ThemeKeeper
from ui.units import Units, milliseconds
from ui.widgets.key import Key, KeyFace, KeyLook

_SIDE_PX = 368
_SIDE_SHARE = 0.29
_BOTH_FROM_PX = 460
"""At this height of the lower right part, alarms and plots both have room (at scale 1)."""


class OperatePage(QWidget):
    """Picture, boom, nozzles, figures, alarms, plots, mode and sensitivity."""

    acknowledged = Signal(str)
    mode_chosen = Signal(object)
    sensitivity_chosen = Signal(float)
    hold_needed = Signal(str)
    explained = Signal(str)
    """The operator asked what a figure means; carries the answer."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = keeper.theme
        self._units = units
        self._snapshot: EngineSnapshot | None = None
        self._alarm_rows: tuple[AlarmRow, ...] = ()
        self._plots_wanted = False
        self.camera = CameraView(keeper)
        self.strip = NozzleStrip(keeper)
        self.modes = ModeKeys(keeper)
        self.sensitivity = SensitivityControl(keeper)
        self.tiles = FigureTiles(keeper)
        self.alarms = AlarmList(keeper)
        self.plots = LivePlots(keeper, units)
        self.overlay_key = Key(keeper, "", "layers", "V", KeyFace(icon_px=30), parent=self.camera)
        self.overlay_key.setAccessibleName("Show or hide crop, weeds and boom on the picture")
        self.overlay_key.setToolTip(self.overlay_key.accessibleName())
        self.overlay_key.clicked.connect(self.toggle_overlay)
        self.camera.installEventFilter(self)
        self.modes.chosen.connect(self.mode_chosen)
        self.modes.hold_needed.connect(self.hold_needed)
        self.sensitivity.chosen.connect(self.sensitivity_chosen)
        self.tiles.explained.connect(self.explained)
        self.alarms.acknowledged.connect(self.acknowledged)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self._choose_panels()

    def set_units(self, units: Units) -> None:
        """Write all quantities in other units."""
        self._units = units
        self.plots.set_units(units)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Take a new snapshot; `show_time` draws what depends on its age."""
        self._snapshot = snapshot
        self.modes.show_mode(snapshot.mode)
        self.sensitivity.show_sensitivity(snapshot.sensitivity)
        self.plots.add(snapshot)
        rate = f"{snapshot.camera_fps:.0f} pictures/s · {milliseconds(snapshot.frame_age_ms)} old"
        self.camera.show_notes(
            PictureNotes(source=snapshot.camera_name, segmenter=snapshot.segmenter_name, rate=rate)
        )

    def show_picture(self, picture: Picture, now_s: float) -> None:
        """Take a new picture."""
        self.camera.show_picture(picture, now_s)

    def show_time(self, now_s: float, link: LinkView) -> None:
        """Draw what depends on the time: ages, and what may no longer be claimed."""
        self.tiles.show_figures(figures(self._snapshot, self._units, now_s))
        nozzles = nozzle_states(self._snapshot, now_s)
        self.strip.show_nozzles(nozzles)
        self.camera.show_nozzles(nozzles)
        self.camera.show_age(now_s, self._why_old(link))
        self.camera.show_waiting(self._waiting(link))

    def show_alarms(self, rows: tuple[AlarmRow, ...]) -> None:
        """Show the alarms; the first to come takes the place of the plots."""
        if any(row.waits for row in rows) and not any(row.waits for row in self._alarm_rows):
            self._plots_wanted = False
        self._alarm_rows = rows
        self.alarms.show_rows(rows)
        self._choose_panels()

    def toggle_panel(self) -> None:
        """Change between alarms and plots where only one of them has room."""
        self._plots_wanted = not self._plots_wanted
        self._choose_panels()

    def toggle_overlay(self) -> None:
        """Show or hide overlay and boom."""
        self.camera.toggle_overlay()
        self._draw_overlay_key()

    def forget(self) -> None:
        """Forget picture and snapshot of an engine that is no more."""
        self._snapshot = None
        self.camera.forget_picture()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Decide anew what has room."""
        super().resizeEvent(event)
        self._size_side()
        self._place_overlay_key()
        self._choose_panels()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the overlay key in the corner of the picture."""
        if watched is self.camera and event.type() is QEvent.Type.Resize:
            self._place_overlay_key()
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        self._left = QVBoxLayout()
        self._left.addWidget(self.camera, 1)
        self._left.addWidget(self.strip)
        self._controls = QHBoxLayout()
        self._controls.addWidget(self.modes, 0)
        self._controls.addWidget(self.sensitivity, 1)
        self._left.addLayout(self._controls)
        self._side = QWidget()
        self._side.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._right = QVBoxLayout(self._side)
        self._right.setContentsMargins(0, 0, 0, 0)
        self._right.addWidget(self.tiles)
        self._right.addWidget(self.alarms, 1)
        self._right.addWidget(self.plots, 1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addLayout(self._left, 1)
        self._row.addWidget(self._side)

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        gap = theme.px(8)
        for layout in (self._left, self._right, self._row, self._controls):
            layout.setSpacing(gap)
        self._controls.setSpacing(theme.px(14))
        self._size_side()
        self._draw_overlay_key()
        self._place_overlay_key()

    def _size_side(self) -> None:
        """Give the right part its share of a wide window."""
        share = round(self.width() * _SIDE_SHARE)
        self._side.setFixedWidth(max(self._theme.px(_SIDE_PX), share))

    def _draw_overlay_key(self) -> None:
        shown = self.camera.overlay_shown
        self.overlay_key.set_words("", "", "layers" if shown else "layers-off")
        self.overlay_key.set_look(KeyLook.SELECTED if shown else KeyLook.PLAIN)
        self.overlay_key.setAccessibleName("Show or hide crop, weeds and boom on the picture")

    def _place_overlay_key(self) -> None:
        size: QSize = self.overlay_key.sizeHint()
        self.overlay_key.resize(size)
        inset = self._theme.px(8)
        self.overlay_key.move(self.camera.width() - size.width() - inset, inset)

    def _choose_panels(self) -> None:
        room = self.height() - self.tiles.sizeHint().height()
        both = room >= self._theme.px(_BOTH_FROM_PX)
        has_alarms = bool(self._alarm_rows)
        self.alarms.setVisible(has_alarms and (both or not self._plots_wanted))
        self.plots.setVisible(both or not has_alarms or self._plots_wanted)

    def _waiting(self, link: LinkView) -> tuple[str, ...]:
        if self._snapshot is None and not link.starting:
            return ("The field engine does not run", engine_words(link))
        if self._snapshot is None:
            words = ("Starting the field engine …",)
            return (*words, link.message) if link.message else words
        name = self._snapshot.camera_name
        first = f"No picture yet from {name}" if name else "No camera picture yet"
        return (first, *self._snapshot.not_ready)

    def _why_old(self, link: LinkView) -> str:
        if not link.talking:
            return "The field engine is silent."
        snapshot = self._snapshot
        if snapshot is not None and snapshot.state is EngineState.FINISHED:
            return "The pictures have ended."
        if snapshot is not None and snapshot.frame_age_ms < COVER_AFTER_S * 1000.0:
            return "The camera delivers, but the computer does not keep up with it."
        return "The camera delivers no new pictures."
