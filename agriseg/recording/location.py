"""Positions as `foxglove.LocationFix`, which map panels show, with our own keys beside."""

from __future__ import annotations

import json
import math
from typing import Any

from agriseg.errors import RecordingError
from agriseg.messages import PositionFix
from agriseg.recording.codec import decoder_of, dump_json, encoder_of, json_schema

_FOXGLOVE_KEY = {
    "latitude_deg": "latitude",
    "longitude_deg": "longitude",
    "altitude_m": "altitude",
}
_OWN_KEY = {theirs: ours for ours, theirs in _FOXGLOVE_KEY.items()}

_UNKNOWN, _APPROXIMATED = 0, 1
_ANTENNA = "gnss_antenna"
_HEIGHT_FACTOR = 1.5
"""Heights of satellite receivers are about so much worse than positions."""


def location_json(fix: PositionFix, stamp_ns: int) -> bytes:
    """Return a position as JSON.

    Parameters
    ----------
    fix : PositionFix
    stamp_ns : int
        The computer's clock at ``fix.t_s``, nanoseconds since 1970.
    """
    own = encoder_of(PositionFix)(fix)
    variance_m2 = 0.0 if math.isnan(fix.accuracy_m) else fix.accuracy_m * fix.accuracy_m
    return dump_json(
        {
            "timestamp": {"sec": stamp_ns // 10**9, "nsec": stamp_ns % 10**9},
            "frame_id": _ANTENNA,
            "position_covariance": _diagonal(variance_m2),
            "position_covariance_type": _APPROXIMATED if variance_m2 else _UNKNOWN,
            **{_FOXGLOVE_KEY.get(key, key): value for key, value in own.items()},
        }
    )


def parse_location(data: bytes) -> PositionFix:
    """Return the position that `location_json` wrote.

    Raises
    ------
    RecordingError
        The bytes are not such a message.
    """
    try:
        values = json.loads(data)
        own = {_OWN_KEY.get(key, key): value for key, value in values.items()}
        fix = decoder_of(PositionFix)(own)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordingError(
            f"a recorded position cannot be read ({error}): the file is damaged or was written by"
            " another program"
        ) from error
    assert isinstance(fix, PositionFix)
    return fix


def _diagonal(variance_m2: float) -> list[float]:
    """Return the 3 x 3 covariance of east, north and up, row by row, square metres."""
    up_m2 = _HEIGHT_FACTOR**2 * variance_m2
    return [variance_m2, 0.0, 0.0, 0.0, variance_m2, 0.0, 0.0, 0.0, up_m2]


def _schema() -> dict[str, Any]:
    own = json_schema(PositionFix)["properties"]
    renamed = {_FOXGLOVE_KEY.get(key, key): value for key, value in own.items()}
    return {
        "title": "foxglove.LocationFix",
        "description": "A satellite receiver's position, with its quality",
        "type": "object",
        "properties": {
            "timestamp": {
                "type": "object",
                "title": "time",
                "properties": {
                    "sec": {"type": "integer", "minimum": 0},
                    "nsec": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
                },
            },
            "frame_id": {"type": "string"},
            "position_covariance": {"type": "array", "items": {"type": "number"}},
            "position_covariance_type": {
                "type": "integer",
                "description": "0: UNKNOWN, 1: APPROXIMATED, 2: DIAGONAL_KNOWN, 3: KNOWN",
            },
            **renamed,
        },
    }


LOCATION_SCHEMA: dict[str, Any] = _schema()
