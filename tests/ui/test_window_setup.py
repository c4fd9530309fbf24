"""The Setup page: which controller is used, what is plugged in, and what keeps it from working."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import serial
from fakes_ui import make_alarm, make_snapshot
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.clock import MonotonicClock
from agriseg.config import Config, ControllerConfig, parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import ControllerState, ControllerStatus, EngineState
from agriseg.serial_ports import RULE_NAME, SerialPort
from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from ui.application import build_window
from ui.models.connection import NO_ANSWER_AFTER_S, SIMULATED, ControllerChoice
from ui.port_watch import LOOK_INTERVAL_MS, PortWatch
from ui.widgets.key import KeyLook

LEFT = Qt.MouseButton.LeftButton
MEGA = SerialPort(
    device="/dev/ttyACM0",
    description="Arduino Mega 2560",
    permitted=True,
    group="dialout",
    path="/dev/serial/by-id/usb-Arduino__www.arduino.cc__0042_75735353338351F0B1C1-if00",
    vid=0x2341,
    pid=0x42,
    serial_number="75735353338351F0B1C1",
)
FORBIDDEN = SerialPort(
    device="/dev/ttyUSB0",
    description="USB2.0-Serial",
    permitted=False,
    group="dialout",
    path="/dev/ttyUSB0",
    vid=0x1A86,
    pid=0x7523,
)


def open_setup(rig: WindowRig, qtbot: QtBot, *ports: SerialPort) -> None:
    """Open the page while ``ports`` are plugged in."""
    rig.ports = ports
    rig.window.show_page("setup")
    listed = {port.path for port in ports}
    qtbot.waitUntil(lambda: listed <= set(rig.window.setup.list.keys))


def selected(rig: WindowRig) -> list[str]:
    keys = rig.window.setup.list.keys
    return [port for port, key in keys.items() if key.look is KeyLook.SELECTED]


def words(rig: WindowRig) -> str:
    """Return all that the page says of the connection in force."""
    page = rig.window.setup
    labels = (page.state_title, page.state_detail, page.state_facts)
    return " ".join(label.text() for label in labels if label.isVisible()).replace("\u200b", "")


def test_the_simulator_comes_first_then_ports_with_their_usb_names(
    rig: WindowRig, qtbot: QtBot
) -> None:
    open_setup(rig, qtbot, MEGA, FORBIDDEN)
    keys = rig.window.setup.list.keys
    shown = sorted(keys.values(), key=lambda key: key.y())
    names = ["Simulated controller", "Arduino Mega 2560", "USB2.0-Serial"]
    assert [key.text() for key in shown] == names
    for part in ("/dev/ttyACM0", "2341:0042", "75735353338351F0B1C1"):
        assert part in keys[MEGA.path].hint
    assert selected(rig) == [SIMULATED.port]


def test_a_port_that_comes_or_goes_does_not_move_the_selection(
    rig: WindowRig, qtbot: QtBot
) -> None:
    open_setup(rig, qtbot, FORBIDDEN)
    page = rig.window.setup
    qtbot.mouseClick(page.list.keys[FORBIDDEN.path], LEFT)
    key = page.list.keys[FORBIDDEN.path]
    rig.ports = (MEGA, FORBIDDEN)
    qtbot.waitUntil(lambda: MEGA.path in page.list.keys, timeout=5000)
    assert selected(rig) == [FORBIDDEN.path]
    assert page.list.keys[FORBIDDEN.path] is key
    rig.ports = (MEGA,)
    qtbot.waitUntil(lambda: "Not plugged in" in key.hint, timeout=5000)
    assert selected(rig) == [FORBIDDEN.path]
    assert "not plugged in" in page.help.text()
    assert not page.connect_key.isEnabled()


def test_ports_are_looked_for_only_while_the_page_is_open(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot)
    rig.window.show_page("operate")
    rig.ports = (MEGA,)
    watch = rig.window.findChild(PortWatch)
    assert watch is not None
    with qtbot.assertNotEmitted(watch.listed, wait=LOOK_INTERVAL_MS + 300):
        pass
    rig.window.show_page("setup")
    qtbot.waitUntil(lambda: MEGA.path in rig.window.setup.list.keys, timeout=5000)


def test_a_driver_that_hangs_does_not_hold_the_window(qtbot: QtBot) -> None:
    go_on = threading.Event()
    looks: list[str] = []

    def list_slowly() -> tuple[SerialPort, ...]:
        looks.append(threading.current_thread().name)
        go_on.wait(30.0)
        return (MEGA,)

    watch = PortWatch(list_slowly)
    started_s = time.monotonic()
    watch.start()
    watch.look()
    assert time.monotonic() - started_s < 5.0
    assert looks == ["agriseg-ports"] or not looks
    with qtbot.waitSignal(watch.listed) as listed:
        go_on.set()
    watch.stop()
    assert listed.args == [(MEGA,)]


def test_a_look_that_fails_keeps_what_was_seen(qtbot: QtBot) -> None:
    broken = [False]

    def lister() -> tuple[SerialPort, ...]:
        if broken[0]:
            raise OSError("the device went away")
        return (MEGA,)

    watch = PortWatch(lister)
    with qtbot.waitSignal(watch.listed):
        watch.look()
    broken[0] = True
    with qtbot.assertNotEmitted(watch.listed, wait=200):
        watch.look()
    assert watch.ports == (MEGA,)


def test_a_port_without_permission_is_explained_and_a_rule_offered(
    rig: WindowRig, qtbot: QtBot, tmp_path: Path
) -> None:
    open_setup(rig, qtbot, FORBIDDEN)
    page = rig.window.setup
    page.rules_folder = tmp_path
    assert not page.rule_key.isVisible()
    qtbot.mouseClick(page.list.keys[FORBIDDEN.path], LEFT)
    assert "group dialout" in page.help.text()
    assert "log out and in again" in page.help.text()
    assert not page.connect_key.isEnabled()
    assert page.connect_key.hint == "No permission yet"
    qtbot.mouseClick(page.rule_key, LEFT)
    rule = (tmp_path / RULE_NAME).read_text()
    assert '"1a86"' in rule
    assert '"7523"' in rule
    assert str(tmp_path / RULE_NAME) in page.commands
    assert page.command_text.isVisible()
    qtbot.mouseClick(page.copy_key, LEFT)
    assert QGuiApplication.clipboard().text() == page.commands
    rig.ports = (replace(FORBIDDEN, permitted=True),)
    qtbot.waitUntil(page.connect_key.isEnabled, timeout=5000)
    assert not page.rule_key.isVisible()
    assert not page.command_text.isVisible()


def test_a_rule_that_cannot_be_saved_is_told(rig: WindowRig, qtbot: QtBot, tmp_path: Path) -> None:
    open_setup(rig, qtbot, FORBIDDEN)
    page = rig.window.setup
    page.rules_folder = tmp_path / "there-is-no-such-folder"
    qtbot.mouseClick(page.list.keys[FORBIDDEN.path], LEFT)
    qtbot.mouseClick(page.rule_key, LEFT)
    assert "could not be written" in page.rule_note.text()
    assert page.commands == ""


def test_connect_restarts_the_engine_with_the_port_once_it_has_ended(
    rig: WindowRig, qtbot: QtBot
) -> None:
    open_setup(rig, qtbot, MEGA)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY), picture=True)
    page = rig.window.setup
    assert "Connected" in words(rig)
    qtbot.mouseClick(page.list.keys[MEGA.path], LEFT)
    assert rig.client.config.controller.port == "sim"
    qtbot.mouseClick(page.connect_key, LEFT)
    assert rig.client.kinds() == ["shutdown"]
    assert rig.client.config.controller.port == MEGA.path
    assert "Arduino Mega 2560" in words(rig)
    rig.pass_time(0.2)
    assert rig.client.starts == 1
    rig.client.alive = False
    rig.pass_time(0.2)
    assert rig.client.starts == 2
    assert rig.window.top.chip.text() == "STARTING"
    assert rig.window.operate.camera.picture is None
    assert rig.window.operate.alarms.items == ()


def test_a_relay_board_is_chosen_by_what_it_understands_and_remembered(
    rig: WindowRig, qtbot: QtBot, tmp_path: Path
) -> None:
    open_setup(rig, qtbot, MEGA)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY))
    page = rig.window.setup
    qtbot.mouseClick(page.list.keys[MEGA.path], LEFT)
    qtbot.mouseClick(page.kind_keys["pgn239"], LEFT)
    assert "confirms nothing" in page.kind_note.text()
    qtbot.mouseClick(page.connect_key, LEFT)
    controller = rig.client.config.controller
    assert (controller.kind, controller.port, controller.baud) == ("pgn239", MEGA.path, 38400)
    again = WindowRig(store_in(tmp_path), ports=(MEGA,))
    assert again.client.config.controller == controller
    again.dispose()


def test_an_engine_that_does_not_end_is_replaced_all_the_same(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY))
    rig.window.setup.connect_asked.emit(ControllerChoice(port=MEGA.path, name="Mega"))
    rig.pass_time(4.9)
    assert rig.client.starts == 1
    rig.pass_time(0.2)
    assert rig.client.starts == 2


def test_never_while_spraying_and_says_why(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot, MEGA)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING))
    page = rig.window.setup
    qtbot.mouseClick(page.list.keys[MEGA.path], LEFT)
    assert not page.connect_key.isEnabled()
    assert "Pause or stop first" in page.refusal.text()
    page.connect_asked.emit(ControllerChoice(port=MEGA.path, name="Mega"))
    assert rig.client.sent == []
    assert rig.client.config.controller.port == "sim"
    shown = rig.window.banner.shown
    assert shown is not None
    assert "Spraying is on" in shown.text
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.PAUSED))
    assert page.connect_key.isEnabled()
    assert not page.refusal.isVisible()


def test_not_before_a_stop_is_confirmed(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot, MEGA)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY, open_nozzles=[3]))
    qtbot.mouseClick(rig.window.setup.list.keys[MEGA.path], LEFT)
    rig.window.stop()
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.STOPPED, open_nozzles=[3]))
    assert not rig.window.setup.connect_key.isEnabled()
    assert "not confirmed" in rig.window.setup.refusal.text()
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.STOPPED))
    rig.pass_time(0.05)
    assert rig.window.setup.connect_key.isEnabled()


def store_in(folder: Path) -> QSettings:
    return QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)


def configured(port: str) -> Config:
    return Config(controller=ControllerConfig(port=port))


@pytest.fixture
def remembered(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> QSettings:
    """Return settings of a window in which the Mega was connected last."""
    rig = WindowRig(store_in(tmp_path))
    open_setup(rig, qtbot, MEGA)
    qtbot.mouseClick(rig.window.setup.list.keys[MEGA.path], LEFT)
    qtbot.mouseClick(rig.window.setup.connect_key, LEFT)
    rig.dispose()
    return store_in(tmp_path)


def test_the_last_choice_is_used_at_the_next_start(remembered: QSettings, qtbot: QtBot) -> None:
    rig = WindowRig(remembered)
    assert rig.client.config.controller.port == MEGA.path
    rig.dispose()


def test_a_remembered_port_that_is_absent_is_waited_for_and_told(
    remembered: QSettings, qtbot: QtBot
) -> None:
    rig = WindowRig(remembered)
    page = rig.window.setup
    qtbot.waitUntil(page.isVisible, timeout=5000)
    assert rig.client.config.controller.port == MEGA.path
    assert selected(rig) == [MEGA.path]
    assert page.list.keys[MEGA.path].text() == "Arduino Mega 2560"
    shown = rig.window.banner.shown
    assert shown is not None
    assert "Arduino Mega 2560 was used last and is not plugged in" in shown.text
    assert "simulated controller" in page.help.text()
    rig.ports = (MEGA,)
    qtbot.waitUntil(lambda: "/dev/ttyACM0" in page.list.keys[MEGA.path].hint, timeout=5000)
    assert rig.client.starts == 1  # the engine's link finds it by itself
    rig.dispose()


def test_a_remembered_port_that_is_there_opens_the_operate_page(
    remembered: QSettings, qtbot: QtBot
) -> None:
    rig = WindowRig(remembered, ports=(MEGA,))
    qtbot.waitUntil(lambda: MEGA.path in rig.window.setup.list.keys, timeout=5000)
    assert rig.window.operate.isVisible()
    rig.dispose()


def test_a_changed_configuration_wins_over_the_last_choice(
    remembered: QSettings, qtbot: QtBot
) -> None:
    rig = WindowRig(remembered, configured("/dev/ttyUSB7"))
    assert rig.client.config.controller.port == "/dev/ttyUSB7"
    rig.dispose()


def disconnected(t_s: float, cause: str, code: str = "") -> dict[str, object]:
    alarms = (make_alarm(code),) if code else ()
    snapshot = make_snapshot(t_s=t_s, state=EngineState.FAULT, connected=False, alarms=alarms)
    status = ControllerStatus(t_s=t_s, state=ControllerState.DISCONNECTED, cause=cause)
    return {"snapshot": replace(snapshot, controller=status)}


@pytest.mark.parametrize(
    ("code", "cause", "title"),
    [
        ("link-lost", "/dev/ttyACM0: another program is using the serial port", "Not connected"),
        ("controller-refused", "the other end runs Grbl 1.1, not AgriSeg", "Refused"),
        ("", "waiting for the controller to answer", "Handshake"),
    ],
)
def test_the_connection_says_how_it_stands(
    rig: WindowRig, qtbot: QtBot, code: str, cause: str, title: str
) -> None:
    open_setup(rig, qtbot, MEGA)
    rig.show(**disconnected(rig.now_s(), cause, code))  # type: ignore[arg-type]
    assert words(rig).startswith(title)
    assert cause[1:] in words(rig)


def test_a_board_that_never_answers_is_told_after_a_while(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot)
    waiting = "waiting for the controller to answer"
    rig.show(**disconnected(rig.now_s(), waiting))  # type: ignore[arg-type]
    for _ in range(round(10 * NO_ANSWER_AFTER_S) + 5):
        rig.show(**disconnected(rig.now_s(), waiting))  # type: ignore[arg-type]
    assert words(rig).startswith("No answer")
    assert "firmware" in words(rig)


def test_what_the_handshake_said_is_shown(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot)
    rig.show(make_snapshot(t_s=rig.now_s(), controller=ControllerState.SAFE))
    for part in ("Connected", "Simulated controller", "firmware 1.0", "24 valves", "no real valve"):
        assert part in words(rig)


def test_space_stops_while_a_port_has_the_focus(rig: WindowRig, qtbot: QtBot) -> None:
    open_setup(rig, qtbot, MEGA)
    qtbot.keyClick(rig.window.setup.list.keys[MEGA.path], Qt.Key.Key_Space)
    qtbot.keyClick(rig.window.setup.connect_key, Qt.Key.Key_Space)
    assert rig.client.kinds() == ["stop", "stop"]


class Board:
    """A simulated controller on a pseudo-terminal, in a thread."""

    def __init__(self) -> None:
        self._path = ""
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="agriseg-test-board", daemon=True)
        self._thread.start()
        assert self._ready.wait(30.0)

    @property
    def port(self) -> SerialPort:
        """Return it as if it were on USB."""
        return replace(MEGA, device=self._path, path=self._path, description="Sprayer on a pty")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30.0)

    def _serve(self) -> None:
        simulator = ControllerSimulator(
            SimulatorSettings(valves=24, baud=0.0), lambda _t_s: 0, time.monotonic()
        )
        serve_pty(simulator, self._announce, should_stop=self._stop.is_set)

    def _announce(self, path: str) -> None:
        self._path = path
        self._ready.set()


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    yield made
    made.stop()


@pytest.mark.alone
def test_a_real_engine_connects_through_the_page(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, board: Board
) -> None:
    config = parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"fps": 5.0},
            "controller": {"port": str(tmp_path / "ttyABSENT")},
            "recording": {"directory": str(tmp_path / "runs")},
        },
        source="test",
    )
    client = ProcessEngineClient(config)
    window, bridge = build_window(
        qapp, client, config, MonotonicClock(), store_in(tmp_path), lambda: (board.port,)
    )
    page = window.setup

    def says(*parts: str) -> None:
        def found() -> bool:
            text = f"{page.state_title.text()} {page.state_detail.text()} {page.state_facts.text()}"
            return all(part in text.replace("\u200b", "") for part in parts)

        qtbot.waitUntil(found, timeout=90_000)

    window.show()
    try:
        bridge.start()
        says("Not connected", "ttyABSENT: there is no such serial port")
        assert page.isVisible()
        with serial.Serial(board.port.path, exclusive=True):
            qtbot.mouseClick(page.list.keys[board.port.path], LEFT)
            qtbot.mouseClick(page.connect_key, LEFT)
            says("Not connected", "another program is using the serial port")
        says("Connected", "24 valves", "firmware 0.1.0", "safe")
        board.stop()
        says("Not connected")
    finally:
        bridge.close()
        window.hide()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
