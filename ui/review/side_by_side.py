"""Two runs at the same way driven: their pictures, and the ground around them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ui.models.review_curves import way_of
from ui.models.review_open import OpenedRun
from ui.review.charts import GroundMapView
from ui.review.picture import PaintedFrame, ReviewPicture
from ui.theme import Theme, ThemeKeeper
from ui.units import Units, clock_text
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_STEPS_PER_M = 20
_MAP_PX = 190
_FACE = KeyFace(text_px=15, icon_px=22, min_width_px=150)


class SideBySide(QWidget):
    """Pictures above, maps below, one slider for both."""

    frame_needed = Signal(int, int)
    """Which of the runs, and the index of its picture."""

    def __init__(self, keeper: ThemeKeeper, units: Units, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self._runs: tuple[OpenedRun, OpenedRun] | None = None
        self.titles = (Words("", "strong"), Words("", "strong"))
        self.pictures = (ReviewPicture(keeper), ReviewPicture(keeper))
        self.maps = (GroundMapView(keeper), GroundMapView(keeper))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumHeight(keeper.theme.touch_px())
        self.slider.setAccessibleName("Way driven in both runs")
        self.place = Words("", "strong")
        self.place.setWordWrap(False)
        self.whole_key = Key(keeper, "Whole map", "map-outline", "", _FACE)
        self.whole_key.setSizePolicy(
            self.whole_key.sizePolicy().Policy.Fixed, self.whole_key.sizePolicy().Policy.Fixed
        )
        grid = QGridLayout()
        for column in range(2):
            grid.addWidget(self.titles[column], 0, column)
            grid.addWidget(self.pictures[column], 1, column)
            grid.addWidget(self.maps[column], 2, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)
        row = QHBoxLayout()
        row.addWidget(self.place)
        row.addWidget(self.slider, 1)
        row.addWidget(self.whole_key)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.addLayout(grid, 1)
        column_box.addLayout(row)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self.slider.valueChanged.connect(self._move)
        self.whole_key.clicked.connect(self._toggle_whole)

    def set_units(self, units: Units) -> None:
        """Write lengths in other units."""
        self._units = units
        self._say_place()

    def show_runs(self, runs: tuple[OpenedRun, OpenedRun], titles: tuple[str, str]) -> None:
        """Take two opened runs; both are at their beginning."""
        self._runs = runs
        for run, title, words, view, picture in zip(
            runs, titles, self.titles, self.maps, self.pictures, strict=True
        ):
            words.say(title)
            view.show_run(run)
            if not len(run.frame_times_s):
                picture.show_words("This run kept no pictures")
        longest_m = max(last - first for first, last in map(way_of, runs))
        self.slider.setRange(0, round(longest_m * _STEPS_PER_M))
        self.slider.setPageStep(_STEPS_PER_M)
        self.slider.setValue(0)
        self._move()

    def show_frame(self, which: int, shown: PaintedFrame | str) -> None:
        """Take a picture of one of the runs, or why there is none."""
        if isinstance(shown, str):
            self.pictures[which].show_words(shown)
        else:
            run = self._runs[which] if self._runs is not None else None
            began_s = run.info.start_s if run is not None else 0.0
            self.pictures[which].show_frame(shown, clock_text(shown.frame.t_s - began_s))

    def _move(self) -> None:
        if self._runs is None:
            return
        way_m = self.slider.value() / _STEPS_PER_M
        for which, run in enumerate(self._runs):
            first, last = way_of(run)
            s_m = min(first + way_m, last)
            self.maps[which].show_distance(s_m)
            index = run.frame_at_distance(s_m)
            if index >= 0:
                self.frame_needed.emit(which, index)
        self._say_place()

    def _say_place(self) -> None:
        way_m = self.slider.value() / _STEPS_PER_M
        self.place.say(f"{self._units.length(way_m)} driven")

    def _toggle_whole(self) -> None:
        for view in self.maps:
            view.show_whole(not view.is_whole)
        self.whole_key.set_look(KeyLook.SELECTED if self.maps[0].is_whole else KeyLook.PLAIN)
        self._move()

    def _set_theme(self, theme: Theme) -> None:
        for view in self.maps:
            view.setFixedHeight(theme.px(_MAP_PX))
