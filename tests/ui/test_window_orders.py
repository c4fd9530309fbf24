"""Every control sends its order, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes_ui import make_alarm, make_snapshot
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.errors import EngineError
from agriseg.messages import CommandKind, EngineState, SprayMode
from ui.theme import TOUCH_PX
from ui.widgets.key import HOLD_MS, HoldKey, Key, KeyLook

LEFT = Qt.MouseButton.LeftButton


def snapshot_in(rig: WindowRig, state: EngineState, **values: object) -> None:
    rig.show(make_snapshot(t_s=rig.now_s(), state=state, **values))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(EngineState))
def test_one_tap_stops_in_every_state(rig: WindowRig, qtbot: QtBot, state: EngineState) -> None:
    snapshot_in(rig, state)
    qtbot.mousePress(rig.window.action_bar.stop_key, LEFT)
    assert rig.client.kinds() == ["stop"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Escape])
@pytest.mark.parametrize(
    "focus",
    [
        lambda w: w,
        lambda w: w.action_bar.start_key,
        lambda w: w.operate.sensitivity.slider,
        lambda w: w.rail.keys["help"],
        lambda w: w.operate.modes.keys[SprayMode.SPOT],
    ],
)
def test_space_and_escape_stop_wherever_the_focus_is(
    rig: WindowRig, qtbot: QtBot, key: Qt.Key, focus: Callable[[QWidget], QWidget]
) -> None:
    snapshot_in(rig, EngineState.READY)
    qtbot.keyClick(focus(rig.window), key)
    assert rig.client.kinds() == ["stop"]


def test_escape_stops_while_a_note_is_typed(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    rig.window.mark()
    line = rig.window.mark_panel.line
    qtbot.keyClicks(line, "wet corner")
    assert line.text() == "wet corner"
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert rig.client.kinds() == ["note", "stop"]


def test_stop_before_the_engine_has_spoken_and_on_another_page(
    rig: WindowRig, qtbot: QtBot
) -> None:
    rig.window.show_page("help")
    qtbot.mousePress(rig.window.action_bar.stop_key, LEFT)
    qtbot.keyClick(rig.window, Qt.Key.Key_Space)
    assert rig.client.kinds() == ["stop", "stop"]


def test_a_stop_is_repeated_until_it_is_confirmed_and_says_so(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    rig.window.stop()
    assert "not yet confirmed" in rig.window.action_bar.stop_key.hint
    for _ in range(4):
        snapshot_in(rig, EngineState.SPRAYING, open_nozzles=[2])
        rig.pass_time(0.2)
    assert rig.client.kinds().count("stop") >= 3
    shown = rig.window.banner.shown
    assert shown is not None
    assert "NOT CONFIRMED" in shown.text
    snapshot_in(rig, EngineState.STOPPED)
    rig.pass_time(0.05)
    assert "confirmed closed" in rig.window.action_bar.stop_key.hint
    assert rig.window.banner.shown is None
    sent = rig.client.kinds().count("stop")
    snapshot_in(rig, EngineState.STOPPED)
    rig.pass_time(0.4)
    assert rig.client.kinds().count("stop") == sent


def test_stop_with_a_silent_engine_still_tries_and_says_so(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    rig.client.silent_s = 2.0
    rig.pass_time(2.0)
    qtbot.mousePress(rig.window.action_bar.stop_key, LEFT)
    rig.pass_time(0.8)
    rig.pass_time(0.8)
    assert rig.client.kinds().count("stop") >= 2
    shown = rig.window.banner.shown
    assert shown is not None
    assert "does not answer" in shown.text
    assert "emergency stop" in shown.text


def test_a_stop_that_cannot_be_sent_is_told(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    rig.client.send_error = EngineError("the pipe is closed")
    rig.window.stop()
    rig.pass_time(0.9)
    shown = rig.window.banner.shown
    assert shown is not None
    assert "NOT CONFIRMED" in shown.text


def test_start_is_held_by_mouse(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    key = rig.window.action_bar.start_key
    qtbot.mousePress(key, LEFT)
    assert key.holding
    assert rig.client.sent == []
    with qtbot.waitSignal(key.confirmed, timeout=5 * HOLD_MS):
        pass
    qtbot.mouseRelease(key, LEFT)
    assert rig.client.kinds() == ["start"]


@pytest.mark.parametrize("state", [EngineState.READY, EngineState.PAUSED])
def test_start_let_go_early_does_nothing_and_says_what_to_do(
    rig: WindowRig, qtbot: QtBot, state: EngineState
) -> None:
    snapshot_in(rig, state)
    key = rig.window.action_bar.start_key
    qtbot.mouseClick(key, LEFT)
    assert not key.holding
    assert rig.client.sent == []
    assert rig.window.banner.shown is not None


def test_a_finger_that_slides_off_the_start_key_does_not_start(
    rig: WindowRig, qtbot: QtBot
) -> None:
    snapshot_in(rig, EngineState.READY)
    key = rig.window.action_bar.start_key
    qtbot.mousePress(key, LEFT)
    qtbot.mouseMove(key, QPoint(-80, -80))
    assert not key.holding


def test_start_is_held_by_its_key(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    start = rig.window.action_bar.start_key
    qtbot.keyClick(rig.window, Qt.Key.Key_S)
    assert rig.client.sent == []
    with qtbot.waitSignal(start.confirmed, timeout=5 * HOLD_MS):
        qtbot.keyPress(rig.window, Qt.Key.Key_S)
    assert rig.client.kinds() == ["start"]


def test_start_is_held_by_enter_on_the_focused_key(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    start = rig.window.action_bar.start_key
    qtbot.keyClick(start, Qt.Key.Key_Return)
    assert rig.client.sent == []
    with qtbot.waitSignal(start.confirmed, timeout=5 * HOLD_MS):
        qtbot.keyPress(start, Qt.Key.Key_Return)
    assert rig.client.kinds() == ["start"]


def test_a_hold_takes_the_whole_time(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    start = rig.window.action_bar.start_key
    from PySide6.QtCore import QElapsedTimer

    watch = QElapsedTimer()
    with qtbot.waitSignal(start.confirmed, timeout=5 * HOLD_MS):
        watch.start()
        start.begin_hold()
    assert watch.elapsed() >= HOLD_MS - 5


def test_losing_readiness_while_holding_does_not_start(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    start = rig.window.action_bar.start_key
    start.begin_hold()
    snapshot_in(rig, EngineState.FAULT, not_ready=("The camera is missing: plug it in.",))
    assert not start.isEnabled()
    assert not start.holding


@pytest.mark.parametrize(
    "state",
    [EngineState.STARTING, EngineState.FAULT, EngineState.SPRAYING, EngineState.FINISHED],
)
def test_start_is_not_offered_where_it_means_nothing(rig: WindowRig, state: EngineState) -> None:
    snapshot_in(rig, state)
    assert not rig.window.action_bar.start_key.isEnabled()


def test_start_is_not_offered_away_from_the_picture(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.READY)
    rig.window.show_page("help")
    assert not rig.window.action_bar.start_key.isEnabled()
    rig.window.show_page("operate")
    assert rig.window.action_bar.start_key.isEnabled()


@pytest.mark.parametrize("by_key", [False, True])
def test_pause(rig: WindowRig, qtbot: QtBot, by_key: bool) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    if by_key:
        qtbot.keyClick(rig.window, Qt.Key.Key_P)
    else:
        qtbot.mouseClick(rig.window.action_bar.pause_key, LEFT)
    assert rig.client.kinds() == ["pause"]


@pytest.mark.parametrize("by_key", [False, True])
def test_release_is_a_tap_and_only_clears_the_stop(
    rig: WindowRig, qtbot: QtBot, by_key: bool
) -> None:
    snapshot_in(rig, EngineState.STOPPED)
    if by_key:
        qtbot.keyClick(rig.window, Qt.Key.Key_S)
    else:
        qtbot.mouseClick(rig.window.action_bar.start_key, LEFT)
    assert rig.client.kinds() == ["clear-stop"]


@pytest.mark.parametrize(
    ("mode", "key"),
    [
        (SprayMode.SPOT, Qt.Key.Key_1),
        (SprayMode.BAND, Qt.Key.Key_2),
        (SprayMode.OFF, Qt.Key.Key_0),
    ],
)
def test_modes_by_tap_and_key(rig: WindowRig, qtbot: QtBot, mode: SprayMode, key: Qt.Key) -> None:
    snapshot_in(rig, EngineState.READY, mode=SprayMode.BROADCAST)
    qtbot.mouseClick(rig.window.operate.modes.keys[mode], LEFT)
    qtbot.keyClick(rig.window, key)
    assert [(c.kind, c.value) for c in rig.client.sent] == [(CommandKind.SET_MODE, mode)] * 2


def test_broadcast_needs_a_hold_by_mouse_and_by_key(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    key = rig.window.operate.modes.broadcast
    qtbot.mouseClick(key, LEFT)
    qtbot.keyClick(rig.window, Qt.Key.Key_3)
    assert rig.client.sent == []
    with qtbot.waitSignal(key.confirmed, timeout=5 * HOLD_MS):
        qtbot.mousePress(key, LEFT)
    qtbot.mouseRelease(key, LEFT)
    with qtbot.waitSignal(key.confirmed, timeout=5 * HOLD_MS):
        qtbot.keyPress(rig.window, Qt.Key.Key_3)
    assert [c.value for c in rig.client.sent] == [SprayMode.BROADCAST] * 2


def test_a_mode_is_drawn_as_chosen_only_once_the_engine_confirms(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.READY)
    modes = rig.window.operate.modes
    modes.choose(SprayMode.BAND)
    assert modes.keys[SprayMode.BAND].look is KeyLook.PENDING
    assert modes.keys[SprayMode.SPOT].look is KeyLook.SELECTED
    snapshot_in(rig, EngineState.READY, mode=SprayMode.BAND)
    assert modes.keys[SprayMode.BAND].look is KeyLook.SELECTED
    assert modes.keys[SprayMode.SPOT].look is KeyLook.PLAIN


def test_an_unconfirmed_mode_is_given_up(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY)
    modes = rig.window.operate.modes
    modes.choose(SprayMode.BAND)
    qtbot.waitUntil(lambda: modes.keys[SprayMode.BAND].look is KeyLook.PLAIN, timeout=5000)


def test_sensitivity_by_keys_slider_and_keyboard(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.READY, sensitivity=0.5)
    control = rig.window.operate.sensitivity
    qtbot.mouseClick(control.more, LEFT)
    assert rig.last().value == pytest.approx(0.6)
    qtbot.mouseClick(control.less, LEFT)
    qtbot.keyClick(rig.window, Qt.Key.Key_Minus)
    assert rig.last().value == pytest.approx(0.4)
    qtbot.keyClick(rig.window, Qt.Key.Key_Plus)
    assert rig.last().value == pytest.approx(0.5)
    qtbot.keyClick(control.slider, Qt.Key.Key_End)
    assert rig.last().value == pytest.approx(1.0)
    assert control.words.text() == "Everything doubtful"
    assert {c.kind for c in rig.client.sent} == {CommandKind.SET_SENSITIVITY}


def test_sensitivity_stays_within_its_range(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.READY, sensitivity=0.95)
    rig.window.operate.sensitivity.step(0.1)
    assert rig.last().value == pytest.approx(1.0)


def test_the_engines_sensitivity_is_shown_without_sending_it_back(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.READY, sensitivity=0.0)
    assert rig.window.operate.sensitivity.words.text() == "Only certain weeds"
    assert rig.client.sent == []


@pytest.mark.parametrize("by_key", [False, True])
def test_a_mark_is_set_at_once_and_may_get_a_word(
    rig: WindowRig, qtbot: QtBot, by_key: bool
) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    if by_key:
        qtbot.keyClick(rig.window, Qt.Key.Key_M)
    else:
        qtbot.mouseClick(rig.window.action_bar.mark_key, LEFT)
    assert [(c.kind, c.value) for c in rig.client.sent] == [(CommandKind.NOTE, "mark")]
    panel = rig.window.mark_panel
    assert panel.isVisible()
    qtbot.mouseClick(panel.word_keys["Crop sprayed"], LEFT)
    assert rig.last().value == "mark: Crop sprayed"
    assert not panel.isVisible()


def test_a_mark_with_a_typed_note(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    qtbot.mouseClick(rig.window.action_bar.mark_key, LEFT)
    qtbot.keyClicks(rig.window.mark_panel.line, "ditch on the left")
    qtbot.keyClick(rig.window.mark_panel.line, Qt.Key.Key_Return)
    assert rig.last().value == "mark: ditch on the left"


def test_the_mark_panel_leaves_stop_and_pause_free(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.SPRAYING)
    rig.window.mark()
    panel = rig.window.mark_panel
    bar = rig.window.action_bar
    assert panel.geometry().bottom() < bar.mapTo(rig.window, QPoint(0, 0)).y()


@pytest.mark.parametrize("by_key", [False, True])
def test_an_alarm_is_acknowledged(rig: WindowRig, qtbot: QtBot, by_key: bool) -> None:
    snapshot_in(rig, EngineState.STOPPED, alarms=(make_alarm(),))
    (item,) = rig.window.operate.alarms.items
    if by_key:
        qtbot.keyClick(rig.window, Qt.Key.Key_A)
    else:
        qtbot.mouseClick(item.key, LEFT)
    assert [(c.kind, c.value) for c in rig.client.sent] == [
        (CommandKind.ACKNOWLEDGE, "camera-lost")
    ]


def test_an_alarm_stays_on_screen_until_acknowledged(rig: WindowRig, qtbot: QtBot) -> None:
    snapshot_in(rig, EngineState.STOPPED, alarms=(make_alarm(),))
    snapshot_in(rig, EngineState.READY)
    (item,) = rig.window.operate.alarms.items
    assert item.key.isVisible()
    assert "1 alarm" in rig.window.top.alarm_key.text()
    qtbot.mouseClick(item.key, LEFT)
    snapshot_in(rig, EngineState.READY)
    assert rig.window.operate.alarms.items == ()


def test_every_key_is_large_enough_for_gloves(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.STOPPED, alarms=(make_alarm(),))
    rig.window.mark()
    for size in ((1024, 720), (1280, 800), (1920, 1080)):
        rig.window.resize(*size)
        for name in ("operate", "setup", "display", "help"):
            rig.window.show_page(name)
            for key in rig.window.findChildren(Key):
                if key.isVisible():
                    assert min(key.width(), key.height()) >= TOUCH_PX, key.accessibleName()


def test_every_key_has_a_name_for_screen_readers(rig: WindowRig) -> None:
    snapshot_in(rig, EngineState.STOPPED, alarms=(make_alarm(),))
    names = [key.accessibleName() for key in rig.window.findChildren(Key)]
    assert all(names)


def test_hold_keys_are_the_only_ones_that_open_nozzles(rig: WindowRig) -> None:
    learn = set(rig.window.learn.findChildren(HoldKey))  # takes a model that was not proven
    assert {key.text() for key in learn} == {"Use it all the same"}
    holds = {key.text() for key in set(rig.window.findChildren(HoldKey)) - learn}
    assert len(holds) == 2
    assert "Broadcast" in holds
