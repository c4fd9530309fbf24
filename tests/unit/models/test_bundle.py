"""Only whole bundles of our own kind are opened."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agriseg.errors import ModelFileError
from agriseg.models.bundle import ModelBundle, open_bundle, shipped_model


@pytest.fixture
def bundle(untrained_bundle: ModelBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untrained_bundle.directory, tmp_path / "bundle"))


def _edit(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = bundle / "model.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_opens_by_folder_and_by_manifest(bundle: Path) -> None:
    assert open_bundle(bundle).manifest.name == "tiny"
    assert open_bundle(bundle / "model.json").directory == bundle


def test_shipped_model_is_whole_and_small() -> None:
    bundle = open_bundle(shipped_model())
    assert bundle.manifest.licence == "CC-BY-SA-4.0"
    assert (bundle.directory / bundle.manifest.attribution).is_file()
    assert all(entry.bytes < 20_000_000 for entry in bundle.manifest.files.entries())


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nowhere: no such model"):
        open_bundle(tmp_path / "nowhere")


def test_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"not a model bundle"):
        open_bundle(tmp_path)


def test_single_pickle_is_never_opened(tmp_path: Path) -> None:
    # A pickle that would leave a mark if anything loaded it.
    mark = tmp_path / "mark"
    pickle = b"cbuiltins\nexec\n(S'open(%r, \"w\")'\ntR." % str(mark).encode()
    (tmp_path / "model.pt").write_bytes(pickle)
    with pytest.raises(ModelFileError, match=r"a \.pt file.*are not opened"):
        open_bundle(tmp_path / "model.pt")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "onnx", r"format is 'onnx', expected 'agriseg-model'"),
        ("format_version", 3, r"format version 3, this program reads 1 and 2"),
        ("plants", {"least_centre": 2.0}, r"plants\.least_centre: .*found 2\.0"),
        ("classes", ["soil", "weed"], r"classes are soil, weed"),
        ("surprise", 1, r"surprise: Extra inputs"),
        ("openvino_precision", "int4", r"openvino_precision"),
    ],
)
def test_wrong_manifest_is_refused(bundle: Path, key: str, value: object, message: str) -> None:
    _edit(bundle, lambda data: data.update({key: value}))
    with pytest.raises(ModelFileError, match=message):
        open_bundle(bundle)


def test_manifest_that_is_no_json_is_refused(bundle: Path) -> None:
    (bundle / "model.json").write_text("{")
    with pytest.raises(ModelFileError, match=r"cannot be read as JSON"):
        open_bundle(bundle)


def test_file_names_cannot_leave_the_folder(bundle: Path) -> None:
    _edit(bundle, lambda data: data["files"]["weights"].update(name="../model.safetensors"))
    with pytest.raises(ModelFileError, match=r"files\.weights\.name"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", ["model.safetensors", "model.xml", "model.bin"])
def test_damage_is_found(bundle: Path, name: str) -> None:
    path = bundle / name
    whole = path.read_bytes()

    path.write_bytes(whole[:-100])
    with pytest.raises(ModelFileError, match=r"cut short"):
        open_bundle(bundle)

    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ModelFileError, match=rf"{name}: checksum"):
        open_bundle(bundle)

    path.unlink()
    with pytest.raises(ModelFileError, match=rf"{name}: missing"):
        open_bundle(bundle)


def _replace(bundle: Path, role: str, content: bytes) -> None:
    def change(data: dict[str, Any]) -> None:
        entry = data["files"][role]
        (bundle / entry["name"]).write_bytes(content)
        entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    _edit(bundle, change)


def test_weights_that_are_no_safetensors_are_refused(bundle: Path) -> None:
    from agriseg.models import open_segmenter

    _replace(bundle, "weights", b"PK\x03\x04 a zip file with a pickle inside")
    with pytest.raises(ModelFileError, match=r"not a safetensors file"):
        open_segmenter(bundle, runtime="torch-cpu", threads=1)


def test_weights_of_another_network_are_refused(bundle: Path) -> None:
    from agriseg.models import open_segmenter

    _edit(bundle, lambda data: data.update(architecture="lite0-fpn"))
    with pytest.raises(ModelFileError, match=r"do not fit 'lite0-fpn'"):
        open_segmenter(bundle, runtime="torch-cpu", threads=1)


def test_unknown_architecture_is_refused(bundle: Path) -> None:
    from agriseg.models import open_segmenter

    _edit(bundle, lambda data: data.update(architecture="crystal-ball"))
    with pytest.raises(ModelFileError, match=r"'crystal-ball' is not known; expected one of"):
        open_segmenter(bundle, runtime="torch-cpu", threads=1)


def test_openvino_file_that_is_none_is_refused(bundle: Path) -> None:
    from agriseg.models import open_segmenter

    _replace(bundle, "openvino_model", b"<net/>")
    with pytest.raises(ModelFileError, match=r"cannot be opened with openvino"):
        open_segmenter(bundle, runtime="openvino", threads=1)
