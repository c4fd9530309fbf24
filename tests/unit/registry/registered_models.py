"""Small bundles to be registered: files that are whole, and weights that nobody runs."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agriseg.registry.proof import Proof
from agriseg.registry.provenance import ModelRef, Provenance
from agriseg.registry.store import ModelRegistry

BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


class Calendar:
    """A clock that shows a minute more each time it is asked."""

    def __init__(self) -> None:
        self._minutes = 0

    def __call__(self) -> datetime:
        self._minutes += 1
        return BEGIN + timedelta(minutes=self._minutes)


def write_bundle(folder: Path, name: str, version: str, weights: bytes = b"") -> Path:
    """Write a bundle that is whole by its checksums."""
    folder.mkdir(parents=True)
    contents = {
        "weights": ("model.safetensors", weights or f"{name} {version}".encode()),
        "openvino_model": ("model.xml", b"<net/>"),
        "openvino_weights": ("model.bin", b"\0" * 64),
    }
    files = {}
    for key, (file, data) in contents.items():
        (folder / file).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        files[key] = {"name": file, "bytes": len(data), "sha256": sha256}
    (folder / "MODEL_CARD.md").write_text(f"# {name} {version}\n")
    manifest = {
        "format": "agriseg-model",
        "format_version": 1,
        "name": name,
        "version": version,
        "architecture": "lite0-fpn-small",
        "classes": ["soil", "crop", "weed"],
        "input": {"long_side_px": 96, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        "openvino_precision": "float",
        "files": files,
        "licence": "CC-BY-SA-4.0",
        "attribution": "MODEL_CARD.md",
    }
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


def provenance(minutes: int = 0) -> Provenance:
    return Provenance(made_at=BEGIN + timedelta(minutes=minutes), note="for a test")


def proof(old: ModelRef, new: ModelRef, *, offered: bool = True) -> Proof:
    return Proof(
        made_at=BEGIN,
        old=old,
        new=new,
        is_offered=offered,
        sentence="It is not worse." if offered else "Mean IoU on soy fell by 0.050.",
    )


def ref_of(registry: ModelRegistry, model_id: str) -> ModelRef:
    shown = next(one for one in registry.models() if one.model_id == model_id)
    return ModelRef(name=shown.name, version=shown.version, weights_sha256=shown.weights_sha256)
