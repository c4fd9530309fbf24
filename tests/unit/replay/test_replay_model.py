"""`agriseg replay --model`: another model looks at a run's recorded pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from painted_drive import make_painted_drive
from recorded_drive import make_drive

from agriseg.app import main
from agriseg.messages import ClassId
from agriseg.models.bundle import SHIPPED_NAME
from agriseg.replay.settings import ReplaySettings
from agriseg.replay.what_if import ReplayCancelled, WhatIf


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_painted_drive().record(tmp_path_factory.mktemp("painted") / "run", 3.2)


def _replayed(
    run: Path, model: str, capsys: pytest.CaptureFixture[str], *more: str
) -> dict[str, Any]:
    arguments = ["replay", str(run), "--model", model, "--workers", "1", "--json", *more]
    assert main(arguments) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert result["problem"] == ""
    found: dict[str, Any] = result
    return found


def test_a_model_that_finds_the_green_sprays_the_weeds_and_no_crop(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _replayed(run, "exg", capsys)
    original, (seen,) = result["original"], result["replays"]
    assert seen["settings"] == "model exg"
    assert seen["weeds"] == original["weeds"] >= 15
    assert seen["weeds_sprayed"] >= original["weeds_sprayed"] - 1
    assert seen["litres"] == pytest.approx(original["litres"], rel=0.25)
    assert seen["crop_sprayed_m2"] <= 0.01 * seen["crop_m2"]


def test_the_pictures_count_not_what_was_seen_then(run: Path) -> None:
    with WhatIf(run) as what_if:

        def found(model: str, class_id: ClassId) -> int:
            """Count plants beyond the ground that was seen before the recording began."""
            _, decisions = what_if.decide(ReplaySettings(model=model))
            return sum(p.class_id is class_id and p.s_min_m > 3.3 for p in decisions.plants)

        assert found("", ClassId.CROP) > 5
        assert found("exg", ClassId.CROP) == 0, "crop is no green"
        assert found("exg", ClassId.WEED) == found("", ClassId.WEED) > 5


def test_a_model_that_looks_in_processes_is_asked_again_and_given_up(run: Path) -> None:
    with WhatIf(run, workers=2, models=("exg",)) as what_if:
        first = what_if.replay(ReplaySettings(model="exg"))
        again = what_if.replay(ReplaySettings(model="exg").with_value("weed_margin_m", "0.06"))
        assert again.figures.litres > first.figures.litres
    asked = iter([False] * 3)
    began: list[str] = []
    with pytest.raises(ReplayCancelled):
        WhatIf(
            run,
            workers=2,
            models=("exg",),
            progress=lambda what, _: began.append(what),
            cancelled=lambda: next(asked, True),
        )
    assert began  # and no process or thread is left, which the tests watch for


@pytest.mark.slow
def test_a_network_is_found_by_its_name(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = _replayed(run, SHIPPED_NAME, capsys)
    (seen,) = result["replays"]
    assert seen["settings"] == f"model {SHIPPED_NAME}"
    assert seen["weeds"] == result["original"]["weeds"]


@pytest.mark.slow
def test_other_settings_go_with_another_model(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (narrow,) = _replayed(run, "exg", capsys, "--set", "weed_margin_m=0.0")["replays"]
    (wide,) = _replayed(run, "exg", capsys, "--set", "weed_margin_m=0.06")["replays"]
    assert narrow["litres"] < wide["litres"]


@pytest.mark.slow
def test_processes_share_the_pictures_and_see_the_same(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = _replayed(run, "exg", capsys)
    arguments = ["replay", str(run), "--model", "exg", "--workers", "2", "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == [alone]


def test_a_model_that_is_none_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(run), "--model", "nothing", "--workers", "1", "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert "nothing: no such model" in result["problem"]


def test_black_pictures_show_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    black = make_drive().record(tmp_path / "black", 2.0)
    (seen,) = _replayed(black, "exg", capsys)["replays"]
    assert seen["weeds"] > 0
    assert seen["weeds_sprayed"] <= 2, "only what was seen before the recording began"
