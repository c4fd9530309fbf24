"""The messages of relay boards, byte for byte, and whatever a wire may bring instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agriseg.spraying.relay_frames import (
    BoardMessage,
    MessageReader,
    RelayKind,
    checksum,
    is_from_board,
    message,
    sections_message,
    sections_of,
)


@pytest.mark.parametrize(
    ("kind", "mask", "speed_m_s", "expected"),
    [
        (RelayKind.PGN239, 0, 0.0, "80817fef080000000000000000 76"),
        # outputs 1, 9 and 16; 2 m/s is 7.2 km/h, in tenths
        (RelayKind.PGN239, 0x8101, 2.0, "80817fef08004800000000 0181 40"),
        (RelayKind.PGN229, 0, 0.0, "80817fe50a 0000000000000000 0000 6e"),
        (RelayKind.PGN229, 1 << 63 | 2, 1.0, "80817fe50a 0200000000000080 2424 38"),
    ],
)
def test_messages_have_these_bytes(
    kind: RelayKind, mask: int, speed_m_s: float, expected: str
) -> None:
    assert sections_message(kind, mask, speed_m_s) == bytes.fromhex(expected.replace(" ", ""))


def test_a_speed_that_does_not_fit_is_clipped() -> None:
    assert sections_message(RelayKind.PGN239, 0, 15.0)[6] == 255
    assert sections_message(RelayKind.PGN239, 0, -1.0)[6] == 0


@given(st.sampled_from(RelayKind), st.data())
def test_outputs_survive_the_way(kind: RelayKind, data: st.DataObject) -> None:
    mask = data.draw(st.integers(0, (1 << kind.sections) - 1))
    sent = sections_message(kind, mask, data.draw(st.floats(0.0, 8.0)))
    found = MessageReader().feed(sent)
    assert [sections_of(received) for received in found] == [mask]
    assert found[0].checksum_fits


@given(st.binary(max_size=40), st.integers(1, 5))
def test_noise_before_a_message_and_pieces_do_not_hide_it(noise: bytes, step: int) -> None:
    sent = sections_message(RelayKind.PGN239, 0x1234)
    reader = MessageReader()
    stream = noise.replace(b"\x80", b"\x00") + sent
    found = []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert [sections_of(received) for received in found] == [0x1234]


@given(st.binary(max_size=400))
def test_garbage_is_survived(garbage: bytes) -> None:
    reader = MessageReader()
    for received in reader.feed(garbage):
        sections_of(received)
        is_from_board(received)


@given(st.integers(2, 13), st.integers(0, 7))
def test_a_flipped_bit_is_noticed(byte: int, bit: int) -> None:
    sent = bytearray(sections_message(RelayKind.PGN239, 0x00FF))
    sent[byte] ^= 1 << bit
    assert all(not received.checksum_fits for received in MessageReader().feed(bytes(sent)))


def test_a_board_is_known_by_its_report_and_by_its_hello() -> None:
    report = message(0x7F, 237, bytes(8))
    hello = bytes.fromhex("80817b7b020101") + b"\x47"  # its last byte is no checksum
    heard = MessageReader().feed(report + hello)
    assert [is_from_board(received) for received in heard] == [True, True]
    torn = BoardMessage(0x7F, 237, bytes(8), checksum_fits=False)
    steering = BoardMessage(0x7E, 253, bytes(8), checksum_fits=True)
    assert not is_from_board(torn)
    assert not is_from_board(steering)


def test_the_checksum_is_the_sum_of_the_body() -> None:
    assert checksum(bytes((0x7F, 0xEF, 0x08, 0xFF))) == (0x7F + 0xEF + 0x08 + 0xFF) & 0xFF
