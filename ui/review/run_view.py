"""One run, looked at again: picture, map, nozzles and timeline at the same moment."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from agriseg.messages import ClassId
from agriseg.recording.marks import Mark, RunNotes
from agriseg.recording.story import TimelineEvent
from ui.models.review_open import OpenedRun
from ui.models.review_plant import plant_words, sensitivity_at, strip_words
from ui.models.review_play import Playhead, neighbour
from ui.models.what_if import model_choices
from ui.review.charts import GroundMapView, NozzleChartView
from ui.review.export_panel import ExportPanel
from ui.review.outcome import Opener, open_folder
from ui.review.panels import JobBar, LayersPanel, MarksPanel, PlantPanel
from ui.review.picture import PaintedFrame, ReviewPicture
from ui.review.timeline import Timeline
from ui.review.what_if_panel import WhatIfPanel
from ui.theme import Theme, ThemeKeeper
from ui.units import Units, clock_text
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_TICK_MS = 33
_FACE = KeyFace(text_px=13, icon_px=24, min_width_px=64, stacked=True)
_MANY = 10
_NEAR_M = 0.5
_TABS = (
    ("plant", "Plant", "sprout"),
    ("layers", "Layers", "layers"),
    ("marks", "Marks", "map-marker"),
    ("export", "Export", "export-variant"),
    ("what-if", "What if", "tune-variant"),
)


class RunView(QWidget):
    """Shows an opened run. What is read from the disk is asked for by signals."""

    left = Signal()
    frame_needed = Signal(int)
    notes_changed = Signal(object)
    """Carries `RunNotes` to be kept."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        units: Units,
        opener: Opener = open_folder,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._units = units
        self._run: OpenedRun | None = None
        self._plant = -1
        self._plant_t_s = math.nan
        self._asked = -1
        self.playhead: Playhead | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.title = Words("", "heading")
        self.said = Words("", "note")
        self.clock = Words("", "strong")
        self.picture = ReviewPicture(keeper)
        self.map = GroundMapView(keeper)
        self.chart = NozzleChartView(keeper)
        self.timeline = Timeline(keeper)
        self.opening = JobBar(keeper)
        self.plant_panel = PlantPanel()
        self.layers = LayersPanel(keeper)
        self.marks = MarksPanel(keeper)
        self.export = ExportPanel(keeper, opener)
        self.what_if = WhatIfPanel(keeper, units)
        self.tabs = dict(
            zip(
                (name for name, _, _ in _TABS),
                (self.plant_panel, self.layers, self.marks, self.export, self.what_if),
                strict=True,
            )
        )
        self.tab_keys = {name: Key(keeper, word, icon, "", _FACE) for name, word, icon in _TABS}
        self.keys: dict[str, Key] = {}
        self._make_keys(keeper)
        self._lay_out()
        self._connect()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._advance)
        self._since = QElapsedTimer()
        self.show_tab("plant")
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def run(self) -> OpenedRun | None:
        """The run shown."""
        return self._run

    @property
    def plant_id(self) -> int:
        """The plant explained, -1 for none."""
        return self._plant

    def set_units(self, units: Units) -> None:
        """Write lengths and volumes in other units."""
        self._units = units
        self.what_if.set_units(units)
        self._explain()

    def begin(self, title: str) -> None:
        """Empty the view: a run is being opened."""
        self.pause()
        self._run = self.playhead = None
        self._plant = self._asked = -1
        self.title.say(title)
        self.said.say("")
        self.clock.say("")
        self.picture.show_words("The run is being opened …")
        self.plant_panel.show_words(None)
        self.what_if.show_result(None)
        self.export.begin(True)
        self._enable(False)

    def show_run(self, run: OpenedRun) -> None:
        """Take an opened run."""
        self._run = run
        self.playhead = Playhead(run.frame_times_s, run.info.start_s, run.end_s)
        self.opening.hide()
        self.said.say(run.said)
        self.map.show_run(run)
        self.chart.show_run(run)
        self.timeline.show_run(run.info.start_s, run.end_s, run.story.timeline)
        self.take_notes(run)
        self.export.show_places(bool(run.story.history.positions))
        self.what_if.order.show_models(model_choices(), run.pictures_good_for)
        if not len(run.frame_times_s):
            self.picture.show_words("This run kept no pictures.")
        self._enable(True)
        self.setFocus()
        self._show_moment()

    def take_notes(self, run: OpenedRun) -> None:
        """Take the same run with other marks."""
        self._run = run
        self.timeline.show_marks(run.notes.marks)
        self.marks.show_marks(run.notes.marks, run.info.start_s)

    def show_frame(self, shown: PaintedFrame | str) -> None:
        """Take a picture that was asked for, or why there is none."""
        if self._run is None:
            return
        if isinstance(shown, str):
            self.picture.show_words(shown)
            return
        when = clock_text(shown.frame.t_s - self._run.info.start_s)
        self.picture.show_frame(shown, f"{when}  ·  picture {shown.frame.index + 1}")

    def show_tab(self, name: str) -> None:
        """Show one of the panels beside the picture."""
        self._side.setCurrentWidget(self.tabs[name])
        for other, key in self.tab_keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)

    def pause(self) -> None:
        """Stop playing."""
        if self.playhead is not None:
            self.playhead.is_playing = False
        self._tick.stop()
        self._draw_keys()

    # What the operator does

    def press(self, key: Qt.Key, many: bool = False) -> bool:
        """Act on a key; return whether it is one of this view's."""
        step = _MANY if many else 1
        actions: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_K: self.toggle_play,
            Qt.Key.Key_Left: lambda: self.step(-step),
            Qt.Key.Key_Right: lambda: self.step(step),
            Qt.Key.Key_Up: lambda: self.change_speed(1),
            Qt.Key.Key_Down: lambda: self.change_speed(-1),
            Qt.Key.Key_Home: lambda: self._seek_end(False),
            Qt.Key.Key_End: lambda: self._seek_end(True),
            Qt.Key.Key_N: lambda: self.next_plant(1),
            Qt.Key.Key_B: lambda: self.next_plant(-1),
            Qt.Key.Key_J: lambda: self.next_miss(1),
            Qt.Key.Key_H: lambda: self.next_miss(-1),
            Qt.Key.Key_Plus: lambda: self.timeline.zoom(1.0),
            Qt.Key.Key_Equal: lambda: self.timeline.zoom(1.0),
            Qt.Key.Key_Minus: lambda: self.timeline.zoom(-1.0),
            Qt.Key.Key_1: lambda: self.layers.toggle("mask"),
            Qt.Key.Key_2: lambda: self.layers.toggle("plants"),
            Qt.Key.Key_3: lambda: self.layers.toggle("boom"),
            Qt.Key.Key_W: self.toggle_whole,
        }
        action = actions.get(key)
        if action is None or self._run is None:
            return False
        action()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on this view's keys; leave the others to the window."""
        many = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not self.press(Qt.Key(event.key()), many):
            event.ignore()

    def seek(self, t_s: float) -> None:
        """Look at another moment."""
        if self.playhead is not None:
            self.playhead.seek(t_s)
            self._show_moment()

    def step(self, frames: int) -> None:
        """Go on or back by pictures."""
        if self.playhead is not None:
            self.playhead.step(frames)
            self._draw_keys()
            self._show_moment()

    def toggle_play(self) -> None:
        """Play or pause."""
        if self.playhead is None:
            return
        self.playhead.toggle()
        if self.playhead.is_playing:
            self._since.start()
            self._tick.start()
        self._draw_keys()

    def change_speed(self, steps: int) -> None:
        """Play faster or slower."""
        if self.playhead is not None:
            self.playhead.change_speed(steps)
            self._draw_keys()

    def next_plant(self, direction: int) -> None:
        """Go to the weed decided on next, or before."""
        if self._run is None or self.playhead is None:
            return
        weeds = self._run.weeds
        index = neighbour([event.t_s for event in weeds], self.playhead.t_s, direction)
        ids = [event.plant_id for event in weeds]
        if self._plant in ids and self.playhead.t_s == self._plant_t_s:
            index = ids.index(self._plant) + direction
        if index is not None and 0 <= index < len(ids):
            self.look_at_plant(ids[index])

    def next_miss(self, direction: int) -> None:
        """Go to the ground given up next, or before, and to the weed on it."""
        if self._run is None or self.playhead is None:
            return
        misses = self._run.misses
        index = neighbour([event.t_s for event in misses], self.playhead.t_s, direction)
        if index is None:
            return
        self.seek(misses[index].t_s)
        self._explain_miss(self._run, misses[index])

    def look_at_plant(self, plant_id: int) -> None:
        """Explain a plant where it is seen best."""
        if self._run is None:
            return
        self.explain(plant_id)
        best = self._run.story.best_frame(plant_id)
        times = self._run.story.history.frame_t_s
        self.seek(times[best] if best is not None else self._run.story.plant(plant_id).t_s)
        if self.playhead is not None:
            self._plant_t_s = self.playhead.t_s

    def explain(self, plant_id: int) -> None:
        """Explain a plant, here."""
        self._plant = plant_id
        self.picture.select(plant_id)
        self.show_tab("plant")
        self._explain()

    def toggle_whole(self) -> None:
        """Show the whole run on the map, or what is around the vehicle."""
        self.map.show_whole(not self.map.is_whole)
        self._draw_keys()

    def _seek_end(self, last: bool) -> None:
        if self.playhead is not None:
            self.seek(self.playhead.end_s if last else self.playhead.start_s)

    def _tap_picture(self, u_px: float, v_px: float) -> None:
        frame = self.picture.frame
        if self._run is None or frame is None or frame.history_index < 0:
            return
        found = self._run.story.plant_at(frame.history_index, u_px, v_px)
        if found is not None:
            self.explain(found)

    def _set_mark(self, text: str) -> None:
        if self._run is None or self.playhead is None:
            return
        marks = self._run.notes.marks
        number = max((mark.mark_id for mark in marks), default=0) + 1
        mark = Mark(mark_id=number, t_s=self.playhead.t_s, text=text)
        kept = tuple(sorted((*marks, mark), key=lambda one: one.t_s))
        self.notes_changed.emit(RunNotes(note=self._run.notes.note, marks=kept))

    def _remove_mark(self, mark_id: int) -> None:
        if self._run is not None:
            kept = tuple(m for m in self._run.notes.marks if m.mark_id != mark_id)
            self.notes_changed.emit(RunNotes(note=self._run.notes.note, marks=kept))

    # Drawing

    def _advance(self) -> None:
        if self.playhead is None:
            return
        self.playhead.advance(self._since.restart() / 1000.0)
        if not self.playhead.is_playing:
            self._tick.stop()
            self._draw_keys()
        self._show_moment()

    def _show_moment(self) -> None:
        """Draw everything of the present moment; the picture follows when it is read."""
        run, playhead = self._run, self.playhead
        if run is None or playhead is None:
            return
        t_s = playhead.t_s
        self.timeline.show_time(t_s)
        index = playhead.frame_index
        if index >= 0 and index != self._asked:
            self._asked = index
            self.frame_needed.emit(index)
        s_m = run.distance_at(t_s)
        boom_m = s_m + float(run.boom_m[0, 0])
        self.map.show_distance(s_m)
        self.chart.show_distance(boom_m)
        self.picture.show_nozzles(*run.chart.open_at(boom_m))
        driven = self._units.length(s_m - self._first_m(run))
        whole = clock_text(run.end_s - run.info.start_s)
        self.clock.say(f"{clock_text(t_s - run.info.start_s)} of {whole}  ·  {driven}")

    def _first_m(self, run: OpenedRun) -> float:
        return run.distance_at(run.info.start_s)

    def _explain_miss(self, run: OpenedRun, event: TimelineEvent) -> None:
        """Explain the weed on ground that was given up, or the ground where no weed is known."""
        timed = [
            one.missed
            for one in run.story.history.missed
            if one.t_s == event.t_s and one.missed.nozzle_id == event.nozzle_id
        ]
        for missed in timed:
            around = run.story.plants_between(missed.s_min_m - _NEAR_M, missed.s_max_m + _NEAR_M)
            for plant in around:
                is_weed = plant.class_id is ClassId.WEED
                if is_weed and missed in run.story.plant(plant.plant_id).missed:
                    self.explain(plant.plant_id)
                    return
        self._plant = -1
        self.picture.select(-1)
        self.show_tab("plant")
        self.plant_panel.show_words(strip_words(timed[0], self._units) if timed else None)

    def _explain(self) -> None:
        if self._run is None or self._plant < 0:
            self.plant_panel.show_words(None)
            return
        story = self._run.story.plant(self._plant)
        history = self._run.story.history
        sensitivity = sensitivity_at(history.events, story.t_s, history.config.spray.sensitivity)
        self.plant_panel.show_words(plant_words(story, sensitivity, self._units))

    def _draw_keys(self) -> None:
        playing = self.playhead is not None and self.playhead.is_playing
        speed = self.playhead.speed if self.playhead is not None else 1.0
        self.keys["play"].set_words(
            "Pause" if playing else "Play", icon="pause" if playing else "play"
        )
        self.keys["slower"].set_words("Slower")
        self.keys["faster"].set_words("Faster")
        self.speed.say(f"{speed:g} ×")
        self.keys["whole"].set_look(KeyLook.SELECTED if self.map.is_whole else KeyLook.PLAIN)

    def _enable(self, enabled: bool) -> None:
        for key in (*self.keys.values(), *self.tab_keys.values()):
            key.setEnabled(enabled)
        for widget in (self._side, self.timeline):
            widget.setEnabled(enabled)
        self._draw_keys()

    # Building

    def _make_keys(self, keeper: ThemeKeeper) -> None:
        for name, word, icon, shortcut, action in (
            ("last-miss", "Miss", "skip-backward", "H", lambda: self.next_miss(-1)),
            ("last-plant", "Plant", "skip-previous", "B", lambda: self.next_plant(-1)),
            ("back", "Picture", "step-backward", "←", lambda: self.step(-1)),
            ("play", "Play", "play", "K", self.toggle_play),
            ("on", "Picture", "step-forward", "→", lambda: self.step(1)),
            ("next-plant", "Plant", "skip-next", "N", lambda: self.next_plant(1)),
            ("next-miss", "Miss", "skip-forward", "J", lambda: self.next_miss(1)),
            ("slower", "Slower", "rewind", "↓", lambda: self.change_speed(-1)),
            ("faster", "Faster", "fast-forward", "↑", lambda: self.change_speed(1)),
            ("out", "Zoom", "magnify-minus-outline", "−", lambda: self.timeline.zoom(-1.0)),
            ("in", "Zoom", "magnify-plus-outline", "+", lambda: self.timeline.zoom(1.0)),
            ("whole", "Whole map", "map-outline", "W", self.toggle_whole),
        ):
            key = Key(keeper, word, icon, shortcut, _FACE)
            key.clicked.connect(lambda _checked=False, a=action: a())
            self.keys[name] = key
        self.speed = Words("1 ×", "strong")
        self.speed.setWordWrap(False)
        self.speed.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back_key = Key(keeper, "Runs", "arrow-left", "", KeyFace(text_px=17))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        self.back_key.setSizePolicy(
            self.back_key.sizePolicy().Policy.Fixed, self.back_key.sizePolicy().Policy.Fixed
        )
        self.title.setWordWrap(False)
        self.clock.setWordWrap(False)
        head.addWidget(self.back_key)
        head.addWidget(self.title)
        head.addWidget(self.said, 1)
        head.addStretch(0)
        head.addWidget(self.clock)
        self._pictures = QHBoxLayout()
        self._pictures.addWidget(self.picture, 9)
        self._pictures.addWidget(self._framed(self.map), 5)
        keys = QHBoxLayout()
        for name, key in self.keys.items():
            keys.addWidget(key, 1)
            if name == "slower":
                keys.addWidget(self.speed)
        self._keys = keys
        left = QVBoxLayout()
        left.addWidget(self.opening)
        left.addLayout(self._pictures, 5)
        left.addWidget(self._framed(self.chart), 3)
        left.addWidget(self.timeline)
        self._left = left
        self._body = QHBoxLayout()
        self._body.addLayout(left, 1)
        self._body.addWidget(self._side_panel())
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addLayout(head)
        self._column.addLayout(self._body, 1)
        self._column.addLayout(keys)

    def _side_panel(self) -> QFrame:
        self._panel = QFrame()
        self._panel.setProperty("role", "panel")
        self._tab_row = QHBoxLayout()
        for key in self.tab_keys.values():
            self._tab_row.addWidget(key, 1)
        self._side = QStackedWidget()
        for tab in self.tabs.values():
            self._side.addWidget(tab)
        column = QVBoxLayout(self._panel)
        column.addLayout(self._tab_row)
        column.addWidget(self._side, 1)
        return self._panel

    def _framed(self, inner: QWidget) -> QFrame:
        panel = QFrame()
        panel.setProperty("role", "panel")
        column = QVBoxLayout(panel)
        column.setContentsMargins(4, 2, 4, 2)
        column.addWidget(inner)
        return panel

    def _connect(self) -> None:
        self.back_key.clicked.connect(self.left)
        for name, key in self.tab_keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.show_tab(n))
        self.timeline.sought.connect(self.seek)
        self.picture.tapped.connect(self._tap_picture)
        self.map.plant_tapped.connect(self.look_at_plant)
        self.layers.changed.connect(self.picture.show_layers)
        self.marks.set_asked.connect(self._set_mark)
        self.marks.removed.connect(self._remove_mark)
        self.marks.sought.connect(self.seek)

    def _set_theme(self, theme: Theme) -> None:
        gap = theme.px(6)
        for layout in (self._column, self._body, self._left, self._pictures, self._keys):
            layout.setSpacing(gap)
        self._tab_row.setSpacing(theme.px(4))
        self._panel.setFixedWidth(theme.px(392))
        self.speed.setFixedWidth(theme.px(52))
