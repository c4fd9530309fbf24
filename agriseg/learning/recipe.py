"""How a model goes on learning from a few pictures without forgetting; ``LEARNING.md`` says why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agriseg.learning.spec import JobSpec
from agriseg.learning.staging import DATA_NAME, StagedSet
from agriseg.models.bundle import ModelBundle
from agriseg.registry.durable import write_durably

CONFIG_NAME = "training.toml"
START_NAME = "start"
"""The model that a job begins with, in the job's folder."""
SIMULATION = "simulation"

NEW_SHARE = 0.4
_TEACHER_SHARE = 0.7
_KEEP_START = 0.25
_BATCH = 8
_CROP_PX = 384
_LEARNING_RATE = 6e-4
_BACKBONE_FACTOR = 0.3
_FROZEN_BLOCKS = 5
_VALIDATIONS = 6
_LITE0 = "lite0"


def training_config(
    spec: JobSpec, staged: Sequence[StagedSet], start: ModelBundle
) -> dict[str, Any]:
    """Return the configuration for `agriseg train`, its folders relative to the job's.

    Two in five crops show what is new, the others old pictures and the simulated field; on those
    the model that it begins with is the teacher.

    Parameters
    ----------
    spec : JobSpec
    staged : sequence of StagedSet
    start : ModelBundle
        That it begins with.
    """
    manifest = start.manifest
    sources = _sources(spec, staged)
    old = [str(one["name"]) for one in sources if one["name"] not in _names(staged, "new")]
    every = max(1, spec.steps // _VALIDATIONS)
    config: dict[str, Any] = {
        "version": 1,
        "name": spec.name,
        "seed": spec.seed,
        "missing_classes": ["soil", "crop", "weed"],
        "network": {
            "architecture": manifest.architecture,
            "pretrained": False,
            "start_from": START_NAME,
        },
        "input": {
            "long_side_px": manifest.input.long_side_px,
            "mean": list(manifest.input.mean),
            "std": list(manifest.input.std),
        },
        "schedule": {
            "steps": spec.steps,
            "batch": _BATCH,
            "crop_px": _CROP_PX,
            "learning_rate": _LEARNING_RATE,
            "backbone_factor": _BACKBONE_FACTOR,
            "warmup_steps": max(1, min(20, spec.steps // 10)),
            "ema_decay": 0.98,
            "freeze_statistics": True,
            "keep_start": _KEEP_START,
            "validate_every": every,
            "validation_images": 6,
            "checkpoint_every": max(1, min(25, spec.steps // 4)),
        },
        "log": {"tensorboard": False},
        "export": {
            "version": spec.version,
            "licence": manifest.licence,
            "quantise": manifest.openvino_precision == "int8",
            "calibration_images": 80,
        },
    }
    if _LITE0 in manifest.architecture:
        config["schedule"]["frozen_blocks"] = _FROZEN_BLOCKS
    if old:
        config["distillation"] = {
            "teacher": START_NAME,
            "share": _TEACHER_SHARE,
            "temperature": 1.0,
            "sources": old,
        }
    config["source"] = sources
    return config


def toml_text(config: Mapping[str, Any]) -> str:
    """Write a configuration of tables, arrays of tables and plain values as TOML."""
    plain = {key: value for key, value in config.items() if not _is_table(value)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in config.items():
        for table in value if isinstance(value, list) else [value]:
            if not _is_table(value):
                continue
            head = f"[[{key}]]" if isinstance(value, list) else f"[{key}]"
            lines += ["", head, *(f"{name} = {_value(one)}" for name, one in table.items())]
    return "\n".join(lines) + "\n"


def write_config(job: Path, config: Mapping[str, Any]) -> Path:
    """Write a job's configuration for `agriseg train`; return its file.

    Raises
    ------
    RegistryError
        It cannot be written.
    """
    path = job / CONFIG_NAME
    write_durably(path, toml_text(config).encode())
    return path


def _names(staged: Sequence[StagedSet], role: str) -> list[str]:
    return [one.name for one in staged if one.role == role]


def _sources(spec: JobSpec, staged: Sequence[StagedSet]) -> list[dict[str, Any]]:
    new, replay = (_of_role(staged, role) for role in ("new", "replay"))
    olds = len(replay) + bool(spec.simulated_frames)
    new_share = NEW_SHARE if olds else 1.0
    sources = [_source(one, new_share / len(new)) for one in new]
    sources += [_source(one, (1.0 - new_share) / olds) for one in replay]
    if spec.simulated_frames:
        sources.append(
            {
                "name": SIMULATION,
                "kind": "simulation",
                "weight": round((1.0 - new_share) / olds, 4),
                "frames": spec.simulated_frames,
            }
        )
    return sources


def _of_role(staged: Sequence[StagedSet], role: str) -> list[StagedSet]:
    return [one for one in staged if one.role == role]


def _source(one: StagedSet, weight: float) -> dict[str, Any]:
    return {
        "name": one.name,
        "directory": f"{DATA_NAME}/{one.name}",
        "weight": round(weight, 4),
        "held_out": list(one.held_out_groups),
        "licence": one.licence,
        "attribution": one.attribution,
    }


def _is_table(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) for one in value)
    return isinstance(value, dict)


def _value(value: object) -> str:
    """Return a plain value; strings of JSON are strings of TOML too."""
    return json.dumps(value, ensure_ascii=False)
