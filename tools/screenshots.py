"""Writes pictures of every page, in both themes and two sizes, from the engine at work.

Nothing is drawn for the picture's sake: the real field engine runs on the simulated field
(or whatever ``--config`` names), and each state is reached as an operator reaches it.

    python tools/screenshots.py --out assets/screenshots
    python tools/screenshots.py --out /tmp/look --only camera    # one part, half a minute
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from agriseg.calibration.flow_step import CUP
from agriseg.calibration.steps import MEASURE
from agriseg.clock import MonotonicClock
from agriseg.config import Config, load_config
from agriseg.engine_client import ProcessEngineClient
from agriseg.errors import AgrisegError
from agriseg.messages import EngineSnapshot, EngineState
from agriseg.positioning.local_frame import LocalFrame, heading_from_course
from ui.application import build_window, make_application
from ui.bridge import EngineBridge
from ui.main_window import MainWindow
from ui.theme import ThemeChoice, scale_for

SIZES_PX = ((1280, 800), (1920, 1080))
THEMES = (ThemeChoice.DAY, ThemeChoice.NIGHT)
WORK_FOR_S = 20.0
_READY_WITHIN_S = 90.0
_TEST_WITHIN_S = 120.0
_SETTLE_MS = 400
_STARTS = 4
_MOST_ALARMS = 10

log = logging.getLogger("screenshots")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A window on a running engine, and where its pictures go."""

    application: QApplication
    window: MainWindow
    bridge: EngineBridge
    folder: Path

    def wait(self, until: Callable[[EngineSnapshot], bool], within_s: float, what: str) -> bool:
        """Run the window until a snapshot fits; return whether one did in time."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            QTest.qWait(50)
            snapshot = self.bridge.snapshot
            if snapshot is not None and until(snapshot):
                return True
        log.warning("%s was not reached within %g s: %s", what, within_s, self._state())
        return False

    def wait_for(self, until: Callable[[], bool], within_s: float) -> bool:
        """Run the window until something holds; return whether it did in time."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s and not until():
            QTest.qWait(50)
        return until()

    def hold_start(self) -> None:
        """Start spraying as an operator does."""
        QTest.keyPress(self.window, Qt.Key.Key_S)
        QTest.qWait(1000)
        QTest.keyRelease(self.window, Qt.Key.Key_S)

    def photograph(self, page: str, state: str) -> None:
        """Write one page in every theme and size."""
        for width_px, height_px in SIZES_PX:
            self.window.resize(width_px, height_px)
            for theme in THEMES:
                self.window.display.theme_chosen.emit(theme)
                self.window.show_page(page)
                self._settle(width_px, height_px)
                name = f"{page}-{state}-{theme.value}-{width_px}x{height_px}.png"
                if not self.window.grab().save(str(self.folder / name)):
                    raise OSError(f"{self.folder / name} could not be written")
                log.info("wrote %s", name)

    def _settle(self, width_px: int, height_px: int) -> None:
        """Wait until sizes follow the window and a fresh picture is painted."""
        scale = scale_for(width_px, height_px)
        for _ in range(20):
            QTest.qWait(_SETTLE_MS // 4)
            if self.window.theme.scale == scale:
                break
        QTest.qWait(_SETTLE_MS)

    def _state(self) -> str:
        snapshot = self.bridge.snapshot
        if snapshot is None:
            return self.bridge.link().message or "the engine has not spoken"
        return f"{snapshot.state.value}; {'; '.join(snapshot.not_ready)}"


def main(arguments: list[str] | None = None) -> int:
    """Write all pictures; return 0, or 2 with the reason on stderr."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = load_config(options.config) if options.config else Config()
        options.out.mkdir(parents=True, exist_ok=True)
        complete = _photograph_all(config, options.out, options.only or list(PARTS))
    except (AgrisegError, OSError) as error:
        log.error("%s", error)
        return 2
    return 0 if complete else 2


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("assets/screenshots"), metavar="DIR")
    parser.add_argument("--config", type=Path, default=None, metavar="FILE")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    return parser.parse_args(arguments)


def _photograph_all(config: Config, folder: Path, parts: list[str]) -> bool:
    """Return whether every state of these parts was reached."""
    application = make_application()
    reached = []
    with tempfile.TemporaryDirectory() as scratch:
        recording = config.recording.model_copy(update={"directory": str(Path(scratch) / "runs")})
        folder_of = config.calibration.model_copy(update={"directory": str(Path(scratch) / "cal")})
        config = config.model_copy(update={"recording": recording, "calibration": folder_of})
        for part in parts:
            store = QSettings(str(Path(scratch) / f"{part}.ini"), QSettings.Format.IniFormat)
            play, fault = PARTS[part]
            broken = fault(config, Path(scratch))
            reached.append(_with_engine(application, broken, store, folder, play))
    return all(reached)


def _without_fault(config: Config, _scratch: Path) -> Config:
    return config


def _absent_controller(config: Config, scratch: Path) -> Config:
    """Name a port that is not there, and a folder without runs."""
    controller = config.controller.model_copy(update={"port": "/dev/ttyABSENT"})
    recording = config.recording.model_copy(update={"directory": str(scratch / "no-runs")})
    return config.model_copy(update={"controller": controller, "recording": recording})


def _absent_camera(config: Config, _scratch: Path) -> Config:
    camera = config.camera.model_copy(update={"source": "usb:987"})
    return config.model_copy(update={"camera": camera})


def _unwritable_folder(config: Config, scratch: Path) -> Config:
    """Name a folder for runs that cannot be made: a file stands in its place."""
    file = scratch / "not-a-folder"
    file.touch()
    recording = config.recording.model_copy(update={"directory": str(file / "runs")})
    return config.model_copy(update={"recording": recording})


def _with_engine(
    application: QApplication,
    config: Config,
    store: QSettings,
    folder: Path,
    play: Callable[[Session], bool],
) -> bool:
    window, bridge = build_window(
        application, ProcessEngineClient(config), config, MonotonicClock(), store
    )
    window.show()
    session = Session(application=application, window=window, bridge=bridge, folder=folder)
    try:
        bridge.start()
        return play(session)
    finally:
        bridge.close()
        window.hide()
        window.deleteLater()


def _work_and_stop(session: Session) -> bool:
    """Starting, working, stopped, and the pages that do not depend on the state."""
    session.photograph("operate", "starting")
    ready = session.wait(_is_at_work, _READY_WITHIN_S, "spraying by itself")
    QTest.qWait(3000)
    QTest.keyClick(session.window, Qt.Key.Key_P)
    session.wait(lambda s: s.state is EngineState.PAUSED, 5.0, "paused")
    session.photograph("operate", "paused")
    calibrated = _calibrate(session)
    spraying = _spray(session)
    session.photograph("operate", "working")
    QTest.keyClick(session.window, Qt.Key.Key_Space)
    stopped = session.wait(lambda s: s.state is EngineState.STOPPED, 5.0, "stopped")
    session.photograph("operate", "stopped")
    QTest.keyClick(session.window, Qt.Key.Key_U)
    session.photograph("operate", "imperial")
    QTest.keyClick(session.window, Qt.Key.Key_U)
    session.photograph("setup", "connected")
    session.photograph("display", "stopped")
    session.photograph("help", "stopped")
    reviewed = _review(session)
    fenced = _field(session)
    labelled = _label(session)
    learned = _learn(session)
    return all((ready, calibrated, spraying, stopped, reviewed, fenced, labelled, learned))


def _review(session: Session) -> bool:
    """The run that was just sprayed: in the list, looked at again, a plant explained."""
    page = session.window.review
    session.window.show_page("review")
    listed = session.wait_for(lambda: bool(page.runs.shown), _TEST_WITHIN_S)
    session.photograph("review", "runs")
    if not listed:
        return False
    page.open_run(page.runs.shown[0])
    opened = session.wait_for(lambda: page.view.picture.frame is not None, _TEST_WITHIN_S)
    for _ in range(8):
        page.view.next_plant(1)
    session.photograph("review", "plant")
    for name in ("layers", "marks", "export"):
        page.view.show_tab(name)
        session.photograph("review", name)
    page.view.show_tab("what-if")
    page.view.what_if.order.keys["sensitivity"].click()
    page.view.what_if.order.begin_key.click()
    tried = session.wait_for(lambda: not page.is_busy, _TEST_WITHIN_S)
    session.photograph("review", "what-if")
    page.view.show_tab("export")
    page.view.export.record_key.click()
    for key, value in (("field_name", "Long acre"), ("crop", "Maize"), ("wind_m_s", "2,5")):
        line = page.record.fields[key].line
        line.setText(value)
        line.editingFinished.emit()
    session.photograph("review", "record")
    page.record.back_key.click()
    compared = _compare(session)
    return opened and tried and compared


def _compare(session: Session) -> bool:
    """The two newest runs that have a summary, side by side; needs two."""
    page = session.window.review
    page.close_run()
    cards = [card for card in page.runs.shown if card.summary][:2]
    if len(cards) < 2:
        return False
    for card in cards:
        page.runs.list.select(card.directory)
        page.runs.compare_key.click()
    told = session.wait_for(
        lambda: page.compare.isVisible() and page.compare.opening.isHidden(), _TEST_WITHIN_S
    )
    session.photograph("review", "compare")
    return told


def _field(session: Session) -> bool:
    """The position and the track, a boundary looked at, in force, and the receivers."""
    page = session.window.field
    session.window.show_page("field")
    session.photograph("field", "position")
    with tempfile.TemporaryDirectory() as scratch:
        page.look_at(_simulated_boundary(Path(scratch) / "long-acre.geojson"))
        read = session.wait_for(lambda: page.desk.candidate is not None, _TEST_WITHIN_S)
        session.photograph("field", "candidate")
        page.boundary.use_key.click()
        in_force = session.wait(
            lambda s: s.position is not None and bool(s.position.boundary) and s.speed_m_s > 0.0,
            _READY_WITHIN_S,
            "the boundary in force",
        )
        QTest.qWait(5000)
        session.photograph("field", "boundary")
        QTest.keyClick(session.window, Qt.Key.Key_P)
        session.wait(lambda s: s.state is not EngineState.SPRAYING, 5.0, "paused")
        page.show_tab("receiver")
        session.photograph("field", "receiver")
        page.show_tab("boundary")
        for _ in range(2):
            page.boundary.remove_key.click()
    removed = session.wait(lambda s: s.position is not None, _READY_WITHIN_S, "no boundary")
    return read and in_force and removed


def _simulated_boundary(path: Path) -> Path:
    """Write a field around where the simulated robot drives, with a zone beside its way."""
    gnss = Config().simulation.gnss
    frame = LocalFrame(gnss.latitude_deg, gnss.longitude_deg)
    heading = heading_from_course(gnss.heading_deg)
    ahead = np.array([math.cos(heading), math.sin(heading)])
    left = np.array([-ahead[1], ahead[0]])

    def feature(corners: list[tuple[float, float]], **properties: str) -> dict[str, object]:
        places = [x * ahead + y * left for x, y in (*corners, corners[0])]
        ring = [[float(lon), float(lat)] for lat, lon in frame.geographic(np.array(places))]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "properties": properties, "geometry": geometry}

    features = [
        feature([(-15, -30), (140, -22), (150, 35), (60, 48), (-20, 30)], name="Long acre"),
        feature([(60, 8), (80, 6), (84, 22), (64, 26)], name="pond", role="no-spray"),
        feature([(18, -14), (24, -14), (24, -8), (18, -8)], name="pylon", role="no-spray"),
    ]
    collection = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path


def _label(session: Session) -> bool:
    """A project made, frames chosen from the run, labelled by the model, mended by hand."""
    page = session.window.label
    room, view = page.room, page.view
    session.photograph("label", "projects")
    with tempfile.TemporaryDirectory() as scratch:
        page.projects.set_root(Path(scratch))
        page.projects.name.setText("Simulated field")
        page.projects.create_key.click()
        made = session.wait_for(lambda: room.desk.project is not None, _TEST_WITHIN_S)
        room.act("select")
        page.choice.runs_key.click()
        session.photograph("label", "choose")
        page.choice.start_key.click()
        chosen = session.wait_for(page.choice.isVisible, _TEST_WITHIN_S)
        session.photograph("label", "chosen")
        page.choice.take_key.click()
        added = session.wait_for(lambda: room.desk.shown is not None, _TEST_WITHIN_S)
        room.act("pre-label-all")
        labelled = session.wait_for(lambda: room.walk.was_asked, _TEST_WITHIN_S)
        session.wait_for(lambda: not room.walk.is_looking, _TEST_WITHIN_S)
        room.act("next-doubt")
        view.show_tab("checks")
        session.photograph("label", "doubt")
        room.act("fit")
        for tool, tab in (("brush", "labels"), ("pick", "pictures"), ("polygon", "layers")):
            room.act(tool)
            view.show_tab(tab)
            session.photograph("label", tab)
        room.act("export")
        session.photograph("label", "export")
        page.outgoing.leave_key.click()
        room.act("help")
        session.photograph("label", "help")
        room.act("help")
        room.act("leave")
        left = session.wait_for(lambda: room.desk.project is None, _TEST_WITHIN_S)
    return made and chosen and added and labelled and left


def _learn(session: Session) -> bool:
    """What can be learned from, the jobs, and the models with the one in use."""
    page = session.window.learn
    session.window.show_page("learn")
    known = session.wait_for(lambda: bool(page.models.rows), _TEST_WITHIN_S)
    for name in ("data", "jobs", "models"):
        page.show_tab(name)
        session.photograph("learn", name)
    return known


def _calibrate(session: Session) -> bool:
    """The list of steps, the boom on the picture, and a catch test on the simulated yard."""
    page = session.window.calibrate
    session.photograph("calibrate", "steps")
    page.list.machines_key.click()
    session.photograph("calibrate", "machines")
    page.machines.back_key.click()
    seen = _see_boards(session)
    page.begin("boom")
    QTest.qWait(1000)
    session.photograph("calibrate", "boom")
    page.wizard.left.emit()
    page.begin("flow")
    QTest.qWait(500)
    page.wizard.acted.emit(MEASURE)
    cups = session.wait_for(lambda: CUP in page.wizard.field_keys, _TEST_WITHIN_S)
    session.photograph("calibrate", "cup")
    for _ in range(256):
        view = page.wizard.view
        if not cups or view is None or view.result is not None:
            break
        (cup,) = view.fields
        page.wizard.entered.emit(CUP, cup.value)
        session.wait_for(lambda seen=view: page.wizard.view is not seen, 5.0)
    session.photograph("calibrate", "flow")
    page.wizard.discarded.emit()
    ready = session.wait(
        lambda s: s.state is EngineState.READY and not s.not_ready, _READY_WITHIN_S, "ready"
    )
    return seen and cups and ready


def _see_boards(session: Session) -> bool:
    """Views of a held board being taken, and a camera pose found from the board on the ground."""
    page = session.window.calibrate
    page.begin("camera")
    page.wizard.acted.emit(MEASURE)
    held = session.wait_for(lambda: _progress(session) > 0.4, _TEST_WITHIN_S)
    session.photograph("calibrate", "camera")
    page.wizard.left.emit()
    page.leave_panel.leave_key.click()
    page.begin("ground")
    page.wizard.acted.emit(MEASURE)
    lying = session.wait_for(lambda: _progress(session) >= 1.0, _TEST_WITHIN_S)
    session.photograph("calibrate", "ground")
    page.wizard.discarded.emit()
    return held and lying


def _progress(session: Session) -> float:
    view = session.window.calibrate.wizard.view
    return 0.0 if view is None else view.progress


def _is_at_work(snapshot: EngineSnapshot) -> bool:
    """Whether the simulated field is being sprayed, which begins by itself."""
    return snapshot.state is EngineState.SPRAYING and not snapshot.not_ready


def _spray(session: Session) -> bool:
    """Start, and start again after a stop (a busy computer has some); return whether it works."""
    session.window.show_page("operate")
    for _ in range(_STARTS):
        session.hold_start()
        if session.wait(lambda s: s.state is EngineState.SPRAYING, 10.0, "spraying"):
            QTest.qWait(round(WORK_FOR_S * 1000))
            snapshot = session.bridge.snapshot
            if snapshot is not None and snapshot.state is EngineState.SPRAYING:
                return True
        for _ in range(_MOST_ALARMS):
            QTest.keyClick(session.window, Qt.Key.Key_A)
        QTest.qWait(500)
        QTest.keyClick(session.window, Qt.Key.Key_S)
        session.wait(lambda s: s.state is EngineState.READY, 10.0, "ready again")
    return False


def _missing_controller(session: Session) -> bool:
    """An alarm: the sprayer controller's port is not there; no run has been recorded yet."""
    told = session.wait(
        lambda s: bool(s.alarms) or s.state is EngineState.FAULT, _READY_WITHIN_S, "an alarm"
    )
    session.photograph("operate", "alarm")
    session.photograph("setup", "absent")
    session.photograph("review", "empty")
    return told


def _missing_camera(session: Session) -> bool:
    """The engine refuses to start."""
    link = session.bridge.link
    told = session.wait_for(lambda: not link().talking and not link().starting, _READY_WITHIN_S)
    session.photograph("operate", "no-camera")
    return told


def _refused_start(session: Session) -> bool:
    """Start is refused: the run cannot be recorded."""
    told = session.wait(lambda s: s.state is EngineState.STOPPED, _READY_WITHIN_S, "the refusal")
    session.photograph("operate", "not-recorded")
    return told


PARTS: dict[str, tuple[Callable[[Session], bool], Callable[[Config, Path], Config]]] = {
    "work": (_work_and_stop, _without_fault),
    "controller": (_missing_controller, _absent_controller),
    "camera": (_missing_camera, _absent_camera),
    "recording": (_refused_start, _unwritable_folder),
}
"""What is photographed: how it is played, and with which fault."""


if __name__ == "__main__":
    sys.exit(main())
