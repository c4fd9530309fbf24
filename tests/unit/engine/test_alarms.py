"""An alarm stays until its cause has gone and the operator has seen it."""

from agriseg.alarms import CAMERA_LOST, RECORDING_PROBLEM, WEEDS_LATE, AlarmBook


def test_new_alarm_is_reported_once_while_its_cause_lasts() -> None:
    book = AlarmBook()
    assert book.raise_alarm(CAMERA_LOST, "gone", t_s=1.0)
    assert not book.raise_alarm(CAMERA_LOST, "still gone", t_s=2.0)
    (alarm,) = book.list()
    assert (alarm.text, alarm.t_s) == ("still gone", 1.0)


def test_cleared_alarm_stays_until_acknowledged() -> None:
    book = AlarmBook()
    book.raise_alarm(CAMERA_LOST, "gone", t_s=1.0)
    book.clear(CAMERA_LOST)
    (alarm,) = book.list()
    assert not alarm.active
    book.acknowledge("camera-lost")
    assert book.list() == ()


def test_acknowledged_alarm_stays_while_its_cause_lasts() -> None:
    book = AlarmBook()
    book.raise_alarm(CAMERA_LOST, "gone", t_s=1.0)
    book.acknowledge("camera-lost")
    (alarm,) = book.list()
    assert alarm.acknowledged
    book.clear(CAMERA_LOST)
    assert book.list() == ()


def test_cause_that_comes_back_asks_for_attention_again() -> None:
    book = AlarmBook()
    book.raise_alarm(CAMERA_LOST, "gone", t_s=1.0)
    book.clear(CAMERA_LOST)
    assert book.raise_alarm(CAMERA_LOST, "gone again", t_s=5.0)
    (alarm,) = book.list()
    assert alarm.active
    assert not alarm.acknowledged


def test_only_unacknowledged_stops_hold_the_start_back() -> None:
    book = AlarmBook()
    book.raise_alarm(WEEDS_LATE, "late", t_s=1.0)
    book.raise_alarm(CAMERA_LOST, "gone", t_s=2.0)
    assert [a.code for a in book.unacknowledged_stops()] == ["camera-lost"]
    book.acknowledge("camera-lost")
    assert book.unacknowledged_stops() == ()


def test_most_urgent_comes_first() -> None:
    book = AlarmBook()
    book.raise_alarm(WEEDS_LATE, "late", t_s=9.0)
    book.raise_alarm(RECORDING_PROBLEM, "full", t_s=10.0)
    book.raise_alarm(CAMERA_LOST, "gone", t_s=1.0)
    assert [a.code for a in book.list()] == ["camera-lost", "recording-problem", "weeds-late"]
