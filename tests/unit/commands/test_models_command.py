"""`agriseg models`: what is found, what is told about it, what is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.app import main
from agriseg.models.bundle import SHIPPED_NAME, shipped_model
from agriseg.models.networks import ARCHITECTURES


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's models: one whole, one cut short."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "agriseg" / "models"
    folder.mkdir(parents=True)
    (folder / "mine").symlink_to(shipped_model(), target_is_directory=True)
    (folder / "broken").mkdir()
    shutil.copy(shipped_model() / "model.json", folder / "broken")
    return folder


def _json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_lists_shipped_and_own_models_and_every_architecture(
    user_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = _json(["models", "list"], capsys)
    models = {one["name"]: one for one in listed["models"]}
    assert set(models) >= {SHIPPED_NAME, "mine", "broken"}
    assert models[SHIPPED_NAME]["is_shipped"]
    assert not models["mine"]["is_shipped"]
    assert models["mine"]["problem"] == ""
    assert "missing" in models["broken"]["problem"]
    assert {one["name"] for one in listed["architectures"]} == set(ARCHITECTURES)
    assert listed["user_folder"] == str(user_folder)
    assert listed["deployed"] == SHIPPED_NAME


def test_the_list_for_people_names_them_too(
    user_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["models", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (SHIPPED_NAME, "mine", "broken", *ARCHITECTURES))
    assert "cannot be used" in printed


def test_tells_all_about_a_model(user_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name = _json(["models", "info", "mine"], capsys)
    by_folder = _json(["models", "info", str(shipped_model())], capsys)
    assert by_name["classes"] == ["soil", "crop", "weed"]
    assert by_name["weights_sha256"] == by_folder["weights_sha256"]
    assert by_name["licence"]
    assert by_name["training"]["sources"]
    assert main(["models", "info", SHIPPED_NAME]) == 0
    printed = capsys.readouterr().out
    card = (shipped_model() / "MODEL_CARD.md").read_text().rstrip()
    assert printed.rstrip().endswith(card)
    assert f"{by_name['parameters'] / 1e6:.2f} M" in printed


def test_tells_all_about_an_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    small = _json(["models", "info", "pidnet-s", "--size", "128x64"], capsys)
    large = _json(["models", "info", "pidnet-s", "--size", "256x64"], capsys)
    assert small["paper"] == ARCHITECTURES["pidnet-s"].paper
    assert small["parameters"] == large["parameters"]
    assert large["macs"] == pytest.approx(2 * small["macs"], rel=0.01)
    assert main(["models", "info", "pidnet-s"]) == 0
    assert "at 1/8 of the input's size" in capsys.readouterr().out


def test_compares_on_this_computer(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["lite0-fpn-small", "fast-scnn"]
    options = ["--size", "64x32", "--rounds", "2", "--threads", "1", "--names", *names]
    figures = _json(["models", "compare", *options], capsys)
    rows = figures["architectures"]
    assert {row["name"] for row in rows} == set(names)
    assert 0.0 < rows[0]["median_ms"] <= rows[1]["median_ms"]
    assert all(row["slowest_tenth_ms"] >= row["median_ms"] for row in rows)
    assert (figures["threads"], figures["rounds"], figures["size"]) == (1, 2, "64x32")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "no-such-thing"], "no such model"),
        (["info", "broken"], "missing"),
        (["info", "unet-16", "--size", "500"], "expected WIDTHxHEIGHT"),
        (["compare", "--size", "500x320"], "500 is no side that networks take"),
        (["compare", "--names", "u-nett"], "'u-nett' is not known"),
        (["compare", "--rounds", "0"], "--rounds 0: expected 1"),
        (["compare", "--threads", "-1"], "--threads -1: expected 1"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    user_folder: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


CIRCLES = """
version = 1
name = "circles"
seed = 5
[network]
architecture = "lite0-fpn"
[input]
long_side_px = 96
[schedule]
steps = 4
batch = 2
crop_px = 64
learning_rate = 1e-3
warmup_steps = 1
mixed_precision = false
[export]
quantise = false
[[source]]
name = "circles"
directory = "circles"
weight = 1.0
long_side_px = 96
held_out = ["b"]
"""


@pytest.fixture
def search_arguments(tmp_path: Path) -> list[str]:
    """Return the arguments of a search over tiny circles, up to the budget."""
    folder = tmp_path / "circles"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(4):
        mask = np.zeros((64, 96), np.uint8)
        cv2.circle(mask, (20 + 10 * number, 30), 9, 1, -1)
        cv2.circle(mask, (80, 20), 6, 2, -1)
        image = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 160)], np.uint8)[mask]
        cv2.imwrite(str(folder / "images" / f"p{number}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{number}.png"), mask)
    (folder / "groups.json").write_text(json.dumps({"p0": "a", "p1": "a", "p2": "b", "p3": "b"}))
    config = tmp_path / "circles.toml"
    config.write_text(CIRCLES)
    return [
        *("models", "search", "--size", "96x64", "--config", str(config)),
        *("--data", str(tmp_path), "--out", str(tmp_path / "found")),
        *("--candidates", "2", "--rounds", "1", "--threads", "1", "--latency-ms"),
    ]


def test_searches_exports_and_repeats_its_result(
    search_arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*search_arguments, "10000"]) == 0
    first = capsys.readouterr().out
    figures = json.loads((tmp_path / "found" / "search.json").read_text())
    manifest = json.loads((tmp_path / "found" / "bundle" / "model.json").read_text())
    assert manifest["architecture"] == figures["architecture"]
    assert manifest["input"]["long_side_px"] == figures["long_side_px"]
    assert [trial["steps"] for trial in figures["trials"]] == [4, 4]
    assert f"best: {figures['winner']}" in first
    weights = (tmp_path / "found" / "bundle" / "model.safetensors").read_bytes()
    latencies = (tmp_path / "found" / "latencies.json").read_bytes()
    shutil.rmtree(tmp_path / "found")
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "latencies.json").write_bytes(latencies)
    assert main([*search_arguments, "10000"]) == 0
    assert capsys.readouterr().out == first
    assert (tmp_path / "found" / "bundle" / "model.safetensors").read_bytes() == weights


def test_a_search_without_hope_says_so(
    search_arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*search_arguments, "0.0001"]) == 2
    assert "no candidate keeps within 0.0001 ms here" in capsys.readouterr().err
    assert main([*search_arguments, "-1"]) == 2
    assert "--latency-ms -1: expected more than 0" in capsys.readouterr().err
