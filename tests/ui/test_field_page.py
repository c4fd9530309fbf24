"""The page Field in the window: a boundary looked at, used, removed; receivers; refusals."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes_ui import make_snapshot
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "boundary"))

from boundary_files import FRAME, box, feature, write_geojson

from agriseg.config import Config, parse_config
from agriseg.messages import (
    CommandKind,
    EngineSnapshot,
    EngineState,
    FixQuality,
    PositionFix,
    PositionStatus,
)
from agriseg.serial_ports import SerialPort
from ui.connection import ConnectionKeeper
from ui.field.boundary_desk import Check
from ui.field.field_page import FieldPage
from ui.models.field_boundary import CheckedBoundary, check_boundary
from ui.models.receivers import SIMULATED_RECEIVER
from ui.models.status import LinkView
from ui.settings import WindowSettings
from ui.theme import ThemeChoice, ThemeKeeper
from ui.units import Units, UnitSystem
from ui.widgets.key import KeyLook

LEFT = Qt.MouseButton.LeftButton
READ_WITHIN_MS = 10_000
RECEIVER = SerialPort(
    device="/dev/ttyACM1",
    description="u-blox GNSS receiver",
    permitted=True,
    group="dialout",
    path="/dev/serial/by-id/usb-u-blox",
    vid=0x1546,
    pid=0x01A9,
)


@pytest.fixture
def acre(tmp_path: Path) -> Path:
    """Return a boundary of a hectare with a pond in it."""
    return write_geojson(
        tmp_path / "acre.geojson",
        feature(box(0, 0, 100, 100), name="Long acre"),
        feature(box(40, 40, 50, 50), name="pond", role="no-spray"),
    )


class PageRig:
    """The page alone, with what the window would tell it."""

    def __init__(self, qtbot: QtBot, folder: Path, check: Check = check_boundary) -> None:
        config = Config()
        store = QSettings(str(folder / "page.ini"), QSettings.Format.IniFormat)
        keeper = ThemeKeeper(ThemeChoice.DAY)
        self.theme = keeper.theme
        self.connection = ConnectionKeeper(config, WindowSettings(store, config.window))
        self.page = FieldPage(keeper, Units(UnitSystem.METRIC), self.connection, check)
        keeper.setParent(self.page)
        self.page.resize(1176, 624)
        qtbot.addWidget(self.page)
        self.page.show()

    def now_s(self) -> float:
        """Return a moment."""
        return 100.0

    def show(self, snapshot: EngineSnapshot, refusal: str = "") -> None:
        """Tell what the engine said."""
        self.page.show_snapshot(snapshot)
        link = LinkView(talking=True, starting=False, alive=True, silent_s=0.0)
        self.page.show_state(link, refusal, self.now_s())

    def look_at(self, qtbot: QtBot, path: Path) -> None:
        """Have a file read."""
        self.page.look_at(path)
        qtbot.waitUntil(lambda: not self.page.desk.reading, timeout=READ_WITHIN_MS)


@pytest.fixture
def alone(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[PageRig]:
    """Return the page without a window around it."""
    made = PageRig(qtbot, tmp_path)
    yield made
    made.page.end()
    made.page.hide()


def at(
    rig: WindowRig | PageRig, east_m: float, north_m: float, **changes: object
) -> EngineSnapshot:
    """Return the word of an engine whose machine is at a place."""
    latitude, longitude = (float(value) for value in FRAME.geographic([[east_m, north_m]])[0])
    state = changes.pop("state", EngineState.READY)
    assert isinstance(state, EngineState)
    fix = PositionFix(
        t_s=rig.now_s(),
        latitude_deg=latitude,
        longitude_deg=longitude,
        altitude_m=500.0,
        quality=FixQuality.RTK_FIXED,
        satellites=17,
        accuracy_m=0.01,
    )
    status = PositionStatus(
        receiver="simulated receiver",
        fix=fix,
        latitude_deg=latitude,
        longitude_deg=longitude,
        heading_deg=90.0,
        accuracy_m=0.01,
    )
    status = replace(status, **changes)  # type: ignore[arg-type]
    return replace(make_snapshot(t_s=rig.now_s(), state=state), position=status)


def words(page: FieldPage) -> str:
    """Return all that the page says of the boundary."""
    panel = page.boundary
    labels = (panel.title, panel.detail, panel.doubts, panel.problem, panel.note)
    shown = [label.text() for label in labels if label.isVisible()]
    return " ".join(shown).replace("\u200b", "")


def looked_at(rig: WindowRig, qtbot: QtBot, path: Path) -> FieldPage:
    """Open the page and have a file read."""
    page = rig.window.field
    rig.window.show_page("field")
    page.look_at(path)
    qtbot.waitUntil(lambda: not page.desk.reading, timeout=READ_WITHIN_MS)
    return page


def test_the_page_says_where_the_machine_is(rig: WindowRig, qtbot: QtBot) -> None:
    rig.show(make_snapshot(t_s=rig.now_s()))
    qtbot.keyClick(rig.window, Qt.Key.Key_F9)
    page = rig.window.field
    assert page.isVisible()
    rig.pass_time(0.1)
    assert page.position.title.text() == "No receiver"
    assert page.plan.view.is_empty
    assert not rig.window.top.position_key.isVisible()
    rig.show(at(rig, 5.0, 5.0))
    assert page.position.title.text() == "RTK fixed"
    assert not page.plan.view.is_empty
    assert rig.window.top.position_key.text() == "RTK fixed"
    key = rig.window.top.position_key
    rig.show(at(rig, 5.0, 5.0, boundary="acre", barred=3))
    assert (key.text(), key.look) == ("3 closed", KeyLook.WARNING)
    rig.show(at(rig, 5.0, 5.0, boundary="acre", hold="No fix.", problem="No fix."))
    assert (key.text(), key.look) == ("Held closed", KeyLook.WARNING)
    rig.show(at(rig, 5.0, 5.0))
    assert (key.text(), key.look) == ("RTK fixed", KeyLook.PLAIN)
    rig.window.show_page("operate")
    qtbot.mouseClick(key, LEFT)
    assert page.isVisible(), "the word in the top bar leads to the page"
    scale = page.plan.view.viewport.scale
    qtbot.keyClick(rig.window, Qt.Key.Key_Plus)
    assert page.plan.view.viewport.scale > scale, "its keys act wherever the focus is"
    rig.client.silent_s = 3.0
    rig.pass_time(3.0)
    assert page.position.title.text() == "Not known"
    assert not rig.window.top.position_key.isVisible()
    machine = page.plan.view.machine
    assert machine is not None
    assert not machine.is_sure


def test_a_boundary_is_looked_at_then_used_then_removed(
    rig: WindowRig, qtbot: QtBot, acre: Path
) -> None:
    rig.show(at(rig, 10.0, 10.0))
    page = looked_at(rig, qtbot, acre)
    rig.show(at(rig, 10.0, 10.0))
    assert page.boundary.title.text() == "Long acre"
    assert "nothing has been changed yet" in words(page)
    assert page.plan.view.boundary is not None
    assert page.plan.view.is_candidate
    assert rig.client.config.boundary.file == ""
    qtbot.mouseClick(page.boundary.use_key, LEFT)
    assert rig.client.config.boundary.file == str(acre)
    assert rig.last().kind is CommandKind.SHUTDOWN, "the engine is started again with it"
    assert not page.plan.view.is_candidate
    assert not page.desk.reading, "what was read is not read again"
    assert not page.boundary.use_key.isVisible()
    rig.client.alive = False
    rig.pass_time(0.1)
    rig.show(at(rig, 10.0, 10.0, boundary="Long acre"))
    assert "In force" in words(page)
    qtbot.mouseClick(page.boundary.remove_key, LEFT)
    assert rig.client.config.boundary.file == str(acre), "it asks first"
    qtbot.mouseClick(page.boundary.remove_key, LEFT)
    assert rig.client.config.boundary.file == ""
    assert page.plan.view.boundary is None


def test_a_boundary_is_remembered_until_the_configuration_names_another(tmp_path: Path) -> None:
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)

    def keeper(config: Config) -> ConnectionKeeper:
        return ConnectionKeeper(config, WindowSettings(store, config.window))

    keeper(Config()).choose_boundary("acre.geojson")
    assert keeper(Config()).config.boundary.file == "acre.geojson"
    other = parse_config({"boundary": {"file": "other.geojson"}}, source="test")
    assert keeper(other).config.boundary.file == "other.geojson"
    keeper(other).choose_boundary("")
    assert keeper(other).config.boundary.file == "", "done without, although one is configured"


def test_what_speaks_against_a_boundary_is_said_before(
    alone: PageRig, qtbot: QtBot, acre: Path
) -> None:
    page = alone.page
    alone.show(at(alone, 6000.0, 0.0))
    alone.look_at(qtbot, acre)
    assert "5900 m from here" in words(page)
    assert page.boundary.use_key.isEnabled()
    with qtbot.assertNotEmitted(page.boundary_chosen):
        qtbot.mouseClick(page.boundary.discard_key, LEFT)
    alone.show(at(alone, 6000.0, 0.0))
    assert "No boundary" in words(page)


def test_a_file_that_cannot_be_used_changes_nothing(
    alone: PageRig, qtbot: QtBot, acre: Path, tmp_path: Path
) -> None:
    page = alone.page
    alone.look_at(qtbot, acre)
    with qtbot.waitSignal(page.boundary_chosen) as chosen:
        qtbot.mouseClick(page.boundary.use_key, LEFT)
    alone.connection.choose_boundary(chosen.args[0])
    page.show_choices()
    bow = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
    alone.look_at(qtbot, write_geojson(tmp_path / "bow.geojson", feature(bow)))
    assert "bow.geojson" in words(page)
    assert "crosses itself" in words(page)
    assert page.desk.candidate is None
    assert page.desk.used is not None
    assert page.desk.used.path == acre


def test_nothing_is_changed_while_spraying(rig: WindowRig, qtbot: QtBot, acre: Path) -> None:
    rig.show(at(rig, 10.0, 10.0))
    page = looked_at(rig, qtbot, acre)
    page.browse()
    assert page.paths.isVisible()
    rig.show(at(rig, 10.0, 10.0, state=EngineState.SPRAYING))
    assert not page.paths.isVisible(), "its line would take the Space that stops"
    assert not page.boundary.use_key.isEnabled()
    assert not page.receiver.use_key.isEnabled()
    assert "Spraying is on" in words(page)
    page.boundary_chosen.emit(str(acre))
    assert rig.client.config.boundary.file == ""
    page.look_at(acre)
    assert not page.desk.reading
    before = len(rig.client.sent)
    qtbot.keyClick(page.plan.view, Qt.Key.Key_Space)
    assert [order.kind for order in rig.client.sent[before:]] == [CommandKind.STOP]


def test_a_receiver_is_chosen_with_its_speed(rig: WindowRig, qtbot: QtBot, tmp_path: Path) -> None:
    rig.show(make_snapshot(t_s=rig.now_s()))
    rig.window.show_page("setup")
    rig.window.show_page("field")
    page = rig.window.field
    page.show_tab("receiver")
    rig.ports = (RECEIVER,)
    qtbot.waitUntil(lambda: RECEIVER.path in page.receiver.list.keys, timeout=5000)
    assert not page.receiver.bauds.isVisible()
    qtbot.mouseClick(page.receiver.list.keys[RECEIVER.path], LEFT)
    qtbot.mouseClick(page.receiver.baud_keys[38400], LEFT)
    qtbot.mouseClick(page.receiver.use_key, LEFT)
    position = rig.client.config.position
    assert (position.source, position.baud) == (RECEIVER.path, 38400)
    assert rig.last().kind is CommandKind.SHUTDOWN
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    remembered = ConnectionKeeper(Config(), WindowSettings(store, Config().window))
    assert remembered.receiver.name == RECEIVER.name
    assert remembered.config.position.baud == 38400
    qtbot.mouseClick(page.receiver.list.keys["none"], LEFT)
    qtbot.mouseClick(page.receiver.use_key, LEFT)
    assert rig.client.config.position.source == "none"


def test_the_simulated_receiver_stays_on_the_simulated_field(tmp_path: Path) -> None:
    store = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    config = parse_config({"position": {"source": "none"}}, source="test")
    keeper = ConnectionKeeper(config, WindowSettings(store, config.window))
    keeper.choose_receiver(SIMULATED_RECEIVER)
    assert keeper.config.position.source == "sim"
    camera = parse_config(
        {"position": {"source": "none"}, "camera": {"source": "usb:0"}}, source="t"
    )
    real = ConnectionKeeper(camera, WindowSettings(store, camera.window))
    assert real.config.position.source == "none", "a camera has no simulated receiver"


def test_a_boundary_that_is_gone_is_said_and_can_be_removed(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    config = parse_config({"boundary": {"file": str(tmp_path / "gone.gpkg")}}, source="test")
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    rig = WindowRig(store, config)
    try:
        page = rig.window.field
        rig.window.show_page("field")
        qtbot.waitUntil(lambda: not page.desk.reading, timeout=READ_WITHIN_MS)
        rig.pass_time(0.1)
        assert "there is no such boundary file" in words(page)
        assert "nothing is sprayed" in words(page)
        assert rig.client.config.boundary.file, "no limit is dropped silently"
        page.boundary.remove_key.click()
        page.boundary.remove_key.click()
        assert rig.client.config.boundary.file == ""
    finally:
        rig.dispose()


def dropped(page: FieldPage, path: Path) -> bool:
    """Drop a file on the page; return whether it took it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, LEFT, none)
    enter.ignore()
    QGuiApplication.sendEvent(page, enter)
    if not enter.isAccepted():
        return False
    drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, LEFT, none)
    QGuiApplication.sendEvent(page, drop)
    return True


def test_a_file_can_be_dropped(alone: PageRig, qtbot: QtBot, acre: Path, tmp_path: Path) -> None:
    page = alone.page
    assert dropped(page, acre)
    qtbot.waitUntil(lambda: page.desk.candidate is not None, timeout=READ_WITHIN_MS)
    (tmp_path / "photo.png").touch()
    assert dropped(page, tmp_path / "photo.png")
    assert "photo.png is none of" in words(page)
    alone.show(at(alone, 10.0, 10.0), "Spraying is on.")
    assert not dropped(page, acre)


def test_a_file_that_takes_long_is_given_up(
    qapp: QApplication, qtbot: QtBot, acre: Path, tmp_path: Path
) -> None:
    go_on = threading.Event()

    def read_slowly(path: Path) -> CheckedBoundary:
        go_on.wait(30.0)
        return check_boundary(path)

    page = PageRig(qtbot, tmp_path, read_slowly).page
    page.look_at(acre)
    assert page.desk.reading == "acre.geojson"
    assert page.boundary.job.isVisible()
    assert not page.boundary.browse_key.isEnabled()
    qtbot.mouseClick(page.boundary.job.cancel_key, LEFT)
    assert not page.boundary.job.isVisible()
    go_on.set()
    page.end()
    QApplication.processEvents()
    assert page.desk.candidate is None
    page.hide()


def test_the_plan_zooms_pans_and_follows(alone: PageRig, qtbot: QtBot, acre: Path) -> None:
    page, view = alone.page, alone.page.plan.view
    alone.show(at(alone, 10.0, 10.0))
    alone.look_at(qtbot, acre)
    whole = view.viewport
    qtbot.mouseClick(page.plan.keys["in"], LEFT)
    assert view.viewport.scale == pytest.approx(1.5 * whole.scale)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.viewport.east_m < whole.east_m
    assert not view.is_following, "who pans, looks elsewhere"
    assert page.plan.keys["follow"].look is KeyLook.PLAIN
    qtbot.mouseClick(page.plan.keys["follow"], LEFT)
    assert view.machine is not None
    assert view.viewport.east_m == pytest.approx(view.machine.east_m)
    alone.show(at(alone, 90.0, 90.0))
    (place,) = view.viewport.to_screen([[view.machine.east_m, view.machine.north_m]])
    assert 0.0 < place[0] < view.width()
    qtbot.mouseClick(page.plan.keys["whole"], LEFT)
    assert view.viewport.scale == pytest.approx(whole.scale)
    page.resize(page.width() + 300, page.height() + 300)
    QApplication.processEvents()
    assert view.viewport.scale > 1.2 * whole.scale, "a larger view shows the whole larger"
    start, end = QPoint(100, 100), QPoint(160, 130)
    before = view.viewport.to_ground(QPointF(start))
    qtbot.mousePress(view, LEFT, pos=start)
    qtbot.mouseMove(view, end)
    qtbot.mouseRelease(view, LEFT, pos=end)
    assert view.viewport.to_ground(QPointF(end)) == pytest.approx(before)


def test_what_is_drawn_is_where_it_is(alone: PageRig, qtbot: QtBot, acre: Path) -> None:
    view = alone.page.plan.view
    alone.show(at(alone, 20.0, 20.0))
    alone.look_at(qtbot, acre)
    for east in range(20, 31):
        alone.show(at(alone, float(east), 20.0, state=EngineState.SPRAYING))
    assert view.boundary is not None
    frame = view.boundary.frame
    image = view.grab().toImage()

    def colour(east_m: float, north_m: float) -> str:
        place = frame.local(FRAME.geographic([[east_m, north_m]]))
        (x, y), *_ = view.viewport.to_screen(place)
        return image.pixelColor(round(x), round(y)).name()

    assert colour(-3.0, 43.0) == alone.theme.panel, "outside of the field"
    assert colour(12.0, 83.0) != alone.theme.panel, "inside"
    assert colour(24.0, 20.0) != colour(24.0, 24.0), "the track"
    seen = {colour(40.2 + 0.5 * n, 45.0) for n in range(8)}
    assert len(seen) > 1, "a zone is hatched, not coloured alone"
