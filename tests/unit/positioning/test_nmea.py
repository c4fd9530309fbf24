"""Sentences of satellite receivers become positions; damage and gaps are said, never guessed."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from agriseg.messages import FixQuality, PositionFix
from agriseg.positioning.nmea import NmeaParser


def sentence(body: str) -> bytes:
    checksum = 0
    for letter in body.encode():
        checksum ^= letter
    return f"${body}*{checksum:02X}\r\n".encode()


GGA = sentence("GNGGA,123519.20,4807.03800,N,01131.00000,E,4,12,0.8,545.4,M,46.9,M,1.0,0000")
RMC = sentence("GNRMC,123519.20,A,4807.03800,N,01131.00000,E,3.5,084.4,230394,003.1,W,R")
GST = sentence("GNGST,123519.20,0.1,,,,0.012,0.016,0.03")
HDT = sentence("GNHDT,91.5,T")
VTG = sentence("GNVTG,270.0,T,,M,2.0,N,3.6,K,D")


def only(fixes: list[PositionFix]) -> PositionFix:
    assert len(fixes) == 1
    return fixes[0]


def test_a_position_with_all_that_the_receiver_told_beside() -> None:
    fix = only(NmeaParser(delay_s=0.06).feed(RMC + GST + HDT + GGA, 100.0))
    assert fix.t_s == pytest.approx(99.94)
    assert fix.latitude_deg == pytest.approx(48.0 + 7.038 / 60.0, abs=1e-9)
    assert fix.longitude_deg == pytest.approx(11.0 + 31.0 / 60.0, abs=1e-9)
    assert (fix.quality, fix.satellites, fix.hdop) == (FixQuality.RTK_FIXED, 12, 0.8)
    assert fix.altitude_m == 545.4
    assert fix.accuracy_m == pytest.approx(math.sqrt((0.012**2 + 0.016**2) / 2.0), abs=1e-6)
    assert fix.speed_m_s == pytest.approx(3.5 * 1852 / 3600)
    assert (fix.course_deg, fix.heading_deg, fix.differential_age_s) == (84.4, 91.5, 1.0)
    assert fix.utc_s == datetime(1994, 3, 23, 12, 35, 19, 200000, tzinfo=UTC).timestamp()


def test_bytes_may_come_one_by_one_with_other_traffic_between() -> None:
    parser = NmeaParser()
    stream = b"\xb5\x62\x01\x07garbage" + GGA + b"\xd3\x00\x13" + VTG + GGA
    fixes = [fix for byte in stream for fix in parser.feed(bytes([byte]), 5.0)]
    assert len(fixes) == 2
    assert math.isnan(fixes[0].speed_m_s)
    assert fixes[1].speed_m_s == pytest.approx(1.0)
    assert fixes[1].course_deg == 270.0


@pytest.mark.parametrize("at", range(1, len(GGA) - 5, 7))
def test_a_flipped_bit_is_refused(at: int) -> None:
    damaged = bytearray(GGA)
    damaged[at] ^= 0x04
    parser = NmeaParser()
    assert parser.feed(bytes(damaged), 1.0) == []
    assert only(parser.feed(GGA, 2.0)).quality is FixQuality.RTK_FIXED


def test_without_a_fix_there_is_no_place() -> None:
    fix = only(NmeaParser().feed(sentence("GNGGA,123519.00,,,,,0,03,99.9,,M,,M,,"), 1.0))
    assert fix.quality is FixQuality.NONE
    assert math.isnan(fix.latitude_deg)
    assert math.isnan(fix.longitude_deg)
    assert math.isnan(fix.accuracy_m)


def test_old_speed_and_course_are_not_passed_off_as_new() -> None:
    parser = NmeaParser()
    parser.feed(VTG + GST, 1.0)
    fix = only(parser.feed(GGA, 10.0))
    assert math.isnan(fix.speed_m_s)
    assert fix.accuracy_m == 0.02, "the quality's, since the receiver's own is old"


@pytest.mark.parametrize(
    ("mode", "status", "quality"),
    [
        ("R", "A", FixQuality.RTK_FIXED),
        ("F", "A", FixQuality.RTK_FLOAT),
        ("N", "V", FixQuality.NONE),
    ],
)
def test_a_receiver_that_sends_only_rmc_is_understood(
    mode: str, status: str, quality: FixQuality
) -> None:
    body = f"GPRMC,123519,{status},4807.038,N,01131.000,E,2.0,84.4,230394,,,{mode}"
    parser = NmeaParser()
    assert parser.feed(sentence(body), 3.0) == [], "a GGA may be on its way"
    assert only(parser.feed(sentence(body), 6.0)).quality is quality


def test_a_position_just_after_midnight_is_of_the_next_day() -> None:
    parser = NmeaParser()
    parser.feed(sentence("GNRMC,235959.80,A,4807.038,N,01131.000,E,2.0,84.4,311226,,,A"), 1.0)
    fix = only(
        parser.feed(sentence("GNGGA,000000.20,4807.038,N,01131.000,E,1,9,1,500,M,47,M,,"), 1.4)
    )
    assert fix.utc_s == datetime(2027, 1, 1, 0, 0, 0, 200000, tzinfo=UTC).timestamp()
