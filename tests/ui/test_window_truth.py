"""The window shows what is, and says when it does not know."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fakes_ui import FakeEngineClient, make_alarm, make_picture, make_snapshot
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.clock import VirtualClock
from agriseg.config import Config
from agriseg.errors import EngineError
from agriseg.messages import EngineSnapshot, EngineState, RunTotals
from ui.application import run_window
from ui.bridge import PICTURE_INTERVAL_MS, RESTART_DEAD_AFTER_S, RESTARTS_PER_MINUTE
from ui.live.nozzle_strip import NozzleStrip
from ui.theme import ThemeChoice, scale_for
from ui.units import DASH, UnitSystem
from ui.widgets.key import Key

NAN = float("nan")
STATES = [
    make_snapshot(state=EngineState.SPRAYING, commanded=[1], open_nozzles=[1], faults=[3]),
    make_snapshot(
        state=EngineState.STARTING,
        connected=False,
        speed_m_s=NAN,
        weed_cover=NAN,
        totals=RunTotals(),
        not_ready=("The model is loading: 40 % of it is there.", "The controller is missing."),
    ),
    make_snapshot(state=EngineState.STOPPED, alarms=(make_alarm(), make_alarm("second"))),
    make_snapshot(
        state=EngineState.SPRAYING,
        totals=RunTotals(
            area_m2=381_250.0,
            treated_area_m2=41_200.0,
            weeds_seen=1_215_380,
            missed_late=1203,
            volume_commanded_l=1312.4,
            volume_confirmed_l=1309.9,
            broadcast_volume_l=9120.0,
        ),
    ),
]


def colour_at(image: QImage, strip: NozzleStrip, index: int, across: float) -> str:
    """Return the colour in nozzle ``index``'s cell, ``across`` of its width, near its top."""
    cell = strip.cell_rect(index)
    return image.pixelColor(
        round(cell.left() + cell.width() * across), round(cell.top() + cell.height() * 0.2)
    ).name()


def test_commanded_confirmed_and_fault_look_different(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), commanded=[1, 2], open_nozzles=[2, 3], faults=[5]))
    strip = rig.window.operate.strip
    image = strip.grab().toImage()
    cells = [
        image.copy(strip.cell_rect(i).toRect().adjusted(1, 1, -1, -1)) for i in (1, 2, 3, 4, 5)
    ]
    for i, first in enumerate(cells):
        assert all(first != second for second in cells[i + 1 :])
    fill = [colour_at(image, strip, index, 0.3) for index in (0, 1, 2, 3)]
    assert fill[0] == fill[1]
    assert fill[2] == fill[3]
    assert fill[1] != fill[2]


def test_states_differ_in_lightness_not_only_in_colour(rig: WindowRig) -> None:
    for choice in (ThemeChoice.DAY, ThemeChoice.NIGHT):
        rig.window.display.theme_chosen.emit(choice)
        rig.show(make_snapshot(t_s=rig.now_s(), open_nozzles=[2]))
        strip = rig.window.operate.strip
        image = strip.grab().toImage()
        closed, opened = (QColor(colour_at(image, strip, i, 0.3)).lightness() for i in (1, 2))
        assert abs(closed - opened) > 40


def test_the_boom_is_drawn_on_the_picture(rig: WindowRig) -> None:
    camera = rig.window.operate.camera
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    idle = camera.grab().toImage()
    rig.show(make_snapshot(t_s=rig.now_s(), open_nozzles=[10]), picture=True)
    confirmed = camera.grab().toImage()
    rig.show(make_snapshot(t_s=rig.now_s(), commanded=[10]), picture=True)
    commanded = camera.grab().toImage()
    assert idle != confirmed
    assert idle != commanded
    assert confirmed != commanded
    rig.window.operate.toggle_overlay()
    assert camera.grab().toImage() != idle


def test_an_old_picture_is_covered_and_says_its_age(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    camera = rig.window.operate.camera
    assert not camera.is_covered
    live = camera.grab().toImage()
    rig.client.publish(make_snapshot(t_s=rig.now_s() + 0.6))
    rig.pass_time(0.6)
    assert camera.is_covered
    assert camera.cover_text == "Picture is 0.7 s old"
    covered = camera.grab().toImage()
    middle = live.rect().center().x(), live.rect().top() + 8
    assert covered.pixelColor(*middle).lightness() < live.pixelColor(*middle).lightness() / 2
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    assert not camera.is_covered


@pytest.mark.parametrize(
    ("state", "frame_age_ms", "words"),
    [
        (EngineState.SPRAYING, 40.0, "does not keep up"),
        (EngineState.SPRAYING, 900.0, "no new pictures"),
        (EngineState.FINISHED, 900.0, "have ended"),
    ],
)
def test_the_cover_says_why(
    rig: WindowRig, state: EngineState, frame_age_ms: float, words: str
) -> None:
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    late = make_snapshot(t_s=rig.now_s() + 0.7, state=state)
    rig.client.publish(replace(late, frame_age_ms=frame_age_ms))
    rig.pass_time(0.7)
    assert rig.window.operate.camera.is_covered
    assert words in rig.window.operate.camera.cover_reason


def test_a_silent_engine_covers_the_picture_and_greys_the_figures(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING), picture=True)
    rig.pass_time(0.7)
    assert rig.window.operate.camera.is_covered
    assert rig.window.top.chip.text() == "ENGINE SILENT"
    shown = rig.window.banner.shown
    assert shown is not None
    assert shown.action
    tile = rig.window.operate.tiles.tile("speed")
    assert tile.value_label.property("stale") is True
    assert "old" in tile.note_label.text()
    assert not any(n.known for n in rig.window.operate.strip.nozzles)
    assert not rig.window.action_bar.start_key.isEnabled()
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    assert tile.value_label.property("stale") is False
    assert rig.window.banner.shown is None


def test_a_banner_that_stays_hides_nothing_of_the_other_pages(rig: WindowRig) -> None:
    rig.client.alive = False
    rig.client.message = "usb:987: there is no camera."
    rig.pass_time(0.2)
    window = rig.window
    for name in ("review", "setup"):
        window.show_page(name)
        QApplication.processEvents()
        page = next(entry.widget for entry in window.pages if entry.name == name)
        banner = window.banner.geometry()
        assert window.banner.isVisible()
        assert page.mapTo(window.banner.parentWidget(), QPoint()).y() > banner.bottom()
    window.show_page("operate")
    rig.client.alive = True
    rig.show(make_snapshot(t_s=rig.now_s()), picture=True)
    window.show_page("review")
    QApplication.processEvents()
    assert window.review.mapTo(window, QPoint()).y() < window.top.height() + 20


def test_a_long_reason_is_shortened_to_the_room_in_the_top_bar(rig: WindowRig) -> None:
    reason = "The camera is not there, and the words go on. " * 12
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.FAULT, not_ready=(reason,)))
    detail = rig.window.top.detail
    assert detail.shown().endswith(" …")
    assert 100 < len(detail.shown()) < len(reason)
    assert detail.toolTip() == reason
    rig.show(make_snapshot(t_s=rig.now_s()))
    assert detail.shown() == detail.text()


def test_model_loading_is_not_called_silence(rig: WindowRig) -> None:
    loading = make_snapshot(t_s=rig.now_s(), state=EngineState.STARTING)
    rig.show(loading)
    rig.pass_time(1.2)
    assert rig.window.top.chip.text() == "STARTING"
    rig.pass_time(2.5)
    assert rig.window.top.chip.text() == "ENGINE SILENT"


def test_a_dead_engine_is_started_again_and_does_not_spray(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING), picture=True)
    rig.client.alive = False
    rig.client.message = "It ended with signal 9."
    rig.pass_time(0.2)
    assert rig.window.top.chip.text() == "ENGINE ENDED"
    assert rig.client.starts == 1
    rig.pass_time(RESTART_DEAD_AFTER_S)
    assert rig.client.starts == 2
    assert rig.window.operate.camera.picture is None
    (item,) = rig.window.operate.alarms.items
    assert "started again" in item.key.accessibleName()
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY))
    assert "start" not in rig.client.kinds()
    assert rig.window.operate.alarms.items[0].key.isVisible()
    rig.window.alarms.acknowledge_top()
    assert rig.window.operate.alarms.items == ()
    assert rig.client.kinds() == []


def test_an_engine_that_keeps_dying_is_left_to_the_operator(rig: WindowRig, qtbot: QtBot) -> None:
    for _ in range(RESTARTS_PER_MINUTE + 2):
        rig.show(make_snapshot(t_s=rig.now_s()))
        rig.client.alive = False
        rig.pass_time(RESTART_DEAD_AFTER_S + 0.1)
    assert rig.client.starts == 1 + RESTARTS_PER_MINUTE
    qtbot.mouseClick(rig.window.banner.key, Qt.MouseButton.LeftButton)
    assert rig.client.starts == 2 + RESTARTS_PER_MINUTE


def test_an_engine_that_cannot_start_says_why(rig: WindowRig) -> None:
    rig.client.start_error = EngineError("The model file is missing: run `agriseg doctor`.")
    rig.bridge.restart()
    rig.pass_time(0.1)
    shown = rig.window.banner.shown
    assert shown is not None
    assert "agriseg doctor" in shown.text


def test_missing_values_are_dashes_with_their_reason(rig: WindowRig, qtbot: QtBot) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), connected=False, weed_cover=NAN))
    tile = rig.window.operate.tiles.tile("pressure")
    assert tile.value_label.text() == DASH
    assert "not connected" in tile.toolTip()
    qtbot.mouseClick(tile, Qt.MouseButton.LeftButton)
    shown = rig.window.banner.shown
    assert shown is not None
    assert "not connected" in shown.text


def test_units_change_by_key_and_are_remembered(rig: WindowRig, qtbot: QtBot) -> None:
    rig.show(make_snapshot(t_s=rig.now_s()))
    tile = rig.window.operate.tiles.tile("speed")
    assert (tile.value_label.text(), tile.unit_label.text()) == ("7.2", "km/h")
    qtbot.keyClick(rig.window, Qt.Key.Key_U)
    assert (tile.value_label.text(), tile.unit_label.text()) == ("4.5", "mph")
    rig.show(make_snapshot(t_s=rig.now_s()))
    assert rig.window.operate.plots.speed.value_label.text() == "4.5 mph"
    chosen = rig.window.display.units_row.keys[UnitSystem.METRIC]
    qtbot.mouseClick(chosen, Qt.MouseButton.LeftButton)
    assert tile.unit_label.text() == "km/h"


def test_theme_pages_and_full_screen_by_key(rig: WindowRig, qtbot: QtBot) -> None:
    rig.window.display.theme_chosen.emit(ThemeChoice.DAY)
    light = rig.window.grab().toImage().pixelColor(5, 400).lightness()
    qtbot.keyClick(rig.window, Qt.Key.Key_D)
    dark = rig.window.grab().toImage().pixelColor(5, 400).lightness()
    assert light > 200
    assert dark < 50
    for key, widget in (
        (Qt.Key.Key_F1, rig.window.help),
        (Qt.Key.Key_F3, rig.window.display),
        (Qt.Key.Key_F4, rig.window.setup),
        (Qt.Key.Key_F2, rig.window.operate),
    ):
        qtbot.keyClick(rig.window, key)
        assert widget.isVisible()
    qtbot.keyClick(rig.window, Qt.Key.Key_F11)
    assert rig.window.isFullScreen()
    qtbot.keyClick(rig.window, Qt.Key.Key_F11)
    assert not rig.window.isFullScreen()


@pytest.mark.parametrize("snapshot", STATES, ids=["spraying", "starting", "stopped", "large"])
@pytest.mark.parametrize("size", [(1024, 720), (1280, 800), (1920, 1080)])
@pytest.mark.parametrize("units", list(UnitSystem))
def test_no_text_is_cut_off(
    rig: WindowRig,
    qtbot: QtBot,
    snapshot: EngineSnapshot,
    size: tuple[int, int],
    units: UnitSystem,
) -> None:
    rig.window.resize(*size)
    qtbot.waitUntil(lambda: rig.window.theme.scale == scale_for(*size))
    rig.window.display.units_chosen.emit(units)
    rig.show(replace(snapshot, t_s=rig.now_s()), picture=True)
    for name in ("operate", "setup", "display", "help"):
        rig.window.show_page(name)
        QApplication.processEvents()
        for label in rig.window.findChildren(QLabel):
            if label.isVisible() and label.text():
                assert_fits(label)
        for key in rig.window.findChildren(Key):
            if key.isVisible():
                assert key.width() >= key.sizeHint().width(), key.accessibleName()
                assert key.height() >= key.sizeHint().height(), key.accessibleName()


def assert_fits(label: QLabel) -> None:
    """Fail when a label has less room than its words need."""
    if label.wordWrap():
        assert label.heightForWidth(label.width()) <= label.height(), label.text()
    else:
        assert label.sizeHint().width() <= label.width(), label.text()
    assert label.fontMetrics().height() <= label.height() + 1, label.text()


def test_a_thousand_snapshots_leave_nothing_behind(rig: WindowRig) -> None:
    alarms = (make_alarm(), make_alarm("second"))
    picture = make_picture(t_capture_s=rig.now_s())
    widgets = 0
    for index in range(1000):
        state = list(EngineState)[index % len(EngineState)]
        rig.client.publish(
            make_snapshot(
                t_s=rig.now_s(),
                state=state,
                commanded=[index % 24],
                open_nozzles=[(index + 1) % 24],
                alarms=alarms if index % 50 < 10 else (),
                weed_cover=NAN if index % 7 == 0 else 0.03,
            ),
            picture,
        )
        rig.pass_time(0.1)
        if index % 50 == 49:
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()
            count = len(rig.window.findChildren(QObject))
            widgets = widgets or count
            assert count <= widgets + 5
    assert rig.window.operate.plots.speed.points <= 700


def test_pictures_arrive_at_screen_rate_at_most(rig: WindowRig, qtbot: QtBot) -> None:
    shown: list[int] = []
    rig.bridge.picture_arrived.connect(lambda picture: shown.append(picture.frame_id))
    picture = make_picture()
    pump = QTimer()
    pump.timeout.connect(lambda: rig.client.publish(picture=picture))
    began_s = time.perf_counter()
    pump.start(0)
    qtbot.waitUntil(lambda: len(shown) >= 10, timeout=10_000)
    pump.stop()
    assert time.perf_counter() - began_s >= (len(shown) - 1) * 1e-3 * (PICTURE_INTERVAL_MS - 1)


def test_pictures_that_come_close_after_each_other_are_all_shown(
    rig: WindowRig, qtbot: QtBot
) -> None:
    """In virtual time: nothing but the pictures' own announcements shows them."""
    shown: list[int] = []
    rig.bridge.picture_arrived.connect(lambda picture: shown.append(picture.frame_id))
    first, second, third, fourth = (replace(make_picture(), frame_id=i) for i in range(1, 5))
    rig.client.publish(picture=first)
    qtbot.waitUntil(lambda: shown == [1], timeout=5_000)
    rig.client.publish(picture=second)  # while the window looks away
    qtbot.waitUntil(lambda: shown == [1, 2], timeout=5_000)
    rig.client.publish(picture=third)
    rig.client.publish(picture=fourth)
    qtbot.waitUntil(lambda: shown == [1, 2, 3, 4], timeout=5_000)


def test_closing_while_spraying_is_asked_twice(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING))
    first = QCloseEvent()
    rig.window.closeEvent(first)
    assert not first.isAccepted()
    assert rig.client.closes == 0
    second = QCloseEvent()
    rig.window.closeEvent(second)
    assert second.isAccepted()
    assert rig.client.closes == 1


def test_closing_while_not_spraying_ends_the_engine(rig: WindowRig) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY))
    rig.window.close()
    assert rig.client.closes == 1


def test_simulation_is_named(rig: WindowRig) -> None:
    assert not rig.window.top.simulated.isVisible()
    rig.show(make_snapshot(t_s=rig.now_s()))
    assert rig.window.top.simulated.isVisible()


def test_all_reasons_can_be_read(rig: WindowRig, qtbot: QtBot) -> None:
    reasons = ("The camera is missing: plug it in.", "The controller is missing: plug it in.")
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.FAULT, not_ready=reasons))
    assert reasons[0] in rig.window.top.detail.text()
    qtbot.mouseClick(rig.window.top.chip, Qt.MouseButton.LeftButton)
    panel = rig.window.reason_panel
    assert panel.isVisible()
    assert all(reason in panel.text.text() for reason in reasons)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.READY))
    assert not panel.isVisible()


def test_signals_do_not_wear_out_the_interpreter(qtbot: QtBot) -> None:
    """Some PySide6 releases drop a reference to True at each emit, and end in a crash."""

    class Emitter(QObject):
        fired = Signal(object)

    emitter = Emitter()
    heard: list[object] = []
    emitter.fired.connect(heard.append)
    emitter.fired.emit(True)
    before = sys.getrefcount(True)
    for _ in range(500):
        emitter.fired.emit(None)
    assert abs(sys.getrefcount(True) - before) < 50


def test_the_windows_process_stays_free_of_the_models_libraries(repository: Path) -> None:
    program = """
import sys
sys.path.insert(0, "tests")
from PySide6.QtCore import QSettings
from fakes_ui import FakeEngineClient, make_picture, make_snapshot
from agriseg.clock import MonotonicClock
from agriseg.config import Config
from ui.application import build_window, make_application
application = make_application()
client = FakeEngineClient()
store = QSettings(sys.argv[1], QSettings.Format.IniFormat)
window, bridge = build_window(application, client, Config(), MonotonicClock(), store)
window.show()
bridge.start()
client.publish(make_snapshot(), make_picture())
bridge.watch()
application.processEvents()
window.grab()
heavy = {"torch", "openvino", "nncf", "matplotlib"} & set(sys.modules)
bridge.close()
window.hide()
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(repository / "does-not-exist.ini")],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.error_logs
@pytest.mark.qt_no_exception_capture
def test_a_fault_of_the_window_stops_the_sprayer(qapp: QApplication) -> None:
    client = FakeEngineClient()
    hook = sys.excepthook

    def fail() -> None:
        sys.excepthook(ValueError, ValueError("a slot failed"), None)
        qapp.closeAllWindows()

    QTimer.singleShot(200, fail)
    assert run_window(client, Config(), VirtualClock(5.0)) == 0
    assert client.kinds() == ["stop"]
    assert sys.excepthook is hook
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    client.dispose()


def test_run_window_opens_and_ends(qapp: QApplication, qtbot: QtBot) -> None:
    client = FakeEngineClient()
    QTimer.singleShot(200, qapp.closeAllWindows)
    assert run_window(client, Config(), VirtualClock(5.0)) == 0
    assert client.starts == 1
    assert client.closes == 1
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    client.dispose()
