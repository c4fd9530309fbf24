"""Where the simulated robot really is: a function of the time since its start alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agriseg.config import SimulationConfig, SpeedStep
from agriseg.messages import Float64Array

_WOBBLE_LENGTHS_M = np.array([3.1, 7.3, 17.0])
_WOBBLE_SHARES = np.array([0.3, 0.3, 0.4])
_WOBBLE_RAMP_M = 3.0
_SLIP_LENGTHS_M = np.array([4.3, 11.0, 29.0])
_SLIP_SHARES = np.array([0.35, 0.35, 0.3])
_INVERSIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePose:
    """Pose of base_link in the field frame, and its motion.

    ``distance_m`` is the true distance since the start, measured along x.
    """

    t_s: float
    distance_m: float
    speed_m_s: float
    x_m: float
    y_m: float
    heading_rad: float
    yaw_rate_rad_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TruePoses:
    """Many poses of base_link: every attribute is ``(N,) float64``."""

    t_s: Float64Array
    distance_m: Float64Array
    speed_m_s: Float64Array
    x_m: Float64Array
    y_m: Float64Array
    heading_rad: Float64Array


class Trajectory:
    """True motion of the robot: speed profile, lateral wobble, wheel slip.

    Speed changes linearly between the profile's steps, so distance is exact at any time. The
    wobble starts from zero offset and heading, because the field frame is where base_link
    was at the start. Before the start the robot stands at the origin. Two processes that
    share the configuration and the start agree on everything.

    Parameters
    ----------
    config : SimulationConfig
        ``speed_m_s`` until the first step of ``speed_profile``; ``wobble_m`` is the greatest
        lateral offset, ``slip_fraction`` the greatest share by which the wheel runs fast
        or slow.
    """

    def __init__(self, config: SimulationConfig) -> None:
        rng = np.random.default_rng([config.seed, 30])
        self._wobble_m = config.wobble_m
        self._wobble_phases = rng.uniform(0.0, 2.0 * np.pi, _WOBBLE_LENGTHS_M.size)
        self._slip = config.slip_fraction
        self._slip_phases = rng.uniform(0.0, 2.0 * np.pi, _SLIP_LENGTHS_M.size)
        waves = np.stack((_SLIP_LENGTHS_M, self._slip_phases, _SLIP_SHARES), axis=-1)
        self._slip_waves: list[list[float]] = waves.tolist()
        self._t_s, self._distance_m, self._speed_m_s, self._accel_m_s2 = _segments(config)

    def pose_at(self, t_s: float) -> TruePose:
        """Return the pose at ``t_s`` seconds after the start."""
        poses = self.poses_at(np.array([t_s], np.float64))
        distance, speed = float(poses.distance_m[0]), float(poses.speed_m_s[0])
        step_m = 1e-3
        heading = self._heading(np.array([distance - step_m, distance + step_m]))
        return TruePose(
            t_s=t_s,
            distance_m=distance,
            speed_m_s=speed,
            x_m=float(poses.x_m[0]),
            y_m=float(poses.y_m[0]),
            heading_rad=float(poses.heading_rad[0]),
            yaw_rate_rad_s=float(heading[1] - heading[0]) / (2.0 * step_m) * speed,
        )

    def poses_at(self, t_s: Float64Array) -> TruePoses:
        """Return the poses at many times since the start, ``(N,) float64``."""
        t = np.asarray(t_s, np.float64)
        segment = np.clip(np.searchsorted(self._t_s, t, side="right") - 1, 0, None)
        elapsed = np.clip(t - self._t_s[segment], 0.0, None)
        accel, start_speed = self._accel_m_s2[segment], self._speed_m_s[segment]
        distance = (
            self._distance_m[segment] + start_speed * elapsed + 0.5 * accel * elapsed * elapsed
        )
        return TruePoses(
            t_s=t,
            distance_m=distance,
            speed_m_s=np.where(t < 0.0, 0.0, start_speed + accel * elapsed),
            x_m=distance,
            y_m=self._lateral(distance),
            heading_rad=self._heading(distance),
        )

    def times_at_distance(self, distance_m: Float64Array) -> Float64Array:
        """Return when each true distance is reached first; NaN where it never is."""
        wanted = np.asarray(distance_m, np.float64)
        segment = np.searchsorted(self._distance_m, wanted, side="left") - 1
        segment = np.clip(segment, 0, None)
        ahead = wanted - self._distance_m[segment]
        speed, accel = self._speed_m_s[segment], self._accel_m_s2[segment]
        root = np.sqrt(np.maximum(speed * speed + 2.0 * accel * ahead, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            elapsed = np.where(ahead <= 0.0, 0.0, 2.0 * ahead / (speed + root))
        times = self._t_s[segment] + elapsed
        return np.where(np.isfinite(times), times, np.nan)

    def encoder_distance_m(self, t_s: float) -> float:
        """Return what the wheel has measured at ``t_s`` seconds after the start.

        In plain numbers: a simulated encoder asks thousands of times a second, and arrays of
        one element take fifty times as long.
        """
        segment = max(int(np.searchsorted(self._t_s, t_s, side="right")) - 1, 0)
        elapsed_s = max(t_s - float(self._t_s[segment]), 0.0)
        speed, accel = float(self._speed_m_s[segment]), float(self._accel_m_s2[segment])
        distance_m = (
            float(self._distance_m[segment]) + speed * elapsed_s + 0.5 * accel * elapsed_s**2
        )
        slipped_m = 0.0
        for length_m, phase, share in self._slip_waves:
            swing = math.sin(2.0 * math.pi * distance_m / length_m + phase) - math.sin(phase)
            slipped_m += share * length_m / (2.0 * math.pi) * swing
        return distance_m + self._slip * slipped_m

    def encoder_from_distance(self, distance_m: Float64Array) -> Float64Array:
        """Return the wheel's reading at true distances: the wheel runs fast or slow in turn."""
        phase = 2.0 * np.pi * distance_m[..., None] / _SLIP_LENGTHS_M + self._slip_phases
        swing = np.sin(phase) - np.sin(self._slip_phases)
        reading: Float64Array = distance_m + self._slip * np.sum(
            _SLIP_SHARES * _SLIP_LENGTHS_M / (2.0 * np.pi) * swing, axis=-1
        )
        return reading

    def distance_from_encoder(self, reading_m: Float64Array) -> Float64Array:
        """Return the true distance at wheel readings; the inverse of `encoder_from_distance`."""
        distance = np.array(reading_m, np.float64)
        for _ in range(_INVERSIONS):
            distance += reading_m - self.encoder_from_distance(distance)
        return distance

    def _lateral(self, distance_m: Float64Array) -> Float64Array:
        wave, _, ramp, _ = self._wobble_terms(distance_m)
        return np.asarray(self._wobble_m * ramp * wave, np.float64)

    def _heading(self, distance_m: Float64Array) -> Float64Array:
        wave, slope, ramp, ramp_slope = self._wobble_terms(distance_m)
        return np.arctan(self._wobble_m * (ramp * slope + ramp_slope * wave))

    def _wobble_terms(
        self, distance_m: Float64Array
    ) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
        """Return wave and ramp over distance, each with its slope."""
        angular = 2.0 * np.pi / _WOBBLE_LENGTHS_M
        phase = distance_m[..., None] * angular + self._wobble_phases
        wave = np.sum(_WOBBLE_SHARES * np.sin(phase), axis=-1)
        slope = np.sum(_WOBBLE_SHARES * angular * np.cos(phase), axis=-1)
        u = np.clip(distance_m / _WOBBLE_RAMP_M, 0.0, 1.0)
        ramp = u * u * (3.0 - 2.0 * u)
        ramp_slope = 6.0 * u * (1.0 - u) / _WOBBLE_RAMP_M
        return wave, slope, ramp, ramp_slope


def _segments(
    config: SimulationConfig,
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Return time, distance, speed at the start of each segment, and its acceleration."""
    t_s, distance_m, speed_m_s, accel_m_s2 = [0.0], [0.0], [config.speed_m_s], [0.0]

    def begin(t: float, acceleration: float) -> None:
        """Start a segment at ``t`` from where the last one has come to."""
        elapsed, last = t - t_s[-1], accel_m_s2[-1]
        distance_m.append(distance_m[-1] + speed_m_s[-1] * elapsed + 0.5 * last * elapsed**2)
        speed_m_s.append(speed_m_s[-1] + last * elapsed)
        t_s.append(t)
        accel_m_s2.append(acceleration)

    steps = sorted(config.speed_profile, key=lambda step: step.t_s)
    following_s = [*(step.t_s for step in steps[1:]), np.inf]
    for step, next_s in zip(steps, following_s, strict=False):
        begin(step.t_s, 0.0)
        change = step.speed_m_s - speed_m_s[-1]
        accel_m_s2[-1] = float(np.sign(change)) * step.accel_m_s2
        reached = step.t_s + abs(change) / step.accel_m_s2
        if reached < next_s:
            begin(reached, 0.0)
            speed_m_s[-1] = step.speed_m_s
    return (
        np.array(t_s),
        np.array(distance_m),
        np.array(speed_m_s),
        np.array(accel_m_s2),
    )


def changing_speed_profile(
    duration_s: float,
    *,
    slow_m_s: float = 1.0,
    fast_m_s: float = 4.0,
    accel_m_s2: float = 1.5,
    hold_s: float = 1.0,
) -> tuple[SpeedStep, ...]:
    """Return steps that speed up and slow down again and again until ``duration_s``.

    With the defaults this is the acceptance profile: between 1 and 4 m/s at +-1.5 m/s^2,
    each speed held for a second. Start from ``slow_m_s``.
    """
    period_s = hold_s + (fast_m_s - slow_m_s) / accel_m_s2
    count = int(np.ceil(max(duration_s - hold_s, 0.0) / period_s))
    return tuple(
        SpeedStep(
            t_s=hold_s + i * period_s,
            speed_m_s=fast_m_s if i % 2 == 0 else slow_m_s,
            accel_m_s2=accel_m_s2,
        )
        for i in range(count)
    )
