"""The firmware and `firmware_bridge.codec` agree on every byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from firmware_build import FIRMWARE
from firmware_machines import FakeMachine
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import codes, frames
from firmware_bridge.codec import checksum_seed, decode_controller, encode, unwrap
from firmware_bridge.errors import FrameError


@pytest.fixture(scope="module")
def core(fake_library: Path) -> FakeMachine:
    """Return the core."""
    return FakeMachine(fake_library)


class _Raw:
    """A frame of any type and payload."""

    def __init__(self, frame_type: int, payload: bytes) -> None:
        self.TYPE = frame_type
        self._payload = payload

    def payload(self) -> bytes:
        return self._payload


def _python_unwrap(data: bytes) -> bytes | None:
    try:
        frame_type, seq, payload = unwrap(data)
    except FrameError:
        return None
    return bytes((frame_type, seq)) + payload


def test_golden_vectors_pass_through_the_firmware_unchanged(
    core: FakeMachine, repository: Path
) -> None:
    golden = json.loads((repository / "tests" / "golden" / "protocol_v1.json").read_text())
    assert golden["schema_hash"] == frames.SCHEMA_HASH
    for vector in golden["vectors"]:
        wire = bytes.fromhex(vector["hex"])
        body = core.decode(wire)
        assert body is not None, vector
        assert body[1] == vector["seq"]
        assert core.encode(body) == wire


def test_the_numbers_of_protocol_h_are_those_of_the_host() -> None:
    defined = {}
    for line in (FIRMWARE / "protocol.h").read_text().replace(",", "\n").splitlines():
        words = line.replace("#define", "").replace("=", " ").split()
        while words and words[0] in ("enum", "{", "ack_flag", "state", "alive", "status_flag"):
            words.pop(0)
        if len(words) >= 2 and words[0].isupper():
            number = words[1].rstrip("ul")
            if number[:1].isdigit():
                defined[words[0]] = int(number, 0)
    assert defined["SCHEMA_HASH"] == frames.SCHEMA_HASH
    assert defined["PROTOCOL_VERSION"] == frames.PROTOCOL_VERSION
    assert defined["MAX_FRAME"] == frames.MAX_FRAME
    assert defined["MAX_PULSES"] == frames.MAX_PULSES
    assert defined["MAX_REPORTS"] == frames.MAX_REPORTS
    assert defined["MAX_VALVES_IN_FRAME"] == frames.MAX_VALVES_IN_FRAME
    for cause in codes.Cause:
        assert defined[f"CAUSE_{cause.name}"] == cause
    for result in codes.Result:
        assert defined[f"RESULT_{result.name}"] == result
    assert defined["MAX_DUTIES"] == frames.MAX_DUTIES
    assert defined["MAX_RUNS"] == frames.MAX_RUNS
    assert defined["UNKNOWN_GROUND"] == frames.UNKNOWN_GROUND
    of_the_host = {codes.Outcome.LOST, codes.Outcome.REFUSED, codes.Outcome.QUEUE_FULL}
    for frame in (*frames.HOST_FRAMES.values(), *frames.CONTROLLER_FRAMES.values()):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", frame.__name__).upper()
        assert defined[{"ESTOP": "ESTOP", "E_STOP": "ESTOP"}.get(name, name)] == frame.TYPE
    for outcome in set(codes.Outcome) - of_the_host:
        assert defined[f"OUTCOME_{outcome.name}"] == outcome
    for state in codes.State:
        assert defined[f"STATE_{state.name}"] == state
    for flag in codes.StatusFlag:
        assert defined[f"FLAG_{flag.name}"] == flag
    for capability in set(codes.Capability) - {codes.Capability.SIMULATED}:
        assert defined[f"HAS_{capability.name}"] == capability


@settings(max_examples=400, deadline=None)
@given(
    st.integers(1, 255),
    st.integers(0, 255),
    st.binary(max_size=frames.MAX_PAYLOAD)
    | st.lists(st.sampled_from((0, 0, 1, 255)), max_size=124).map(bytes),
)
def test_both_stuff_and_sum_every_frame_alike(
    core: FakeMachine, frame_type: int, seq: int, payload: bytes
) -> None:
    wire = encode(_Raw(frame_type, payload), seq)
    body = bytes((frame_type, seq)) + payload
    assert core.encode(body) == wire
    assert core.decode(wire) == body


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=1, max_size=140))
def test_both_refuse_the_same_garbage(core: FakeMachine, data: bytes) -> None:
    data = data.replace(b"\0", b"\1")
    assert core.decode(data + b"\0") == _python_unwrap(data)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 255), st.binary(max_size=124), st.data())
def test_both_refuse_the_same_damaged_frames(
    core: FakeMachine, frame_type: int, payload: bytes, data: st.DataObject
) -> None:
    wire = bytearray(encode(_Raw(frame_type, payload), 9)[:-1])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wire) - 1))
        wire[at] = data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del wire[data.draw(st.integers(0, len(wire) - 1))]
    damaged = bytes(wire)
    expected = _python_unwrap(damaged) if damaged else None
    assert core.decode(damaged + b"\0") == expected


def test_the_frames_of_the_firmware_are_whole(core: FakeMachine) -> None:
    core.advance(0.2)
    status = [decode_controller(data[:-1])[0] for _, data in core.read()]
    assert len(status) >= 4
    assert all(isinstance(frame, frames.Status) for frame in status)
    assert checksum_seed(frames.Status.TYPE) == frames.SCHEMA_HASH
