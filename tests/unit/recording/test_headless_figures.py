"""What the terminal says of a run: a figure that is not known says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agriseg.headless import HeadlessResult

BARE: dict[str, Any] = {
    "frames": 3,
    "frames_dropped": 0,
    "missed_late": 0,
    "weeds_hit_fraction": None,
    "crop_area_sprayed_fraction": None,
    "sprayed_area_fraction": None,
    "position_error_mm": {"p99": None},
}


def figures(**summary: Any) -> dict[str, str]:
    result = HeadlessResult(
        report_path=Path("report.html"),
        summary_path=Path("summary.json"),
        summary=BARE | summary,
        stops=(),
    )
    return dict(result.figures())


def test_a_run_without_truth_says_so() -> None:
    said = figures(truth_score=None)
    assert said["weeds hit"] == "not known (no true labels)"
    assert said["leading-edge error p99"] == "not known (no true labels)"
    assert said["ground sprayed"] == "not known (no pulse is confirmed)"


def test_a_run_that_passed_no_weed_does_not_blame_the_labels() -> None:
    said = figures(truth_score={"weeds_total": 0})
    assert said["weeds hit"] == "not known (no weed within reach passed)"
    assert said["crop area sprayed"] == "not known (no crop passed)"


def test_known_figures_are_said_with_their_counts() -> None:
    said = figures(
        truth_score={},
        weeds_hit_fraction=0.5,
        weeds_hit=2,
        weeds_reachable=4,
        sprayed_area_fraction=0.0648,
    )
    assert said["weeds hit"] == "50.00 % (2 of 4 reachable)"
    assert said["ground sprayed"] == "6.48 %"
