"""The step Boom and a boom's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from agriseg.calibration.boom_file import boom_result, boom_text, export_boom, import_boom
from agriseg.calibration.boom_step import OTHER, BoomStep
from agriseg.calibration.steps import MEASURE, REPEAT, Shape, StepPhase, StepSetup
from agriseg.calibration.store import CalibrationStore
from agriseg.config import BoomConfig, Config, NozzleConfig
from agriseg.config_values import with_values
from agriseg.errors import CalibrationError


@pytest.fixture
def step(tmp_path: Path) -> BoomStep:
    return BoomStep(StepSetup(config=Config(), store=CalibrationStore(tmp_path / "m.jsonl")))


def values(step: BoomStep) -> dict[str, object]:
    step.act(MEASURE)
    result = step.view.result
    assert result is not None
    return {value.key: value.value for value in result.values}


def test_nothing_entered_proposes_nothing(step: BoomStep) -> None:
    view = step.view
    assert view.phase is StepPhase.PREPARE
    assert not view.actions[0].enabled
    assert not step.has_begun


def test_every_nozzle_in_view_is_drawn(step: BoomStep) -> None:
    marks = step.view.marks
    assert len(marks) == 24
    assert all(mark.shape is Shape.POLYGON and len(mark.points_px) == 4 for mark in marks)
    assert [mark.label for mark in marks if mark.label] == [
        "1",
        "4",
        "7",
        "10",
        "13",
        "16",
        "19",
        "22",
    ]
    step.enter("count", 2)
    assert len(step.view.marks) == 2


def test_colour_and_pressure_give_the_flow(step: BoomStep) -> None:
    step.enter("nozzle_size", "04")
    step.enter("pressure", 1200.0)
    found = values(step)
    assert found["boom.nozzle_size"] == "04"
    assert found["boom.flow_l_min"] == pytest.approx(3.2)


def test_angle_and_height_give_the_width(step: BoomStep) -> None:
    step.enter("pitch_cm", 50)
    step.enter("height_cm", 50)
    step.enter("angle", 110)
    found = values(step)
    assert found["boom.pitch_m"] == pytest.approx(0.5)
    assert found["boom.footprint_across_m"] == pytest.approx(1.428)


def test_a_boom_with_dry_strips_cannot_be_proposed(step: BoomStep) -> None:
    step.enter("pitch_cm", 50)
    view = step.view
    assert "strips between the nozzles would never be sprayed" in view.problems[0]
    assert not view.actions[0].enabled
    step.act(MEASURE)
    assert step.view.result is None
    step.enter("angle", 110)
    assert step.view.problems == ()
    assert step.view.actions[0].enabled


def test_a_number_out_of_range_is_refused(step: BoomStep) -> None:
    with pytest.raises(CalibrationError, match="0 to 160 degrees"):
        step.enter("angle", 200)


def test_one_can_go_back_to_entering(step: BoomStep) -> None:
    step.enter("nozzle_size", OTHER)
    step.enter("count", 12)
    step.act(MEASURE)
    assert step.view.phase is StepPhase.DONE
    step.act(REPEAT)
    assert step.view.phase is StepPhase.PREPARE
    assert step.view.fields[0].value == 12


def test_a_boom_travels_in_a_file(tmp_path: Path) -> None:
    boom = BoomConfig(
        nozzle_count=3,
        nozzle_size="025",
        nozzles=(NozzleConfig(nozzle=1, x_m=0.02, open_latency_ms=14.5),),
    )
    path = tmp_path / "boom.toml"
    export_boom(boom, path)
    assert import_boom(path) == boom
    with pytest.raises(CalibrationError, match="is not overwritten"):
        export_boom(boom, path)
    result = boom_result(import_boom(path), Config(), "read from boom.toml")
    assert with_values(Config(), {v.key: v.value for v in result.values}, "test").boom == boom


def test_a_file_that_is_no_boom_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[wheel]\ncounts_per_m = 1000\n")
    with pytest.raises(CalibrationError, match=r"one table \[boom\], this has wheel"):
        import_boom(path)
    path.write_text(boom_text(BoomConfig()).replace("pitch_m = 0.04", "pitch_m = 40"))
    with pytest.raises(CalibrationError, match="pitch_m"):
        import_boom(path)
