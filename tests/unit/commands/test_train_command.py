"""`agriseg train` and `agriseg evaluate` on a data set of circles, from files to a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file

from agriseg.app import main

CONFIG = """
version = 1
name = "circles"
seed = 5
[network]
architecture = "lite0-fpn-small"
pretrained = false
[input]
long_side_px = 96
[schedule]
steps = 2
batch = 2
crop_px = 64
learning_rate = 1e-3
warmup_steps = 1
validate_every = 1
validation_images = 1
checkpoint_every = 1
mixed_precision = false
[export]
quantise = false
[[source]]
name = "circles"
directory = "circles"
weight = 1.0
held_out = ["b"]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "circles"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for index in range(4):
        mask = np.zeros((64, 96), np.uint8)
        cv2.circle(mask, (20 + 10 * index, 30), 9, 1, -1)
        cv2.circle(mask, (80, 20), 6, 2, -1)
        image = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 160)], np.uint8)[mask]
        cv2.imwrite(str(folder / "images" / f"p{index}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{index}.png"), mask)
    groups = {"p0": "a", "p1": "a", "p2": "b", "p3": "b"}
    (folder / "groups.json").write_text(json.dumps(groups))
    return folder.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "circles.toml"
    path.write_text(CONFIG)
    return path


def test_trains_exports_and_scores(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "training"
    shared = [str(config), "--data", str(data)]
    arguments = ["train", *shared, "--out", str(out), "--threads", "1", "--device", "cpu"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "step 2/2" in printed
    assert "circles.miou" in printed
    assert f"model written to {out / 'bundle'}" in printed

    figures = tmp_path / "figures.json"
    arguments = ["evaluate", str(out / "bundle"), *shared, "--runtime", "openvino"]
    arguments += ["--threads", "1", "--json", str(figures)]
    assert main(arguments) == 0
    assert "| circles | 2 |" in capsys.readouterr().out
    scores = json.loads(figures.read_text())["sources"]["circles"]
    assert np.sum(scores["confusion"]) == 2 * 64 * 96
    assert scores["groups"] == 1


def test_a_training_begins_from_the_bundle_that_the_configuration_names(
    tmp_path: Path, data: Path, config: Path
) -> None:
    def train(
        path: Path, out: Path
    ) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        arguments = ["train", str(path), "--data", str(data), "--out", str(out)]
        assert main([*arguments, "--threads", "1", "--device", "cpu"]) == 0
        return load_file(out / "bundle" / "model.safetensors")

    still = CONFIG.replace("learning_rate = 1e-3", "learning_rate = 1e-12")
    first = train(config, tmp_path / "first")
    follow_up = tmp_path / "follow-up.toml"
    follow_up.write_text(
        still.replace("seed = 5", "seed = 6").replace(
            "[input]", 'start_from = "first/bundle"\n[input]'
        )
    )
    second = train(follow_up, tmp_path / "second")
    weights = [key for key in first if key.endswith(".weight")]
    for key in weights:
        np.testing.assert_allclose(second[key], first[key], atol=1e-5, err_msg=key)


def test_a_finished_training_is_not_overwritten(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "training"
    out.mkdir()
    (out / "checkpoint.pt").write_bytes(b"hours of work")
    arguments = ["train", str(config), "--data", str(data), "--out", str(out), "--device", "cpu"]
    assert main(arguments) == 2
    assert "a training is there already" in capsys.readouterr().err
    assert (out / "checkpoint.pt").read_bytes() == b"hours of work"


def test_missing_data_is_named(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(config), "--data", str(tmp_path), "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert f"{tmp_path / 'circles' / 'images'}: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("architecture", ["random-forest", "linear-svm"])
def test_fits_a_classical_classifier_in_one_go(
    architecture: str,
    tmp_path: Path,
    data: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config.write_text(
        CONFIG.replace("lite0-fpn-small", architecture)
        .replace("steps = 2", "steps = 8")
        .replace("quantise = false", "quantise = true")
    )
    out = tmp_path / "training"
    arguments = ["train", str(config), "--data", str(data), "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert float(printed.split("circles.miou ")[1].split()[0]) > 0.6
    manifest = json.loads((out / "bundle" / "model.json").read_text())
    assert manifest["architecture"] == architecture
    assert manifest["openvino_precision"] == "float"
    assert main([*arguments, "--resume"]) == 2
    assert "fitted in one go" in capsys.readouterr().err


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_named(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(config), "--data", str(data), "--device", "cuda"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "torch sees no CUDA device" in capsys.readouterr().err
