"""Messages survive JSON, and the JSON is what its schema says."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_samples import CAPABILITIES, same, status

from agriseg.errors import RecordingError
from agriseg.messages import (
    ControllerStatus,
    OdometrySample,
    OdometrySource,
    PositionFix,
    PulseReport,
    RunEvent,
    SprayPlan,
)
from agriseg.pipeline_journal import PipelineStep
from agriseg.recording.codec import from_json, json_schema, to_json
from agriseg.recording.location import location_json, parse_location
from agriseg.recording.topics import DATA_TOPICS, FrameRecord, schema_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EVENTS = st.builds(
    RunEvent,
    data=st.dictionaries(st.text(), st.text() | st.integers() | FINITE | st.booleans()),
)
# A number that may be absent is never "not measured" as well: both leave the key out.
st.register_type_strategy(
    PipelineStep,
    st.builds(PipelineStep, t_s=st.none() | FINITE, sensitivity=st.none() | FINITE),
)

_PYTHON_TYPES = {"integer": int, "number": (int, float), "string": str, "boolean": bool}


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a JSON value is what a schema of the recording allows."""
    if schema["type"] == "object":
        known = schema["properties"]
        return isinstance(value, dict) and all(
            key in known and conforms(item, known[key]) for key, item in value.items() if known
        )
    if schema["type"] == "array":
        return isinstance(value, list) and all(conforms(item, schema["items"]) for item in value)
    return value is None or isinstance(value, _PYTHON_TYPES[schema["type"]])


@pytest.mark.parametrize("cls", sorted(set(DATA_TOPICS.values()), key=lambda cls: cls.__name__))
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_message_comes_back_equal_and_fits_its_schema(cls: type, data: st.DataObject) -> None:
    strategy = EVENTS if cls is RunEvent else st.from_type(cls)
    message = data.draw(strategy.filter(lambda drawn: "inf" not in repr(drawn)))
    if isinstance(message, PositionFix):
        text = location_json(message, 1_700_000_000_123_456_789)
        assert same(parse_location(text), message)
    else:
        text = to_json(message)
        assert same(from_json(cls, text), message)
    assert conforms(json.loads(text), schema_of(cls)[1])


def test_what_is_not_measured_leaves_its_key_out() -> None:
    plain = json.loads(to_json(status(1.0, 0.5)))
    assert plain["pressure_kpa"] == 300.0
    assert "flow_l_min" not in plain
    assert "clock_error_ms" not in plain["link"]


def test_infinity_becomes_a_finite_number_that_json_can_hold() -> None:
    sample = OdometrySample(t_s=1.0, distance_m=math.inf, speed_m_s=0.0, source=OdometrySource.NONE)
    back = from_json(OdometrySample, to_json(sample))
    assert back.distance_m == pytest.approx(1.797e308, rel=1e-3)


def test_keys_of_a_newer_program_are_ignored_and_missing_ones_get_their_default() -> None:
    plain = json.loads(to_json(CAPABILITIES))
    plain["of_the_future"] = {"a": 1}
    del plain["is_simulated"]
    del plain["horizon_ms"]
    back = from_json(type(CAPABILITIES), json.dumps(plain).encode())
    assert back.is_simulated is False
    assert math.isnan(back.horizon_ms)


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (RunEvent, b"{"),
        (RunEvent, b"[]"),
        (RunEvent, b'{"t_s": 1.0}'),
        (RunEvent, b'{"t_s": "soon", "kind": "a", "text": "b"}'),
        (PulseReport, b'{"event_id": 1, "nozzle_id": 2, "outcome": "melted"}'),
        (SprayPlan, b'{"frame_id": 1, "t_plan_s": 1.0, "events": 3}'),
        (ControllerStatus, b"\xff\xfe"),
    ],
)
def test_a_damaged_message_is_refused_in_one_sentence(cls: type, text: bytes) -> None:
    with pytest.raises(RecordingError, match=f"recorded {cls.__name__} cannot be read"):
        from_json(cls, text)


def test_schemas_use_one_plain_type_per_key() -> None:
    schema = json_schema(FrameRecord)
    assert schema["properties"]["vehicle"]["properties"]["source"]["type"] == "string"
    assert schema["properties"]["has_picture"] == {"type": "boolean"}
