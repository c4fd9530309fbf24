"""The model card: what a model was trained on and how, whose data that was, and how good it is."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agriseg.evaluation.tables import table, value
from agriseg.models.bundle import CLASS_NAMES
from agriseg.models.training_config import SourceConfig, TrainingConfig

NOT_STATED = "not stated"

_PACKAGES = ("agriseg", "torch", "openvino", "nncf", "numpy", "opencv-python")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """What of a source was used.

    Attributes
    ----------
    trained, held_out : int
        Images.
    held_out_groups : tuple of str
    """

    trained: int
    held_out: int
    held_out_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """What the card and the report tell of.

    Attributes
    ----------
    config : TrainingConfig
    config_text : str
        The file, as it was.
    counts : mapping of str to SourceCount
        By source.
    figures : mapping
        Of `agriseg.evaluation.figures.evaluation_figures` on the held-out images; None without.
    course : sequence of mapping
        Lines of the log.
    ending : str
        Why the training ended, in words.
    segmenter : str
        What made the figures.
    """

    config: TrainingConfig
    config_text: str
    counts: Mapping[str, SourceCount]
    figures: Mapping[str, Any] | None
    course: Sequence[Mapping[str, Any]]
    ending: str
    segmenter: str


def model_card(model: TrainedModel) -> str:
    """Return the text of ``MODEL_CARD.md``."""
    config = model.config
    pasted = ", plants pasted between them" if config.augmentation.paste_share else ""
    parts = [
        f"# {config.name} {config.export.version}",
        "Tells soil, crop and weed apart, pixel by pixel, in pictures of field ground taken from "
        "above.",
        _facts(config),
        "## Training data",
        table(["source", "kind", "trained on", "held out", "licence", "attribution"], _rows(model)),
        "Images were changed for training: cut, scaled, turned, mirrored, recoloured, shaded, "
        f"blurred{pasted}. The split is by group, never by image.",
        "## Training",
        _course_words(model),
        "## Figures",
        _figures_words(model),
        "## Limits",
        "It knows the crops and fields of the table above. On others its figures are not known: "
        "evaluate it on labelled images of your own field (`agriseg evaluate`) before spraying.",
        "## Versions",
        table(["package", "version"], list(versions().items())),
    ]
    return "\n\n".join(parts) + "\n"


def versions() -> dict[str, str]:
    """Return what the model was made with."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def class_table(figures: Mapping[str, Any]) -> str:
    """Return the IoU of every source and class."""
    rows = [
        [name, s["images"], *(value(s["iou"][c]) for c in CLASS_NAMES), value(s["mean_iou"])]
        for name, s in figures["sources"].items()
    ]
    return table(["source", "images", *CLASS_NAMES, "mean IoU"], rows)


def terms(source: SourceConfig) -> tuple[str, str]:
    """Return a source's licence and whom to name."""
    if source.kind == "simulation":
        return "part of AgriSeg, Apache-2.0", source.attribution or "AgriSeg"
    return source.licence or NOT_STATED, source.attribution or NOT_STATED


def _facts(config: TrainingConfig) -> str:
    begun = "ImageNet weights of its backbone" if config.network.pretrained else "random weights"
    if config.network.start_from:
        begun = f"the weights of `{Path(config.network.start_from).name}`"
    lines = [
        f"- **Network**: `{config.network.architecture}` (`agriseg models info`), from {begun}.",
        f"- **Input**: frames of any size, looked at with the longer side at "
        f"{config.input.long_side_px} px.",
        f"- **Licence of the weights**: {config.export.licence}.",
    ]
    if config.distillation.teacher:
        lines.append(
            f"- **Teacher**: `{Path(config.distillation.teacher).name}`, share "
            f"{config.distillation.share:g} of the loss, temperature "
            f"{config.distillation.temperature:g}."
        )
    return "\n".join(lines)


def _rows(model: TrainedModel) -> list[list[object]]:
    rows: list[list[object]] = []
    for source in model.config.enabled_sources:
        count = model.counts[source.name]
        held_out = str(count.held_out)
        if count.held_out_groups:
            held_out += f" ({', '.join(count.held_out_groups)})"
        rows.append([source.name, source.kind, f"{count.trained} images", held_out, *terms(source)])
    return rows


def _course_words(model: TrainedModel) -> str:
    schedule = model.config.schedule
    last = model.course[-1]["step"] if model.course else schedule.steps
    return (
        f"{last} of {schedule.steps} steps of {schedule.batch} crops of "
        f"{schedule.crop_px}x{schedule.crop_px}, seed {model.config.seed}; {model.ending}. "
        "`training.toml` beside this file is the whole configuration."
    )


def _figures_words(model: TrainedModel) -> str:
    if model.figures is None:
        return "No images were held out; how good it is, is not known."
    return (
        "Intersection over union on the held-out groups, measured with "
        f"{model.segmenter}, frame in, labels out:\n\n{class_table(model.figures)}"
    )
