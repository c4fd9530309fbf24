"""Opens the window on a field engine."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from agriseg.clock import MonotonicClock
from agriseg.config import Config
from agriseg.ports import Clock, EngineClient
from agriseg.serial_ports import PortLister, list_serial_ports
from ui.bridge import EngineBridge
from ui.collector import WindowCollector
from ui.connection import ConnectionKeeper
from ui.port_watch import PortWatch
from ui.settings import APPLICATION, ORGANISATION, WindowSettings
from ui.style import load_fonts, window_icon
from ui.theme import ThemeKeeper

if TYPE_CHECKING:
    from ui.main_window import MainWindow

log = logging.getLogger(__name__)


def make_application() -> QApplication:
    """Return Qt's application, dressed with font, name and icon."""
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName(APPLICATION)
    application.setOrganizationName(ORGANISATION)
    application.setApplicationDisplayName("AgriSeg")
    application.setDesktopFileName("agriseg")
    application.setStyle("Fusion")
    load_fonts()
    application.setWindowIcon(window_icon())
    return application


def build_window(
    application: QApplication,
    client: EngineClient,
    config: Config,
    clock: Clock,
    store: QSettings,
    lister: PortLister = list_serial_ports,
    *,
    start_engine: bool = False,
) -> tuple[MainWindow, EngineBridge]:
    """Build the window on ``client`` without showing it.

    With ``start_engine`` the engine starts meanwhile; otherwise `EngineBridge.start` does it.

    ``client`` is configured with the controller that was used last, if it was another one than
    ``config`` names. ``lister`` finds the serial ports.
    """
    settings = WindowSettings(store, config.window)
    connection = ConnectionKeeper(config, settings)
    client.configure(connection.config)
    bridge = EngineBridge(client, clock)
    if start_engine:
        bridge.start()
    from ui.main_window import MainWindow  # a second's work, done while the engine starts

    keeper = ThemeKeeper(settings.theme)
    watch = PortWatch(lister)
    window = MainWindow(application, bridge, keeper, settings, connection, watch)
    for part in (bridge, keeper, watch):
        part.setParent(window)
    return window, bridge


def run_window(
    client: EngineClient,
    config: Config,
    clock: Clock | None = None,
    *,
    full_screen: bool = False,
) -> int:
    """Show the window until it is closed; return the exit status.

    The engine is started first, since it takes longest, and ended with the window.
    """
    application = make_application()
    window, bridge = build_window(
        application,
        client,
        config,
        clock or MonotonicClock(),
        QSettings(),
        start_engine=True,
    )
    if full_screen:
        window.showFullScreen()
    else:
        window.show()
    collector = WindowCollector(application)
    try:
        with _interrupts_close(application), _faults_stop(window):
            return application.exec()
    finally:
        collector.release()
        bridge.close()
        window.deleteLater()


@contextmanager
def _faults_stop(window: MainWindow) -> Iterator[None]:
    """Let an error that nobody handled stop the sprayer and be told."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.critical("unhandled error in the window", exc_info=(kind, error, trace))
        window.show_fault(f"{kind.__name__}: {error}")

    sys.excepthook = tell
    try:
        yield
    finally:
        sys.excepthook = before


@contextmanager
def _interrupts_close(application: QApplication) -> Iterator[None]:
    """Let Ctrl+C and a polite kill end the window in order, without asking back."""

    def leave(number: int, _frame: FrameType | None) -> None:
        log.info("ending on signal %d", number)
        application.exit()

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
