"""ONNX files say what the network says, in ONNX Runtime and in OpenVINO, at any size."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_fields import field_picture

from agriseg.errors import ModelFileError
from agriseg.messages import Frame
from agriseg.models.bundle import ModelBundle
from agriseg.models.export import normalise_image
from agriseg.models.exporting import export_onnx, open_float32
from agriseg.models.onnx_files import network_to_onnx
from agriseg.models.onnx_runtime import require
from agriseg.models.torch_segmenter import load_network

pytest.importorskip("onnx")
if importlib.util.find_spec("onnxruntime") is None:
    pytest.skip("onnxruntime is not installed", allow_module_level=True)
onnx, onnxruntime = require("onnx"), require("onnxruntime")


@pytest.fixture(scope="module")
def exported(untrained_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("onnx") / "out"
    export_onnx(untrained_bundle, out, [], threads=1).close()
    return out / "model.onnx"


@pytest.mark.parametrize("size", [(96, 64), (64, 128)])
def test_logits_are_those_of_torch(
    untrained_bundle: ModelBundle, exported: Path, size: tuple[int, int]
) -> None:
    x = normalise_image(field_picture(2, *size)[0], untrained_bundle.manifest.input)
    expected = load_network(untrained_bundle)(torch.from_numpy(x)).numpy()
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    found = session.run(["logits"], {"image": x})[0]
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_openvino_reads_the_same_file(untrained_bundle: ModelBundle, exported: Path) -> None:
    from agriseg.models.openvino_runtime import ov

    x = normalise_image(field_picture(2)[0], untrained_bundle.manifest.input)
    expected = load_network(untrained_bundle)(torch.from_numpy(x)).numpy()
    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    found: Any = core.compile_model(core.read_model(exported), "CPU", settings)([x])[0]
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_file_says_how_it_is_used(untrained_bundle: ModelBundle, exported: Path) -> None:
    model = onnx.load(str(exported))
    notes = {item.key: item.value for item in model.metadata_props}
    assert json.loads(notes["classes"]) == ["soil", "crop", "weed"]
    assert json.loads(notes["input"])["long_side_px"] == 96
    assert notes["licence"] == "CC-BY-SA-4.0"
    assert {item.domain: item.version for item in model.opset_import}[""] == 17


def test_a_network_that_onnx_cannot_hold_is_named(untrained_bundle: ModelBundle) -> None:
    class Spectrum(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.eigh(x).eigenvectors

    with pytest.raises(ModelFileError, match=r"'lite0-fpn-small' cannot be written as ONNX"):
        network_to_onnx(Spectrum(), untrained_bundle.manifest)


@pytest.mark.parametrize("size", [(96, 64), (150, 70), (64, 200)])
def test_frame_model_agrees_with_torch(
    untrained_bundle: ModelBundle, tmp_path: Path, size: tuple[int, int]
) -> None:
    frame = Frame(frame_id=3, t_capture_s=2.0, image=field_picture(5, *size)[0])
    segmenter = export_onnx(untrained_bundle, tmp_path / "out", [], threads=1)
    found = segmenter.segment(frame)
    segmenter.close()
    expected = open_float32(untrained_bundle, threads=1).segment(frame)
    assert (found.frame_id, found.t_capture_s) == (3, 2.0)
    assert found.labels.shape == (size[1], size[0])
    assert (found.labels != expected.labels).mean() < 0.002
    gap = found.weed_probability.astype(int) - expected.weed_probability
    assert np.abs(gap).max() <= 1


def test_onnx_runtime_reports_to_nobody(exported: Path, tmp_path: Path, repository: Path) -> None:
    """Left to itself it keeps a number for the computer in the cache folder, and sends it."""
    program = (
        "import sys\n"
        "from agriseg.models.onnx_runtime import require\n"
        "require('onnxruntime').InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", program, str(exported)]
    subprocess.run(command, cwd=repository, env=home, check=True, capture_output=True)
    assert list(tmp_path.rglob("*")) == []
