"""Wet ground between two surveys: edges, light, a survey that lies beside the other."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.calibration.ground_survey import GroundPicture, find_shifts
from agriseg.calibration.wet_ground import find_spots, spot_within, wet_ground
from agriseg.errors import CalibrationError
from agriseg.opencv import cv2

CELL_M = 0.00125
ROWS, COLUMNS = 480, 1200


def ground(seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(seed)
    grains = cv2.GaussianBlur(rng.standard_normal((ROWS, COLUMNS), np.float32), (0, 0), 1.5)
    return np.asarray(150.0 + 15.0 * grains / grains.std(), np.float32)


def survey(grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]], seed: int = 2) -> GroundPicture:
    noise = np.random.default_rng(seed).normal(0.0, 1.0, grey.shape)
    return GroundPicture(
        grey=np.asarray(grey + noise, np.float32), s0_m=1.0, y0_m=-0.3, cell_m=CELL_M
    )


def wetted(
    grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    *boxes: tuple[float, float, float, float],
    depth: float = 0.35,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Darken rectangles (s from, s to, y from, y to) with edges exact to a fraction of a cell."""
    result = grey.copy()
    s = 1.0 + np.arange(COLUMNS) * CELL_M
    y = -0.3 + np.arange(ROWS) * CELL_M
    for s0, s1, y0, y1 in boxes:
        along = np.clip(np.minimum(s - s0, s1 - s) / CELL_M + 0.5, 0.0, 1.0)
        across = np.clip(np.minimum(y - y0, y1 - y) / CELL_M + 0.5, 0.0, 1.0)
        result *= 1.0 - depth * across[:, None] * along[None]
    return np.asarray(result, np.float32)


def test_edges_are_found_to_half_a_millimetre() -> None:
    dry = ground()
    box = (1.4003, 1.5107, -0.0252, 0.0247)
    (spot,) = find_spots(wet_ground(survey(dry), survey(wetted(dry, box), seed=3)))
    found = (spot.s_min_m, spot.s_max_m, spot.y_min_m, spot.y_max_m)
    assert found == pytest.approx(box, abs=0.0005)
    assert spot.depth == pytest.approx(-np.log(1.0 - 0.35), abs=0.03)


def test_changing_light_is_not_water() -> None:
    dry = ground()
    s = np.linspace(0.0, 1.0, COLUMNS)
    light = 1.0 - 0.35 / (1.0 + np.exp(-(s - 0.5) / 0.12))
    lit = np.asarray(dry * light[None], np.float32)
    assert find_spots(wet_ground(survey(dry), survey(lit, seed=3))) == []
    box = (1.7, 1.8, -0.02, 0.03)
    (spot,) = find_spots(wet_ground(survey(dry), survey(wetted(lit, box), seed=3)))
    assert (spot.s_min_m, spot.s_max_m) == pytest.approx(box[:2], abs=0.001)


def test_the_shadow_of_a_small_cloud_is_not_a_spot() -> None:
    dry = ground()
    s = 1.0 + np.arange(COLUMNS) * CELL_M - 1.75
    y = -0.3 + np.arange(ROWS) * CELL_M
    cloud = np.exp(-(s[None] ** 2 + y[:, None] ** 2) / (2.0 * 0.12**2))
    shaded = np.asarray(dry * (1.0 - 0.14 * cloud), np.float32)
    assert find_spots(wet_ground(survey(dry), survey(shaded, seed=3))) == []


def test_a_pass_beside_the_first_is_laid_over_it() -> None:
    dry = ground()
    box = (1.6, 1.7, 0.0, 0.05)
    wet = wetted(dry, box)
    move = np.array([[1.0, 0.0, 7.3], [0.0, 1.0, -4.6]])
    beside = cv2.warpAffine(wet, move, (COLUMNS, ROWS), borderMode=cv2.BORDER_REFLECT)
    second = survey(np.asarray(beside, np.float32), seed=3)
    shifts = find_shifts(survey(dry), second)
    assert shifts is not None
    assert np.median(shifts.forward_m) == pytest.approx(7.3 * CELL_M, abs=0.0004)
    assert np.median(shifts.left_m) == pytest.approx(-4.6 * CELL_M, abs=0.0004)
    (spot,) = find_spots(wet_ground(survey(dry), second))
    assert (spot.s_m, spot.y_m) == pytest.approx((1.65, 0.025), abs=0.001)


def test_dry_ground_has_no_spots() -> None:
    dry = ground()
    assert find_spots(wet_ground(survey(dry), survey(dry, seed=3))) == []


def test_a_spot_is_looked_for_in_its_window_only() -> None:
    dry = ground()
    wet = wet_ground(
        survey(dry),
        survey(wetted(dry, (1.3, 1.4, -0.02, 0.03), (1.7, 1.8, -0.02, 0.03)), seed=3),
    )
    spot = spot_within(wet, (1.6, 1.9), (-0.04, 0.05))
    assert spot is not None
    assert spot.s_m == pytest.approx(1.75, abs=0.001)
    assert spot_within(wet, (1.5, 1.6), (-0.04, 0.05)) is None


def test_surveys_of_different_ground_are_refused() -> None:
    dry = ground()
    half = dry.copy()
    half[:, 600:] = np.nan
    other = dry.copy()
    other[:, :600] = np.nan
    with pytest.raises(CalibrationError, match="same track"):
        wet_ground(survey(half), survey(other))
