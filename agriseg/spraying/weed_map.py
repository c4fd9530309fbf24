"""What the camera saw of the ground, fused over frames: a window of cells that moves along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import CalibrationError, ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.ground_table import GroundTable, sampled
from agriseg.geometry.patches import TrackGrid
from agriseg.geometry.poses import field_from_base
from agriseg.messages import Float64Array, Segmentation, UInt8Array, VehicleState
from agriseg.opencv import cv2
from agriseg.pipeline_journal import MapPatch, MapState

_SLACK_M = 0.3
_MAX_CELLS = 4000
_MEMORY_FRAMES = 6
_SUBPIXEL_BITS = 6
Float32Array = NDArray[np.float32]

_STEPS = 63
_LEVELS: UInt8Array = np.round(np.round(np.arange(256) * _STEPS / 255) * 255 / _STEPS).astype(
    np.uint8
)
"""Probabilities are taken in 64 levels, so that a run's evidence fits on the disk: the map of a
replay is then the same to the last bit. Half a step is 0.8 %, less than networks of eight bits err.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackEvidence(TrackGrid):
    """The map seen along the robot's path.

    Attributes
    ----------
    weed, crop : (R, C) uint8
        Probability of weed and of crop, mean over the frames, 0 to 255; 0 where unknown.
        In each frame a cell takes the greatest probability of weed, the mean of crop, so
        that weeds come out up to a pixel wider than they are.
    known : (R, C) bool
        Whether any frame showed the cell.
    """

    weed: UInt8Array
    crop: UInt8Array
    known: NDArray[np.bool_]


class WeedMap:
    """Evidence of weed and crop in the field frame around the robot.

    Each cell keeps the mean over the frames that showed it. After six frames
    an old view fades as new ones arrive, so that the last view, the one nearest to the
    boom, counts most when odometry drifts. Cells that no frame showed are unknown.

    Parameters
    ----------
    ground : GroundPlane
    cell_m : float
        Side of a cell.
    rear_x_m : float
        Ground is kept until it is this far ahead of base_link (negative: behind it).

    Raises
    ------
    ConfigError
        The cells are so small that the map would not fit.
    """

    def __init__(self, ground: GroundPlane, cell_m: float, rear_x_m: float) -> None:
        self._ground = ground
        self.cell_m = cell_m
        self._rear_x_m = min(rear_x_m, ground.near_x_m)
        self._picture = _Picture(ground, cell_m)
        self._outline_m = ground.view_outline_m(self._picture.border_px)
        self._middle_m, radius_m = self._window_circle()
        self._side = 2 * int(np.ceil((radius_m + _SLACK_M) / cell_m)) + 1
        if self._side > _MAX_CELLS:
            raise ConfigError(
                f"spray.map_cell_m is {cell_m:g}: a map of {self._side * cell_m:.1f} m would have"
                f" {self._side} cells a side, {_MAX_CELLS} is the most; use at least"
                f" {self._side * cell_m / _MAX_CELLS:.3g}"
            )
        frames = np.arange(_MEMORY_FRAMES + 1, dtype=np.float32)
        self._share: Float32Array = 1.0 / (frames + 1.0)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        side = (self._side, self._side)
        self._mean: tuple[Float32Array, Float32Array] = (
            np.zeros(side, np.float32),
            np.zeros(side, np.float32),
        )
        self._byte: tuple[UInt8Array, UInt8Array] = (
            np.zeros(side, np.uint8),
            np.zeros(side, np.uint8),
        )
        self._count: UInt8Array = np.zeros(side, np.uint8)
        self._origin: tuple[int, int] | None = None

    def update(self, segmentation: Segmentation, vehicle: VehicleState) -> None:
        """Add one segmented frame.

        Parameters
        ----------
        segmentation : Segmentation
        vehicle : VehicleState
            At ``segmentation.t_capture_s``.

        Raises
        ------
        CalibrationError
            The frame's size is not the one that the camera was calibrated for.
        """
        patch = self.look(segmentation, vehicle)
        if patch is not None:
            self.fuse(patch, vehicle)

    def look(self, segmentation: Segmentation, vehicle: VehicleState) -> MapPatch | None:
        """Return what a segmented frame shows, in the map's cells; None where it shows nothing.

        Raises
        ------
        CalibrationError
            As `update`.
        """
        height, width = segmentation.labels.shape
        if (width, height) != self._ground.image_size:
            expected = "x".join(map(str, self._ground.image_size))
            raise CalibrationError(
                f"frame {segmentation.frame_id} is {width}x{height}, the ground is mapped for"
                f" {expected}; set camera.width_px and camera.height_px to what the camera delivers"
            )
        place = self._place(vehicle)
        if place is None:
            return None
        weed, crop = self._picture.from_above(segmentation, place.patch_from_base, place.size)
        return MapPatch(weed=_levelled(weed), crop=_levelled(crop))

    def fuse(self, patch: MapPatch, vehicle: VehicleState) -> None:
        """Add what `look` returned for the same pose.

        Raises
        ------
        ValueError
            The patch is of another pose, another camera or another map.
        """
        place = self._place(vehicle)
        if place is None or patch.weed.shape != (place.size[1], place.size[0]):
            raise ValueError(f"a patch of {patch.weed.shape} cells does not fit the view")
        seen = _filled(place.outline, place.size)
        window = place.window
        share = self._share[self._count[window]] * seen
        for mean, byte, plane in zip(self._mean, self._byte, (patch.weed, patch.crop), strict=True):
            fused = mean[window]
            fused += (plane - fused) * share
            byte[window] = cv2.convertScaleAbs(fused)
        np.minimum(self._count[window] + seen, _MEMORY_FRAMES, out=self._count[window])

    def state(self) -> MapState:
        """Return a copy of the content."""
        weed, crop = self._mean
        return MapState(
            weed_mean=weed.copy(),
            crop_mean=crop.copy(),
            count=self._count.copy(),
            origin=self._origin,
        )

    def restore(self, state: MapState) -> None:
        """Take over a content.

        Raises
        ------
        ValueError
            It is of a map of another size.
        """
        if state.count.shape != self._count.shape:
            raise ValueError(f"a map of {state.count.shape} is not one of {self._count.shape}")
        self._mean = (state.weed_mean.copy(), state.crop_mean.copy())
        self._byte = (_rounded(self._mean[0]), _rounded(self._mean[1]))
        self._count = state.count.copy()
        self._origin = state.origin

    def _place(self, vehicle: VehicleState) -> _Place | None:
        """Return where in the map the view lies; moves the map along."""
        self._follow(vehicle)
        cells_from_base = self._cells_from_field() @ field_from_base(vehicle)
        outline = self._outline_m @ cells_from_base[:2, :2].T + cells_from_base[:2, 2]
        left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, self._side)
        if right <= left or bottom <= top:
            return None
        shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
        return _Place(
            window=np.s_[top:bottom, left:right],
            size=(int(right - left), int(bottom - top)),
            outline=outline - [left, top],
            patch_from_base=shift @ cells_from_base,
        )

    def along_track(
        self,
        vehicle: VehicleState,
        across_m: tuple[float, float],
        along_m: tuple[float, float] = (-np.inf, np.inf),
    ) -> TrackEvidence:
        """Return the map along the path that the robot takes if it drives straight on.

        Parameters
        ----------
        vehicle : VehicleState
            The present pose.
        across_m : (float, float)
            From right to left, in base_link.
        along_m : (float, float)
            From rear to front, in base_link; without it from the rear of the kept ground to
            the front of the view. Beyond the kept ground nothing is known.
        """
        cell = self.cell_m
        rear_x_m = self._rear_x_m if np.isinf(along_m[0]) else along_m[0]
        s0_m = np.floor((vehicle.distance_m + rear_x_m) / cell) * cell
        y_min_m, y_max_m = across_m
        y0_m = np.floor(y_min_m / cell) * cell
        x0_m = s0_m - vehicle.distance_m
        front_x_m = min(along_m[1], self._ground.far_x_m)
        columns = _even((front_x_m - x0_m) / cell)
        rows = _even((y_max_m - y0_m) / cell)
        base_from_track = np.array([[cell, 0.0, x0_m], [0.0, cell, y0_m], [0.0, 0.0, 1.0]])
        size = (columns, rows)
        if self._origin is None:
            nothing = np.zeros((rows, columns), np.uint8)
            weed, crop, count = nothing, nothing, nothing
        else:
            cells = (self._cells_from_field() @ field_from_base(vehicle) @ base_from_track)[:2]
            linear, nearest = cv2.INTER_LINEAR, cv2.INTER_NEAREST
            weed, crop = (_resampled(plane, cells, size, linear) for plane in self._byte)
            count = _resampled(self._count, cells, size, nearest)
        return TrackEvidence(
            weed=weed,
            crop=crop,
            known=count > 0,
            s0_m=float(s0_m),
            y0_m=float(y0_m),
            cell_m=cell,
        )

    def _window_circle(self) -> tuple[Float64Array, float]:
        """Return centre (x, y) in base_link and radius of all ground that is kept."""
        y_m = self._outline_m[:, 1]
        rear = np.array([[self._rear_x_m, y_m.min()], [self._rear_x_m, y_m.max()]])
        points = np.concatenate((self._outline_m, rear))
        middle: Float64Array = 0.5 * (points.min(axis=0) + points.max(axis=0))
        return middle, float(np.hypot(*(points - middle).T).max())

    def _cells_from_field(self) -> Float64Array:
        assert self._origin is not None
        scale = 1.0 / self.cell_m
        column, row = self._origin
        return np.array([[scale, 0.0, -column], [0.0, scale, -row], [0.0, 0.0, 1.0]])

    def _follow(self, vehicle: VehicleState) -> None:
        """Move the window when its middle has come more than the slack away from the robot's."""
        middle_m = (field_from_base(vehicle) @ [*self._middle_m, 1.0])[:2]
        wanted = np.round(middle_m / self.cell_m).astype(int) - self._side // 2
        if self._origin is None:
            self._origin = (int(wanted[0]), int(wanted[1]))
            return
        column_shift, row_shift = (int(v) for v in wanted - self._origin)
        if max(abs(column_shift), abs(row_shift)) * self.cell_m < _SLACK_M:
            return
        self._origin = (int(wanted[0]), int(wanted[1]))
        for array in (*self._mean, *self._byte, self._count):
            _shift(array, row_shift, column_shift)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """Where the view lies in the map: rows and columns, size (width, height), outline (x, y)."""

    window: tuple[slice, slice]
    size: tuple[int, int]
    outline: Float64Array
    patch_from_base: Float64Array


class _Picture:
    """Brings pictures of probabilities to the map's cells by one resampling."""

    def __init__(self, ground: GroundPlane, cell_m: float) -> None:
        self._blur_px = max(1, 2 * int(0.5 * cell_m / ground.centre_gsd_m) + 1)
        self.border_px = 0.5 * self._blur_px + 1.0
        self._base_from_image = np.linalg.inv(ground.h_image_base)
        self._table = GroundTable(ground, cell_m) if ground.lens.is_distorted else None

    def from_above(
        self, segmentation: Segmentation, cells_from_base: Float64Array, size: tuple[int, int]
    ) -> tuple[UInt8Array, UInt8Array]:
        """Return the probabilities of weed and crop as seen from above, in cells."""
        weed = self._greatest(segmentation.weed_probability)
        crop = self._mean(segmentation.crop_probability)
        if self._table is not None:
            points = self._table.image_points(cells_from_base, size)
            return sampled(weed, points), sampled(crop, points)
        cells_from_image = cells_from_base @ self._base_from_image
        return _warped(weed, cells_from_image, size), _warped(crop, cells_from_image, size)

    def _greatest(self, plane: UInt8Array) -> UInt8Array:
        """Return the greatest value over the pixels of a cell around each pixel.

        A leaf thinner than a cell would be averaged away; a cell that holds any weed is weed.
        """
        if self._blur_px == 1:
            return plane
        square = np.ones((self._blur_px, self._blur_px), np.uint8)
        return np.asarray(cv2.dilate(plane, square), np.uint8)

    def _mean(self, plane: UInt8Array) -> UInt8Array:
        """Return the mean over the pixels of a cell around each pixel."""
        if self._blur_px == 1:
            return plane
        return np.asarray(cv2.blur(plane, (self._blur_px, self._blur_px)), np.uint8)


def _warped(plane: UInt8Array, cells_from_image: Float64Array, size: tuple[int, int]) -> UInt8Array:
    cells = cv2.warpPerspective(plane, cells_from_image, size, flags=cv2.INTER_LINEAR)
    return np.asarray(cells, np.uint8)


def _levelled(plane: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.LUT(plane, _LEVELS), np.uint8)


def _rounded(mean: Float32Array) -> UInt8Array:
    return np.asarray(cv2.convertScaleAbs(mean), np.uint8)


def _even(cells: float) -> int:
    """Return an even number of cells, at least what is asked and one, at least two."""
    return 2 * max(1, int(np.ceil(0.5 * (cells + 1.0))))


def _resampled(
    plane: UInt8Array, plane_from_result: Float64Array, size: tuple[int, int], how: int
) -> UInt8Array:
    result = cv2.warpAffine(plane, plane_from_result, size, flags=how | cv2.WARP_INVERSE_MAP)
    return np.asarray(result, np.uint8)


def _filled(outline: Float64Array, size: tuple[int, int]) -> UInt8Array:
    """Return (H, W) uint8: 1 inside the outline (x, y), 0 outside."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    points = np.round(outline * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    return mask


def _shift(array: NDArray[np.generic], rows: int, columns: int) -> None:
    """Move the content towards lower indices by ``rows`` and ``columns``; what enters is 0."""
    side = array.shape[0]
    source, target = [], []
    for move in (rows, columns):
        kept = max(0, side - abs(move))
        start = min(max(0, move), side)
        source.append(slice(start, start + kept))
        target.append(slice(start - move, start - move + kept) if kept else slice(0, 0))
    content = array[tuple(source)].copy()
    array[...] = 0
    array[tuple(target)] = content
