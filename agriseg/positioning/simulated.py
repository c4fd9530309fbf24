"""The satellite receiver on the simulated robot: sentences as a real one sends them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pynmeagps import GET, NMEAMessage

from agriseg.field_config import PositionConfig, SimulatedGnssConfig
from agriseg.messages import PositionFix
from agriseg.ports import Clock
from agriseg.positioning.local_frame import LocalFrame, course_from_heading, heading_from_course
from agriseg.positioning.nmea import NmeaParser
from agriseg.simulation.trajectory import Trajectory, TruePose

_GGA_QUALITY = {"gnss": 1, "dgnss": 2, "rtk-float": 5, "rtk-fixed": 4}
_MODE = {"gnss": "A", "dgnss": "D", "rtk-float": "F", "rtk-fixed": "R"}
_KNOTS_PER_M_S = 3600.0 / 1852.0
_EPOCH_S = 1_767_225_600.0
"""1 January 2026, when the simulated robot begins to drive."""


class SimulatedField:
    """Where the simulated field lies on the earth."""

    def __init__(self, config: SimulatedGnssConfig) -> None:
        self._frame = LocalFrame(config.latitude_deg, config.longitude_deg)
        self._heading = heading_from_course(config.heading_deg)

    def geographic(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return (latitude, longitude) in degrees of a place of the field frame."""
        cos, sin = math.cos(self._heading), math.sin(self._heading)
        place = [[cos * x_m - sin * y_m, sin * x_m + cos * y_m]]
        latitude, longitude = self._frame.geographic(place)[0]
        return float(latitude), float(longitude)

    def course_deg(self, heading_rad: float) -> float:
        """Return the compass course of a direction in the field frame."""
        return course_from_heading(self._heading + heading_rad)


class SentenceMaker:
    """Says where the simulated robot's antenna is, in NMEA 0183."""

    def __init__(
        self, config: SimulatedGnssConfig, position: PositionConfig, trajectory: Trajectory
    ) -> None:
        self._config = config
        self._position = position
        self._trajectory = trajectory
        self._field = SimulatedField(config)
        self._rng = np.random.default_rng(int(1e6 * config.noise_m) + 77)

    def sentences(self, driven_s: float) -> bytes:
        """Return RMC, GST and GGA for a moment since the start; nothing while it is silent."""
        config = self._config
        since_s = driven_s - config.fault_s
        fault = config.fault if 0.0 <= since_s < config.fault_lasts_s else "none"
        if fault == "silent":
            return b""
        pose = self._trajectory.pose_at(driven_s)
        shift_m = config.jump_m if fault == "jump" else 0.0
        latitude, longitude = self._antenna(pose, shift_m)
        moment = datetime.fromtimestamp(_EPOCH_S + driven_s, tz=UTC)
        if fault == "no-fix":
            return _without_fix(moment)
        course = self._field.course_deg(pose.heading_rad)
        place = {
            "lat": latitude,
            "NS": "N" if latitude >= 0 else "S",
            "lon": longitude,
            "EW": "E" if longitude >= 0 else "W",
        }
        sigma_m = max(0.005, config.noise_m)
        spoken = (
            _message(
                "RMC",
                time=moment.time(),
                status="A",
                **place,
                spd=round(pose.speed_m_s * _KNOTS_PER_M_S, 3),
                cog=round(course, 2),
                date=moment.date(),
                posMode=_MODE[config.quality],
                navStatus="V",
            ),
            _message("GST", time=moment.time(), stdLat=sigma_m, stdLong=sigma_m, stdAlt=sigma_m),
            _message(
                "GGA",
                time=moment.time(),
                **place,
                quality=_GGA_QUALITY[config.quality],
                numSV=17,
                HDOP=0.7,
                alt=512.0,
                altUnit="M",
                sep=47.0,
                sepUnit="M",
                diffAge=1.0,
                diffStation=1,
            ),
        )
        return b"".join(spoken)

    def _antenna(self, pose: TruePose, shift_m: float) -> tuple[float, float]:
        cos, sin = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
        ahead, left = self._position.antenna_x_m, self._position.antenna_y_m
        noise = self._rng.normal(0.0, self._config.noise_m, 2)
        x_m = pose.x_m + cos * ahead - sin * left + noise[0]
        y_m = pose.y_m + sin * ahead + cos * left + noise[1] + shift_m
        return self._field.geographic(float(x_m), float(y_m))


class SimulatedReceiver:
    """The robot's receiver without a wire (implements `ports.PositionReceiver`).

    Parameters
    ----------
    config : SimulatedGnssConfig
    position : PositionConfig
        Where the antenna is, and the receiver's delay.
    trajectory : Trajectory
    clock : Clock
    start_s : float
        Host time at which the robot begins to drive.
    """

    name = "simulated receiver"
    problem = ""

    def __init__(
        self,
        config: SimulatedGnssConfig,
        position: PositionConfig,
        trajectory: Trajectory,
        clock: Clock,
        start_s: float,
    ) -> None:
        self._maker = SentenceMaker(config, position, trajectory)
        self._delay_s = 1e-3 * position.delay_ms
        self._parser = NmeaParser(self._delay_s)
        self._clock = clock
        self._start_s = start_s
        self._period_s = 1.0 / config.rate_hz
        self._next = max(0, math.ceil((clock.now_s() - start_s) / self._period_s))

    def poll(self) -> Sequence[PositionFix]:
        """Return the fixes whose sentences have arrived by now."""
        fixes: list[PositionFix] = []
        now_s = self._clock.now_s()
        while True:
            driven_s = self._next * self._period_s
            arrival_s = self._start_s + driven_s + self._delay_s
            if arrival_s > now_s:
                return fixes
            self._next += 1
            fixes += self._parser.feed(self._maker.sentences(driven_s), arrival_s)

    def close(self) -> None:
        """Do nothing."""


def _without_fix(moment: datetime) -> bytes:
    return _message(
        "GGA", time=moment.time(), quality=0, numSV=3, HDOP=99.9, altUnit="M", sepUnit="M"
    )


def _message(kind: str, **values: Any) -> bytes:
    data: bytes = NMEAMessage("GN", kind, GET, hpnmeamode=1, **values).serialize()
    return data
