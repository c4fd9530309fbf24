"""Positions out of the sentences of NMEA 0183."""

from __future__ import annotations

import logging
import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pynmeagps import NMEAReader
from pynmeagps.exceptions import NMEAParseError, NMEAStreamError, NMEATypeError

from agriseg.messages import FixQuality, PositionFix

_log = logging.getLogger(__name__)

_MOST_WAITING_BYTES = 4096
_ASIDE_S = 2.0
"""What other sentences told (speed, course, accuracy) holds for this long."""
_KNOT_M_S = 1852.0 / 3600.0
_NAN = math.nan

_QUALITY_OF_GGA = {
    0: FixQuality.NONE,
    1: FixQuality.GNSS,
    2: FixQuality.DGNSS,
    3: FixQuality.GNSS,
    4: FixQuality.RTK_FIXED,
    5: FixQuality.RTK_FLOAT,
    6: FixQuality.ESTIMATED,
    7: FixQuality.MANUAL,
    8: FixQuality.SIMULATED,
}

_QUALITY_OF_MODE = {
    "A": FixQuality.GNSS,
    "D": FixQuality.DGNSS,
    "P": FixQuality.GNSS,
    "R": FixQuality.RTK_FIXED,
    "F": FixQuality.RTK_FLOAT,
    "E": FixQuality.ESTIMATED,
    "M": FixQuality.MANUAL,
    "S": FixQuality.SIMULATED,
}

_TYPICAL_ACCURACY_M = {
    FixQuality.GNSS: 2.0,
    FixQuality.DGNSS: 0.6,
    FixQuality.RTK_FLOAT: 0.3,
    FixQuality.RTK_FIXED: 0.02,
    FixQuality.ESTIMATED: 5.0,
    FixQuality.SIMULATED: 2.0,
}
"""Standard deviations that makers of receivers state in the open, at a dilution of 1."""


class NmeaParser:
    """Collects bytes into sentences, and sentences into positions.

    A position is returned with its GGA sentence at once, with the newest speed, course,
    accuracy and heading that other sentences told; where no GGA comes, with RMC.

    Attributes
    ----------
    rejected : int
        Sentences that were damaged or not understood.
    """

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s
        self._waiting = bytearray()
        self._aside: dict[str, tuple[float, float]] = {}
        self._date: date | None = None
        self._date_time = time()
        self._gga_s = math.nan
        self.rejected = 0

    def feed(self, data: bytes, t_s: float) -> list[PositionFix]:
        """Take bytes that arrived at host time ``t_s``; return the positions they complete."""
        self._waiting += data
        *lines, rest = self._waiting.split(b"\n")
        self._waiting = bytearray(rest[-_MOST_WAITING_BYTES:])
        fixes = (self._sentence(bytes(line), t_s) for line in lines)
        return [fix for fix in fixes if fix is not None]

    def _sentence(self, line: bytes, t_s: float) -> PositionFix | None:
        start = line.rfind(b"$")
        if start < 0:
            return None
        try:
            message: Any = NMEAReader.parse(line[start:].rstrip() + b"\r\n")
        except (NMEAParseError, NMEAStreamError, NMEATypeError, ValueError, TypeError) as error:
            self.rejected += 1
            _log.debug("sentence not understood: %s", error)
            return None
        if message is None:
            self.rejected += 1
            return None
        return self._take(message, t_s)

    def _take(self, message: Any, t_s: float) -> PositionFix | None:
        kind = getattr(message, "msgID", "")
        if math.isnan(self._gga_s):
            self._gga_s = t_s
        if kind == "GGA":
            self._gga_s = t_s
            return self._from_gga(message, t_s)
        if kind == "RMC":
            self._note_date(message)
            self._note("speed_m_s", _number(message, "spd") * _KNOT_M_S, t_s)
            self._note("course_deg", _number(message, "cog"), t_s)
            return self._from_rmc(message, t_s) if t_s - self._gga_s > _ASIDE_S else None
        if kind == "VTG":
            self._note("speed_m_s", _number(message, "sogk") / 3.6, t_s)
            self._note("course_deg", _number(message, "cogt"), t_s)
        elif kind == "GST":
            across = math.hypot(_number(message, "stdLat"), _number(message, "stdLong"))
            self._note("accuracy_m", across / math.sqrt(2.0), t_s)
        elif kind == "HDT":
            self._note("heading_deg", _number(message, "headingT"), t_s)
        elif kind == "ZDA":
            self._note_date_of_zda(message)
        return None

    def _from_gga(self, message: Any, t_s: float) -> PositionFix:
        quality = _QUALITY_OF_GGA.get(_whole(message, "quality"), FixQuality.NONE)
        hdop = _number(message, "HDOP")
        return self._fix(
            message,
            t_s,
            quality=quality,
            hdop=hdop,
            altitude_m=_number(message, "alt"),
            satellites=_whole(message, "numSV"),
            differential_age_s=_number(message, "diffAge"),
        )

    def _from_rmc(self, message: Any, t_s: float) -> PositionFix:
        valid = getattr(message, "status", "") == "A"
        mode = str(getattr(message, "posMode", "") or "A")
        quality = _QUALITY_OF_MODE.get(mode, FixQuality.NONE) if valid else FixQuality.NONE
        return self._fix(
            message,
            t_s,
            quality=quality,
            hdop=_NAN,
            altitude_m=_NAN,
            satellites=0,
            differential_age_s=_NAN,
        )

    def _fix(
        self,
        message: Any,
        t_s: float,
        *,
        quality: FixQuality,
        hdop: float,
        altitude_m: float,
        satellites: int,
        differential_age_s: float,
    ) -> PositionFix:
        latitude, longitude = _number(message, "lat"), _number(message, "lon")
        if math.isnan(latitude + longitude):
            quality = FixQuality.NONE
        is_known = quality is not FixQuality.NONE
        return PositionFix(
            t_s=t_s - self._delay_s,
            latitude_deg=latitude if is_known else _NAN,
            longitude_deg=longitude if is_known else _NAN,
            altitude_m=altitude_m,
            quality=quality,
            satellites=satellites,
            hdop=hdop,
            accuracy_m=self._accuracy_m(quality, hdop, t_s),
            speed_m_s=self._recent("speed_m_s", t_s),
            course_deg=self._recent("course_deg", t_s),
            heading_deg=self._recent("heading_deg", t_s),
            differential_age_s=differential_age_s,
            utc_s=self._utc_s(getattr(message, "time", None)),
        )

    def _accuracy_m(self, quality: FixQuality, hdop: float, t_s: float) -> float:
        told = self._recent("accuracy_m", t_s)
        if not math.isnan(told) or quality not in _TYPICAL_ACCURACY_M:
            return told
        dilution = 1.0 if math.isnan(hdop) else max(1.0, hdop)
        return _TYPICAL_ACCURACY_M[quality] * dilution

    def _note(self, name: str, value: float, t_s: float) -> None:
        self._aside[name] = (t_s, value)

    def _recent(self, name: str, t_s: float) -> float:
        told_s, value = self._aside.get(name, (-math.inf, _NAN))
        return value if t_s - told_s <= _ASIDE_S else _NAN

    def _note_date(self, message: Any) -> None:
        told, of_day = getattr(message, "date", None), getattr(message, "time", None)
        if isinstance(told, date) and isinstance(of_day, time):
            self._date, self._date_time = told, of_day

    def _note_date_of_zda(self, message: Any) -> None:
        parts = [_whole(message, name) for name in ("year", "month", "day")]
        try:
            self._date = date(*parts)
        except ValueError:
            return
        of_day = getattr(message, "time", None)
        if isinstance(of_day, time):
            self._date_time = of_day

    def _utc_s(self, of_day: Any) -> float:
        """Return seconds since 1970 of a time of day, beside the newest date that was told."""
        if self._date is None or not isinstance(of_day, time):
            return _NAN
        moment = datetime.combine(self._date, of_day, tzinfo=UTC)
        told = datetime.combine(self._date, self._date_time, tzinfo=UTC)
        half_a_day = timedelta(hours=12)
        if moment < told - half_a_day:
            moment += timedelta(days=1)
        elif moment > told + half_a_day:
            moment -= timedelta(days=1)
        return moment.timestamp()


def _number(message: Any, name: str) -> float:
    value = getattr(message, name, None)
    return float(value) if isinstance(value, int | float) else _NAN


def _whole(message: Any, name: str) -> int:
    value = getattr(message, name, None)
    return int(value) if isinstance(value, int | float) else 0
