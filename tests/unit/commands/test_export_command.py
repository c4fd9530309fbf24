"""`agriseg export`: files that open again, and a loss that is measured and bounded."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from agriseg.app import main
from agriseg.models import open_bundle
from agriseg.models.bundle import InputSpec


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of a small network with random weights."""
    from agriseg.models.export import export_bundle
    from agriseg.models.networks import build_network

    torch.manual_seed(5)
    network = build_network("lite0-fpn-small", 3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        # Statistics of some picture, so that what comes out depends on what goes in.
        network.train()(torch.rand(1, 3, 64, 96) * 2.0 - 1.0)
        network.get_parameter("classify.weight").mul_(4.0)
    directory = tmp_path_factory.mktemp("export") / "small"
    export_bundle(
        network,
        directory,
        name="small",
        version="1",
        architecture="lite0-fpn-small",
        spec=InputSpec(long_side_px=96, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        licence="CC0-1.0",
        calibration=[],
    )
    (directory / "MODEL_CARD.md").write_text("# small\n")
    return directory


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return four labelled images."""
    folder = tmp_path / "pictures"
    rng = np.random.default_rng(1)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(4):
        mask = rng.integers(0, 3, (8, 12)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        image = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 60)], np.uint8)[mask]
        cv2.imwrite(str(folder / "images" / f"p{number}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{number}.png"), mask)
    return folder


def test_float_bundle_is_written_and_compared(
    tmp_path: Path, bundle: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["export", str(bundle), "--out", str(out), "--precision", "float"]
    arguments += ["--data", str(pictures), "--threads", "1", "--max-loss", "100"]
    assert main(arguments) == 0
    written = open_bundle(out)
    assert written.manifest.openvino_precision == "float"
    assert written.manifest.files.weights == open_bundle(bundle).manifest.files.weights
    assert (out / "MODEL_CARD.md").read_text() == "# small\n"
    notes = json.loads((out / "export.json").read_text())
    assert (notes["images"], notes["against"], notes["calibration_images"]) == (4, "truth", 0)
    assert "4 images" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.part"))


def test_eight_bits_that_cost_too_much_are_not_written(
    tmp_path: Path, bundle: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Random weights follow the images by hairs; against float32's own labels bits must cost."""
    if importlib.util.find_spec("nncf") is None:
        pytest.skip("nncf is not installed")
    for path in (pictures / "masks").iterdir():
        path.unlink()
    (pictures / "masks").rmdir()
    out = tmp_path / "out"
    arguments = ["export", str(bundle), "--out", str(out), "--data", str(pictures)]
    assert main([*arguments, "--threads", "1", "--max-loss", "0"]) == 2
    said = capsys.readouterr().err
    assert "not written: int8 loses" in said
    assert "on 2 images" in said
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))

    assert main([*arguments, "--threads", "1", "--max-loss", "100"]) == 0
    notes = json.loads((out / "export.json").read_text())
    assert (notes["calibration_images"], notes["images"]) == (2, 2)
    assert notes["against"] == "float32 labels"
    assert notes["is_bounded"] == (notes["mean_iou_loss_points"] <= 1.0)
    assert open_bundle(out).manifest.openvino_precision == "int8"


def test_onnx_file_without_images_is_compared_on_simulated_fields(
    tmp_path: Path, bundle: Path
) -> None:
    if importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("onnxruntime is not installed")
    out = tmp_path / "out"
    arguments = ["export", str(bundle), "--out", str(out), "--format", "onnx", "--threads", "1"]
    assert main([*arguments, "--precision", "float"]) == 0
    assert (out / "model.onnx").stat().st_size > 100_000
    notes = json.loads((out / "export.json").read_text())
    assert notes["measured_on"] == "simulated field"
    assert notes["label_disagreement_max"] < 0.02


def test_bad_orders_are_refused(
    tmp_path: Path, bundle: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(bundle), "--out", str(out)]) == 2
    assert "--precision int8 needs --data" in capsys.readouterr().err
    assert main(["export", str(bundle), "--out", str(pictures), "--precision", "float"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export", str(bundle), "--out", str(out), "--data", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert not out.exists()
