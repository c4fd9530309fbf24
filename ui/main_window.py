"""The window: rail, top bar, pages, action bar; joins them to the bridge."""

from __future__ import annotations

import logging

from PySide6.QtCore import QEvent, QMargins, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from agriseg.messages import CommandKind, EngineCommand, EngineSnapshot, EngineState, Picture
from agriseg.serial_ports import SerialPort
from ui.bridge import EngineBridge
from ui.connection import ConnectionKeeper
from ui.models.connection import entry_of, port_entries, refusal
from ui.models.field import position_word
from ui.models.status import (
    Level,
    LinkView,
    StopPhase,
    engine_words,
    status_view,
    stop_words,
)
from ui.port_watch import PortWatch
from ui.settings import WindowSettings
from ui.shell.action_bar import ActionBar
from ui.shell.alarm_desk import AlarmDesk
from ui.shell.banner import BannerText
from ui.shell.display_choices import DisplayChoices
from ui.shell.keys import WindowKeys
from ui.shell.overlays import Overlays
from ui.shell.pages import PageEntry, Pages
from ui.shell.rail import NavigationRail
from ui.shell.restarts import EngineRestarts
from ui.shell.top_bar import TopBar
from ui.style import apply_theme
from ui.theme import Theme, ThemeKeeper, scale_for
from ui.units import Units

log = logging.getLogger(__name__)

MINIMUM_SIZE_PX = (1024, 720)
_RESTYLE_AFTER_MS = 120
_MESSAGE_FOR_MS = 6000
_CLOSE_AGAIN_WITHIN_S = 5.0


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
        self._link = bridge.link()
        self._stop_phase = StopPhase.IDLE
        self._message = ""
        self._close_asked_at_s = float("-inf")
        self.setWindowTitle("AgriSeg")
        self.setMinimumSize(*MINIMUM_SIZE_PX)
        self._build()
        self._connect_shell()
        self._connect_pages()
        self._connect_bridge()
        self._restyle_timer = self._single_shot(_RESTYLE_AFTER_MS)
        self._restyle_timer.timeout.connect(self._rescale)
        self._message_timer = self._single_shot(_MESSAGE_FOR_MS)
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
        return self._pages.entries

    @property
    def theme(self) -> Theme:
        """The theme shown."""
        return self._keeper.theme

    def show_page(self, name: str) -> None:
        """Change the page; a calibration step half-way through asks first."""
        if name != "calibrate" and not self.calibrate.may_leave(name):
            return
        for entry in self.pages:
            if entry.name == name:
                self._stack.setCurrentWidget(entry.widget)
                self.rail.show_page(name)
        self._overlays.hide_panels()
        self._show_actions()
        self._show_banner()

    # Building

    def _build(self) -> None:
        self.rail = NavigationRail(self._keeper)
        self.top = TopBar(self._keeper)
        self.action_bar = ActionBar(self._keeper)
        pages = self._pages = Pages(self._keeper, self._settings, self._connection)
        self.operate, self.field, self.review = pages.operate, pages.field, pages.review
        self.label, self.learn, self.setup = pages.label, pages.learn, pages.setup
        self.calibrate, self.display, self.help = pages.calibrate, pages.display, pages.help
        self._stack = QStackedWidget()
        for entry in self.pages:
            self._stack.addWidget(entry.widget)
            self.rail.add_page(entry.name, entry.word, entry.icon, entry.shortcut)
        self._lay_out()
        self._overlays = Overlays(self._keeper, self._shell, self.rail, self.top, self.action_bar)
        self.banner = self._overlays.banner
        self.mark_panel = self._overlays.marks
        self.reason_panel = self._overlays.reasons
        self.alarms = AlarmDesk(self._bridge, self.operate, self.top, self._settings)
        self._choices = DisplayChoices(self, pages, self._keeper, self._settings, self._show_time)
        self._restarts = EngineRestarts(
            self._bridge, self._connection, pages, refusal=self._refusal, say=self.show_message
        )
        self._keys = WindowKeys(
            pages,
            self.action_bar,
            self._stack.currentWidget,
            stop=self.stop,
            show_page=self.show_page,
            everywhere={
                Qt.Key.Key_A: self.alarms.acknowledge_top,
                Qt.Key.Key_D: self._choices.toggle_theme,
                Qt.Key.Key_U: self._choices.toggle_units,
                Qt.Key.Key_F11: self._choices.toggle_full_screen,
            },
        )

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

    def _single_shot(self, interval_ms: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        return timer

    def _connect_shell(self) -> None:
        self.rail.page_asked.connect(self.show_page)
        self.top.reasons_asked.connect(self._toggle_reasons)
        self.top.alarms_asked.connect(self._show_alarms_panel)
        self.top.position_asked.connect(lambda: self.show_page("field"))
        self.banner.action_asked.connect(self._bridge.restart)
        self.action_bar.primary.connect(self._primary)
        self.action_bar.pause.connect(self.pause)
        self.action_bar.stop.connect(self.stop)
        self.action_bar.mark.connect(self.mark)
        self.action_bar.hold_needed.connect(self.show_message)
        self.mark_panel.noted.connect(self._note)
        self._ports.listed.connect(self._take_ports)
        self._ports.look()

    def _connect_pages(self) -> None:
        for page in (self.operate, self.calibrate, self.review, self.label, self.learn):
            page.explained.connect(self.show_message)
        self.operate.acknowledged.connect(self.alarms.acknowledge)
        self.operate.mode_chosen.connect(
            lambda mode: self._order(EngineCommand(kind=CommandKind.SET_MODE, value=mode))
        )
        self.operate.sensitivity_chosen.connect(
            lambda value: self._order(EngineCommand(kind=CommandKind.SET_SENSITIVITY, value=value))
        )
        self.operate.hold_needed.connect(self.show_message)
        self.setup.connect_asked.connect(self._restarts.use_controller)
        self.setup.opened.connect(self._follow_ports)
        self.calibrate.ordered.connect(self._bridge.send)
        self.calibrate.devices_needed.connect(self._restarts.lend_devices)
        self.calibrate.changed.connect(self._take_calibration)
        self.calibrate.left.connect(self.show_page)
        self.learn.model_changed.connect(self._restarts.use_model)
        self.field.boundary_chosen.connect(self._restarts.use_boundary)
        self.field.receiver_chosen.connect(self._restarts.use_receiver)
        self.field.adjusted.connect(self._restarts.use_settings)
        self.field.opened.connect(self._follow_ports)

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
        self.operate.show_snapshot(snapshot)
        self.calibrate.show_snapshot(snapshot)
        self.field.show_snapshot(snapshot)
        self.top.show_snapshot(snapshot)
        self.alarms.take(snapshot)
        self._show_time()

    def _take_picture(self, picture: Picture) -> None:
        self.operate.show_picture(picture, self._bridge.now_s())
        self.calibrate.show_picture(picture, self._bridge.now_s())

    def _take_link(self, link: LinkView) -> None:
        self._link = link
        if link.talking:
            self.alarms.end_restart()
        self._show_time()

    def _take_stop(self, phase: StopPhase) -> None:
        self._stop_phase = phase
        self.action_bar.show_stop(phase)
        self._show_banner()

    def _take_restart(self, why: str) -> None:
        self.operate.forget()
        self.alarms.tell_restart(why)

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
        snapshot, now_s = self._bridge.snapshot, self._bridge.now_s()
        status = status_view(snapshot, self._link)
        self.top.show_status(status)
        self._show_position(snapshot)
        self.reason_panel.show_reasons(status.reasons)
        self.operate.show_time(now_s, self._link)
        self.setup.show_state(snapshot, self._link, self._stop_phase, now_s)
        self.calibrate.show_state(self._refusal(), now_s)
        self.field.show_state(self._link, self._refusal(), now_s)
        while_spraying = refusal(snapshot, self._link, StopPhase.IDLE)
        for page in (self.review, self.label, self.learn):
            page.show_state(while_spraying)
        self._show_actions()
        self._show_banner()

    def _refusal(self) -> str:
        """Return why the engine must go on as it is; empty when it may be started again."""
        return refusal(self._bridge.snapshot, self._link, self._stop_phase)

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
        self._overlays.say(self._banner_text(), self._banner_width())
        self._make_room()

    def _make_room(self) -> None:
        """Move a page below a banner that stays; the picture on Operate is lain over instead."""
        gap = self._keeper.theme.px(8)
        shown = self.banner.shown
        stays = shown is not None and bool(shown.action)
        is_over = stays and self._stack.currentWidget() is not self.operate
        top = gap + (self.banner.height() + gap if is_over else 0)
        if self._page_area.contentsMargins() != QMargins(gap, top, gap, gap):
            self._page_area.setContentsMargins(gap, top, gap, gap)

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

    def _banner_width(self) -> int:
        on_operate = self._stack.currentWidget() is self.operate
        return self.operate.camera.width() if on_operate else self._stack.width()

    def show_message(self, text: str) -> None:
        """Say something for a few seconds."""
        self._message = text
        self._message_timer.start()
        self._show_banner()

    def show_fault(self, text: str) -> None:
        """Stop and tell: a fault of the window itself leaves nothing certain on the screen."""
        self._bridge.stop()
        self.alarms.tell_fault(text)

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
        self._order(EngineCommand(kind=CommandKind.PAUSE))

    def mark(self) -> None:
        """Mark this place at once, then ask what is here."""
        if self._bridge.send(EngineCommand(kind=CommandKind.NOTE, value="mark")):
            self.mark_panel.open()
            self._overlays.place(self._banner_width())

    def _primary(self, kind: CommandKind) -> None:
        self._order(EngineCommand(kind=kind))

    def _note(self, text: str) -> None:
        self._order(EngineCommand(kind=CommandKind.NOTE, value=f"mark: {text}"))
        self.show_message(f"Noted: {text}")

    def _order(self, command: EngineCommand) -> None:
        self._bridge.send(command)

    def _take_calibration(self, text: str) -> None:
        """Start the engine again with what is in force now."""
        self._restarts.use_calibration(text)
        self._show_due()

    def _show_due(self) -> None:
        self.alarms.tell_due(self.calibrate.due)

    def _follow_ports(self, _is_open: bool) -> None:
        """Look for ports as long as one of the lists of them can be seen."""
        if self.setup.isVisible() or self.field.isVisible():
            self._ports.start()
        else:
            self._ports.stop()

    def _toggle_reasons(self) -> None:
        snapshot = self._bridge.snapshot
        has_reasons = snapshot is not None and bool(snapshot.not_ready)
        self.reason_panel.setVisible(has_reasons and not self.reason_panel.isVisible())
        self._overlays.place(self._banner_width())

    def _show_alarms_panel(self) -> None:
        if self._stack.currentWidget() is not self.operate:
            self.show_page("operate")
        else:
            self.operate.toggle_panel()

    # Qt's events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on the window's keys; Space and Escape stop wherever the focus is."""
        if not self._keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """End a hold by keyboard."""
        self._keys.release(event)

    def changeEvent(self, event: QEvent) -> None:
        """End holds when another window comes to the front: their release would not be seen."""
        if event.type() is QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._keys.end_holds()
        if event.type() is QEvent.Type.WindowStateChange:
            self._choices.show()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let sizes follow the window."""
        super().resizeEvent(event)
        self._restyle_timer.start()
        self._overlays.place(self._banner_width())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close; while something would be lost only when asked twice."""
        now_s = self._bridge.now_s()
        why_not = self._would_be_lost()
        if why_not and now_s - self._close_asked_at_s >= _CLOSE_AGAIN_WITHIN_S:
            self._close_asked_at_s = now_s
            self.show_message(why_not)
            event.ignore()
            return
        self._settings.geometry = self.saveGeometry()
        self._ports.stop()
        self._pages.end()
        self._bridge.close()
        event.accept()

    def _would_be_lost(self) -> str:
        """Return what closing the window would end; empty when nothing."""
        snapshot = self._bridge.snapshot
        spraying = snapshot is not None and snapshot.state is EngineState.SPRAYING
        if spraying and self._link.talking:
            return "Spraying goes on. Close once more to stop spraying and leave."
        if self.label.unsafe:
            return (
                f"Labels are not saved: {self.label.unsafe} Close once more to leave and lose them."
            )
        if self.calibrate.is_half_way:
            return (
                "A calibration step is not finished. Close once more to leave and lose what it has"
                " measured."
            )
        return ""

    def _set_theme(self, theme: Theme) -> None:
        apply_theme(self._application, theme)
        self._make_room()
        self._overlays.place(self._banner_width())

    def _rescale(self) -> None:
        self._keeper.set_scale(scale_for(self.width(), self.height()))
