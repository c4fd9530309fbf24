"""What was measured to be the fastest is found again, and only where it still holds."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agriseg.assembly import build_virtual_machine
from agriseg.config import parse_config
from agriseg.errors import ModelFileError
from agriseg.models import open_segmenter
from agriseg.models.bundle import ModelBundle
from agriseg.models.forms import FORMS, open_form, why_missing
from agriseg.models.runtime_memory import FILE_NAME, MeasuredForm, recall, remember
from agriseg.models.sizing import Size

SMALL, LARGE = Size(320, 240), Size(640, 480)


def _measured(form: str, size: Size = SMALL) -> MeasuredForm:
    return MeasuredForm(
        form=form, fps=50.0, size=size, threads=1, measured_at="2026-01-01T00:00:00+00:00"
    )


def test_remembers_by_frame_size(untrained_bundle: ModelBundle, tmp_path: Path) -> None:
    assert recall(untrained_bundle, SMALL, tmp_path) is None
    remember(untrained_bundle, _measured("torch-cpu"), tmp_path)
    remember(untrained_bundle, _measured("openvino-bf16", LARGE), tmp_path)
    assert recall(untrained_bundle, SMALL, tmp_path) == "torch-cpu"
    assert recall(untrained_bundle, LARGE, tmp_path) == "openvino-bf16"
    assert recall(untrained_bundle, Size(100, 100), tmp_path) is None
    assert recall(untrained_bundle, None, tmp_path) == "openvino-bf16"


def test_a_newer_measurement_takes_the_place_of_the_older(
    untrained_bundle: ModelBundle, tmp_path: Path
) -> None:
    remember(untrained_bundle, _measured("torch-cpu"), tmp_path)
    remember(untrained_bundle, _measured("openvino-float32"), tmp_path)
    assert recall(untrained_bundle, SMALL, tmp_path) == "openvino-float32"
    assert len(json.loads((tmp_path / FILE_NAME).read_text())["entries"]) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("versions", {"openvino": "1999.1"}), ("machine", {"cores": 1}), ("long_side_px", 97)],
)
def test_another_computer_or_version_is_measured_anew(
    untrained_bundle: ModelBundle, tmp_path: Path, key: str, value: object
) -> None:
    remember(untrained_bundle, _measured("torch-cpu"), tmp_path)
    data = json.loads((tmp_path / FILE_NAME).read_text())
    data["entries"][0][key] = value
    (tmp_path / FILE_NAME).write_text(json.dumps(data))
    assert recall(untrained_bundle, SMALL, tmp_path) is None


def test_another_model_is_measured_anew(untrained_bundle: ModelBundle, tmp_path: Path) -> None:
    remember(untrained_bundle, _measured("torch-cpu"), tmp_path)
    manifest = untrained_bundle.manifest
    weights = manifest.files.weights.model_copy(update={"sha256": "0" * 64})
    files = manifest.files.model_copy(update={"weights": weights})
    other = replace(untrained_bundle, manifest=manifest.model_copy(update={"files": files}))
    assert recall(other, SMALL, tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}', '{"entries": 3}'])
def test_a_damaged_file_is_as_good_as_none(
    untrained_bundle: ModelBundle, tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert recall(untrained_bundle, SMALL, tmp_path) is None
    remember(untrained_bundle, _measured("torch-cpu"), tmp_path)
    assert recall(untrained_bundle, SMALL, tmp_path) == "torch-cpu"


def test_auto_opens_what_is_remembered(
    untrained_bundle: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remember(untrained_bundle, _measured("torch-cpu"))
    segmenter = open_segmenter(untrained_bundle.directory, threads=1)
    segmenter.close()
    assert "torch CPU" in segmenter.name


def test_a_machine_opens_what_is_remembered_for_its_camera_s_size(
    untrained_bundle: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remember(untrained_bundle, _measured("torch-cpu"))
    remember(untrained_bundle, _measured("openvino-float32", LARGE))
    config = parse_config(
        {
            "camera": {"width_px": SMALL.width_px, "height_px": SMALL.height_px},
            "model": {"path": str(untrained_bundle.directory), "threads": 1},
        },
        source="test",
    )
    with closing(build_virtual_machine(config, tmp_path / "run")) as machine:
        assert "torch CPU" in machine.engine.snapshot().segmenter_name


def test_auto_never_converts_a_model_to_open_it(
    untrained_bundle: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would delay the start of spraying; the next best is taken."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remember(untrained_bundle, _measured("onnxruntime"))
    segmenter = open_segmenter(untrained_bundle.directory, threads=1)
    segmenter.close()
    assert "ONNX" not in segmenter.name


def test_forms_say_why_they_cannot_be_opened(untrained_bundle: ModelBundle) -> None:
    assert "agriseg export" in why_missing(untrained_bundle, "openvino-int8")
    with pytest.raises(ModelFileError, match="cannot be opened as openvino-int8"):
        open_form(untrained_bundle, "openvino-int8", 1, may_convert=True)
    with pytest.raises(ModelFileError, match="'abacus' is no form of a model"):
        open_form(untrained_bundle, "abacus", 1, may_convert=True)
    assert why_missing(untrained_bundle, "torch-cpu") == ""
    assert set(FORMS) >= {"cuda", "tensorrt", "openvino-bf16"}
