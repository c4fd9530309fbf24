"""Positions are kept as Foxglove's maps read them, and come back as they were."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path

import pytest
from mcap.reader import make_reader
from recording_samples import CONFIG, DESCRIPTION, START_NS, START_S

from agriseg.clock import VirtualClock
from agriseg.errors import RecordingError
from agriseg.messages import FixQuality, PositionFix
from agriseg.recording import topics
from agriseg.recording.location import parse_location
from agriseg.recording.reader import open_run
from agriseg.recording.recorder import RunRecorder

NAN = float("nan")
FIX = PositionFix(
    t_s=START_S + 1.25,
    latitude_deg=51.123456789,
    longitude_deg=-0.5,
    altitude_m=81.5,
    quality=FixQuality.RTK_FIXED,
    satellites=17,
    hdop=0.7,
    accuracy_m=0.02,
    speed_m_s=1.5,
    course_deg=271.25,
    differential_age_s=1.0,
    utc_s=START_NS * 1e-9 + 1.25,
)
NO_FIX = PositionFix(
    t_s=START_S + 1.5,
    latitude_deg=NAN,
    longitude_deg=NAN,
    altitude_m=NAN,
    quality=FixQuality.NONE,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    clock = VirtualClock(START_S)
    recorder = RunRecorder(
        tmp_path / "run", CONFIG, DESCRIPTION, clock=clock, wall_ns=lambda: START_NS
    )
    for fix in (FIX, NO_FIX):
        clock.sleep_until(fix.t_s + 0.05)
        recorder.position(fix)
    recorder.close()
    return tmp_path / "run"


def test_positions_come_back_as_they_were(run: Path) -> None:
    with open_run(run) as opened:
        read = [record.message for record in opened.records([topics.POSITION])]
    assert len(read) == 2
    for before, after in zip((FIX, NO_FIX), read, strict=True):
        for one in fields(PositionFix):
            expected, found = getattr(before, one.name), getattr(after, one.name)
            both_unknown = isinstance(found, float) and math.isnan(found) and math.isnan(expected)
            assert found == expected or both_unknown, one.name


def test_a_stock_reader_sees_foxgloves_keys_at_the_time_of_the_fix(run: Path) -> None:
    with (run / "data-0000.mcap").open("rb") as stream:
        found = [
            (schema, message)
            for schema, channel, message in make_reader(stream).iter_messages()
            if channel.topic == "/position"
        ]
    schema, message = found[0]
    assert schema is not None
    assert schema.name == "foxglove.LocationFix"
    values = json.loads(message.data)
    assert (values["latitude"], values["longitude"], values["altitude"]) == (
        51.123456789,
        -0.5,
        81.5,
    )
    assert values["position_covariance"][0] == pytest.approx(0.0004)
    assert values["position_covariance_type"] == 1
    stamp = values["timestamp"]
    assert stamp["sec"] * 10**9 + stamp["nsec"] == START_NS + 1_250_000_000 == message.publish_time
    without_fix = json.loads(found[1][1].data)
    assert not {"latitude", "longitude"} & set(without_fix)
    assert without_fix["quality"] == "none"


def test_a_damaged_position_is_refused_in_words() -> None:
    with pytest.raises(RecordingError, match="recorded position cannot be read"):
        parse_location(b'{"latitude": "north"}')
