"""What the window says: words and figures, without any widget."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from fakes_ui import acknowledge_all, capabilities, make_alarm, make_snapshot

from agriseg.messages import (
    AlarmPriority,
    CommandKind,
    ControllerState,
    EngineState,
    OdometrySource,
    RunTotals,
    SprayMode,
)
from ui.models.alarms import LatchedAlarms
from ui.models.figures import FIGURE_TITLES, Figure, figures
from ui.models.nozzles import nozzle_states
from ui.models.status import (
    STOP_CONFIRMED_WITHIN_S,
    Level,
    LinkView,
    StopPhase,
    StopWatch,
    primary_action,
    sensitivity_words,
    status_view,
    stop_words,
)
from ui.units import DASH, Units, UnitSystem, age_text, clock_text, percent

METRIC = Units(UnitSystem.METRIC)
IMPERIAL = Units(UnitSystem.IMPERIAL)
TALKING = LinkView(talking=True, starting=False, alive=True, silent_s=0.0)
SILENT = LinkView(talking=False, starting=False, alive=True, silent_s=1.3, message="It hangs.")
NAN = float("nan")


def by_key(all_figures: tuple[Figure, ...]) -> dict[str, Figure]:
    return {figure.key: figure for figure in all_figures}


@pytest.mark.parametrize(
    ("units", "speed", "area", "volume", "flow", "pressure"),
    [
        (METRIC, "7.2 km/h", "1.25 ha", "2.05 L", "1.60 L/min", "3.0 bar"),
        (IMPERIAL, "4.5 mph", "3.09 ac", "0.54 gal", "0.42 gpm", "44 psi"),
    ],
)
def test_quantities_are_written_in_the_chosen_units(
    units: Units, speed: str, area: str, volume: str, flow: str, pressure: str
) -> None:
    assert str(units.speed(2.0)) == speed
    assert str(units.area(12_500.0)) == area
    assert str(units.volume(2.05)) == volume
    assert str(units.flow(1.6)) == flow
    assert str(units.pressure(300.0)) == pressure


def test_small_areas_are_in_square_metres_or_feet() -> None:
    assert str(METRIC.area(130.4)) == "130 m²"
    assert str(IMPERIAL.area(10.0)) == "108 ft²"
    assert str(METRIC.area(0.34)) == "0.3 m²"


def test_no_value_is_a_dash_and_minus_zero_is_zero() -> None:
    assert METRIC.speed(NAN).value == DASH
    assert METRIC.speed(-0.001).value == "0.0"
    assert METRIC.speed(-1.0).value == "−3.6"
    assert percent(NAN).value == DASH


def test_ages_and_times_in_words() -> None:
    assert (age_text(0.72), age_text(14.2), age_text(300.0)) == ("0.7 s", "14 s", "5 min")
    assert age_text(math.inf) == DASH
    assert clock_text(3725.9) == "1:02:05"
    assert clock_text(math.inf) == DASH


def test_commanded_and_confirmed_litres_are_told_apart() -> None:
    snapshot = make_snapshot(
        totals=RunTotals(volume_commanded_l=2.1, volume_confirmed_l=1.4, broadcast_volume_l=14.0)
    )
    shown = by_key(figures(snapshot, METRIC, now_s=0.1))
    assert (shown["volume"].value, shown["volume"].note) == ("1.40", "commanded 2.10 L")
    assert (shown["saving"].value, shown["saving"].note) == ("90", "vs. broadcast")
    assert "14.0 L" in shown["saving"].reason


def test_a_missing_value_says_why() -> None:
    away = make_snapshot(connected=False, weed_cover=NAN, totals=RunTotals())
    shown = by_key(figures(away, METRIC, now_s=0.0))
    for key in ("saving", "weeds", "pressure", "flow", "tank"):
        assert shown[key].value == DASH
        assert shown[key].unit == ""
        assert shown[key].reason.endswith(".")
    assert shown["pressure"].note == "not connected"
    without = replace(make_snapshot(), capabilities=replace(capabilities(), has_tank=False))
    without = replace(without, controller=replace(without.controller, tank_l=NAN))
    tank = by_key(figures(without, METRIC, now_s=0.0))["tank"]
    assert (tank.value, tank.note) == (DASH, "no sensor")
    no_speed = replace(make_snapshot(speed_m_s=NAN), odometry=OdometrySource.NONE)
    assert by_key(figures(no_speed, METRIC, now_s=0.0))["speed"].value == DASH


def test_a_stale_snapshot_marks_every_figure_with_its_age() -> None:
    snapshot = make_snapshot(t_s=10.0)
    assert not any(f.stale for f in figures(snapshot, METRIC, now_s=10.4))
    old = figures(snapshot, METRIC, now_s=12.3)
    assert all(f.stale and f.note == "2.3 s old" for f in old)


def test_before_the_first_snapshot_nothing_is_claimed() -> None:
    shown = figures(None, METRIC, now_s=5.0)
    assert [f.key for f in shown] == list(FIGURE_TITLES)
    assert all(f.value == DASH and f.reason for f in shown)
    assert nozzle_states(None, 5.0) == ()


def test_visual_odometry_is_flagged() -> None:
    snapshot = replace(make_snapshot(), odometry=OdometrySource.VISUAL)
    assert by_key(figures(snapshot, METRIC, now_s=0.0))["speed"].note == "by the picture"


def test_nozzles_commanded_confirmed_faulty_unknown() -> None:
    snapshot = make_snapshot(commanded=[1, 2], open_nozzles=[2, 3], faults=[5])
    states = nozzle_states(snapshot, 0.1)
    assert [(s.commanded, s.confirmed) for s in states[:4]] == [
        (False, False),
        (True, False),
        (True, True),
        (False, True),
    ]
    assert states[5].fault
    assert states[0].number == 1
    stale = nozzle_states(snapshot, 0.8)
    assert not any(s.known or s.confirmed or s.commanded for s in stale)
    gone = nozzle_states(make_snapshot(connected=False, open_nozzles=[2]), 0.1)
    assert not any(s.known or s.confirmed for s in gone)
    assert "state not known" in gone[2].words


def test_the_chip_says_why_spraying_cannot_start_and_how_to_mend_it() -> None:
    reasons = ("The camera is missing: plug it in.", "The model is loading.")
    view = status_view(make_snapshot(state=EngineState.FAULT, not_ready=reasons), TALKING)
    assert (view.level, view.title, view.detail) == (Level.DANGER, "NOT READY", reasons[0])
    assert view.reasons == reasons


@pytest.mark.parametrize(
    ("state", "title", "level"),
    [
        (EngineState.STARTING, "STARTING", Level.WAIT),
        (EngineState.READY, "READY", Level.OK),
        (EngineState.SPRAYING, "SPRAYING", Level.ACTIVE),
        (EngineState.PAUSED, "PAUSED", Level.WAIT),
        (EngineState.STOPPED, "STOPPED", Level.DANGER),
        (EngineState.FAULT, "NOT READY", Level.DANGER),
        (EngineState.FINISHED, "FINISHED", Level.OK),
    ],
)
def test_every_state_has_a_word_and_a_sentence(
    state: EngineState, title: str, level: Level
) -> None:
    view = status_view(make_snapshot(state=state), TALKING)
    assert (view.title, view.level) == (title, level)
    assert view.detail


def test_a_silent_engine_is_said_whatever_it_said_last() -> None:
    view = status_view(make_snapshot(state=EngineState.SPRAYING), SILENT)
    assert (view.title, view.level) == ("ENGINE SILENT", Level.DANGER)
    assert view.detail == "The field engine has been silent for 1.3 s. It hangs."


def test_an_engine_that_ended_is_not_called_silent_but_quoted() -> None:
    ended = replace(SILENT, alive=False, message="usb:7: there is no camera; plug it in")
    view = status_view(None, ended)
    assert (view.title, view.level) == ("ENGINE ENDED", Level.DANGER)
    assert view.detail == "usb:7: there is no camera; plug it in."


def test_start_needs_a_hold_and_release_does_not_start() -> None:
    ready = primary_action(make_snapshot(state=EngineState.READY), TALKING)
    assert (ready.command, ready.hold) == (CommandKind.START, True)
    paused = primary_action(make_snapshot(state=EngineState.PAUSED), TALKING)
    assert (paused.command, paused.hold) == (CommandKind.START, True)
    stopped = primary_action(make_snapshot(state=EngineState.STOPPED), TALKING)
    assert stopped.command is CommandKind.CLEAR_STOP
    unready = make_snapshot(state=EngineState.READY, not_ready=("No camera.",))
    assert primary_action(unready, TALKING).command is None
    assert primary_action(make_snapshot(state=EngineState.READY), SILENT).command is None


def test_a_stop_is_released_only_after_its_alarm_was_acknowledged() -> None:
    stopped = make_snapshot(state=EngineState.STOPPED, alarms=(make_alarm(),))
    assert primary_action(stopped, TALKING).command is None
    assert primary_action(acknowledge_all(stopped), TALKING).command is CommandKind.CLEAR_STOP


def test_sensitivity_in_the_operators_words() -> None:
    assert sensitivity_words(0.0) == "Only certain weeds"
    assert sensitivity_words(0.5) == "Balanced"
    assert sensitivity_words(1.0) == "Everything doubtful"
    words = [sensitivity_words(i / 10) for i in range(11)]
    assert len(dict.fromkeys(words)) == 5


class TestStopWatch:
    def test_is_confirmed_by_the_engine_and_closed_nozzles(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        assert watch.phase is StopPhase.ASKED
        spraying = make_snapshot(t_s=10.05, state=EngineState.SPRAYING, open_nozzles=[1])
        assert watch.tick(spraying, 10.1) is StopPhase.ASKED
        still_open = make_snapshot(t_s=10.15, state=EngineState.STOPPED, open_nozzles=[1])
        assert watch.tick(still_open, 10.2) is StopPhase.ASKED
        closed = make_snapshot(t_s=10.25, state=EngineState.STOPPED)
        assert watch.tick(closed, 10.3) is StopPhase.CONFIRMED
        assert not watch.pending
        released = make_snapshot(t_s=12.0, state=EngineState.READY)
        assert watch.tick(released, 12.0) is StopPhase.IDLE

    def test_a_snapshot_from_before_the_stop_confirms_nothing(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        before = make_snapshot(t_s=9.95, state=EngineState.STOPPED)
        assert watch.tick(before, 10.1) is StopPhase.ASKED

    def test_says_so_when_nothing_confirms_it(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        assert watch.tick(None, 10.0 + STOP_CONFIRMED_WITHIN_S + 0.1) is StopPhase.UNCONFIRMED
        assert watch.pending
        assert "NOT CONFIRMED" in stop_words(watch.phase, talking=False)
        late = make_snapshot(t_s=13.0, state=EngineState.STOPPED)
        assert watch.tick(late, 13.1) is StopPhase.CONFIRMED
        assert stop_words(watch.phase, talking=True) == ""

    def test_a_lost_controller_does_not_confirm_closed_nozzles(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        lost = make_snapshot(t_s=10.1, state=EngineState.STOPPED)
        lost = replace(
            lost, controller=replace(lost.controller, state=ControllerState.DISCONNECTED)
        )
        assert watch.tick(lost, 10.2) is StopPhase.ASKED
        never = make_snapshot(t_s=10.2, state=EngineState.STOPPED, connected=False)
        assert watch.tick(never, 10.3) is StopPhase.CONFIRMED

    def test_a_relay_board_that_reports_nothing_confirms_nothing(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        stopped = make_snapshot(t_s=10.1, state=EngineState.STOPPED)
        assert stopped.capabilities is not None
        silent = replace(stopped, capabilities=replace(stopped.capabilities, confirms=False))
        assert watch.tick(silent, 10.2) is StopPhase.ASKED
        late_s = 10.0 + STOP_CONFIRMED_WITHIN_S + 0.1
        assert watch.tick(replace(silent, t_s=late_s), late_s) is StopPhase.UNCONFIRMED

    def test_a_stop_while_not_ready_is_confirmed_too(self) -> None:
        watch = StopWatch()
        watch.asked(10.0)
        fault = make_snapshot(t_s=10.1, state=EngineState.FAULT, connected=False)
        assert watch.tick(fault, 10.1) is StopPhase.CONFIRMED


class TestLatchedAlarms:
    def test_stays_until_acknowledged_even_if_the_engine_forgets_it(self) -> None:
        book = LatchedAlarms()
        book.update((make_alarm(),))
        book.update(())
        (row,) = book.rows()
        assert row.waits
        assert not row.alarm.active
        assert book.acknowledge("camera-lost")
        book.update(())
        assert book.rows() == ()

    def test_waits_for_the_engine_to_confirm_the_acknowledgement(self) -> None:
        book = LatchedAlarms()
        book.update((make_alarm(),))
        assert book.acknowledge("camera-lost")
        (row,) = book.rows()
        assert not row.waits
        assert "Acknowledging" in row.note
        book.update((make_alarm(acknowledged=True),))
        assert "the cause remains" in book.rows()[0].note

    def test_an_alarm_that_comes_back_waits_again(self) -> None:
        book = LatchedAlarms()
        book.update((make_alarm(t_s=1.0),))
        book.acknowledge("camera-lost")
        book.update((make_alarm(t_s=9.0),))
        assert book.rows()[0].waits

    def test_the_most_urgent_unacknowledged_one_is_on_top(self) -> None:
        book = LatchedAlarms()
        book.update(
            (
                make_alarm("seen", AlarmPriority.DANGER, acknowledged=True),
                make_alarm("notice", AlarmPriority.NOTICE),
                make_alarm("warning-old", AlarmPriority.WARNING, t_s=1.0),
                make_alarm("warning-new", AlarmPriority.WARNING, t_s=2.0),
            )
        )
        codes = [row.alarm.code for row in book.rows()]
        assert codes == ["warning-new", "warning-old", "notice", "seen"]
        assert book.worst_waiting() is AlarmPriority.WARNING

    def test_own_alarms_are_not_sent_to_the_engine(self) -> None:
        book = LatchedAlarms()
        book.raise_own(make_alarm("window"))
        book.clear_own("window")
        assert not book.rows()[0].alarm.active
        assert not book.acknowledge("window")
        assert book.rows() == ()


def test_mode_words_appear_with_the_start_key() -> None:
    action = primary_action(make_snapshot(mode=SprayMode.BAND), TALKING)
    assert action.hint == "Band spraying"


def test_the_age_of_an_old_picture_is_short_enough_for_its_tile() -> None:
    snapshot = replace(make_snapshot(t_s=10.0), frame_age_ms=4157.0)
    (latency,) = [
        f for f in figures(snapshot, Units(UnitSystem.METRIC), 10.0) if f.key == "latency"
    ]
    assert latency.note == "picture 4.2 s"
