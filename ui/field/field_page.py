"""Where the machine is, where it may spray, and who says so."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from agriseg.config import Config
from agriseg.messages import EngineSnapshot, PositionStatus
from agriseg.positioning.opening import NONE
from agriseg.serial_ports import SerialPort
from agriseg.spraying.boom import Boom
from ui.connection import ConnectionKeeper
from ui.field.boundary_desk import BoundaryDesk, Check
from ui.field.boundary_panel import BoundaryPanel
from ui.field.plan_panel import PlanPanel
from ui.field.position_panel import PositionPanel
from ui.field.receiver_panel import ReceiverPanel
from ui.field.settings_panel import SettingsPanel
from ui.models.field import position_view
from ui.models.field_boundary import (
    FORMS,
    SUFFIXES,
    boundary_facts,
    boundary_view,
    check_boundary,
    doubts,
    why_not_a_boundary,
)
from ui.models.field_plan import boom_on_plan, machine_on_plan
from ui.models.figures import STALE_AFTER_S
from ui.models.status import LinkView
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.path_panel import PathPanel

_SIGMAS = 2.0
"""The guard keeps away by this many standard deviations of the position, besides the margin."""
_MARGIN_STEP_M = 0.05
_SIDE_PX = 430
_ROOMY_PX = 760
"""From this height (at scale 1) the facts have room beside what is chosen."""
_FACE = KeyFace(text_px=17, icon_px=24)
_NO_RECEIVER = (
    "No receiver and no boundary yet.\nChoose the field's boundary, or plug a satellite receiver"
    " in: the plan shows where the machine is and what it drove."
)
_NO_POSITION = "No position yet.\nThe plan begins with the first place that is sure."


class FieldPage(QWidget):
    """Shows position and plan; what the operator chooses is told by signals.

    Parameters
    ----------
    keeper : ThemeKeeper
    units : Units
    connection : ConnectionKeeper
        What is in force; the page changes nothing in it.
    check : callable
        Reads a boundary file, in a thread.
    """

    boundary_chosen = Signal(str)
    """A boundary file that was read and accepted; empty to do without."""
    receiver_chosen = Signal(object)
    """The operator uses a `ReceiverChoice`."""
    adjusted = Signal(object)
    """Values by configuration keys that the operator applies."""
    opened = Signal(bool)
    """The page has been opened, or left."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        units: Units,
        connection: ConnectionKeeper,
        check: Check = check_boundary,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._config: Config = connection.config
        self._units = units
        self._snapshot: EngineSnapshot | None = None
        self._is_now = False
        self._refusal = ""
        self._theme = keeper.theme
        self._boom = boom_on_plan(Boom(self._config.boom))
        self.setAcceptDrops(True)
        self.desk = BoundaryDesk(check, self)
        self.plan = PlanPanel(keeper, units)
        self.position = PositionPanel(keeper)
        self.boundary = BoundaryPanel(keeper)
        self.receiver = ReceiverPanel(
            keeper, connection.receiver, on_simulated_field=connection.on_simulated_field
        )
        self.settings = SettingsPanel(keeper, units, self._config)
        self.paths = PathPanel(keeper)
        self.tab_keys = {
            "boundary": Key(keeper, "Boundary", "vector-polygon", "", _FACE),
            "receiver": Key(keeper, "Receiver", "satellite-variant", "", _FACE),
            "settings": Key(keeper, "Settings", "tune", "", _FACE),
        }
        self._tabs: dict[str, QWidget] = {
            "boundary": self.boundary,
            "receiver": self.receiver,
            "settings": self.settings,
        }
        self._lay_out()
        self._connect()
        self.show_tab("boundary")
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self.desk.use(connection.boundary_file)

    def set_units(self, units: Units) -> None:
        """Write lengths and areas in other units."""
        self._units = units
        self.plan.view.set_units(units)
        self.settings.set_units(units)
        self._draw()

    def show_tab(self, name: str) -> None:
        """Show ``boundary``, ``receiver`` or ``settings`` below the position."""
        self._side_stack.setCurrentWidget(self._tabs[name])
        for other, key in self.tab_keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)
        self._draw()

    def show_ports(self, ports: tuple[SerialPort, ...]) -> None:
        """Take the serial ports that are there."""
        self.receiver.show_ports(ports)

    def show_choices(self) -> None:
        """Take receiver and boundary in force."""
        self._config = self._connection.config
        self.receiver.show_choice(self._connection.receiver)
        self.settings.show_config(self._config)
        if self._connection.boundary_file != self.desk.file or self.desk.candidate is not None:
            self.desk.use(self._connection.boundary_file)
        self._draw()

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Take the newest word of the engine; the track grows while nobody looks, too."""
        self._snapshot = snapshot
        self.plan.view.track.add(snapshot)

    def show_state(self, link: LinkView, refusal: str, now_s: float) -> None:
        """Draw what depends on the time.

        Parameters
        ----------
        link : LinkView
        refusal : str
            Why nothing can be changed now; empty when it can.
        now_s : float
            Monotonic host time.
        """
        self._refusal = refusal
        if refusal and self._stack.currentWidget() is self.paths:
            self.paths.leave_key.click()
        self.boundary.show_refusal(refusal)
        self.settings.show_refusal(refusal)
        self.receiver.show_state(refusal, self._connection.choice.port)
        snapshot = self._snapshot
        self._is_now = (
            link.talking and snapshot is not None and now_s - snapshot.t_s <= STALE_AFTER_S
        )
        if not self.isVisible():
            return
        self.position.show_view(
            position_view(
                self._connection.receiver,
                self._config.position,
                snapshot,
                link,
                self._units,
                now_s,
            )
        )
        self._draw()

    def forget(self) -> None:
        """Forget the snapshot of an engine that is no more; the track stays."""
        self._snapshot = None

    def press(self, key: Qt.Key) -> bool:
        """Act on a key of the plan; return whether it is one."""
        return self._stack.currentWidget() is not self.paths and self.plan.view.press(key)

    def end(self) -> None:
        """Give everything up: the window closes."""
        self.desk.end()

    def look_at(self, path: Path) -> None:
        """Read a boundary file and show it; the operator decides then."""
        self.show_tab("boundary")
        problem = self._refusal or why_not_a_boundary(path)
        self.boundary.show_problem(problem)
        if not problem:
            self.desk.look_at(path)

    def browse(self) -> None:
        """Choose a file inside the window."""
        file = self._connection.boundary_file
        self._stack.setCurrentWidget(self.paths)
        self.paths.ask(
            "Choose a boundary",
            f"The field's boundary and its no-spray zones as {FORMS}.",
            Path(file).parent if file else Path.home(),
            "Look at it",
            suffixes=SUFFIXES,
            check=why_not_a_boundary,
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Let one file be dropped, unless nothing can be changed now."""
        if not self._refusal and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look at the file that was dropped."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.look_at(path)

    def showEvent(self, event: QShowEvent) -> None:
        """Tell that the page is open."""
        super().showEvent(event)
        self.opened.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that the page was left."""
        super().hideEvent(event)
        self.opened.emit(False)

    # Drawing

    def _draw(self) -> None:
        is_choosing = self.desk.candidate is not None or not self.boundary.isVisible()
        self.position.show_short(is_choosing and self.height() < self._theme.px(_ROOMY_PX))
        status = None if self._snapshot is None else self._snapshot.position
        self._draw_boundary(status)
        self._draw_plan(status)

    def _draw_boundary(self, status: PositionStatus | None) -> None:
        desk, config = self.desk, self._config.boundary
        self.boundary.show_reading(desk.reading)
        name = "" if not desk.file else desk.used.name if desk.used else Path(desk.file).name
        view = boundary_view(status, name, desk.used_problem, is_now=self._is_now)
        self.boundary.show_view(view, has_boundary=bool(desk.file))
        shown = desk.shown
        facts = boundary_facts(shown, config, self._units) if shown is not None else ()
        self.boundary.show_facts(facts)
        if desk.candidate is None:
            self.boundary.show_candidate("", ())
            return
        found = doubts(
            desk.candidate,
            status if self._is_now else None,
            has_receiver=self._connection.receiver.source != NONE,
            units=self._units,
        )
        self.boundary.show_candidate(desk.candidate.name, found)

    def _draw_plan(self, status: PositionStatus | None) -> None:
        view, shown = self.plan.view, self.desk.shown
        has_receiver = self._connection.receiver.source != NONE
        view.empty_words = _NO_POSITION if has_receiver else _NO_RECEIVER
        view.show_boundary(
            shown.local if shown is not None else None,
            self._margin_m(status),
            is_candidate=self.desk.candidate is not None,
        )
        view.show_machine(
            machine_on_plan(status, view.track.frame, self._boom, is_now=self._is_now)
        )

    def _margin_m(self, status: PositionStatus | None) -> float:
        """Return what is kept clear, in steps: for a millimetre nothing is drawn anew."""
        least_m = self._config.boundary.margin_m
        accuracy_m = float("nan") if status is None else status.accuracy_m
        if accuracy_m != accuracy_m:
            return least_m
        margin_m = least_m + _SIGMAS * accuracy_m
        return max(_MARGIN_STEP_M * round(margin_m / _MARGIN_STEP_M), least_m)

    # Building

    def _lay_out(self) -> None:
        lower = QFrame()
        lower.setProperty("role", "panel")
        tabs = QHBoxLayout()
        self._side_stack = QStackedWidget()
        for name, key in self.tab_keys.items():
            tabs.addWidget(key, 1)
            self._side_stack.addWidget(self._tabs[name])
        lower_column = QVBoxLayout(lower)
        lower_column.addLayout(tabs)
        lower_column.addWidget(self._side_stack, 1)
        self._side = QWidget()
        self._right = QVBoxLayout(self._side)
        self._right.setContentsMargins(0, 0, 0, 0)
        self._right.addWidget(self.position)
        self._right.addWidget(lower, 1)
        body = QWidget()
        self._body = QHBoxLayout(body)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.addWidget(self.plan, 1)
        self._body.addWidget(self._side)
        self._stack = QStackedWidget()
        self._stack.addWidget(body)
        self._stack.addWidget(self.paths)
        self._stack.setCurrentWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    def _connect(self) -> None:
        for name, key in self.tab_keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.show_tab(n))
        self.boundary.browse_asked.connect(self.browse)
        self.boundary.use_asked.connect(self._use)
        self.boundary.discarded.connect(self.desk.drop)
        self.boundary.removed.connect(lambda: self.boundary_chosen.emit(""))
        self.boundary.cancelled.connect(self.desk.cancel)
        self.receiver.use_asked.connect(self.receiver_chosen)
        self.settings.applied.connect(self.adjusted)
        self.paths.chosen.connect(self._take_path)
        self.paths.left.connect(lambda: self._stack.setCurrentIndex(0))
        self.desk.changed.connect(self._draw)
        self.desk.refused.connect(self.boundary.show_problem)

    def _take_path(self, path: Path) -> None:
        self._stack.setCurrentIndex(0)
        self.look_at(path)

    def _use(self) -> None:
        if self.desk.candidate is not None:
            self.boundary_chosen.emit(str(self.desk.candidate.path))

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for layout in (self._body, self._right):
            layout.setSpacing(theme.px(6))
        self._side.setFixedWidth(theme.px(_SIDE_PX))


def _dropped(event: QDropEvent) -> Path | None:
    """Return the file that is dropped; None where it is not one file of this computer."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    return Path(urls[0].toLocalFile())
