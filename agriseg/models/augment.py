"""Changes of view and of light that a field camera meets, applied to training crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2

_ROTATION_JITTER_RAD = np.deg2rad(15.0)
_ASPECT_SIGMA = 0.12
_OFFSET_SHARE = 0.4
_DUSK_SHARE = 0.08
_DUSK_LIMIT = 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CropGeometry:
    """How a crop is cut: a similarity with a little stretch, perhaps mirrored.

    ``centre_*`` is the image point that comes to the crop's centre, ``scale_*`` the crop pixels
    per image pixel along the image's axes.
    """

    centre_v: float
    centre_u: float
    rotation_rad: float
    scale_v: float
    scale_u: float
    mirrored: bool

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        anchor: tuple[float, float],
        scale: float,
        shape: tuple[int, int],
        crop_px: int,
    ) -> CropGeometry:
        """Draw a crop that shows ``anchor`` (v, u) and reaches little beyond the image.

        Parameters
        ----------
        rng : Generator
        anchor : (v, u)
            Image point to be seen, pixels.
        scale : float
            Crop pixels per image pixel, before stretching.
        shape : (H, W)
            Size of the image, pixels.
        crop_px : int
            Side of the crop.
        """
        quarter_turns = int(rng.integers(4))
        jitter = rng.uniform(-1.0, 1.0) * _ROTATION_JITTER_RAD * float(rng.random() < 0.5)
        stretch = float(np.exp(rng.normal(0.0, _ASPECT_SIGMA) / 2.0))
        scales = np.array([scale * stretch, scale / stretch])
        reach = crop_px / 2.0 / (scales[::-1] if quarter_turns % 2 else scales)
        wanted = np.array(anchor) + rng.uniform(-_OFFSET_SHARE, _OFFSET_SHARE, 2) * 2.0 * reach
        middle = np.array(shape) / 2.0
        centre = np.clip(wanted, np.minimum(reach, middle), np.maximum(shape - reach, middle))
        return cls(
            centre_v=float(centre[0]),
            centre_u=float(centre[1]),
            rotation_rad=float(quarter_turns * np.pi / 2.0 + jitter),
            scale_v=float(scales[0]),
            scale_u=float(scales[1]),
            mirrored=bool(rng.random() < 0.5),
        )

    def h_crop_image(self, crop_px: int) -> NDArray[np.float64]:
        """Return the ``(2, 3) float64`` affine map from image (u, v) to crop (u, v)."""
        cos, sin = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        sign = -1.0 if self.mirrored else 1.0
        turn = np.array([[cos, -sin], [sin, cos]])
        linear = turn @ np.diag([sign * self.scale_u, self.scale_v])
        shift = crop_px / 2.0 - linear @ np.array([self.centre_u, self.centre_v])
        return np.column_stack([linear, shift])


def cut_crop(
    image: UInt8Array, mask: UInt8Array, geometry: CropGeometry, crop_px: int
) -> tuple[UInt8Array, UInt8Array]:
    """Cut a square crop; what lies outside the image is mirrored and ignored in the mask."""
    matrix = geometry.h_crop_image(crop_px)
    size = (crop_px, crop_px)
    cut = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    labels = cv2.warpAffine(
        mask,
        matrix,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(float(ClassId.IGNORE),),
    )
    return np.asarray(cut, dtype=np.uint8), np.asarray(labels, dtype=np.uint8)


def cut_ids(ids: NDArray[np.uint16], geometry: CropGeometry, crop_px: int) -> NDArray[np.uint16]:
    """Cut the same square from a map of plant ids; 0 outside the image."""
    cut = cv2.warpAffine(
        ids, geometry.h_crop_image(crop_px), (crop_px, crop_px), flags=cv2.INTER_NEAREST
    )
    return np.asarray(cut, dtype=np.uint16)


def augment_colour(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Change light, colour, shadow, sharpness and noise of a BGR crop at random."""
    image = _change_saturation(image, rng)
    image = np.asarray(
        cv2.LUT(image, _tone_curve(rng, float(image[::8, ::8].mean()))), dtype=np.uint8
    )
    if rng.random() < 0.3:
        image = _cast_shadow(image, rng)
    if rng.random() < 0.3:
        image = _soften(image, rng)
    if rng.random() < 0.4:
        image = _add_noise(image, rng)
    return image


def _tone_curve(rng: np.random.Generator, brightness: float) -> UInt8Array:
    gain = np.exp(rng.normal(0.0, 0.2))
    if rng.random() < _DUSK_SHARE and brightness > _DUSK_LIMIT:
        gain *= rng.uniform(0.25, 0.6)
    gamma = np.exp(rng.normal(0.0, 0.2))
    tint = np.exp(rng.normal(0.0, 0.06, 3))
    lift = rng.normal(0.0, 0.03)
    levels = (np.arange(256) / 255.0)[:, None] ** gamma
    curve = (levels * gain * tint + lift) * 255.0
    table: UInt8Array = np.clip(curve, 0.0, 255.0).astype(np.uint8)
    return table.reshape(256, 1, 3)


def _change_saturation(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hue = (np.arange(256) + round(rng.normal(0.0, 4.0))) % 180
        saturation = np.clip(np.arange(256) * np.exp(rng.normal(0.0, 0.25)), 0, 255)
        curve = np.stack([hue, saturation, np.arange(256)], axis=1).astype(np.uint8)
        changed = cv2.cvtColor(cv2.LUT(hsv, curve.reshape(256, 1, 3)), cv2.COLOR_HSV2BGR)
        return np.asarray(changed, dtype=np.uint8)
    return image


def _cast_shadow(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    small = 64
    corners = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 7)), 2)) * small
    hull = cv2.convexHull(corners.astype(np.int32))
    shade = np.full((small, small), 255, np.uint8)
    cv2.fillConvexPoly(shade, hull, (float(255 * rng.uniform(0.3, 0.75)),))
    blur = float(rng.uniform(0.4, 4.0))
    shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), blur), dtype=np.uint8)
    full = cv2.resize(shade, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        full = 255 - full + np.uint8(full.min())
    return np.asarray(
        cv2.multiply(image, cv2.cvtColor(full, cv2.COLOR_GRAY2BGR), scale=1.0 / 255.0),
        dtype=np.uint8,
    )


def _soften(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    if rng.random() < 0.5:
        return np.asarray(
            cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6))), dtype=np.uint8
        )
    length_px = int(rng.integers(3, 10))
    kernel = np.zeros((length_px, length_px), np.float32)
    angle = rng.uniform(0.0, np.pi)
    middle = (length_px - 1) / 2.0
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    ends = np.rint([middle - reach, middle + reach]).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), (1.0,))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


def _add_noise(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    sigma = float(rng.uniform(1.0, 10.0))
    noise = np.empty(image.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    cv2.randn(noise, np.zeros(3), np.full(3, sigma))
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), dtype=np.uint8)
