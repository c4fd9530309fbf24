"""What can be asked of What if: ranges as they are typed, units, models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agriseg.models.bundle import SHIPPED_NAME
from ui.models.what_if import (
    AS_SEEN,
    SWEEPS,
    ModelChoice,
    Sweep,
    asked_sweep,
    in_units,
    model_choices,
    range_of,
)
from ui.units import Units, UnitSystem

MARGIN = next(sweep for sweep in SWEEPS if sweep.name == "weed_margin_m")
METRIC, IMPERIAL = Units(UnitSystem.METRIC), Units(UnitSystem.IMPERIAL)


def asked(sweep: Sweep, *typed: str) -> Sweep:
    found = asked_sweep(sweep, *typed, AS_SEEN)
    assert isinstance(found, Sweep)
    return found


def test_a_range_of_ones_own_is_cut_into_even_steps() -> None:
    assert asked(MARGIN, "10", "30", "5").values == (0.01, 0.015, 0.02, 0.025, 0.03)


def test_what_was_not_touched_keeps_its_own_steps() -> None:
    pitch = next(sweep for sweep in SWEEPS if sweep.name == "nozzle_pitch_m")
    assert asked(pitch, *range_of(pitch)).values == pitch.values


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [("a", "30", "5"), ("30", "10", "5"), ("10", "10", "2"), ("0", "900", "3"), ("0", "9", "90")],
)
def test_a_range_that_cannot_be_tried_is_told(first: str, last: str, count: str) -> None:
    said = asked_sweep(MARGIN, first, last, count, AS_SEEN)
    assert isinstance(said, str)
    assert said.startswith("Weed margin, mm: ")


def test_inches_are_asked_for_in_inches() -> None:
    shown = in_units(MARGIN, IMPERIAL)
    assert shown.unit == "in"
    assert asked(shown, "1", "2", "2").values == pytest.approx((0.0254, 0.0508))
    assert in_units(MARGIN, METRIC) == MARGIN


def test_the_shipped_model_and_the_colour_index_can_look() -> None:
    choices = model_choices()
    assert choices[0] == AS_SEEN
    assert SHIPPED_NAME in [choice.words for choice in choices]
    assert choices[-1].name == "exg"


def test_a_model_goes_with_the_setting() -> None:
    model = ModelChoice(name="/models/other", words="other", detail="")
    found = asked_sweep(MARGIN, *range_of(MARGIN), model)
    assert found == replace(MARGIN, model="/models/other", model_word="other")
