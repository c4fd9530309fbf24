"""Position, receivers and boundaries in words, the track, and where ground lies on the screen."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes_ui import make_snapshot
from PySide6.QtCore import QPointF

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "boundary"))

from boundary_files import FRAME, box, feature, write_geojson

from agriseg.config import Config, parse_config
from agriseg.errors import BoundaryError
from agriseg.field_config import PositionConfig
from agriseg.messages import EngineSnapshot, EngineState, FixQuality, PositionFix, PositionStatus
from agriseg.serial_ports import SerialPort
from ui.field.ground_viewport import GroundViewport, scale_bar
from ui.models.field import PositionView, heading_text, place_text, position_view, position_word
from ui.models.field_boundary import (
    boundary_facts,
    boundary_view,
    check_boundary,
    doubts,
    why_not_a_boundary,
)
from ui.models.field_track import FieldTrack
from ui.models.receivers import (
    NO_RECEIVER,
    SIMULATED_RECEIVER,
    ReceiverChoice,
    configured_receiver,
    receiver_entries,
    receiver_entry_of,
)
from ui.models.status import Level, LinkView
from ui.units import Units, UnitSystem

METRIC = Units(UnitSystem.METRIC)
TALKING = LinkView(talking=True, starting=False, alive=True, silent_s=0.0)
SILENT = LinkView(talking=False, starting=False, alive=True, silent_s=4.0)
NOW_S = 50.0
GNSS_PORT = SerialPort(
    device="/dev/ttyACM1",
    description="u-blox GNSS receiver",
    permitted=True,
    group="dialout",
    path="/dev/serial/by-id/usb-u-blox",
    vid=0x1546,
    pid=0x01A9,
)
UBLOX = ReceiverChoice(source=GNSS_PORT.path, name=GNSS_PORT.name, baud=38400)


def fix_at(
    east_m: float, north_m: float, quality: FixQuality = FixQuality.RTK_FIXED, age_s: float = 0.2
) -> PositionFix:
    latitude, longitude = FRAME.geographic([[east_m, north_m]])[0]
    known = quality is not FixQuality.NONE
    return PositionFix(
        t_s=NOW_S - age_s,
        latitude_deg=float(latitude) if known else math.nan,
        longitude_deg=float(longitude) if known else math.nan,
        altitude_m=500.0,
        quality=quality,
        satellites=17,
        accuracy_m=0.02,
        differential_age_s=1.0,
    )


def status_at(east_m: float = 0.0, north_m: float = 0.0, **changes: object) -> PositionStatus:
    latitude, longitude = FRAME.geographic([[east_m, north_m]])[0]
    status = PositionStatus(
        receiver="/dev/ttyACM1",
        fix=fix_at(east_m, north_m),
        latitude_deg=float(latitude),
        longitude_deg=float(longitude),
        heading_deg=84.0,
        accuracy_m=0.02,
    )
    return replace(status, **changes)  # type: ignore[arg-type]


def snapshot_of(
    status: PositionStatus | None, state: EngineState = EngineState.READY
) -> EngineSnapshot:
    return replace(make_snapshot(t_s=NOW_S, state=state), position=status)


def view_of(
    status: PositionStatus | None, config: PositionConfig | None = None, link: LinkView = TALKING
) -> PositionView:
    asked = config or PositionConfig()
    return position_view(UBLOX, asked, snapshot_of(status), link, METRIC, NOW_S)


def test_a_good_position_is_told_in_full() -> None:
    view = view_of(status_at())
    assert (view.level, view.title, view.remedy) == (Level.OK, "RTK fixed", "")
    facts = dict(view.facts)
    assert facts["Receiver"] == "/dev/ttyACM1"
    assert facts["Fix"] == "RTK fixed, 17 satellites"
    assert facts["Accuracy"] == "± 0.02 m"
    assert facts["Place"] == "48.0000000° N  11.0000000° E"
    assert facts["Heading"] == "84° E"
    assert facts["Age"] == "0.2 s, corrections 1.0 s"
    assert "Jumps" not in facts
    assert dict(view_of(status_at(jumps=2)).facts)["Jumps"] == "2 since the start"


@pytest.mark.parametrize(
    ("status", "config", "title", "remedy"),
    [
        (status_at(receiver="", fix=None, problem="no"), {}, "No receiver", "choose it below"),
        (status_at(fix=None, problem="nothing yet"), {}, "No position", "38400 baud"),
        (status_at(fix=fix_at(0, 0, FixQuality.NONE), problem="no fix"), {}, "No fix", "sky"),
        (status_at(fix=fix_at(0, 0, age_s=9.0), problem="silent"), {}, "Silent", "cable"),
        (
            status_at(fix=fix_at(0, 0, FixQuality.GNSS), problem="only gnss"),
            {"required_quality": "rtk-float"},
            "GNSS",
            "corrections",
        ),
        (status_at(problem="The position jumped by 4.0 m."), {}, "RTK fixed", "ten positions"),
        (
            status_at(problem="direction", latitude_deg=math.nan, longitude_deg=math.nan),
            {},
            "RTK fixed",
            "straight on",
        ),
    ],
)
def test_what_is_wrong_is_said_with_how_to_mend_it(
    status: PositionStatus, config: dict[str, str], title: str, remedy: str
) -> None:
    view = view_of(status, parse_config({"position": config}, source="test").position)
    assert view.title == title
    assert remedy in view.remedy
    assert view.level is not Level.OK
    if status.receiver:
        assert view.detail == status.problem


def test_a_silent_engine_tells_no_position() -> None:
    assert view_of(status_at(), link=SILENT).title == "Not known"
    assert view_of(status_at(), link=SILENT).facts == ()
    old = replace(snapshot_of(status_at()), t_s=NOW_S - 3.0)
    view = position_view(UBLOX, PositionConfig(), old, TALKING, METRIC, NOW_S)
    assert view.facts == ()
    assert "3.0 s old" in view.detail
    begins = position_view(UBLOX, PositionConfig(), None, TALKING, METRIC, NOW_S)
    assert UBLOX.name in begins.detail


@pytest.mark.parametrize(
    ("status", "text", "level"),
    [
        (status_at(), "RTK fixed", Level.OK),
        (status_at(problem="lost"), "RTK fixed", Level.WARNING),
        (status_at(problem="lost", fix=None), "No position", Level.WARNING),
        (status_at(boundary="acre", barred=3), "3 closed", Level.WARNING),
        (status_at(boundary="acre", barred=3, hold="lost"), "Held closed", Level.WARNING),
    ],
)
def test_the_top_bar_has_a_word_for_it(status: PositionStatus, text: str, level: Level) -> None:
    word = position_word(snapshot_of(status), METRIC, NOW_S + 0.2)
    assert word is not None
    assert (word.text, word.level) == (text, level)


def test_without_a_receiver_the_top_bar_has_no_word() -> None:
    assert position_word(snapshot_of(None), METRIC, NOW_S) is None
    late = position_word(snapshot_of(status_at()), METRIC, NOW_S + 3.0)
    assert late is None, "nor for what was three seconds ago"


def test_places_and_headings() -> None:
    assert place_text(-33.5, -70.25) == "33.5000000° S  70.2500000° W"
    assert [heading_text(d) for d in (0.0, 44.0, 359.7, 200.0)] == [
        "0° N",
        "44° NE",
        "0° N",
        "200° S",
    ]
    assert heading_text(math.nan) == "–"


def test_receivers_are_listed_with_what_keeps_them() -> None:
    locked = replace(GNSS_PORT, device="/dev/ttyUSB0", path="/dev/ttyUSB0", permitted=False)
    board = replace(GNSS_PORT, device="/dev/ttyACM0", path="/dev/serial/by-id/board")
    gone = ReceiverChoice(source="/dev/ttyABSENT", name="old receiver")
    ports = (GNSS_PORT, locked, board)
    entries = receiver_entries(
        ports,
        (gone, UBLOX),
        on_simulated_field=True,
        controller_port="/dev/ttyACM0",
        exists=lambda _: False,
    )
    named = {entry.choice.source: entry for entry in entries}
    assert list(named)[:2] == [NO_RECEIVER.source, SIMULATED_RECEIVER.source]
    assert len(entries) == 6
    assert named[GNSS_PORT.path].why_not == ""
    assert "group dialout" in named["/dev/ttyUSB0"].why_not
    assert "sprayer controller" in named["/dev/serial/by-id/board"].why_not
    assert "not plugged in" in named["/dev/ttyABSENT"].why_not
    by_device = ReceiverChoice(source=GNSS_PORT.device, name="by its device")
    assert receiver_entry_of(entries, by_device, ports) is named[GNSS_PORT.path]
    elsewhere = receiver_entries((), (), on_simulated_field=False, controller_port="sim")
    assert [entry.choice for entry in elsewhere] == [NO_RECEIVER]


def test_auto_is_what_it_comes_to() -> None:
    assert configured_receiver(Config()) == SIMULATED_RECEIVER
    usb = parse_config({"camera": {"source": "usb:0"}}, source="test")
    assert configured_receiver(usb) == NO_RECEIVER


def test_a_boundary_in_words(tmp_path: Path) -> None:
    path = write_geojson(
        tmp_path / "acre.geojson",
        feature(box(0, 0, 100, 100), name="Long acre"),
        feature(box(40, 40, 50, 50), name="pond", role="no-spray"),
    )
    checked = check_boundary(path)
    facts = dict(boundary_facts(checked, Config().boundary, METRIC))
    assert facts["Field"] == "0.99 ha"
    assert facts["No-spray zones"] == "1: pond"
    assert facts["Kept clear"].startswith("0.10 m")
    words = {"has_receiver": True, "units": METRIC}
    assert doubts(checked, status_at(10.0, 10.0), **words) == ()
    assert "outside of it, 30.0 m away" in doubts(checked, status_at(130.0, 10.0), **words)[0]
    assert "4900 m from here" in doubts(checked, status_at(5000.0, 10.0), **words)[0]
    assert doubts(checked, None, **words) == (), "nobody knows where the machine is"
    assert "no satellite receiver" in doubts(checked, None, has_receiver=False, units=METRIC)[0]


def test_what_a_boundary_does_now() -> None:
    def titled(status: PositionStatus | None, name: str = "acre", problem: str = "") -> str:
        view = boundary_view(status, name, problem, is_now=True)
        return f"{view.level.value}: {view.detail}"

    assert titled(status_at(), name="").startswith("wait: Spraying is not limited")
    assert titled(None).startswith("wait: It is put in force")
    assert titled(status_at()).startswith("ok: In force.")
    assert "not known" in boundary_view(status_at(), "acre", "", is_now=False).detail
    assert "1 nozzle is kept closed" in titled(status_at(barred=1))
    assert titled(status_at(barred=1, hold="No fix.")).endswith("held closed: No fix.")
    gone = titled(None, problem="x: there is no such boundary file.")
    assert gone.startswith("danger: x: there is no such boundary file. Until")


@pytest.mark.parametrize(
    ("name", "words"),
    [("photo.png", "none of GeoJSON"), ("folder", "TASKDATA.XML"), ("nothing", "nothing of this")],
)
def test_what_cannot_be_a_boundary_is_said_before_it_is_read(
    tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "photo.png").touch()
    (tmp_path / "folder").mkdir()
    assert words in why_not_a_boundary(tmp_path / name)


def test_a_boundary_that_crosses_itself_is_refused_in_a_sentence(tmp_path: Path) -> None:
    bow = ((0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0))
    path = write_geojson(tmp_path / "bow.geojson", feature(bow))
    assert why_not_a_boundary(path) == ""
    with pytest.raises(BoundaryError, match="crosses itself"):
        check_boundary(path)


def test_the_track_knows_where_spraying_was_on_and_where_it_broke_off() -> None:
    track = FieldTrack()
    for east in range(4):
        track.add(snapshot_of(status_at(float(east))))
    track.add(snapshot_of(status_at(4.0, problem="lost")))
    for east in range(4, 7):
        track.add(snapshot_of(status_at(float(east)), EngineState.SPRAYING))
    track.add(snapshot_of(status_at(6.01), EngineState.SPRAYING))
    track.add(snapshot_of(status_at(60.0), EngineState.SPRAYING))
    pieces = track.pieces()
    assert [is_sprayed for _, is_sprayed in pieces] == [False, True, True]
    assert [len(piece) for piece, _ in pieces] == [4, 4, 1], "one centimetre on is no new place"
    assert pieces[1][0][:, 0] == pytest.approx([3.0, 4.0, 5.0, 6.0], abs=1e-6)
    track.set_frame(FRAME)
    assert track.pieces()[2][0] == pytest.approx(np.array([[60.0, 0.0]]), abs=1e-6)
    track.clear()
    assert track.pieces() == []


def test_a_long_day_stays_within_its_room() -> None:
    track = FieldTrack(most_nodes=50)
    for number in range(60):
        track.add(snapshot_of(status_at(0.3 * number)))
    ((places, _),) = track.pieces()
    assert len(places) < 50
    track.set_frame(FRAME)
    ((places, _),) = track.pieces()
    assert places[0, 0] == pytest.approx(0.0, abs=1e-6)
    assert places[-1, 0] == pytest.approx(0.3 * 59, abs=0.6)


def test_ground_and_screen_there_and_back() -> None:
    view = GroundViewport().resized(800, 600).fitted((-10.0, 0.0, 30.0, 20.0), 60.0)
    assert view.scale == pytest.approx(0.9 * 20.0), "40 m across 800 px, with some room"
    (screen,) = view.to_screen([[10.0, 15.0]])
    assert tuple(screen) == pytest.approx((400.0, 300.0 - 5.0 * view.scale))
    at = QPointF(123.0, 456.0)
    assert view.zoomed(2.0, at).to_ground(at) == pytest.approx(view.to_ground(at))
    east, north = view.to_ground(at)
    moved = view.panned(10.0, 20.0)
    assert moved.to_ground(QPointF(133.0, 476.0)) == pytest.approx((east, north))
    mapped = view.transform.map(QPointF(10.0, 15.0))
    assert (mapped.x(), mapped.y()) == pytest.approx(tuple(screen))


@pytest.mark.parametrize(
    ("scale", "system", "words"),
    [
        (10.0, UnitSystem.METRIC, "10 m"),
        (0.05, UnitSystem.METRIC, "2 km"),
        (300.0, UnitSystem.METRIC, "0.5 m"),
        (10.0, UnitSystem.IMPERIAL, "50 ft"),
    ],
)
def test_the_scale_bar_is_a_round_length(scale: float, system: UnitSystem, words: str) -> None:
    length_px, shown = scale_bar(scale, system, 160.0)
    assert shown == words
    assert 160.0 / 2.6 <= length_px <= 160.0
    number, unit = shown.split()
    metres = float(number) * {"m": 1.0, "km": 1000.0, "ft": 0.3048}[unit]
    assert length_px == pytest.approx(metres * scale)
