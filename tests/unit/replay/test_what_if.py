"""What other settings would have done, by figures that must move the right way."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_drive import SPEED_M_S, make_drive

from agriseg.errors import ConfigError
from agriseg.replay.settings import (
    ReplaySettings,
    curve_settings,
    parse_curve,
    parse_setting,
)
from agriseg.replay.what_if import ReplayCancelled, WhatIf

AS_IT_WAS = ReplaySettings()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_drive().record(tmp_path_factory.mktemp("what-if") / "run", 3.2)


@pytest.fixture(scope="module")
def what_if(run: Path) -> WhatIf:
    return WhatIf(run)


def test_as_it_was_is_the_same_pulse_for_pulse(what_if: WhatIf) -> None:
    outcome = what_if.replay(AS_IT_WAS)
    assert outcome.same_pulses is True
    assert outcome.notes == ()
    figures = outcome.figures
    assert figures.pulses > 20
    assert figures.weeds > 10
    assert figures.weeds_sprayed + figures.weeds_missed == figures.weeds
    assert figures.litres > 0.0
    assert figures.treated_m2 > 0.0


def test_litres_are_open_time_times_flow(what_if: WhatIf) -> None:
    config = what_if.input.config
    travel_m = sum(event.close_at - event.open_at for event in what_if.input.commanded)
    expected = travel_m / SPEED_M_S * config.boom.flow_l_min / 60.0
    assert what_if.original.figures.litres == pytest.approx(expected, rel=0.01)


def test_wider_margins_take_more_mix_and_miss_no_more_weeds(what_if: WhatIf) -> None:
    narrow = what_if.replay(AS_IT_WAS.with_value("weed_margin_m", "0.0")).figures
    wide = what_if.replay(AS_IT_WAS.with_value("weed_margin_m", "0.06")).figures
    assert narrow.litres < wide.litres
    assert narrow.treated_m2 < wide.treated_m2
    assert wide.weeds_missed <= narrow.weeds_missed
    assert narrow.weeds == wide.weeds, "the reference stays"


def test_sensitivity_from_nothing_to_everything(what_if: WhatIf) -> None:
    # The weeds of this field are 180 of 255 sure: 0.71.
    settings = curve_settings(AS_IT_WAS, *parse_curve("sensitivity=0.1:0.5:0.4"))
    sure, usual = (what_if.replay(setting).figures for setting in settings)
    assert sure.pulses == 0
    assert sure.weeds_missed == sure.weeds
    assert usual.pulses > 20


def test_a_wide_pitch_wets_more_ground(what_if: WhatIf) -> None:
    wide = what_if.replay(AS_IT_WAS.with_value("nozzle_pitch_m", "0.16")).figures
    assert wide.treated_m2 > 1.3 * what_if.original.figures.treated_m2
    assert wide.pulses < what_if.original.figures.pulses


def test_broadcast_sprays_crop_and_misses_nothing(what_if: WhatIf) -> None:
    spot = what_if.original.figures
    broad = what_if.replay(AS_IT_WAS.with_value("spray.mode", "broadcast")).figures
    assert broad.crop_sprayed_m2 > 0.5 * broad.crop_m2 > 0.0
    assert spot.crop_sprayed_m2 < 0.01 * spot.crop_m2
    assert broad.litres > 3.0 * spot.litres


def test_much_latency_misses_weeds(what_if: WhatIf) -> None:
    little = what_if.replay(AS_IT_WAS.with_value("latency_ms", "10")).figures
    much = what_if.replay(AS_IT_WAS.with_value("latency_ms", "900")).figures
    assert little.weeds_missed <= what_if.original.figures.weeds_missed + 1
    assert much.weeds_missed > little.weeds_missed


def test_a_higher_speed_takes_less_time_for_the_same_ground(what_if: WhatIf) -> None:
    fast = what_if.replay(AS_IT_WAS.with_value("speed", "2")).figures
    assert fast.litres == pytest.approx(0.5 * what_if.original.figures.litres, rel=0.25)
    assert fast.weeds_sprayed >= 0.7 * what_if.original.figures.weeds_sprayed


def test_progress_is_told_and_cancelling_ends_it(run: Path) -> None:
    told: list[float] = []
    WhatIf(run, progress=lambda _, share: told.append(share))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert len(told) > 2
    with pytest.raises(ReplayCancelled):
        WhatIf(run, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sensitivity", "NAME=VALUE"),
        ("sensitivity=2", "spray.sensitivity"),
        ("spray.nonsense=1", "not a known key"),
        ("camera.fps=10", "cannot be changed"),
        ("speed=0", "expected 0.1 to 10"),
        ("speed=fast", "expected a number"),
        ("nozzle_pitch_m=9", "expected 0.01 to 2"),
    ],
)
def test_settings_that_cannot_be_used_are_named(what_if: WhatIf, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        what_if.replay(parse_setting(AS_IT_WAS, text))


@pytest.mark.parametrize("text", ["sensitivity", "sensitivity=1:2", "a=1:0:0.1", "a=0:1:0"])
def test_curves_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="FROM:TO:STEP"):
        parse_curve(text)


def test_another_cell_size_does_not_fit_the_evidence(what_if: WhatIf) -> None:
    from agriseg.errors import RecordingError

    with pytest.raises(RecordingError, match="map_cell_m"):
        what_if.replay(AS_IT_WAS.with_value("spray.map_cell_m", "0.008"))
