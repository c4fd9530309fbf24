"""The window: rail, top bar, pages, action bar; joins them to the bridge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from agriseg.messages import (
    Alarm,
    AlarmPriority,
    CommandKind,
    EngineCommand,
    EngineSnapshot,
    EngineState,
    Picture,
    SprayMode,
)
from agriseg.recording.run_directories import runs_directory
from agriseg.serial_ports import SerialPort
from ui.bridge import EngineBridge
from ui.calibration.calibrate_page import CalibratePage
from ui.connection import ConnectionKeeper
from ui.field.field_page import FieldPage
from ui.help.display_page import DisplayPage
from ui.help.help_page import HelpPage
from ui.label.label_page import LabelPage, projects_folder
from ui.learn.learn_page import LearnPage
from ui.live.controls import SENSITIVITY_STEP
from ui.live.operate_page import OperatePage
from ui.models.alarms import LatchedAlarms
from ui.models.connection import ControllerChoice, entry_of, port_entries, refusal
from ui.models.field import position_word
from ui.models.receivers import NO_RECEIVER, ReceiverChoice
from ui.models.status import (
    Level,
    LinkView,
    StopPhase,
    engine_words,
    status_view,
    stop_words,
)
from ui.port_watch import PortWatch
from ui.review.review_page import ReviewPage
from ui.settings import WindowSettings
from ui.setup.setup_page import SetupPage
from ui.shell.action_bar import ActionBar
from ui.shell.banner import Banner, BannerText
from ui.shell.panels import MarkPanel, ReasonPanel
from ui.shell.rail import NavigationRail
from ui.shell.top_bar import TopBar
from ui.style import apply_theme
from ui.theme import Theme, ThemeChoice, ThemeKeeper, scale_for
from ui.units import Units, UnitSystem
from ui.widgets.key import HoldKey

log = logging.getLogger(__name__)

MINIMUM_SIZE_PX = (1024, 720)
_RESTYLE_AFTER_MS = 120
_MESSAGE_FOR_MS = 6000
_CLOSE_AGAIN_WITHIN_S = 5.0
ENGINE_RESTARTED = "window-engine-restarted"
WINDOW_FAULT = "window-fault"
CALIBRATION_DUE = "window-calibration-due"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """A page of the shell: its name, what the rail shows, and its key."""

    name: str
    word: str
    icon: str
    shortcut: str
    widget: QWidget


class MainWindow(QMainWindow):
    """The whole window. It shows what the bridge reports and sends what the operator asks."""

    def __init__(
        self,
        application: QApplication,
        bridge: EngineBridge,
        keeper: ThemeKeeper,
        settings: WindowSettings,
        connection: ConnectionKeeper,
        ports: PortWatch,
    ) -> None:
        super().__init__()
        self._application = application
        self._bridge = bridge
        self._keeper = keeper
        self._settings = settings
        self._connection = connection
        self._ports = ports
        self._has_looked_for_controller = False
        self._alarms = LatchedAlarms()
        self._waiting_codes: frozenset[str] = frozenset()
        self._link = bridge.link()
        self._stop_phase = StopPhase.IDLE
        self._message = ""
        self._close_asked_at_s = float("-inf")
        self.setWindowTitle("AgriSeg")
        self.setMinimumSize(*MINIMUM_SIZE_PX)
        self._build()
        self._connect_pages()
        self._connect_bridge()
        self._restyle_timer = QTimer(self)
        self._restyle_timer.setSingleShot(True)
        self._restyle_timer.setInterval(_RESTYLE_AFTER_MS)
        self._restyle_timer.timeout.connect(self._rescale)
        self._message_timer = QTimer(self)
        self._message_timer.setSingleShot(True)
        self._message_timer.setInterval(_MESSAGE_FOR_MS)
        self._message_timer.timeout.connect(self._forget_message)
        keeper.changed.connect(self._set_theme)
        self._set_theme(keeper.theme)
        self._restore()
        self.show_page("operate")
        self._shell.setFocus()
        self._show_due()
        self._show_time()

    @property
    def pages(self) -> tuple[PageEntry, ...]:
        """The pages in the order of the rail."""
        return self._pages

    @property
    def theme(self) -> Theme:
        """The theme shown."""
        return self._keeper.theme

    def show_page(self, name: str) -> None:
        """Change the page; a calibration step half-way through asks first."""
        if name != "calibrate" and not self.calibrate.may_leave(name):
            return
        for entry in self._pages:
            if entry.name == name:
                self._stack.setCurrentWidget(entry.widget)
                self.rail.show_page(name)
        self.mark_panel.hide()
        self.reason_panel.hide()
        self._show_actions()

    # Building

    def _build(self) -> None:
        self.rail = NavigationRail(self._keeper)
        self.top = TopBar(self._keeper)
        self.action_bar = ActionBar(self._keeper)
        self.operate = OperatePage(self._keeper, Units(self._settings.units))
        self.setup = SetupPage(self._keeper, self._connection.choice)
        self.calibrate = CalibratePage(self._keeper, lambda: self._connection.config)
        self.review = ReviewPage(
            self._keeper,
            Units(self._settings.units),
            lambda: runs_directory(self._connection.configured),
            memory=self._settings,
        )
        self.label = LabelPage(
            self._keeper,
            self._settings,
            projects_folder(),
            self._labelling_model,
            lambda: runs_directory(self._connection.configured),
        )
        self.field = FieldPage(self._keeper, Units(self._settings.units), self._connection)
        self.learn = LearnPage(
            self._keeper,
            Units(self._settings.units),
            self._settings,
            lambda: runs_directory(self._connection.configured),
            lambda: self._connection.configured.model.path,
        )
        self.display = DisplayPage(self._keeper)
        self.help = HelpPage(self._keeper)
        self._pages = (
            PageEntry(
                name="operate", word="Operate", icon="sprout", shortcut="F2", widget=self.operate
            ),
            PageEntry(
                name="field", word="Field", icon="map-marker-path", shortcut="F9", widget=self.field
            ),
            PageEntry(
                name="review", word="Review", icon="history", shortcut="F6", widget=self.review
            ),
            PageEntry(
                name="label", word="Label", icon="draw-pen", shortcut="F7", widget=self.label
            ),
            PageEntry(
                name="learn", word="Learn", icon="school-outline", shortcut="F8", widget=self.learn
            ),
            PageEntry(name="setup", word="Setup", icon="tune", shortcut="F4", widget=self.setup),
            PageEntry(
                name="calibrate",
                word="Calibrate",
                icon="ruler-square",
                shortcut="F5",
                widget=self.calibrate,
            ),
            PageEntry(
                name="display",
                word="Display",
                icon="theme-light-dark",
                shortcut="F3",
                widget=self.display,
            ),
            PageEntry(
                name="help",
                word="Help",
                icon="help-circle-outline",
                shortcut="F1",
                widget=self.help,
            ),
        )
        self._stack = QStackedWidget()
        for entry in self._pages:
            self._stack.addWidget(entry.widget)
            self.rail.add_page(entry.name, entry.word, entry.icon, entry.shortcut)
        self._lay_out()
        self.banner = Banner(self._keeper, self._shell)
        self.mark_panel = MarkPanel(self._keeper, self._shell)
        self.reason_panel = ReasonPanel(self._keeper, self._shell)

    def _lay_out(self) -> None:
        self._shell = QWidget()
        self._shell.setObjectName("shell")
        self._shell.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._page_area = QVBoxLayout()
        self._page_area.addWidget(self._stack)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addLayout(self._page_area, 1)
        column.addWidget(self.action_bar)
        row = QHBoxLayout(self._shell)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(self._shell)

    def _connect_pages(self) -> None:
        self.rail.page_asked.connect(self.show_page)
        self.top.reasons_asked.connect(self._toggle_reasons)
        self.top.alarms_asked.connect(self._show_alarms_panel)
        self.banner.action_asked.connect(self._restart_engine)
        self.action_bar.primary.connect(self._primary)
        self.action_bar.pause.connect(self.pause)
        self.action_bar.stop.connect(self.stop)
        self.action_bar.mark.connect(self.mark)
        self.action_bar.hold_needed.connect(self.show_message)
        self.operate.acknowledged.connect(self.acknowledge)
        self.operate.mode_chosen.connect(self._set_mode)
        self.operate.sensitivity_chosen.connect(self._set_sensitivity)
        self.operate.hold_needed.connect(self.show_message)
        self.operate.explained.connect(self.show_message)
        self.mark_panel.noted.connect(self._note)
        self.setup.connect_asked.connect(self._connect_controller)
        self.setup.opened.connect(self._follow_ports)
        self.calibrate.ordered.connect(self._bridge.send)
        self.calibrate.devices_needed.connect(self._lend_devices)
        self.calibrate.changed.connect(self._take_calibration)
        self.calibrate.explained.connect(self.show_message)
        self.calibrate.left.connect(self.show_page)
        self.review.explained.connect(self.show_message)
        self.label.explained.connect(self.show_message)
        self.learn.explained.connect(self.show_message)
        self.learn.model_changed.connect(self._take_model)
        self.field.boundary_chosen.connect(self._choose_boundary)
        self.field.receiver_chosen.connect(self._choose_receiver)
        self.field.opened.connect(self._follow_ports)
        self.top.position_asked.connect(lambda: self.show_page("field"))
        self._ports.listed.connect(self._take_ports)
        self._ports.look()
        self.display.theme_chosen.connect(self._choose_theme)
        self.display.units_chosen.connect(self._choose_units)
        self.display.sound_chosen.connect(self._choose_sound)
        self.display.full_screen_chosen.connect(self._choose_full_screen)
        self._show_choices()

    def _connect_bridge(self) -> None:
        self._bridge.snapshot_arrived.connect(self._take_snapshot)
        self._bridge.picture_arrived.connect(self._take_picture)
        self._bridge.link_changed.connect(self._take_link)
        self._bridge.stop_changed.connect(self._take_stop)
        self._bridge.restarted.connect(self._take_restart)
        self._bridge.reconfigured.connect(self._take_reconfigured)
        self._bridge.failed.connect(self.show_message)

    def _restore(self) -> None:
        geometry = self._settings.geometry
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1280, 800)

    # What the bridge reports

    def _take_snapshot(self, snapshot: EngineSnapshot) -> None:
        self._alarms.update(snapshot.alarms)
        self.operate.show_snapshot(snapshot)
        self.calibrate.show_snapshot(snapshot)
        self.field.show_snapshot(snapshot)
        self.top.show_snapshot(snapshot)
        self._show_alarms()
        self._show_time()

    def _take_picture(self, picture: Picture) -> None:
        self.operate.show_picture(picture, self._bridge.now_s())
        self.calibrate.show_picture(picture, self._bridge.now_s())

    def _take_link(self, link: LinkView) -> None:
        self._link = link
        if link.talking:
            self._alarms.clear_own(ENGINE_RESTARTED)
        self._show_time()

    def _take_stop(self, phase: StopPhase) -> None:
        self._stop_phase = phase
        self.action_bar.show_stop(phase)
        self._show_banner()

    def _take_restart(self, why: str) -> None:
        self.operate.forget()
        text = "The field engine was started again; spraying has ended."
        self._alarms.raise_own(
            Alarm(
                code=ENGINE_RESTARTED,
                priority=AlarmPriority.DANGER,
                text=f"{text} {why}".strip(),
                remedy="Look at the nozzles, acknowledge, then hold Start. Restart the computer"
                " if it happens again.",
                t_s=self._bridge.now_s(),
            )
        )
        self._show_alarms()

    def _take_reconfigured(self) -> None:
        self.operate.forget()
        self.field.forget()
        self._link = self._bridge.link()
        self._show_time()

    def _take_ports(self, ports: tuple[SerialPort, ...]) -> None:
        self.setup.show_ports(ports)
        self.field.show_ports(ports)
        if self._has_looked_for_controller:
            return
        self._has_looked_for_controller = True
        choice = self._connection.choice
        entry = entry_of(port_entries(ports, (choice,)), choice)
        if entry is not None and not entry.is_there:
            self.show_page("setup")
            self.show_message(
                f"{choice.name} was used last and is not plugged in. It is waited for; nothing is"
                " sprayed without it."
            )

    # Drawing

    def _show_time(self) -> None:
        """Draw everything that depends on the time as well as on the snapshot."""
        snapshot = self._bridge.snapshot
        status = status_view(snapshot, self._link)
        self.top.show_status(status)
        self._show_position(snapshot)
        self.reason_panel.show_reasons(status.reasons)
        self.operate.show_time(self._bridge.now_s(), self._link)
        self.setup.show_state(snapshot, self._link, self._stop_phase, self._bridge.now_s())
        self.calibrate.show_state(
            refusal(snapshot, self._link, self._stop_phase), self._bridge.now_s()
        )
        self.review.show_state(refusal(snapshot, self._link, StopPhase.IDLE))
        self.field.show_state(
            self._link, refusal(snapshot, self._link, self._stop_phase), self._bridge.now_s()
        )
        self.label.show_state(refusal(snapshot, self._link, StopPhase.IDLE))
        self.learn.show_state(refusal(snapshot, self._link, StopPhase.IDLE))
        self._show_actions()
        self._show_banner()

    def _show_position(self, snapshot: EngineSnapshot | None) -> None:
        """Say in the top bar what the position is, as long as somebody tells it."""
        word = None
        if self._link.talking and snapshot is not None:
            units = Units(self._settings.units)
            word = position_word(snapshot, units, self._bridge.now_s())
        self.top.show_position(word)

    def _show_actions(self) -> None:
        on_operate = self._stack.currentWidget() is self.operate
        self.action_bar.show_state(self._bridge.snapshot, self._link, on_operate=on_operate)

    def _show_banner(self) -> None:
        text = self._banner_text()
        if text != self.banner.shown:
            self.banner.show_text(text)
            self._place_banner()

    def _banner_text(self) -> BannerText | None:
        stop = stop_words(self._stop_phase, talking=self._link.talking)
        if not self._link.talking and not self._link.starting:
            text = stop or (
                f"{engine_words(self._link)} Without the field engine the controller keeps the"
                " nozzles closed."
            )
            return BannerText(level=Level.DANGER, text=text, action="Start the engine again")
        if stop:
            danger = self._stop_phase is StopPhase.UNCONFIRMED
            return BannerText(level=Level.DANGER if danger else Level.WARNING, text=stop)
        if self._message:
            return BannerText(level=Level.WAIT, text=self._message)
        return None

    def _show_alarms(self) -> None:
        rows = self._alarms.rows()
        self.operate.show_alarms(rows)
        self.top.show_alarms(rows, self._alarms.worst_waiting())
        waiting = frozenset(
            row.alarm.code
            for row in rows
            if row.waits and row.alarm.priority >= AlarmPriority.WARNING
        )
        if waiting - self._waiting_codes and self._settings.sound:
            QApplication.beep()
        self._waiting_codes = waiting

    def show_message(self, text: str) -> None:
        """Say something for a few seconds."""
        self._message = text
        self._message_timer.start()
        self._show_banner()

    def show_fault(self, text: str) -> None:
        """Stop and tell: a fault of the window itself leaves nothing certain on the screen."""
        self._bridge.stop()
        self._alarms.raise_own(
            Alarm(
                code=WINDOW_FAULT,
                priority=AlarmPriority.DANGER,
                text=f"The window had a fault and asked for a stop: {text}",
                remedy="Check that the nozzles are closed. Start AgriSeg again, and send the log"
                " to whoever looks after it.",
                t_s=self._bridge.now_s(),
                stops_spraying=True,
            )
        )
        self._show_alarms()

    def _forget_message(self) -> None:
        self._message = ""
        self._show_banner()

    # What the operator asks

    def stop(self) -> None:
        """Stop, in every state; a calibration step that sprays too."""
        self.calibrate.stop()
        self._bridge.stop()

    def pause(self) -> None:
        """Pause spraying."""
        self._bridge.send(EngineCommand(kind=CommandKind.PAUSE))

    def mark(self) -> None:
        """Mark this place at once, then ask what is here."""
        if self._bridge.send(EngineCommand(kind=CommandKind.NOTE, value="mark")):
            self.mark_panel.open()
            self._place_panels()

    def acknowledge(self, code: str) -> None:
        """Acknowledge one alarm."""
        if self._alarms.acknowledge(code):
            self._bridge.send(EngineCommand(kind=CommandKind.ACKNOWLEDGE, value=code))
        self._show_alarms()

    def acknowledge_top(self) -> None:
        """Acknowledge the alarm on top of the list."""
        rows = self._alarms.rows()
        if rows and rows[0].waits:
            self.acknowledge(rows[0].alarm.code)

    def _primary(self, kind: CommandKind) -> None:
        self._bridge.send(EngineCommand(kind=kind))

    def _set_mode(self, mode: SprayMode) -> None:
        self._bridge.send(EngineCommand(kind=CommandKind.SET_MODE, value=mode))

    def _set_sensitivity(self, value: float) -> None:
        self._bridge.send(EngineCommand(kind=CommandKind.SET_SENSITIVITY, value=value))

    def _note(self, text: str) -> None:
        self._bridge.send(EngineCommand(kind=CommandKind.NOTE, value=f"mark: {text}"))
        self.show_message(f"Noted: {text}")

    def _connect_controller(self, choice: ControllerChoice) -> None:
        """Restart the engine with another controller, unless something may be spraying."""
        why_not = refusal(self._bridge.snapshot, self._link, self._stop_phase)
        if why_not:
            self.show_message(why_not)
            return
        self._connection.choose(choice)
        self.setup.show_choice(choice)
        self._bridge.reconfigure(
            self._connection.config, f"The field engine is started again with {choice.name} …"
        )

    def _take_model(self, name: str) -> None:
        """Start the engine anew with the model that is in use from now on."""
        if self._connection.configured.model.path:
            self.show_message("The configuration names its own model; it stays in the engine.")
            return
        why_not = refusal(self._bridge.snapshot, self._link, self._stop_phase)
        if why_not:
            self.show_message(f"{name} is loaded when the engine starts next. {why_not}")
            return
        self._bridge.reconfigure(
            self._connection.config, f"The field engine is started again with {name} …"
        )

    def _labelling_model(self) -> Path | None:
        """Return the folder of the configured model; None for the deployed one."""
        path = self._connection.configured.model.path
        return Path(path) if path else None

    def _choose_receiver(self, choice: ReceiverChoice) -> None:
        """Restart the engine with another satellite receiver, unless something may be spraying."""
        why_not = refusal(self._bridge.snapshot, self._link, self._stop_phase)
        if why_not:
            self.show_message(why_not)
            return
        self._connection.choose_receiver(choice)
        what = "without a receiver" if choice == NO_RECEIVER else f"with {choice.name}"
        self._apply_field(f"The field engine is started again {what} …")

    def _choose_boundary(self, file: str) -> None:
        """Restart the engine with another boundary or none, unless something may be spraying."""
        why_not = refusal(self._bridge.snapshot, self._link, self._stop_phase)
        if why_not:
            self.show_message(why_not)
            return
        self._connection.choose_boundary(file)
        what = "with another boundary" if file else "without a boundary"
        self._apply_field(f"The field engine is started again {what} …")

    def _apply_field(self, why: str) -> None:
        self.field.show_choices()
        self._bridge.reconfigure(self._connection.config, why)

    def _lend_devices(self, needed: bool) -> None:
        """Leave camera and controller to a calibration step, or take them back."""
        if needed:
            self._bridge.suspend("A calibration step has camera and controller.")
        else:
            self._bridge.resume()

    def _take_calibration(self, text: str) -> None:
        """Start the engine again with what is in force now."""
        self._bridge.reconfigure(self._connection.config, text)
        self.show_message(text)
        self._show_due()

    def _show_due(self) -> None:
        """List calibrations that are missing, old or overtaken among the alarms."""
        due = self.calibrate.due
        if not due:
            self._alarms.clear_own(CALIBRATION_DUE)
        else:
            self._alarms.raise_own(
                Alarm(
                    code=CALIBRATION_DUE,
                    priority=AlarmPriority.NOTICE,
                    text=f"Calibration is due. {due}",
                    remedy="Open the page Calibrate and do what it lists.",
                    t_s=self._bridge.now_s(),
                )
            )
        self._show_alarms()

    def _follow_ports(self, _is_open: bool) -> None:
        """Look for ports as long as one of the lists of them can be seen."""
        if self.setup.isVisible() or self.field.isVisible():
            self._ports.start()
        else:
            self._ports.stop()

    def _restart_engine(self) -> None:
        self._bridge.restart()

    def _toggle_reasons(self) -> None:
        snapshot = self._bridge.snapshot
        has_reasons = snapshot is not None and bool(snapshot.not_ready)
        self.reason_panel.setVisible(has_reasons and not self.reason_panel.isVisible())
        self._place_panels()

    def _show_alarms_panel(self) -> None:
        if self._stack.currentWidget() is not self.operate:
            self.show_page("operate")
        else:
            self.operate.toggle_panel()

    # Display choices

    def _show_choices(self) -> None:
        self.display.theme_row.show_choice(self._keeper.choice)
        self.display.units_row.show_choice(self._settings.units)
        self.display.sound_row.show_choice(self._settings.sound)
        self.display.screen_row.show_choice(self.isFullScreen())

    def _choose_theme(self, choice: ThemeChoice) -> None:
        self._settings.theme = choice
        self._keeper.choose(choice)
        self._show_choices()

    def _choose_units(self, system: UnitSystem) -> None:
        self._settings.units = system
        self.operate.set_units(Units(system))
        self.review.set_units(Units(system))
        self.learn.set_units(Units(system))
        self.field.set_units(Units(system))
        self._show_choices()
        self._show_time()

    def _choose_sound(self, on: bool) -> None:
        self._settings.sound = on
        self._show_choices()

    def _choose_full_screen(self, on: bool) -> None:
        if on:
            self.showFullScreen()
        else:
            self.showNormal()
        self._show_choices()

    def _toggle_theme(self) -> None:
        is_day = self._keeper.theme.name == "day"
        self._choose_theme(ThemeChoice.NIGHT if is_day else ThemeChoice.DAY)

    def _toggle_units(self) -> None:
        metric = self._settings.units is UnitSystem.METRIC
        self._choose_units(UnitSystem.IMPERIAL if metric else UnitSystem.METRIC)

    # Qt's events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on the window's keys; Space and Escape stop wherever the focus is."""
        if event.isAutoRepeat():
            return
        key = Qt.Key(event.key())
        hold = self._hold_key(key)
        on_label = self._stack.currentWidget() is self.label
        if key in (Qt.Key.Key_Space, Qt.Key.Key_Escape):
            self.stop()
        elif on_label and self.label.press(event):
            return
        elif hold is not None:
            hold.begin_hold()
        else:
            self._tap(key, event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """End a hold by keyboard."""
        hold = None if event.isAutoRepeat() else self._hold_key(Qt.Key(event.key()))
        if hold is not None:
            hold.end_hold()

    def changeEvent(self, event: QEvent) -> None:
        """End holds when another window comes to the front: their release would not be seen."""
        if event.type() is QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.action_bar.start_key.end_hold()
            self.operate.modes.broadcast.end_hold()
        if event.type() is QEvent.Type.WindowStateChange:
            self._show_choices()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let sizes follow the window."""
        super().resizeEvent(event)
        self._restyle_timer.start()
        self._place_panels()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close; while spraying only when asked twice."""
        snapshot = self._bridge.snapshot
        spraying = snapshot is not None and snapshot.state is EngineState.SPRAYING
        now_s = self._bridge.now_s()
        asked_again = now_s - self._close_asked_at_s < _CLOSE_AGAIN_WITHIN_S
        if spraying and self._link.talking and not asked_again:
            self._close_asked_at_s = now_s
            self.show_message("Spraying goes on. Close once more to stop spraying and leave.")
            event.ignore()
            return
        if self.label.unsafe and not asked_again:
            self._close_asked_at_s = now_s
            self.show_message(
                f"Labels are not saved: {self.label.unsafe} Close once more to leave and lose them."
            )
            event.ignore()
            return
        self._settings.geometry = self.saveGeometry()
        self._ports.stop()
        self.calibrate.end()
        self.review.end()
        self.field.end()
        self.label.end()
        self.learn.end()
        self._bridge.close()
        event.accept()

    def _hold_key(self, key: Qt.Key) -> HoldKey | None:
        if key is Qt.Key.Key_S:
            return self.action_bar.start_key
        if key is Qt.Key.Key_3 and self._stack.currentWidget() is self.operate:
            return self.operate.modes.broadcast
        return None

    def _tap(self, key: Qt.Key, event: QKeyEvent) -> None:
        everywhere: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_P: self.action_bar.pause_key.click,
            Qt.Key.Key_M: self.action_bar.mark_key.click,
            Qt.Key.Key_A: self.acknowledge_top,
            Qt.Key.Key_D: self._toggle_theme,
            Qt.Key.Key_U: self._toggle_units,
            Qt.Key.Key_F1: lambda: self.show_page("help"),
            Qt.Key.Key_F2: lambda: self.show_page("operate"),
            Qt.Key.Key_F3: lambda: self.show_page("display"),
            Qt.Key.Key_F4: lambda: self.show_page("setup"),
            Qt.Key.Key_F5: lambda: self.show_page("calibrate"),
            Qt.Key.Key_F6: lambda: self.show_page("review"),
            Qt.Key.Key_F9: lambda: self.show_page("field"),
            Qt.Key.Key_F7: lambda: self.show_page("label"),
            Qt.Key.Key_F8: lambda: self.show_page("learn"),
            Qt.Key.Key_F11: lambda: self._choose_full_screen(not self.isFullScreen()),
        }
        modes = self.operate.modes
        on_operate: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_1: lambda: modes.choose(SprayMode.SPOT),
            Qt.Key.Key_2: lambda: modes.choose(SprayMode.BAND),
            Qt.Key.Key_0: lambda: modes.choose(SprayMode.OFF),
            Qt.Key.Key_Plus: lambda: self.operate.sensitivity.step(SENSITIVITY_STEP),
            Qt.Key.Key_Equal: lambda: self.operate.sensitivity.step(SENSITIVITY_STEP),
            Qt.Key.Key_Minus: lambda: self.operate.sensitivity.step(-SENSITIVITY_STEP),
            Qt.Key.Key_V: self.operate.toggle_overlay,
            Qt.Key.Key_T: self.operate.toggle_panel,
        }
        action = everywhere.get(key)
        if action is None and self._stack.currentWidget() is self.operate:
            action = on_operate.get(key)
        if action is None and self._stack.currentWidget() is self.review:
            if not self.review.press(key):
                super().keyPressEvent(event)
        elif action is None and self._stack.currentWidget() is self.field:
            if not self.field.press(key):
                super().keyPressEvent(event)
        elif action is None:
            super().keyPressEvent(event)
        else:
            action()

    def _set_theme(self, theme: Theme) -> None:
        apply_theme(self._application, theme)
        gap = theme.px(8)
        self._page_area.setContentsMargins(gap, gap, gap, gap)
        self._place_panels()

    def _rescale(self) -> None:
        self._keeper.set_scale(scale_for(self.width(), self.height()))

    def _place_panels(self) -> None:
        """Put the panels over the page, clear of the action bar."""
        shell = self._shell
        gap = self._keeper.theme.px(16)
        room = shell.width() - self.rail.width() - 2 * gap
        width = max(1, min(self._keeper.theme.px(640), room))
        for panel in (self.mark_panel, self.reason_panel):
            panel.setFixedWidth(width)
            panel.adjustSize()
        bottom = shell.height() - self.action_bar.height() - gap
        self.mark_panel.move(self.rail.width() + gap, bottom - self.mark_panel.height())
        self.reason_panel.move(self.rail.width() + gap, self.top.height() + gap)
        self._place_banner()
        for panel in (self.mark_panel, self.reason_panel):
            panel.raise_()

    def _place_banner(self) -> None:
        """Lay the banner over the top of the picture, so that nothing moves below a finger."""
        on_operate = self._stack.currentWidget() is self.operate
        width = self.operate.camera.width() if on_operate else self._stack.width()
        gap = self._keeper.theme.px(8)
        height = max(self.banner.heightForWidth(width), self.banner.sizeHint().height())
        self.banner.setGeometry(self.rail.width() + gap, self.top.height() + gap, width, height)
        self.banner.raise_()
