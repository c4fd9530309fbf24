"""All alarms of the window: taken from the engine, raised by the window, shown, acknowledged."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from agriseg.messages import Alarm, AlarmPriority, CommandKind, EngineCommand, EngineSnapshot
from ui.bridge import EngineBridge
from ui.live.operate_page import OperatePage
from ui.models.alarms import AlarmRow, LatchedAlarms
from ui.settings import WindowSettings
from ui.shell.top_bar import TopBar

ENGINE_RESTARTED = "window-engine-restarted"
WINDOW_FAULT = "window-fault"
CALIBRATION_DUE = "window-calibration-due"


class AlarmDesk:
    """Keeps alarms until they are acknowledged; a new one that is urgent beeps."""

    def __init__(
        self,
        bridge: EngineBridge,
        operate: OperatePage,
        top: TopBar,
        settings: WindowSettings,
    ) -> None:
        self._bridge = bridge
        self._operate = operate
        self._top = top
        self._settings = settings
        self._alarms = LatchedAlarms()
        self._waiting_codes: frozenset[str] = frozenset()

    def rows(self) -> tuple[AlarmRow, ...]:
        """Return the alarms as they are listed."""
        return self._alarms.rows()

    def take(self, snapshot: EngineSnapshot) -> None:
        """Take the alarms of the engine."""
        self._alarms.update(snapshot.alarms)
        self.show()

    def acknowledge(self, code: str) -> None:
        """Acknowledge one alarm."""
        if self._alarms.acknowledge(code):
            self._bridge.send(EngineCommand(kind=CommandKind.ACKNOWLEDGE, value=code))
        self.show()

    def acknowledge_top(self) -> None:
        """Acknowledge the alarm on top of the list."""
        rows = self._alarms.rows()
        if rows and rows[0].waits:
            self.acknowledge(rows[0].alarm.code)

    def tell_restart(self, why: str) -> None:
        """Say that the engine was started again by itself."""
        text = "The field engine was started again; spraying has ended."
        self._raise(
            ENGINE_RESTARTED,
            AlarmPriority.DANGER,
            f"{text} {why}".strip(),
            "Look at the nozzles, acknowledge, then hold Start. Restart the computer if it happens"
            " again.",
        )

    def end_restart(self) -> None:
        """Note that the engine talks again."""
        self._alarms.clear_own(ENGINE_RESTARTED)

    def tell_fault(self, text: str) -> None:
        """Say that the window itself had a fault."""
        self._raise(
            WINDOW_FAULT,
            AlarmPriority.DANGER,
            f"The window had a fault and asked for a stop: {text}",
            "Check that the nozzles are closed. Start AgriSeg again, and send the log to whoever"
            " looks after it.",
            stops_spraying=True,
        )

    def tell_due(self, due: str) -> None:
        """List calibrations that are missing, old or overtaken; none where ``due`` is empty."""
        if not due:
            self._alarms.clear_own(CALIBRATION_DUE)
            self.show()
            return
        self._raise(
            CALIBRATION_DUE,
            AlarmPriority.NOTICE,
            f"Calibration is due. {due}",
            "Open the page Calibrate and do what it lists.",
        )

    def show(self) -> None:
        """Draw the alarms; beep for one that has not been there before."""
        rows = self._alarms.rows()
        self._operate.show_alarms(rows)
        self._top.show_alarms(rows, self._alarms.worst_waiting())
        waiting = frozenset(
            row.alarm.code
            for row in rows
            if row.waits and row.alarm.priority >= AlarmPriority.WARNING
        )
        if waiting - self._waiting_codes and self._settings.sound:
            QApplication.beep()
        self._waiting_codes = waiting

    def _raise(
        self,
        code: str,
        priority: AlarmPriority,
        text: str,
        remedy: str,
        *,
        stops_spraying: bool = False,
    ) -> None:
        self._alarms.raise_own(
            Alarm(
                code=code,
                priority=priority,
                text=text,
                remedy=remedy,
                t_s=self._bridge.now_s(),
                stops_spraying=stops_spraying,
            )
        )
        self.show()
