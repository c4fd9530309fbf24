"""ISO 11783-10 time logs: a header in XML and its records in binary.

A record is the time of day (ms, uint32) and the day since 1 January 1980 (uint16), then the
position's fields and the values that the header leaves empty, little endian; each value is its
place in the header (uint8) and an int32.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from agriseg.errors import ExportError

_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
_DEGREE = 1e7
_STATUS_BITS = struct.Struct("<IHiiB")
_VALUE = struct.Struct("<Bi")
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One value of a time log: data dictionary identifier, and the device element it is of."""

    ddi: int
    element: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One moment of a time log.

    ``status`` is the position's quality by ISO 11783-10 (1 GNSS, 2 DGNSS, 4 RTK fixed, 5 RTK
    float); ``values`` maps a channel's index to its whole number, channels that did not change
    may be left out.
    """

    utc_s: float
    latitude_deg: float
    longitude_deg: float
    status: int
    values: dict[int, int]


def header_xml(channels: Sequence[Channel]) -> bytes:
    """Return the header of a time log."""
    root = Element("TIM", {"A": "", "D": "4"})
    ElementTree.SubElement(root, "PTN", {"A": "", "B": "", "D": ""})
    for channel in channels:
        ElementTree.SubElement(
            root, "DLV", {"A": f"{channel.ddi:04X}", "B": "", "C": channel.element}
        )
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def encode(records: Sequence[LogRecord]) -> bytes:
    """Return the binary part of a time log.

    Raises
    ------
    ExportError
        A value does not fit.
    """
    out = bytearray()
    for record in records:
        since = datetime.fromtimestamp(record.utc_s, tz=UTC) - _EPOCH
        of_day_ms = round((since - timedelta(days=since.days)) / timedelta(milliseconds=1))
        days, of_day_ms = since.days + of_day_ms // 86_400_000, of_day_ms % 86_400_000
        out += _STATUS_BITS.pack(
            of_day_ms,
            days,
            round(record.latitude_deg * _DEGREE),
            round(record.longitude_deg * _DEGREE),
            record.status,
        )
        out.append(len(record.values))
        for index, value in sorted(record.values.items()):
            if abs(value) > _INT32_MAX:
                raise ExportError(f"the value {value} of a time log is beyond 32 bits")
            out += _VALUE.pack(index, value)
    return bytes(out)


def decode(header: bytes, data: bytes) -> tuple[list[Channel], list[LogRecord]]:
    """Return the channels and the records of a time log, of other programs' too.

    Raises
    ------
    ExportError
        It is cut off, or not a time log.
    """
    try:
        root = ElementTree.fromstring(header)
    except ElementTree.ParseError as error:
        raise ExportError(f"the header of a time log cannot be read ({error})") from error
    channels = [
        Channel(ddi=int(one.get("A", "0"), 16), element=one.get("C", ""))
        for one in root.findall("DLV")
    ]
    position = root.find("PTN")
    fields = [] if position is None else [n for n in "ABCDEFGHI" if position.get(n) == ""]
    try:
        return channels, list(_records(fields, data))
    except struct.error as error:
        raise ExportError(f"a time log is cut off or damaged ({error})") from error


_FIELD_FORMAT = {"A": "i", "B": "i", "C": "i", "D": "B", "E": "H", "F": "H", "G": "B",
                 "H": "I", "I": "H"}  # fmt: skip


def _records(fields: Sequence[str], data: bytes) -> Iterator[LogRecord]:
    head = struct.Struct("<IH" + "".join(_FIELD_FORMAT[name] for name in fields))
    offset = 0
    while offset < len(data):
        of_day_ms, days, *found = head.unpack_from(data, offset)
        offset += head.size
        place = dict(zip(fields, found, strict=True))
        (count,) = struct.unpack_from("<B", data, offset)
        offset += 1
        values: dict[int, int] = {}
        for _ in range(count):
            index, value = _VALUE.unpack_from(data, offset)
            values[index] = value
            offset += _VALUE.size
        moment = _EPOCH + timedelta(days=days, milliseconds=of_day_ms)
        yield LogRecord(
            utc_s=moment.timestamp(),
            latitude_deg=place.get("A", math.nan) / _DEGREE,
            longitude_deg=place.get("B", math.nan) / _DEGREE,
            status=place.get("D", 15),
            values=values,
        )
