"""What is wrong with a machine, said once and clearly in a real window on a real engine.

Whatever it is: nothing is sprayed, Start is refused with the reason, nothing recorded is lost.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import serial
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from agriseg.clock import MonotonicClock
from agriseg.config import parse_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.messages import CommandKind, ControllerState, EngineCommand, EngineState, PulseReport
from agriseg.recording.reader import open_run
from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from ui.application import build_window
from ui.models.status import primary_action
from ui.start_problem import StartProblem, needs_a_window, show_start_problem
from ui.theme import ThemeChoice, ThemeKeeper

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
]

WITHIN_MS = 60_000
WIDTH_PX, HEIGHT_PX = 480, 272
RATE_HZ = 10.0
STEP_PX = 12


def film(path: Path, frames: int) -> Path:
    """Film textured ground with green plants, driving forward."""
    rng = np.random.default_rng(5)
    length_px = HEIGHT_PX + frames * STEP_PX
    noise = rng.normal(0.0, 1.0, (length_px, WIDTH_PX)).astype(np.float32)
    soil = cv2.GaussianBlur(noise, (0, 0), 3.0)
    grey = np.clip(100.0 + 30.0 * soil / soil.std(), 0, 255).astype(np.uint8)
    ground = cv2.merge([grey, grey, grey])
    for row in range(20, length_px, 60):
        column = int(rng.integers(20, WIDTH_PX - 20))
        cv2.circle(ground, (column, row), 8, (40, 200, 40), -1)
    size = (WIDTH_PX, HEIGHT_PX)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HZ, size)
    for index in range(frames):
        top = length_px - HEIGHT_PX - index * STEP_PX
        writer.write(np.ascontiguousarray(ground[top : top + HEIGHT_PX]))
    writer.release()
    return path


class Board:
    """A simulated controller without a wheel on a pseudo-terminal, in a thread."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.simulator = ControllerSimulator(settings, None, time.monotonic())
        self.path = ""
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="agriseg-test-board", daemon=True)
        self._thread.start()
        assert self._ready.wait(30.0)

    @property
    def has_sprayed(self) -> bool:
        """Whether any coil was ever switched."""
        return bool(self.simulator.coil_edges)

    def unplug(self) -> None:
        """Take the port away."""
        self._stop.set()
        self._thread.join(30.0)

    def _serve(self) -> None:
        serve_pty(self.simulator, self._announce, should_stop=self._stop.is_set)

    def _announce(self, path: str) -> None:
        self.path = path
        self._ready.set()


class Shown:
    """A real window on a real engine's process."""

    def __init__(
        self,
        qapp: QApplication,
        qtbot: QtBot,
        folder: Path,
        settings: dict[str, dict[str, object]],
    ) -> None:
        self._qtbot = qtbot
        self._is_closed = False
        self.runs = folder / "runs"
        camera = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX, **settings.get("camera", {})}
        config = parse_config(
            {
                "model": {"method": "exg"},
                "recording": {"directory": str(self.runs)},
                **settings,
                "camera": camera,
            },
            source="test",
        )
        store = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        self.window, self.bridge = build_window(
            qapp, ProcessEngineClient(config), config, MonotonicClock(), store, tuple
        )
        self.window.show()
        self.bridge.start()

    def wait(self, until: Callable[[], bool]) -> None:
        """Let the window live until something is so."""
        self._qtbot.waitUntil(until, timeout=WITHIN_MS)

    def wait_for(self, state: EngineState) -> None:
        """Wait for the engine to be in a state."""
        self.wait(lambda: self.bridge.snapshot is not None and self.bridge.snapshot.state is state)

    def text(self) -> str:
        """Return all that can be read in the window."""
        labels = self.window.findChildren(QLabel)
        return "\n".join(label.text() for label in labels if label.isVisible())

    def says(self, *parts: str) -> None:
        """Wait until the window says all of it."""
        self.wait(lambda: all(part in self.text() for part in parts))

    def alarm(self, code: str) -> None:
        """Wait until an alarm is listed and waits to be acknowledged."""
        alarms = self.window.operate.alarms
        self.wait(lambda: any(item.code == code and item.key.isVisible() for item in alarms.items))

    def start(self) -> None:
        """Ask for Start past the window's key."""
        self.bridge.send(EngineCommand(kind=CommandKind.START))

    def refuses_start(self) -> None:
        """See that neither the key nor the engine starts."""
        self.wait(lambda: not self._can_start())
        self.start()
        for _ in range(5):
            self._qtbot.wait(100)
            snapshot = self.bridge.snapshot
            assert snapshot is None or snapshot.state is not EngineState.SPRAYING
            assert snapshot is None or snapshot.controller.state is not ControllerState.ARMED
        assert not self._can_start()

    def recorded(self) -> list[Path]:
        """Return the folders of runs."""
        return sorted(self.runs.iterdir()) if self.runs.exists() else []

    def close(self) -> None:
        """End the engine and free the window; further calls do nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self.bridge.close()
        self.window.hide()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _can_start(self) -> bool:
        action = primary_action(self.bridge.snapshot, self.bridge.link())
        key = self.window.action_bar.start_key
        return key.isEnabled() and action.command is CommandKind.START


Show = Callable[..., Shown]


@pytest.fixture
def show(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Show]:
    """Return what opens a window on a machine with these settings."""
    shown: list[Shown] = []

    def open_window(**settings: dict[str, object]) -> Shown:
        settings.setdefault("camera", {"source": str(film(tmp_path / "drive.avi", 60))})
        shown.append(Shown(qapp, qtbot, tmp_path, settings))
        return shown[-1]

    yield open_window
    for made in shown:
        made.close()


@pytest.fixture
def plug_in() -> Iterator[Callable[..., Board]]:
    """Return what plugs in a controller."""
    boards: list[Board] = []

    def plug(**settings: object) -> Board:
        boards.append(Board(SimulatorSettings(valves=24, baud=0.0, **settings)))  # type: ignore[arg-type]
        return boards[-1]

    yield plug
    for board in boards:
        board.unplug()


def test_a_port_that_another_program_holds(show: Show, plug_in: Callable[..., Board]) -> None:
    board = plug_in()
    with serial.Serial(board.path, exclusive=True):
        shown = show(controller={"port": board.path})
        shown.says(board.path, "another program is using the serial port; close it")
        shown.alarm("link-lost")
        shown.refuses_start()
    assert not board.has_sprayed
    assert shown.recorded() == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that nobody may write")
def test_a_port_that_is_not_permitted(show: Show) -> None:
    port = "/proc/sys/kernel/version"  # not even the administrator may
    shown = show(controller={"port": port})
    shown.says(port, "you are not permitted to use the serial port", "sudo usermod -a -G")
    shown.alarm("link-lost")
    shown.refuses_start()
    assert shown.recorded() == []


def test_a_port_that_vanishes_while_spraying(show: Show, plug_in: Callable[..., Board]) -> None:
    board = plug_in()
    shown = show(controller={"port": board.path})
    shown.wait_for(EngineState.READY)
    shown.start()
    shown.wait(lambda: board.has_sprayed)
    board.unplug()
    shown.says(board.path, "the serial port is gone; plug the controller in and check its cable")
    shown.alarm("link-lost")
    shown.refuses_start()
    (directory,) = shown.recorded()
    shown.close()
    with open_run(directory) as run:
        assert run.recovery.is_whole
        assert run.frame_count > 5


def test_a_controller_of_another_protocol_version(
    show: Show, plug_in: Callable[..., Board]
) -> None:
    board = plug_in(protocol=9, schema=0xBEEF, name="newer")
    shown = show(controller={"port": board.path})
    shown.says("'newer'", "speaks protocol version 9", "needs version 1", "flash the firmware")
    shown.alarm("controller-refused")
    shown.refuses_start()
    assert not board.has_sprayed
    assert shown.recorded() == []


def limit_files(size_bytes: int) -> None:
    """Let the engine write files of this size and no larger, as a quota would."""
    import resource

    (engine,) = [p for p in multiprocessing.active_children() if p.name == "agriseg-engine"]
    assert engine.pid is not None
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_full_disk_at_start(show: Show, plug_in: Callable[..., Board]) -> None:
    board = plug_in()
    shown = show(controller={"port": board.path})
    shown.wait_for(EngineState.READY)
    limit_files(0)
    shown.start()
    shown.says("is full: the run cannot be recorded and was not started; delete old runs")
    shown.alarm("recording-refused")
    shown.refuses_start()
    assert not board.has_sprayed
    assert shown.recorded() == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_fills_while_spraying_loses_nothing(
    show: Show, plug_in: Callable[..., Board]
) -> None:
    board = plug_in()
    shown = show(controller={"port": board.path})
    shown.wait_for(EngineState.READY)
    shown.start()
    shown.wait(lambda: board.has_sprayed)
    limit_files(1000)
    shown.says("is full: spraying goes on, nothing more is recorded until there is room")
    shown.alarm("recording-problem")
    limit_files(10_000_000)
    shown.wait_for(EngineState.FINISHED)
    (directory,) = shown.recorded()
    shown.close()
    with open_run(directory) as run:
        messages = [record.message for record in run.records()]
        assert run.recovery.is_whole
    pulses = sorted(m.event_id for m in messages if isinstance(m, PulseReport))
    assert len(pulses) >= 10
    assert pulses == list(range(len(pulses)))


def test_a_model_of_another_kind(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "yolo.onnx"
    path.write_bytes(b"ONNX")
    shown = show(model={"method": "network", "path": str(path)})
    shown.says("yolo.onnx: not a model bundle", "expected a folder with model.json")
    shown.refuses_start()
    assert shown.recorded() == []


def test_a_model_of_another_version(show: Show, tmp_path: Path, repository: Path) -> None:
    folder = tmp_path / "newer"
    shutil.copytree(repository / "assets" / "models" / "field-lite0", folder)
    manifest = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**manifest, "format_version": 99}))
    shown = show(model={"method": "network", "path": str(folder)})
    shown.says("newer", "99")
    shown.refuses_start()
    assert shown.recorded() == []


def test_a_camera_that_is_not_there(show: Show) -> None:
    shown = show(camera={"source": "usb:987"})
    shown.says("usb:987: ", "plug it in, or choose another camera.source")
    shown.refuses_start()
    assert shown.recorded() == []


def test_a_video_without_its_end_is_refused(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "torn.mp4"
    path.write_bytes(film(tmp_path / "whole.avi", 20).read_bytes()[:3000])
    shown = show(camera={"source": str(path)})
    shown.says("torn.mp4: this is not a video that can be opened (3000 bytes)")
    shown.refuses_start()
    assert shown.recorded() == []


def test_a_video_cut_short_ends_the_run_where_it_ends(show: Show, tmp_path: Path) -> None:
    path = film(tmp_path / "torn.avi", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    shown = show(camera={"source": str(path)})
    shown.wait_for(EngineState.READY)
    shown.start()
    shown.says("torn.avi: the video is cut short or damaged", "of 60 frames could be read")
    shown.alarm("camera-failed")
    shown.refuses_start()
    (directory,) = shown.recorded()
    shown.close()
    with open_run(directory) as run:
        assert run.recovery.is_whole
        assert run.frame_count > 20


def test_an_unknown_key_ends_the_command_with_its_name(tmp_path: Path, repository: Path) -> None:
    path = tmp_path / "robot.toml"
    path.write_text('[model]\nmetod = "exg"\n')
    done = subprocess.run(
        [sys.executable, "-m", "ui.main", "--config", str(path)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "model.metod is not a known key; did you mean model.method?" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_problem_at_the_start_has_a_window_where_there_is_no_terminal(
    qapp: QApplication, qtbot: QtBot
) -> None:
    keeper = ThemeKeeper(ThemeChoice.DAY)
    seen: list[str] = []

    def look() -> None:
        (dialog,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, StartProblem)]
        seen.extend(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())
        qtbot.mouseClick(dialog.close_key, Qt.MouseButton.LeftButton)

    QTimer.singleShot(50, look)
    show_start_problem(qapp, keeper, "robot.toml: model.metod is not a known key.")
    assert "robot.toml: model.metod is not a known key." in seen
    assert "No nozzle has been opened." in " ".join(seen)


@pytest.mark.parametrize(
    ("has_terminal", "environment", "shown"),
    [
        (False, {"DISPLAY": ":0"}, True),
        (False, {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (True, {"DISPLAY": ":0"}, False),
        (False, {"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, False),
    ],
)
def test_when_a_window_tells_a_problem_at_the_start(
    has_terminal: bool, environment: dict[str, str], shown: bool
) -> None:
    assert needs_a_window(has_terminal, environment) is shown
