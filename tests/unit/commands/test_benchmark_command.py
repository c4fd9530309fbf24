"""`agriseg benchmark` on a small bundle: figures of every runtime, and a choice that is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from agriseg.app import main
from agriseg.models import open_bundle
from agriseg.models.bundle import InputSpec
from agriseg.models.runtime_memory import recall
from agriseg.models.sizing import Size


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of a small network with random weights."""
    from agriseg.models.export import export_bundle
    from agriseg.models.networks import build_network

    torch.manual_seed(5)
    return export_bundle(
        build_network("lite0-fpn-small", 3),
        tmp_path_factory.mktemp("benchmark") / "small",
        name="small",
        version="1",
        architecture="lite0-fpn-small",
        spec=InputSpec(long_side_px=96, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        licence="CC0-1.0",
        calibration=[],
    ).directory


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_measures_compares_and_remembers(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    arguments = ["benchmark", "--model", str(bundle), "--size", "96x64", "--seconds", "0.1"]
    assert main([*arguments, "--threads", "1", "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert (figures["size"], figures["network_size"]) == ("96x64", "96x64")
    runtimes = figures["runtimes"]
    assert {"torch-cpu", "openvino-float32"} <= set(runtimes)
    assert set(runtimes) | set(figures["unavailable"]) >= {"cuda", "tensorrt", "openvino-int8"}
    for runtime in runtimes.values():
        assert 0.0 < runtime["median_ms"] <= runtime["p95_ms"]
        assert runtime["fps"] == pytest.approx(1e3 / runtime["median_ms"])
        assert runtime["frames"] >= 3
    assert runtimes["torch-cpu"]["difference"]["label_disagreement_max"] == 0.0
    assert runtimes["openvino-float32"]["difference"]["mean_iou_loss_points"] < 0.5
    best = figures["best"]
    assert best["fps"] == runtimes[best["runtime"]]["fps"]
    assert recall(open_bundle(bundle), Size(96, 64)) == figures["remembered"]
    printed = capsys.readouterr().out
    assert f"fastest within one point of mean IoU: {best['runtime']}" in printed
    assert "not measured: openvino-int8: the bundle's OpenVINO file is in floating point" in printed


def test_another_scale_is_not_remembered(tmp_path: Path, bundle: Path) -> None:
    path = tmp_path / "figures.json"
    arguments = ["benchmark", "--model", str(bundle), "--size", "96x64", "--seconds", "0.1"]
    arguments += ["--long-side", "64", "--threads", "1", "--json", str(path)]
    assert main(arguments) == 0
    assert json.loads(path.read_text())["network_size"] == "64x32"
    assert recall(open_bundle(bundle), Size(96, 64)) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "big"], "--size big: expected WIDTHxHEIGHT"),
        (["--size", "5000x64"], "5000 px is no side of a frame; expected 64 to 4096"),
        (["--seconds", "0"], "--seconds 0: expected 0.1 to 3600"),
        (["--images", "nowhere"], "nowhere: no such folder"),
        (["--model", "nothing"], "nothing: no such model"),
    ],
)
def test_bad_orders_are_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", *arguments]) == 2
    assert sentence in capsys.readouterr().err
