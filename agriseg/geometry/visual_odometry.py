"""Speed and turning from the pictures alone, where the controller has no wheel encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import Float64Array, Frame, OdometrySample, OdometrySource, UInt8Array
from agriseg.opencv import cv2

_CELLS_ALONG = 120
_LONGEST_PATCH_M = 0.9
_TEMPLATE_SHARE = 0.3
_LEAST_TEMPLATE_SHARE = 0.12
_LATERAL_CELLS = 4
_LEAST_QUALITY = 0.4
_LEAST_CONTRAST = 2.0
_LONGEST_GAP_S = 0.5
_MAX_ACCELERATION_M_S2 = 6.0
_SLACK_CELLS = 4
_RELIEF_CELLS = 8.0
_LEAST_COMMON = 0.3
_UNPREDICTED_PAIRS = 3


@dataclass(frozen=True, slots=True)
class _Match:
    """What one half of the view says: its lateral position, its advance, how sure it is."""

    y_m: float
    forward_m: float
    quality: float


class VisualOdometry:
    """Follows the ground's texture from frame to frame in a coarse view from above.

    A strip of ground that should still be in view is searched in the new frame (normalised
    correlation, then a parabola through the peak), for the left and the right half apart:
    the mean is the advance, the difference the turn. A frame without a match gives no
    reading, so that whoever needs one sees it grow stale; the next frame is then compared
    with the last one that matched, so that no ground is lost in between.

    Where the strip should be is told by the speed so far. Where there is none, at the first pair
    and after a recording stood still, the whole view is searched: every strip along either edge
    proposes a shift, and the one that all the ground in common agrees with best is believed.

    Parameters
    ----------
    ground : GroundPlane

    Raises
    ------
    CalibrationError
        The view is too small to follow anything in it.
    """

    def __init__(self, ground: GroundPlane) -> None:
        self._view = _BirdsEye(ground)
        self._reference: tuple[float, UInt8Array] | None = None
        self._speed_m_s: float | None = None
        self._unpredicted = 0
        self._stands = False
        self._distance_m = 0.0
        self.quality = float("nan")
        """Correlation of the last match, -1 to 1; NaN before any."""
        self.spread_m = float("nan")
        """Difference between the halves' advances in the last match; NaN where one half matched."""
        self.breaks = 0
        """How often the ground was lost for so long that the distance driven is unknown."""

    def add(self, frame: Frame) -> OdometrySample | None:
        """Take a frame; return the odometry reading at its exposure, None without a match.

        While a recording stands still at a preview, and at the first frame after it, which is
        the same picture, the reading is a speed of 0.
        """
        patch = self._view.patch(frame.image)
        if frame.is_preview or self._stands:
            self._stands = frame.is_preview
            self._speed_m_s = None
            self._unpredicted = _UNPREDICTED_PAIRS
            if self._reference is None or np.array_equal(self._reference[1], patch):
                self._reference = (frame.t_capture_s, patch)
                return self._sample(frame.t_capture_s, 0.0, 0.0)
        if self._reference is None:
            self._reference = (frame.t_capture_s, patch)
            return None
        elapsed_s = frame.t_capture_s - self._reference[0]
        if elapsed_s <= 0.0:
            return None
        if elapsed_s > _LONGEST_GAP_S:
            self._begin_anew(frame.t_capture_s, patch)
            return None
        matches = self._matches(self._reference[1], patch, elapsed_s)
        if not matches:
            return None
        self._reference = (frame.t_capture_s, patch)
        return self._reading(matches, frame.t_capture_s, elapsed_s)

    def forget(self) -> None:
        """Take the next frame as the first: no ground, no speed to expect."""
        self._reference = None
        self._speed_m_s = None
        self._unpredicted = 0
        self._stands = False

    def _begin_anew(self, t_s: float, patch: UInt8Array) -> None:
        self._reference = (t_s, patch)
        self._speed_m_s = None
        self.breaks += 1

    def _reading(self, matches: list[_Match], t_s: float, elapsed_s: float) -> OdometrySample:
        turn_rad = 0.0
        self.spread_m = float("nan")
        if len(matches) == 2:
            right, left = matches
            self.spread_m = abs(right.forward_m - left.forward_m)
            # In a turn to the left, ground on the left passes more slowly.
            turn_rad = (right.forward_m - left.forward_m) / (left.y_m - right.y_m)
        advances = [match.forward_m + match.y_m * turn_rad for match in matches]
        advance_m = float(np.mean(advances))
        self.quality = min(match.quality for match in matches)
        self._unpredicted = max(0, self._unpredicted - 1)
        self._speed_m_s = None if self._unpredicted else advance_m / elapsed_s
        self._distance_m += advance_m
        return self._sample(t_s, advance_m / elapsed_s, turn_rad / elapsed_s)

    def _sample(self, t_s: float, speed_m_s: float, yaw_rate_rad_s: float) -> OdometrySample:
        return OdometrySample(
            t_s=t_s,
            distance_m=self._distance_m,
            speed_m_s=speed_m_s,
            source=OdometrySource.VISUAL,
            yaw_rate_rad_s=yaw_rate_rad_s,
        )

    def _matches(self, before: UInt8Array, now: UInt8Array, elapsed_s: float) -> list[_Match]:
        """Return what the right and the left half say, leaving out what is unsure."""
        if self._speed_m_s is None:
            expected = _common_shift(before, now)
        else:
            expected = self._speed_m_s * elapsed_s / self._view.cell_m
        if expected is None:
            return []
        doubt = _SLACK_CELLS + _MAX_ACCELERATION_M_S2 * elapsed_s**2 / self._view.cell_m
        middle = before.shape[0] // 2
        found: list[_Match] = []
        for rows in (slice(0, middle), slice(middle, None)):
            y_m = float(self._view.y_m[rows].mean())
            match = self._match_half(before[rows], now[rows], expected, doubt, y_m)
            if match is not None:
                found.append(match)
        return found

    def _match_half(
        self, before: UInt8Array, now: UInt8Array, expected: float, doubt: float, y_m: float
    ) -> _Match | None:
        """Find a strip of ``before`` near ``expected`` cells of advance, give or take ``doubt``.

        The strip is shorter where little of the ground is in both views.
        """
        cells = before.shape[1]
        common = int(cells - abs(expected) - 2.0 * (doubt + 1.0))
        shortest, longest = (int(s * cells) for s in (_LEAST_TEMPLATE_SHARE, _TEMPLATE_SHARE))
        length = min(longest, max(shortest, common))
        room = cells - length
        start = int(np.clip(0.5 * (room + expected), 0, room))
        first = max(0, int(np.floor(start - expected - doubt)))
        last = min(room, int(np.ceil(start - expected + doubt)))
        if last - first < 2:
            return None
        strip = before[_LATERAL_CELLS:-_LATERAL_CELLS, start : start + length]
        if float(strip.std()) < _LEAST_CONTRAST:
            return None
        scores = cv2.matchTemplate(now[:, first : last + length], strip, cv2.TM_CCOEFF_NORMED)
        _, quality, _, (column, row) = cv2.minMaxLoc(scores)
        on_edge = not 0 < column < scores.shape[1] - 1
        if quality < _LEAST_QUALITY or on_edge:
            return None
        place = column + _parabola_peak(np.asarray(scores[row, column - 1 : column + 2]))
        return _Match(y_m, (start - first - place) * self._view.cell_m, quality)


class _BirdsEye:
    """A coarse grey view from above: rows from right to left, columns forward."""

    def __init__(self, ground: GroundPlane) -> None:
        x_m, self.y_m, self.cell_m = _largest_rectangle(ground)
        self._shrink = max(1, int(self.cell_m / ground.centre_gsd_m))
        width, height = ground.image_size
        self._small = (width // self._shrink, height // self._shrink)
        grid = np.stack(np.meshgrid(x_m, self.y_m), axis=2)
        image = ground.image_from_ground(grid.reshape(-1, 2)).reshape(grid.shape)
        scale = np.array(self._small) / np.array([width, height])
        image = (image + 0.5) * scale - 0.5
        maps = cv2.convertMaps(
            image[:, :, 0].astype(np.float32), image[:, :, 1].astype(np.float32), cv2.CV_16SC2
        )
        self._maps: tuple[NDArray[np.int16], NDArray[np.uint16]] = (
            np.asarray(maps[0], np.int16),
            np.asarray(maps[1], np.uint16),
        )

    def patch(self, image: UInt8Array) -> UInt8Array:
        """Return the view from above of a BGR picture."""
        small = cv2.resize(image, self._small, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.remap(grey, *self._maps, cv2.INTER_LINEAR), np.uint8)


def _common_shift(before: UInt8Array, now: UInt8Array) -> float | None:
    """Return by how many cells the ground advanced, of all shifts; None where none is sure."""
    old, new = _relief(before), _relief(now)
    best_score, best_shift = _LEAST_COMMON, None
    middle = old.shape[0] // 2
    for rows in (slice(None), slice(0, middle), slice(middle, None)):
        for shift in _proposed(old[rows], new[rows]):
            score = _agreement(old, new, shift)
            if score > best_score:
                best_score, best_shift = score, float(shift[0])
    return best_shift


def _relief(view: UInt8Array) -> NDArray[np.float32]:
    """Return a view without its slow changes of brightness: they move with the camera."""
    grey = np.asarray(view, np.float32)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), _RELIEF_CELLS), np.float32)


def _proposed(before: NDArray[np.float32], now: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield (advance, to the side) in cells by a strip along the far and along the near edge."""
    cells = before.shape[1]
    length = int(_LEAST_TEMPLATE_SHARE * cells)
    for start in (cells - length, 0):
        strip = before[_LATERAL_CELLS:-_LATERAL_CELLS, start : start + length]
        if float(strip.std()) < _LEAST_CONTRAST:
            continue
        scores = cv2.matchTemplate(now, strip, cv2.TM_CCOEFF_NORMED)
        _, _, _, (column, row) = cv2.minMaxLoc(scores)
        yield start - column, row - _LATERAL_CELLS


def _agreement(
    before: NDArray[np.float32], now: NDArray[np.float32], shift: tuple[int, int]
) -> float:
    """Return the correlation, -1 to 1, of all that is in both views after ``shift`` in cells."""
    advance, across = shift
    rows, cells = before.shape
    a = before[max(0, -across) : rows - max(0, across), max(0, advance) : cells + min(0, advance)]
    b = now[max(0, across) : rows + min(0, across), max(0, -advance) : cells - max(0, advance)]
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _largest_rectangle(ground: GroundPlane) -> tuple[Float64Array, Float64Array, float]:
    """Return forward and lateral positions of cells that are all in the picture, and their side.

    A tilted view narrows towards the robot, a barrel lens bends its edges: the rectangle
    begins later and ends earlier as long as that makes it larger.
    """
    full_m = ground.far_x_m - ground.near_x_m
    length_m = min(full_m, _LONGEST_PATCH_M)
    cell_m = max(2.0 * ground.centre_gsd_m, length_m / _CELLS_ALONG)
    best: tuple[Float64Array, Float64Array] = (np.empty(0), np.empty(0))
    for share in (0.02, 0.06, 0.1, 0.15, 0.2):
        near_m = ground.near_x_m + share * full_m
        far_m = min(ground.far_x_m - share * full_m, near_m + length_m)
        x_m: Float64Array = np.arange(near_m, far_m, cell_m)
        y_m = _visible_across(ground, x_m, cell_m)
        if len(x_m) * len(y_m) > len(best[0]) * len(best[1]):
            best = (x_m, y_m)
    if len(best[1]) < 8 * _LATERAL_CELLS or len(best[0]) < 20:
        raise CalibrationError(
            f"camera.pose: the picture shows a strip of only {len(best[1]) * cell_m:.2f} m by"
            f" {len(best[0]) * cell_m:.2f} m, too little to measure the speed from it; mount the"
            " camera higher or turn it so that it looks along the track"
        )
    return *best, cell_m


def _visible_across(ground: GroundPlane, x_m: Float64Array, cell_m: float) -> Float64Array:
    """Return the lateral positions at which the ground at all of ``x_m`` is in the picture."""
    seen = ground.view_polygon_m[:, 1]
    y_m: Float64Array = np.arange(float(seen.min()), float(seen.max()), cell_m)
    grid = np.stack(np.meshgrid(x_m, y_m), axis=2)
    image = ground.image_from_ground(grid.reshape(-1, 2)).reshape(grid.shape)
    limit = np.array(ground.image_size) - 1.0
    inside = np.all((image >= 0.0) & (image <= limit), axis=(1, 2))
    return y_m[inside]


def _parabola_peak(values: NDArray[np.float32]) -> float:
    """Return where the parabola through three values peaks, -0.5 to 0.5 from the middle one."""
    before, middle, after = (float(v) for v in values)
    bend = before - 2.0 * middle + after
    return 0.0 if bend >= 0.0 else 0.5 * (before - after) / bend
