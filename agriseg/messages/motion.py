"""Where the machine is, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OdometrySource(Enum):
    """Where position and speed come from."""

    WHEEL = "wheel"
    VISUAL = "visual"
    ASSUMED = "assumed"
    """A constant speed that the configuration names; nothing measures it."""
    NONE = "none"


class FixQuality(Enum):
    """How a satellite receiver came by its position, as NMEA 0183's GGA tells it."""

    NONE = "none"
    """No position."""
    GNSS = "gnss"
    """Satellites alone: metres."""
    DGNSS = "dgnss"
    """With corrections of a region: decimetres to a metre."""
    RTK_FLOAT = "rtk-float"
    """With a base station, not settled: decimetres."""
    RTK_FIXED = "rtk-fixed"
    """With a base station: centimetres."""
    ESTIMATED = "estimated"
    """Dead reckoning of the receiver itself."""
    MANUAL = "manual"
    """Entered by hand."""
    SIMULATED = "simulated"
    """The receiver says that it is being tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OdometrySample:
    """One odometry reading, by the controller's wheel encoder or from the frames.

    Attributes
    ----------
    t_s : float
        Host time of the reading.
    distance_m : float
        Odometer reading since the link came up; falls when the robot reverses.
    speed_m_s : float
    source : OdometrySource
    yaw_rate_rad_s : float
        Positive to the left; 0.0 where nothing measures it.
    """

    t_s: float
    distance_m: float
    speed_m_s: float
    source: OdometrySource
    yaw_rate_rad_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFix:
    """One position of a satellite receiver: its antenna, in WGS84. NaN where it did not say.

    Attributes
    ----------
    t_s : float
        Host time at which the position held: its arrival less the receiver's delay.
    latitude_deg, longitude_deg : float
        NaN without a position.
    altitude_m : float
        Above mean sea level.
    quality : FixQuality
    satellites : int
    hdop : float
        Horizontal dilution of precision.
    accuracy_m : float
        Standard deviation across the ground: the receiver's own (GST), else by the quality.
    speed_m_s : float
        Over ground, as the receiver measured it.
    course_deg : float
        Direction of motion, clockwise from true north.
    heading_deg : float
        Where base_link's x axis points, clockwise from true north; receivers with two
        antennas only.
    differential_age_s : float
        Age of the corrections.
    utc_s : float
        The receiver's own time, seconds since 1970; NaN until it has told the date.
    """

    t_s: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    quality: FixQuality
    satellites: int = 0
    hdop: float = float("nan")
    accuracy_m: float = float("nan")
    speed_m_s: float = float("nan")
    course_deg: float = float("nan")
    heading_deg: float = float("nan")
    differential_age_s: float = float("nan")
    utc_s: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """Pose and speed of base_link in the field frame at one time.

    ``age_s`` is how old the newest odometry reading was; a consumer refuses a stale state.
    """

    t_s: float
    distance_m: float
    speed_m_s: float
    x_m: float
    y_m: float
    heading_rad: float
    source: OdometrySource
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStatus:
    """What is known of the place on the earth, and what the boundary in use does.

    ``problem`` says in a sentence why there is no usable position, empty where there is;
    ``boundary`` names the boundary in use, ``hold`` says why it keeps all nozzles closed.
    ``barred`` counts nozzles that are over ground where nothing may be sprayed. Latitude and
    longitude are base_link's in WGS84, ``heading_deg`` its direction, clockwise from north.
    """

    receiver: str
    fix: PositionFix | None = None
    problem: str = ""
    latitude_deg: float = float("nan")
    longitude_deg: float = float("nan")
    heading_deg: float = float("nan")
    accuracy_m: float = float("nan")
    jumps: int = 0
    boundary: str = ""
    hold: str = ""
    barred: int = 0
