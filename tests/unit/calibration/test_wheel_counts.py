"""Counts per metre from drives over a taped distance."""

from __future__ import annotations

import math

import pytest

from agriseg.calibration.gnss_distance import GnssDistance
from agriseg.calibration.wheel_counts import WheelRun, counts_result, wheel_run
from agriseg.config import Config
from agriseg.errors import CalibrationError

CONFIG = Config()


def run(counts: float, tape_m: float = 20.0, visual_m: float = math.nan) -> WheelRun:
    return WheelRun(counts=counts, tape_m=tape_m, visual_m=visual_m)


def test_counts_per_metre_are_the_mean_of_the_runs() -> None:
    result = counts_result(CONFIG, [run(41_000.0), run(41_040.0), run(40_960.0)])
    (value,) = result.values
    assert value.key == "wheel.counts_per_m"
    assert value.value == pytest.approx(2050.0)
    # 2 counts/m of spread over three runs, and a centimetre of tape in 20 m.
    assert value.std == pytest.approx(math.hypot(2.0 / math.sqrt(3.0), 1.025), rel=1e-3)
    assert "+2.5 %" in result.summary
    assert result.warnings == ()


def test_a_reading_becomes_counts_by_the_configured_value() -> None:
    assert wheel_run(CONFIG, 20.5, 20.0, math.nan).counts == pytest.approx(41_000.0)


@pytest.mark.parametrize(
    ("reading_m", "tape_m", "words"),
    [
        (0.0, 20.0, "did not turn"),
        (-20.0, 20.0, "counted backwards"),
        (2.0, 2.0, "too short"),
    ],
)
def test_unusable_runs_are_refused(reading_m: float, tape_m: float, words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        wheel_run(CONFIG, reading_m, tape_m, math.nan)


def test_a_run_that_contradicts_the_others_is_named() -> None:
    with pytest.raises(CalibrationError, match=r"run 2 differs from the others by 5.0 %"):
        counts_result(CONFIG, [run(41_000.0), run(43_050.0), run(41_000.0)])


def test_one_run_is_told_to_be_too_few() -> None:
    assert "at least three" in counts_result(CONFIG, [run(41_000.0)]).warnings[0]


def test_the_pictures_are_compared_with_the_tape() -> None:
    runs = [run(41_000.0, visual_m=21.0), run(41_000.0, visual_m=21.2)]
    (warning,) = counts_result(CONFIG, runs).warnings
    assert "+5.5 % off the tape's" in warning


def by_satellite(distance_m: float, std_m: float, quality: str) -> WheelRun:
    gnss = GnssDistance(distance_m=distance_m, std_m=std_m, quality=quality)
    return WheelRun(counts=41_000.0, tape_m=20.0, gnss=gnss)


@pytest.mark.parametrize(
    ("distance_m", "std_m", "quality", "warns"),
    [
        (20.02, 0.014, "RTK fixed", False),
        (20.20, 0.014, "RTK fixed", True),
        (20.20, 0.3, "RTK float", False),
        (19.0, 0.3, "RTK float", True),
    ],
)
def test_satellites_beyond_their_uncertainty_are_told(
    distance_m: float, std_m: float, quality: str, warns: bool
) -> None:
    result = counts_result(CONFIG, [by_satellite(distance_m, std_m, quality)] * 3)
    assert f"satellites {distance_m:.2f} ± {2.0 * std_m:.2f} m ({quality})" in result.summary
    assert bool(result.warnings) is warns
    if warns:
        assert f"{100.0 * (distance_m - 20.0):+.1f} cm off the tape" in result.warnings[0]


def test_why_there_are_no_satellites_is_told() -> None:
    gnss = GnssDistance(problem="There is no satellite receiver to compare with.")
    runs = [WheelRun(counts=41_000.0, tape_m=20.0, gnss=gnss)] * 3
    result = counts_result(CONFIG, runs)
    assert "There is no satellite receiver" in result.summary
    assert result.warnings == ()
