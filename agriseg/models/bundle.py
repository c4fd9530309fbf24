"""A model bundle: a folder with weights and a manifest, checked whole before anything is used.

The format is described in ``FORMAT.md``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agriseg.errors import ModelFileError
from agriseg.messages import GroupingRule

FORMAT = "agriseg-model"
FORMAT_VERSION = 2
"""What bundles with plant heads are written in; others stay at the first version."""
READ_VERSIONS = (1, 2)
MANIFEST_NAME = "model.json"
SHIPPED_NAME = "field-lite0"
CLASS_NAMES = ("soil", "crop", "weed")

_MANIFEST_LIMIT_BYTES = 1_000_000
_PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Section):
    """One file of the bundle: a plain name in the same folder, and what it must contain."""

    name: Annotated[str, Field(pattern=_PLAIN_NAME)]
    bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BundleFiles(_Section):
    """The files of a bundle, by role."""

    weights: FileEntry
    """Weights for torch, safetensors."""
    openvino_model: FileEntry
    """OpenVINO IR, topology (XML)."""
    openvino_weights: FileEntry
    """OpenVINO IR, weights."""
    familiar: FileEntry | None = None
    """What frames the model knows look like, safetensors."""

    def entries(self) -> tuple[FileEntry, ...]:
        """Return all files."""
        networks = (self.weights, self.openvino_model, self.openvino_weights)
        return networks if self.familiar is None else (*networks, self.familiar)


class InputSpec(_Section):
    """How a frame becomes the network's input: ``(value / 255 - mean) / std`` per RGB channel."""

    long_side_px: Annotated[int, Field(ge=64, le=4096)]
    mean: tuple[float, float, float]
    std: tuple[
        Annotated[float, Field(gt=0.0)],
        Annotated[float, Field(gt=0.0)],
        Annotated[float, Field(gt=0.0)],
    ]


class PlantsSpec(_Section):
    """That the network has plant heads, and how plants are read off their maps.

    The values are those of `agriseg.messages.GroupingRule`.
    """

    least_centre: Annotated[float, Field(gt=0.0, le=1.0)] = GroupingRule().least_centre
    spacing_cells: Annotated[int, Field(ge=1, le=100)] = GroupingRule().spacing_cells
    reach_cells: Annotated[float, Field(gt=0.0, le=1000.0)] = GroupingRule().reach_cells
    least_cells: Annotated[float, Field(ge=0.0, le=10_000.0)] = GroupingRule().least_cells

    @property
    def rule(self) -> GroupingRule:
        """The same as a value for the other stages."""
        return GroupingRule(**self.model_dump())


class ConfidenceSpec(_Section):
    """How probabilities are made to mean what they say (Guo et al., ICML 2017).

    Attributes
    ----------
    temperature : float
        The logits are divided by it before the softmax; the classes stay the same.
    images : int
        Held-out images that it was fitted to.
    ece_before, ece_after : float
        Expected calibration error on them.
    """

    temperature: Annotated[float, Field(gt=0.01, lt=100.0)]
    images: Annotated[int, Field(ge=1)]
    ece_before: float
    ece_after: float


class FamiliaritySpec(_Section):
    """From which distance on a frame is unlike those that the model knows.

    Attributes
    ----------
    threshold : float
    false_alarms : float
        Share of the held-out frames beyond it.
    frames : int
        Held-out frames that it was set by.
    """

    threshold: Annotated[float, Field(gt=0.0)]
    false_alarms: Annotated[float, Field(ge=0.0, le=0.5)]
    frames: Annotated[int, Field(ge=1)]


class Manifest(_Section):
    """What ``model.json`` says.

    ``openvino_precision`` says what the OpenVINO file computes in: ``int8`` or ``float``.
    ``plants`` is there where the network has plant heads, ``confidence`` and ``familiarity`` where
    they were fitted.
    """

    format: Literal["agriseg-model"]
    format_version: Literal[1, 2]
    name: Annotated[str, Field(pattern=_PLAIN_NAME)]
    version: str
    architecture: str
    classes: tuple[str, ...]
    input: InputSpec
    openvino_precision: Literal["int8", "float"]
    files: BundleFiles
    licence: str
    attribution: str
    plants: PlantsSpec | None = None
    confidence: ConfidenceSpec | None = None
    familiarity: FamiliaritySpec | None = None

    @property
    def temperature(self) -> float:
        """What the logits are divided by before the softmax."""
        return 1.0 if self.confidence is None else self.confidence.temperature

    @property
    def grouping(self) -> GroupingRule | None:
        """How plants are told apart; None for networks without plant heads."""
        return None if self.plants is None else self.plants.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelBundle:
    """A bundle whose files have been checked."""

    directory: Path
    manifest: Manifest

    @property
    def weights_path(self) -> Path:
        """Weights for torch, safetensors."""
        return self.directory / self.manifest.files.weights.name

    @property
    def familiar_path(self) -> Path | None:
        """What the frames look like that the model knows, safetensors; None where nobody said."""
        entry = self.manifest.files.familiar
        return None if entry is None else self.directory / entry.name

    @property
    def openvino_path(self) -> Path:
        """OpenVINO IR (XML); its weights lie beside it."""
        return self.directory / self.manifest.files.openvino_model.name


def shipped_model() -> Path:
    """Return the folder of the model that comes with the program.

    Raises
    ------
    ModelFileError
        The installation lacks it.
    """
    package = Path(__file__).resolve().parent.parent
    candidates = [root / "assets" / "models" / SHIPPED_NAME for root in (package, package.parent)]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise ModelFileError(
        f"the shipped model {SHIPPED_NAME!r} is missing from this installation, looked in "
        f"{' and '.join(str(c) for c in candidates)}; install agriseg again or name a bundle"
    )


def open_bundle(path: Path) -> ModelBundle:
    """Check a model bundle: kind, version, every file's size and checksum.

    Parameters
    ----------
    path : Path
        The bundle's folder or its ``model.json``.

    Raises
    ------
    ModelFileError
        The path is no bundle, or anything in it is missing, damaged or of another version.
    """
    directory = path.parent if path.name == MANIFEST_NAME else path
    manifest = _read_manifest(path, directory)
    files = manifest.files
    if Path(files.openvino_model.name).stem != Path(files.openvino_weights.name).stem:
        raise ModelFileError(
            f"{directory / MANIFEST_NAME}: {files.openvino_model.name} and "
            f"{files.openvino_weights.name} must have the same stem"
        )
    for entry in files.entries():
        _check_file(directory / entry.name, entry)
    return ModelBundle(directory=directory, manifest=manifest)


def file_entry(path: Path) -> FileEntry:
    """Describe a file for the manifest."""
    return FileEntry(name=path.name, bytes=path.stat().st_size, sha256=_sha256(path))


def _read_manifest(path: Path, directory: Path) -> Manifest:
    manifest_path = directory / MANIFEST_NAME
    if not path.exists():
        raise ModelFileError(
            f"{path}: no such model; expected a folder with {MANIFEST_NAME}, check the path"
        )
    if not manifest_path.is_file():
        kind = f"a {path.suffix or 'plain'} file" if path.is_file() else "a folder without it"
        raise ModelFileError(
            f"{path}: not a model bundle ({kind}); expected a folder with {MANIFEST_NAME}. "
            "Single weight files (.pt, .pth, .onnx, .safetensors) are not opened"
        )
    if manifest_path.stat().st_size > _MANIFEST_LIMIT_BYTES:
        raise ModelFileError(f"{manifest_path}: larger than any manifest; not a model bundle")
    try:
        data = json.loads(manifest_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{manifest_path}: cannot be read as JSON ({error})") from error
    _check_kind(manifest_path, data)
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelFileError(
            f"{manifest_path}: {key}: {first['msg']}, found {first.get('input')!r:.80}"
        ) from error
    if manifest.classes != CLASS_NAMES:
        raise ModelFileError(
            f"{manifest_path}: classes are {', '.join(manifest.classes)}; this version works "
            f"with {', '.join(CLASS_NAMES)}"
        )
    return manifest


def _check_kind(manifest_path: Path, data: object) -> None:
    found = data.get("format") if isinstance(data, dict) else type(data).__name__
    if not isinstance(data, dict) or found != FORMAT:
        raise ModelFileError(
            f"{manifest_path}: format is {found!r}, expected {FORMAT!r}; not a model of AgriSeg"
        )
    version = data.get("format_version")
    if version not in READ_VERSIONS:
        known = " and ".join(str(one) for one in READ_VERSIONS)
        raise ModelFileError(
            f"{manifest_path}: format version {version!r}, this program reads {known}; "
            "update AgriSeg or export the model again"
        )


def _check_file(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise ModelFileError(f"{path}: missing; {MANIFEST_NAME} names it. Copy the whole folder")
    size = path.stat().st_size
    if size != entry.bytes:
        raise ModelFileError(
            f"{path}: {size} bytes, {MANIFEST_NAME} says {entry.bytes}; "
            f"{'cut short' if size < entry.bytes else 'altered'}, copy the bundle again"
        )
    found = _sha256(path)
    if found != entry.sha256:
        raise ModelFileError(
            f"{path}: checksum {found[:12]}..., {MANIFEST_NAME} says {entry.sha256[:12]}...; "
            "damaged or altered, copy the bundle again"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
