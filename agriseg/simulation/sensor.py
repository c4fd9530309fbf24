"""From lit ground to a camera's picture: light level, colour of the light, shadow, blur, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

Float32Array = NDArray[np.float32]

_UNIT_GAIN = 64.0
_NOISE_UNIT = 24.0
_NOISE_MARGIN_PX = 64


class Sensor:
    """Applies what the camera does to a picture of the ground.

    Parameters
    ----------
    size_px : (width, height)
    rng : Generator
        Draws the noise pattern that all frames share; each frame takes another part of it.
    vignetting : float
        Share of light lost in the corners.
    """

    def __init__(
        self, size_px: tuple[int, int], rng: np.random.Generator, vignetting: float = 0.15
    ) -> None:
        width, height = size_px
        self._size_px = size_px
        shape = (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX, 3)
        luminance = rng.standard_normal(shape[:2], np.float32)[..., None]
        noise = 0.75 * luminance + 0.66 * rng.standard_normal(shape, np.float32)
        self._noise = np.clip(128.0 + _NOISE_UNIT * noise, 0, 255).astype(np.uint8)
        self.map_size = (max(width // 8, 8), max(height // 8, 8))
        columns, rows = np.meshgrid(
            np.linspace(-1.0, 1.0, self.map_size[0]), np.linspace(-1.0, 1.0, self.map_size[1])
        )
        self.vignette = (1.0 - vignetting * (columns**2 + rows**2) / 2.0).astype(np.float32)

    def expose(
        self,
        picture: UInt8Array,
        *,
        light: Float32Array,
        blur_px: tuple[float, float],
        noise: float,
        rng: np.random.Generator,
    ) -> UInt8Array:
        """Return the picture as the sensor delivers it.

        Parameters
        ----------
        picture : (H, W, 3) uint8
        light : (h, w, 3) float32
            Gain of each channel over the picture, at any resolution, at most 4.
        blur_px : (du, dv)
            How far the ground moves in the picture during the exposure.
        noise : float
            Standard deviation, in units of the picture.
        rng : Generator
            Where this frame's noise begins.
        """
        gain = np.clip(light * _UNIT_GAIN, 0.0, 255.0).astype(np.uint8)
        gain = cv2.resize(gain, self._size_px, interpolation=cv2.INTER_LINEAR)
        lit = cv2.multiply(_blurred(picture, blur_px), gain, scale=1.0 / _UNIT_GAIN)
        row, column = (int(i) for i in rng.integers(_NOISE_MARGIN_PX, size=2))
        width, height = self._size_px
        pattern = self._noise[row : row + height, column : column + width]
        share = noise / _NOISE_UNIT
        noisy: UInt8Array = np.asarray(
            cv2.addWeighted(lit, 1.0, pattern, share, -128.0 * share), np.uint8
        )
        return noisy


def _blurred(picture: UInt8Array, blur_px: tuple[float, float]) -> UInt8Array:
    """Average along the motion; less than half a pixel is left alone."""
    length = float(np.hypot(*blur_px))
    if length < 0.5:
        return picture
    samples = 4 * int(np.ceil(length)) + 1
    half = int(np.ceil(length / 2.0))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for along in np.linspace(-0.5, 0.5, samples):
        u, v = half + along * blur_px[0], half + along * blur_px[1]
        u0, v0 = int(np.floor(u)), int(np.floor(v))
        fu, fv = u - u0, v - v0
        for du, dv, weight in (
            (0, 0, (1 - fu) * (1 - fv)),
            (1, 0, fu * (1 - fv)),
            (0, 1, (1 - fu) * fv),
            (1, 1, fu * fv),
        ):
            if weight > 0.0:
                kernel[v0 + dv, u0 + du] += weight
    kernel /= kernel.sum()
    if not np.count_nonzero(kernel[:, :half]) and not np.count_nonzero(kernel[:, half + 1 :]):
        kernel = kernel[:, half : half + 1]
    return np.asarray(cv2.filter2D(picture, -1, kernel), np.uint8)
