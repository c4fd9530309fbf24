"""Where a model comes from: data by their checksums, the code, the model that it began with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agriseg.datasets.labels import Sample, read_image
from agriseg.errors import RegistryError
from agriseg.models.bundle import ModelBundle

PROVENANCE_NAME = "provenance.json"
FORMAT = "agriseg-provenance"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRef(_Section):
    """A model by what cannot be mistaken: its weights."""

    name: str
    version: str
    weights_sha256: str


class DataRecord(_Section):
    """One source that a model learned from.

    Attributes
    ----------
    name, kind : str
    directory : str
        Where it lay; empty for simulated fields.
    role : str
        ``new``, ``replay`` or ``protected``.
    trained, held_out : int
        Images.
    sha256 : str
        Of names, pictures and labels, by `samples_sha256`; empty for simulated fields.
    licence, attribution : str
    """

    name: str
    kind: str
    directory: str = ""
    role: Literal["new", "replay", "protected", "simulation"] = "new"
    trained: int = 0
    held_out: int = 0
    sha256: str = ""
    licence: str = ""
    attribution: str = ""


class Provenance(_Section):
    """How a model came to be.

    Attributes
    ----------
    made_at : datetime
    parent : ModelRef, optional
        The model that it began with.
    data : tuple of DataRecord
    config_sha256 : str
        Of ``training.toml``.
    code_sha256 : str
        Of the program's own source files, by `code_sha256`.
    versions : dict
        Of the program and its libraries.
    note : str
    """

    format: Literal["agriseg-provenance"] = "agriseg-provenance"
    format_version: Literal[1] = 1
    made_at: datetime
    parent: ModelRef | None = None
    data: tuple[DataRecord, ...] = ()
    config_sha256: str = ""
    code_sha256: str = ""
    versions: dict[str, str] = {}
    note: str = ""


def model_ref(bundle: ModelBundle) -> ModelRef:
    """Return what names a model without doubt."""
    manifest = bundle.manifest
    return ModelRef(
        name=manifest.name, version=manifest.version, weights_sha256=manifest.files.weights.sha256
    )


def read_provenance(bundle: Path) -> Provenance | None:
    """Read a bundle's provenance; None where nobody wrote it down.

    Raises
    ------
    RegistryError
        The file cannot be read.
    """
    path = bundle / PROVENANCE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read ({error})") from error
    try:
        return Provenance.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RegistryError(f"{path}: {key}: {first['msg']}") from error


def samples_sha256(samples: Iterable[Sample]) -> str:
    """Return a checksum of pictures and labels, in whatever format the labels are kept.

    Names, the pictures' bytes and the labels' pixels count, the order does not.

    Raises
    ------
    DatasetError
        A picture or its labels cannot be read.
    """
    lines = []
    for sample in samples:
        image = read_image(sample.image_path)
        shape = (image.shape[0], image.shape[1])
        mask = sample.labels.read(shape, with_ids=False).mask
        picture = hashlib.sha256(sample.image_path.read_bytes()).hexdigest()
        lines.append(f"{sample.stem} {picture} {hashlib.sha256(mask.tobytes()).hexdigest()}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def code_sha256() -> str:
    """Return a checksum of the program's own Python files: what made the model."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()
