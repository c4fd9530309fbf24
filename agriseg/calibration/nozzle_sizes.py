"""Nozzles by their colour: sizes of ISO 10625, flow over pressure, width of the spray."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agriseg.errors import CalibrationError

REFERENCE_KPA = 300.0
"""ISO 10625 names flows at 3 bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzleSize:
    """A size of ISO 10625: its number, colour, and flow at 300 kPa."""

    number: str
    colour: str
    flow_l_min: float
    rgb: str
    """Colour for the screen, ``#rrggbb``."""

    def flow_at(self, pressure_kpa: float) -> float:
        """Return the flow in L/min at a pressure: it goes with its square root."""
        return flow_at(self.flow_l_min, REFERENCE_KPA, pressure_kpa)


SIZES: tuple[NozzleSize, ...] = tuple(
    NozzleSize(number=number, colour=colour, flow_l_min=flow, rgb=rgb)
    for number, colour, flow, rgb in (
        ("01", "orange", 0.4, "#e8731c"),
        ("015", "green", 0.6, "#2f9e44"),
        ("02", "yellow", 0.8, "#f2c500"),
        ("025", "lilac", 1.0, "#a67cc5"),
        ("03", "blue", 1.2, "#2459b8"),
        ("04", "red", 1.6, "#d0281e"),
        ("05", "brown", 2.0, "#7a4a21"),
        ("06", "grey", 2.4, "#8a8f94"),
        ("08", "white", 3.2, "#f4f4f0"),
        ("10", "light blue", 4.0, "#7fc4ea"),
        ("15", "light green", 6.0, "#9bd770"),
        ("20", "black", 8.0, "#1c1c1c"),
    )
)


def nozzle_size(number: str) -> NozzleSize:
    """Return a size by its number.

    Raises
    ------
    CalibrationError
        ISO 10625 has no such size.
    """
    for size in SIZES:
        if size.number == number:
            return size
    known = ", ".join(f"{size.number} {size.colour}" for size in SIZES)
    raise CalibrationError(f"there is no nozzle size {number!r}; ISO 10625 has {known}")


def flow_at(flow_l_min: float, known_kpa: float, pressure_kpa: float) -> float:
    """Return a flow at another pressure: q2 = q1 sqrt(p2 / p1)."""
    return flow_l_min * math.sqrt(pressure_kpa / known_kpa)


def spray_width_m(height_m: float, angle_deg: float) -> float:
    """Return how wide a flat fan is on the ground, of a nozzle at a height above it."""
    return 2.0 * height_m * math.tan(math.radians(0.5 * angle_deg))
