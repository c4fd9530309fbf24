"""A robot that is driven to and fro in a yard, leg by leg, as calibration asks for it."""

from __future__ import annotations

import math

import numpy as np

from agriseg.config import SimulationConfig
from agriseg.messages import Float64Array
from agriseg.simulation.trajectory import Trajectory, TruePoses

_SWAY_LENGTH_M = 1.5


class YardDrive(Trajectory):
    """True motion of a robot that stands until it is told to drive somewhere.

    The path weaves and the wheel slips as `Trajectory` has it. Nobody reverses in his own
    track: while reversing for the first time the robot comes to run beside it.

    Parameters
    ----------
    config : SimulationConfig
        Seed, wobble and slip.
    sway_m : float
        How far beside its first track it runs after reversing, to the left.
    """

    def __init__(self, config: SimulationConfig, *, sway_m: float = 0.006) -> None:
        super().__init__(config.model_copy(update={"speed_m_s": 0.0, "speed_profile": ()}))
        self._sway_m = sway_m
        self._reversed_m = np.array([0.0])
        self.arrives_s = 0.0
        """When the last leg ends and the robot stands."""

    def drive_to(
        self, distance_m: float, speed_m_s: float, from_s: float, accel_m_s2: float = 1.0
    ) -> float:
        """Drive from standing to a distance and stop there; return when.

        Parameters
        ----------
        distance_m : float
            True distance from where the robot began; less than now is driven in reverse.
        speed_m_s : float
            Greatest speed on the way, positive.
        from_s : float
            When it sets off, seconds after the start; later if it still drives.
        accel_m_s2 : float

        Returns
        -------
        float
            Seconds after the start.
        """
        way_m = distance_m - float(self._distance_m[-1])
        if way_m == 0.0:
            return self.arrives_s
        sign = math.copysign(1.0, way_m)
        top_m_s = min(speed_m_s, math.sqrt(abs(way_m) * accel_m_s2))
        ramp_s = top_m_s / accel_m_s2
        level_s = abs(way_m) / top_m_s - ramp_s
        t_s = max(from_s, self.arrives_s)
        self._append(t_s, 0.0, sign * accel_m_s2)
        self._append(t_s + ramp_s, sign * top_m_s, 0.0)
        self._append(t_s + ramp_s + level_s, sign * top_m_s, -sign * accel_m_s2)
        self._append(t_s + 2.0 * ramp_s + level_s, 0.0, 0.0)
        self._distance_m[-1] = distance_m
        self.arrives_s = float(self._t_s[-1])
        return self.arrives_s

    def poses_at(self, t_s: Float64Array) -> TruePoses:
        """Return the poses at many times since the start, ``(N,) float64``."""
        poses = super().poses_at(t_s)
        segment = np.clip(np.searchsorted(self._t_s, poses.t_s, side="right") - 1, 0, None)
        back_m = np.clip(self._distance_m[segment] - poses.distance_m, 0.0, None)
        share = np.clip((self._reversed_m[segment] + back_m) / _SWAY_LENGTH_M, 0.0, 1.0)
        slope = 6.0 * share * (1.0 - share) / _SWAY_LENGTH_M
        return TruePoses(
            t_s=poses.t_s,
            distance_m=poses.distance_m,
            speed_m_s=poses.speed_m_s,
            x_m=poses.x_m,
            y_m=poses.y_m + self._sway_m * share * share * (3.0 - 2.0 * share),
            heading_rad=poses.heading_rad - np.arctan(self._sway_m * slope),
        )

    def _append(self, t_s: float, speed_m_s: float, accel_m_s2: float) -> None:
        elapsed_s = t_s - float(self._t_s[-1])
        step_m = elapsed_s * (
            float(self._speed_m_s[-1]) + 0.5 * float(self._accel_m_s2[-1]) * elapsed_s
        )
        self._t_s = np.append(self._t_s, t_s)
        self._distance_m = np.append(self._distance_m, self._distance_m[-1] + step_m)
        self._reversed_m = np.append(self._reversed_m, self._reversed_m[-1] + max(0.0, -step_m))
        self._speed_m_s = np.append(self._speed_m_s, speed_m_s)
        self._accel_m_s2 = np.append(self._accel_m_s2, accel_m_s2)
