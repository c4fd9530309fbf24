"""Light that changes: clouds that pass, the robot's own shadow, dusk and noon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array

Float32Array = NDArray[np.float32]

_CLOUD_LENGTHS_M = np.array([9.0, 23.0, 61.0])
_CLOUD_SPEED_M_S = np.array([1.5, 0.6])
_CLOUD_LEVEL = 0.35
_CLOUD_SOFTNESS = 0.25


class FieldLight:
    """How bright each part of the picture is, as a function of time and place.

    Parameters
    ----------
    seed : int
    light : float
        0 dusk to 1 hard sunshine.
    sun_azimuth_rad : float
        Towards the sun, from +x to the left; decides on which side the robot's shadow lies.
    """

    def __init__(self, seed: int, light: float, sun_azimuth_rad: float) -> None:
        rng = np.random.default_rng([seed, 50])
        angles = rng.uniform(0.0, 2.0 * np.pi, _CLOUD_LENGTHS_M.size)
        waves = 2.0 * np.pi / _CLOUD_LENGTHS_M
        self._wave_vectors = np.column_stack((np.cos(angles), np.sin(angles))) * waves[:, None]
        self._phases = rng.uniform(0.0, 2.0 * np.pi, _CLOUD_LENGTHS_M.size)
        self._shade = light
        self._away_from_sun = np.array([-np.cos(sun_azimuth_rad), -np.sin(sun_azimuth_rad)])
        warm = 0.5 - light
        self.colour: Float32Array = np.array([1.0 + 0.1 * warm, 1.0, 1.0 - 0.1 * warm], np.float32)
        """Gain (b, g, r): bluish at dusk, warm in sunshine."""
        self.level = 0.7 + 0.5 * light
        """Brightness of open ground at the camera's normal exposure."""

    @classmethod
    def as_photographed(cls) -> FieldLight:
        """Return even light: the ground's picture has its own already."""
        light = cls(seed=0, light=0.5, sun_azimuth_rad=0.0)
        light._shade = 0.0
        light.level = 1.0
        return light

    def clouds(self, t_s: float, ground_m: Float64Array) -> Float32Array:
        """Return the share of light, 0 to 1, at ground points ``(..., 2)`` of the field."""
        drift = ground_m - _CLOUD_SPEED_M_S * t_s
        density = np.sin(drift @ self._wave_vectors.T + self._phases).mean(axis=-1)
        cover = 1.0 / (1.0 + np.exp(-(density - _CLOUD_LEVEL) / _CLOUD_SOFTNESS * 4.0))
        return np.asarray(1.0 - 0.45 * self._shade * cover, np.float32)

    def robot_shadow(self, ground_m: Float64Array, edge_m: float) -> Float32Array:
        """Return the share of light at points ``(..., 2)`` relative to the view's middle.

        The robot shades what lies further than ``edge_m`` away from the sun.
        """
        side = (ground_m @ self._away_from_sun - edge_m) / 0.02
        shaded = 1.0 / (1.0 + np.exp(-np.clip(side, -40.0, 40.0)))
        return np.asarray(1.0 - 0.5 * self._shade * shaded, np.float32)
