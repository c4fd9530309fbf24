"""A window on a scripted engine in virtual time."""

from __future__ import annotations

from fakes_ui import FakeEngineClient, make_picture
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication

from agriseg.clock import VirtualClock
from agriseg.config import Config
from agriseg.messages import EngineCommand, EngineSnapshot
from agriseg.serial_ports import SerialPort
from ui.application import build_window, make_application


class WindowRig:
    """The window, its engine and its clock."""

    def __init__(
        self,
        store: QSettings,
        config: Config | None = None,
        ports: tuple[SerialPort, ...] = (),
    ) -> None:
        self.client = FakeEngineClient()
        self.ports = ports
        self.clock = VirtualClock(100.0)
        self.application = make_application()
        self.window, self.bridge = build_window(
            self.application,
            self.client,
            config or Config(),
            self.clock,
            store,
            lambda: self.ports,
        )
        self.window.show()
        self.bridge.start()

    def now_s(self) -> float:
        """Return virtual time."""
        return self.clock.now_s()

    def pass_time(self, duration_s: float) -> None:
        """Let virtual time pass and the bridge look."""
        self.clock.sleep_until(self.clock.now_s() + duration_s)
        self.bridge.watch()

    def show(self, snapshot: EngineSnapshot, *, picture: bool = False) -> None:
        """Publish news and let the bridge fetch it."""
        shown = make_picture(t_capture_s=self.now_s()) if picture else None
        self.client.publish(snapshot, shown)
        self.pass_time(0.1)
        QApplication.processEvents()

    def last(self) -> EngineCommand:
        """Return the newest order."""
        return self.client.sent[-1]

    def dispose(self) -> None:
        """Close the window and free it."""
        self.bridge.close()
        self.window.hide()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.client.dispose()
