"""Confidence that means what it says, in every runtime; frames that the model does not know."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_fields import field_picture, write_source

from agriseg.app import main
from agriseg.errors import ModelFileError
from agriseg.messages import Float64Array as Floats
from agriseg.messages import Frame, Segmentation, UInt8Array
from agriseg.models import open_bundle, open_segmenter
from agriseg.models.bundle import ModelBundle
from agriseg.models.exporting import export_onnx, export_openvino
from agriseg.models.familiarity import FEATURES, FamiliarFrames, frame_features
from agriseg.models.fitting import FAMILIAR_NAME, fit_bundle, fit_temperature

CONFIG = """
version = 1
name = "tiny"
seed = 2
[network]
architecture = "lite0-fpn-small"
[input]
long_side_px = 96
[schedule]
steps = 1
batch = 1
crop_px = 64
learning_rate = 1e-3
[[source]]
name = "tiny"
directory = "tiny"
weight = 1.0
held_out = ["b"]
"""


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(0.0, 1.5, (60_000, 3))
    p = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (rng.random(len(p))[:, None] > p.cumsum(axis=1)).sum(axis=1).astype(np.int64)
    found = fit_temperature(honest * 3.0, truth, images=5)
    assert found.temperature == pytest.approx(3.0, rel=0.05)
    assert found.ece_before > 0.1
    assert found.ece_after < 0.01
    assert found.images == 5


class _Example:
    def __init__(self, seed: int, width_px: int = 160, height_px: int = 96) -> None:
        self._seed, self._size = seed, (width_px, height_px)

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        image, mask = field_picture(self._seed, *self._size)
        noise = np.random.default_rng(self._seed).integers(-9, 10, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def fitted(untrained_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    directory = tmp_path_factory.mktemp("fitted") / "tiny"
    export_openvino(untrained_bundle, directory, [], 1).close()
    training = [_Example(seed).load()[0] for seed in range(30)]
    return fit_bundle(directory, lambda: training, [_Example(s) for s in range(50, 70)], 1)


def _segment(bundle: ModelBundle, image: UInt8Array, runtime: str) -> Segmentation:
    segmenter = open_segmenter(bundle.directory, runtime=runtime, threads=1)  # type: ignore[arg-type]
    seen = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image.copy()))
    segmenter.close()
    return seen


@pytest.mark.parametrize("runtime", ["openvino", "torch-cpu", "onnx"])
def test_every_runtime_divides_by_the_temperature(
    untrained_bundle: ModelBundle, fitted: ModelBundle, tmp_path: Path, runtime: str
) -> None:
    temperature = fitted.manifest.temperature
    assert temperature != pytest.approx(1.0, abs=0.05)
    image = _Example(7).load()[0]
    if runtime == "onnx":
        plain, divided = (
            _segment_onnx(bundle, tmp_path / f"{n}", image)
            for n, bundle in enumerate((untrained_bundle, fitted))
        )
    else:
        plain, divided = (_segment(b, image, runtime) for b in (untrained_bundle, fitted))
    assert (plain.labels == divided.labels).mean() > 0.98
    before, after = _log_odds(plain), _log_odds(divided)
    clear = np.isfinite(before) & np.isfinite(after) & (np.abs(before) > 0.3)
    assert clear.sum() > 100
    ratio = float(np.median(before[clear] / after[clear]))
    assert ratio == pytest.approx(temperature, rel=0.1)


def _log_odds(seen: Segmentation) -> Floats:
    """Return the difference of the logits of weed and crop; not finite where it is rounded off."""
    weed, crop = seen.weed_probability.astype(float), seen.crop_probability.astype(float)
    fine = (weed >= 12) & (crop >= 12)
    return np.where(fine, np.log(np.maximum(weed, 1) / np.maximum(crop, 1)), np.nan)


def _segment_onnx(bundle: ModelBundle, directory: Path, image: UInt8Array) -> Segmentation:
    segmenter = export_onnx(bundle, directory, [], 1)
    seen = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image.copy()))
    segmenter.close()
    return seen


def test_frames_like_those_trained_on_are_familiar_and_others_are_named(
    fitted: ModelBundle,
) -> None:
    segmenter = open_segmenter(fitted.directory, runtime="openvino", threads=1)

    def look(image: UInt8Array) -> Segmentation:
        return segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image.copy()))

    known = [look(_Example(seed).load()[0]) for seed in range(80, 100)]
    assert sum(bool(seen.doubt) for seen in known) <= 3
    image = _Example(3).load()[0]
    assert look((image * 0.08).astype(np.uint8)).doubt == "too dark"
    bright = look(np.clip(image.astype(int) * 3 + 90, 0, 255).astype(np.uint8))
    assert bright.doubt
    assert bright.unfamiliarity > 1.0
    assert look(np.asarray(cv2.GaussianBlur(image, (0, 0), 6.0), np.uint8)).doubt
    assert look(np.ascontiguousarray(image[..., ::-1])).doubt
    segmenter.close()


def test_what_was_fitted_is_in_the_bundle_and_goes_with_its_other_forms(
    fitted: ModelBundle, tmp_path: Path
) -> None:
    manifest = json.loads((fitted.directory / "model.json").read_text())
    assert manifest["format_version"] == 2
    assert manifest["confidence"]["images"] == 20
    assert manifest["familiarity"]["false_alarms"] == 0.02
    assert load_file(fitted.directory / FAMILIAR_NAME)["features"].shape == (30, len(FEATURES))

    export_openvino(fitted, tmp_path / "other", [], 1).close()
    other = open_bundle(tmp_path / "other").manifest
    assert other.confidence == fitted.manifest.confidence
    assert other.familiarity == fitted.manifest.familiarity


def test_damaged_features_are_named(fitted: ModelBundle, tmp_path: Path) -> None:
    export_openvino(fitted, tmp_path / "copy", [], 1).close()
    path = tmp_path / "copy" / FAMILIAR_NAME
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match=r"familiar\.safetensors: .* cut short"):
        open_segmenter(tmp_path / "copy", runtime="openvino", threads=1)
    save_file({"features": np.zeros((5, 3))}, path)
    manifest = json.loads((tmp_path / "copy" / "model.json").read_text())
    from agriseg.models.bundle import file_entry

    manifest["files"]["familiar"] = file_entry(path).model_dump()
    (tmp_path / "copy" / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match=r"not the features of familiar frames"):
        open_segmenter(tmp_path / "copy", runtime="openvino", threads=1)


def test_with_too_few_frames_nothing_is_called_unfamiliar(
    untrained_bundle: ModelBundle, tmp_path: Path
) -> None:
    export_openvino(untrained_bundle, tmp_path / "few", [], 1).close()
    training = [_Example(seed).load()[0] for seed in range(4)]
    bundle = fit_bundle(tmp_path / "few", lambda: training, [_Example(9)], 1)
    assert bundle.manifest.familiarity is None
    assert bundle.manifest.confidence is not None


def test_judging_costs_little_and_looks_at_the_whole_picture() -> None:
    image = np.full((544, 960, 3), 90, np.uint8)
    seen = Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=np.zeros((544, 960), np.uint8),
        weed_probability=np.zeros((544, 960), np.uint8),
        crop_probability=np.zeros((544, 960), np.uint8),
        forward_ms=0.0,
        segmenter="none",
    )
    noisy = image.copy()
    noisy[:, :600] += np.random.default_rng(1).integers(0, 40, (544, 600, 3)).astype(np.uint8)
    flat, half = frame_features(image, seen), frame_features(noisy, seen)
    least = FEATURES.index("least_sharpness")
    assert half[FEATURES.index("sharpness")] > flat[FEATURES.index("sharpness")]
    assert half[least] < flat[least]
    reference = np.stack([flat, flat, half, flat])
    assert FamiliarFrames(reference, 1.0).judge(image, seen).words == ""


def test_the_command_fits_a_copy(
    untrained_bundle: ModelBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(tmp_path / "data" / "tiny", count=24)
    config = tmp_path / "training.toml"
    config.write_text(CONFIG)
    arguments = ["models", "fit", str(untrained_bundle.directory), str(config)]
    arguments += ["--data", str(tmp_path / "data"), "--threads", "1"]
    assert main([*arguments, "--out", str(tmp_path / "fitted")]) == 0
    printed = capsys.readouterr().out
    assert "calibration error" in printed
    assert "2% of 12 held-out frames" in printed
    assert open_bundle(tmp_path / "fitted").manifest.familiarity is not None
    assert open_bundle(untrained_bundle.directory).manifest.confidence is None
    assert main([*arguments, "--out", str(tmp_path / "fitted")]) == 2
    assert "is there already" in capsys.readouterr().err
