"""Frames to bytes and back; whatever is not exactly a frame is refused."""

from __future__ import annotations

import contextlib
import json
import re
from binascii import crc_hqx
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import codec, frames
from firmware_bridge.errors import FrameError

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U24 = st.integers(0, 0xFF_FFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
I24 = st.integers(-(1 << 23), (1 << 23) - 1)
I32 = st.integers(-(1 << 31), (1 << 31) - 1)
TIMINGS = st.builds(frames.ValveTiming, U16, U16, U16)
PULSES = st.lists(st.builds(frames.Pulse, U8, U16, U24, U24), min_size=1, max_size=12).map(tuple)
TABLE = st.lists(TIMINGS, min_size=1, max_size=18).map(tuple)
REPORTS = st.lists(
    st.builds(frames.Report, U16, U8, U8, I24, U24, I24, I24), min_size=1, max_size=7
).map(tuple)


@st.composite
def pictures(draw: st.DrawFn) -> frames.RowsDistance:
    valves = draw(st.integers(1, 255))
    width = frames.RowsDistance.row_bytes(valves)
    rows = st.lists(st.integers(0, 2 ** (8 * width) - 1), min_size=1, max_size=113 // width)
    head = draw(st.tuples(I32, U16, U16, U8))
    return frames.RowsDistance(*head, valves, tuple(draw(rows)))


PICTURES = pictures()
HOST = st.one_of(
    st.builds(frames.Hello, U32, U8, U16),
    st.builds(frames.Time, U32),
    st.builds(frames.Beat, U32, U8, U16, U16),
    st.builds(frames.EStop),
    st.builds(frames.ReportAck, U16),
    st.builds(frames.ReadValves, U8),
    st.builds(frames.Arm, U16, U16),
    st.builds(frames.Disarm),
    st.builds(frames.Clear),
    st.builds(frames.Flush),
    st.builds(frames.ConfigLimits, U16, U16, U8, U8, U32, U16, U16),
    st.builds(frames.ConfigValves, U8, TABLE),
    st.builds(frames.PulsesTime, U32, PULSES),
    st.builds(frames.PulsesDistance, I32, PULSES),
    st.builds(frames.ConfigPwm, U8, U8, st.lists(U8, min_size=1, max_size=64).map(tuple)),
    PICTURES,
)
MASKS = st.integers(1, 32).flatmap(
    lambda n: st.tuples(st.binary(min_size=n, max_size=n), st.binary(min_size=n, max_size=n))
)


@st.composite
def statuses(draw: st.DrawFn) -> frames.Status:
    open_mask, fault_mask = draw(MASKS)
    return frames.Status(
        session=draw(U32),
        boot=draw(U16),
        state=draw(st.integers(0, 2)),
        cause=draw(U8),
        flags=draw(U8),
        tick=draw(U32),
        position=draw(I32),
        speed=draw(I32),
        queued=draw(U16),
        pressure=draw(U16),
        flow=draw(U32),
        tank=draw(U32),
        volume=draw(U32),
        late=draw(U16),
        rejected=draw(U16),
        bad_frames=draw(U16),
        open_mask=open_mask,
        fault_mask=fault_mask,
    )


CONTROLLER = st.one_of(
    st.builds(
        frames.HelloReply,
        session=U32,
        boot=U16,
        tick_hz=U32,
        valves=U16,
        queue=U16,
        window=U8,
        rx_bytes=U16,
        capabilities=U32,
        max_open_ms=U16,
        min_lead_us=U16,
        horizon_ms=U16,
        late_us=U16,
        firmware=st.tuples(U8, U8, U8),
        name=st.text(st.characters(codec="ascii"), max_size=32),
        protocol=U8,
        schema=U16,
    ),
    st.builds(frames.TimeReply, U32, U32, U32),
    st.builds(frames.Ack, U8, U8, U16, st.binary(min_size=8, max_size=8)),
    statuses(),
    st.builds(frames.Odometry, U32, I32, I32),
    st.builds(frames.PulseReports, U16, U32, I32, REPORTS),
    st.builds(frames.Valves, U8, TABLE),
    st.builds(frames.Strobe, U16, U32, I32),
)


@given(HOST, U8)
def test_a_host_frame_comes_back_as_it_was(frame: frames.HostFrame, seq: int) -> None:
    encoded = codec.encode(frame, seq)
    assert encoded.endswith(b"\x00")
    assert encoded.count(0) == 1
    assert len(encoded) <= frames.MAX_ENCODED + 1
    assert codec.decode_host(encoded[:-1]) == (frame, seq)


@given(CONTROLLER, U8)
def test_a_controller_frame_comes_back_as_it_was(frame: frames.ControllerFrame, seq: int) -> None:
    encoded = codec.encode(frame, seq)
    assert encoded.count(0) == 1
    assert len(encoded) <= frames.MAX_ENCODED + 1
    assert codec.decode_controller(encoded[:-1]) == (frame, seq)


@given(st.one_of(HOST, CONTROLLER), U8, st.data())
def test_a_flipped_bit_is_refused(
    frame: frames.HostFrame | frames.ControllerFrame, seq: int, data: st.DataObject
) -> None:
    encoded = bytearray(codec.encode(frame, seq))
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    for piece in codec.FrameSplitter().feed(bytes(encoded) + b"\x00"):
        with pytest.raises(FrameError):
            codec.unwrap(piece)


@given(st.binary(max_size=400))
def test_hostile_bytes_raise_nothing_but_frame_errors(data: bytes) -> None:
    splitter = codec.FrameSplitter()
    for piece in splitter.feed(data + b"\x00"):
        for decode in (codec.decode_host, codec.decode_controller):
            with contextlib.suppress(FrameError):
                frame, seq = decode(piece)
                assert codec.encode(frame, seq)


@given(st.integers(0, 255), st.binary(max_size=frames.MAX_PAYLOAD))
def test_hostile_payloads_with_a_good_checksum_raise_nothing_but_frame_errors(
    frame_type: int, payload: bytes
) -> None:
    for classes in (frames.HOST_FRAMES, frames.CONTROLLER_FRAMES):
        frame_class = classes.get(frame_type)
        if frame_class is None:
            continue
        try:
            frame = frame_class.parse(payload)
        except FrameError:
            continue
        assert frame_class.parse(frame.payload()) == frame


@given(PICTURES)
def test_the_runs_of_a_picture_are_its_bits(picture: frames.RowsDistance) -> None:
    drawn = [0] * len(picture.rows)
    runs = picture.runs()
    for run in runs:
        assert run.begin < run.end
        for r in range(run.begin, run.end):
            drawn[r] |= 1 << run.valve - picture.first
    seen = (1 << picture.valves) - 1
    assert drawn == [row & seen for row in picture.rows]
    assert sorted(runs, key=lambda run: (run.valve, run.begin)) == runs
    touching = {(run.valve, run.begin) for run in runs} & {(run.valve, run.end) for run in runs}
    assert not touching


@given(st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=113))
def test_a_controller_of_any_other_version_is_recognised(
    protocol: int, schema: int, rest: bytes
) -> None:
    head = frames.Hello(7, protocol=protocol, schema=schema).payload()
    if (protocol, schema) == (frames.PROTOCOL_VERSION, frames.SCHEMA_HASH):
        schema ^= 1
        head = frames.Hello(7, protocol=protocol, schema=schema).payload()
    reply = frames.HelloReply.parse(head + rest)
    assert (reply.session, reply.protocol, reply.schema) == (7, protocol, schema)


@given(st.lists(HOST, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_frames_arrive_in_pieces_of_any_size(sent: list[frames.HostFrame], random) -> None:  # type: ignore[no-untyped-def]
    stream = b"".join(codec.encode(frame, i) for i, frame in enumerate(sent))
    splitter = codec.FrameSplitter()
    arrived: list[frames.HostFrame] = []
    start = 0
    while start < len(stream):
        end = start + random.randint(1, 9)
        arrived += [codec.decode_host(piece)[0] for piece in splitter.feed(stream[start:end])]
        start = end
    assert arrived == sent


@given(st.lists(HOST, min_size=3, max_size=3), st.data())
def test_a_lost_byte_costs_at_most_two_frames(
    sent: list[frames.HostFrame], data: st.DataObject
) -> None:
    stream = b"".join(codec.encode(frame) for frame in sent)
    lost = data.draw(st.integers(0, len(stream) - 1))
    good = []
    for piece in codec.FrameSplitter().feed(stream[:lost] + stream[lost + 1 :]):
        try:
            good.append(codec.decode_host(piece)[0])
        except FrameError:
            continue
    assert len(good) >= 1
    assert all(frame in sent for frame in good)


def test_bytes_without_end_are_dropped_and_counted() -> None:
    splitter = codec.FrameSplitter()
    assert splitter.feed(b"\x01" * 20_000) == []
    assert splitter.overlong_count == 1
    assert splitter.feed(b"\x00" + codec.encode(frames.EStop())) == [
        codec.encode(frames.EStop())[:-1]
    ]


def test_a_frame_of_the_other_direction_is_refused() -> None:
    with pytest.raises(FrameError, match="0x04"):
        codec.decode_controller(codec.encode(frames.EStop())[:-1])
    with pytest.raises(FrameError, match="0x85"):
        codec.decode_host(codec.encode(frames.Odometry(1, 2, 3))[:-1])


def test_a_frame_of_another_schema_fails_its_checksum() -> None:
    body = bytes((frames.EStop.TYPE, 0))
    other = body + (crc_hqx(body, frames.SCHEMA_HASH ^ 1) ^ 0xFFFF).to_bytes(2, "big")
    with pytest.raises(FrameError, match="checksum"):
        codec.unwrap(codec.cobs.encode(other))


def test_the_checksum_is_inverted_ccitt_false() -> None:
    body = bytes((frames.Hello.TYPE, 0)) + frames.Hello(7).payload()
    checksum = (crc_hqx(body, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
    assert codec.unwrap(codec.cobs.encode(body + checksum)) == (1, 0, body[2:])
    assert crc_hqx(b"123456789", 0xFFFF) == 0x29B1


def test_a_frame_with_zeros_appended_is_refused() -> None:
    encoded = codec.encode(frames.EStop())[:-1]
    with pytest.raises(FrameError, match="checksum"):
        codec.unwrap(encoded + b"\x01")


def test_the_golden_bytes_have_not_changed(repository: Path) -> None:
    golden = json.loads((repository / "tests/golden/protocol_v1.json").read_text())
    assert golden["schema_hash"] == frames.SCHEMA_HASH
    classes = {
        c.__name__: c for c in (*frames.HOST_FRAMES.values(), *frames.CONTROLLER_FRAMES.values())
    }
    assert {vector["frame"] for vector in golden["vectors"]} == set(classes)
    for vector in golden["vectors"]:
        encoded = bytes.fromhex(vector["hex"])
        frame_type, seq, payload = codec.unwrap(encoded[:-1])
        frame_class = classes[vector["frame"]]
        frame = frame_class.parse(payload)
        assert frame_type == frame_class.TYPE
        assert seq == vector["seq"]
        assert codec.encode(frame, seq) == encoded
        assert json.loads(json.dumps(asdict(frame), default=bytes.hex)) == vector["fields"]


def test_the_document_and_the_code_have_the_same_schema(repository: Path) -> None:
    text = (repository / "firmware_bridge/PROTOCOL.md").read_text()
    block = re.search(r"```schema\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert block.group(1) == frames.SCHEMA
    assert f"0x{frames.SCHEMA_HASH:04X}" in text
