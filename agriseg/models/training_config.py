"""The training configuration: a TOML file, read into frozen values."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agriseg.errors import ConfigError

CONFIG_VERSION = 1


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceConfig(_Section):
    """One source of labelled images, switched and weighted by itself.

    Attributes
    ----------
    name : str
        Name in logs and tables.
    kind : str
        Format of the labels, as in ``agriseg/datasets/FORMATS.md``; ``simulation``: frames of the
        simulated field.
    directory : str
        Folder below the data directory (all but ``simulation``).
    annotations, images : str
        File of annotations and folder of images below it, where they are not found by themselves.
    classes : dict of str to str
        What the data set's class names mean: soil, crop, weed or ignore.
    unlabelled : str
        What ground without a label is, in formats of shapes.
    empty_images : str
        What becomes of images without any label.
    enabled : bool
    weight : float
        Share of the samples, relative to the other enabled sources.
    long_side_px : int
        Longer side that the images are brought to: what the network sees at scale 1.
    held_out : tuple of str
        Glob patterns of the groups that training never sees.
    instances : str
        Folder beside ``images/`` with maps of plant ids, ``STEM.png``, for networks with plant
        heads (``folder`` only: the simulated field knows its plants); empty: there are none.
    frames : int
        Frames rendered to train on (``simulation`` only); a twentieth more are held out.
    family : str
        Plants are pasted between sources of one family; empty: a family of its own.
    licence, attribution : str
        Terms of the images, and who is to be named, for the model card.
    """

    name: str
    kind: Literal[
        "folder", "coco", "coco-panoptic", "cvat", "labelme", "voc", "yolo", "png", "simulation"
    ] = "folder"
    directory: str = ""
    annotations: str = ""
    images: str = ""
    classes: dict[str, Literal["soil", "crop", "weed", "ignore"]] = Field(default_factory=dict)
    unlabelled: Literal["soil", "ignore"] = "soil"
    empty_images: Literal["refuse", "soil", "skip"] = "refuse"
    enabled: bool = True
    weight: float = Field(gt=0.0, le=100.0)
    long_side_px: int = Field(default=960, ge=64, le=4096)
    held_out: tuple[str, ...] = ()
    instances: str = ""
    frames: int = Field(default=0, ge=0, le=100_000)
    family: str = ""
    licence: str = ""
    attribution: str = ""


class NetworkConfig(_Section):
    """What is trained, and from which weights it begins."""

    architecture: str
    pretrained: bool = True
    start_from: str = ""
    """Folder of a model bundle whose weights are the beginning, as far as they fit, relative to
    this file; empty for the backbone's ImageNet weights."""


class InputConfig(_Section):
    """How frames become network input: ``(value / 255 - mean) / std`` per RGB channel."""

    long_side_px: int = Field(ge=64, le=4096)
    mean: tuple[float, float, float] = (0.498, 0.498, 0.498)
    std: tuple[float, float, float] = (0.502, 0.502, 0.502)


class ScheduleConfig(_Section):
    """Optimisation: AdamW, linear warm-up and cosine decay, moving average of the weights.

    From step ``freeze_from_step`` on the backbone's stem and first ``frozen_blocks`` blocks keep
    their weights, which halves the time of a step. With ``freeze_statistics`` batch norm keeps the
    mean and variance that it began with: a few pictures of a new field then do not change what is
    known of the old ones. With ``patience`` the training ends when the mean of the sources' mean
    IoU has not gained ``least_gain`` in so many validations, and the
    weights of the best one are exported; 0: it runs to the end, and the last are.
    """

    steps: int = Field(ge=1, le=10_000_000)
    batch: int = Field(ge=1, le=1024)
    crop_px: int = Field(ge=64, le=4096, multiple_of=32)
    learning_rate: float = Field(gt=0.0, le=1.0)
    backbone_factor: float = Field(default=0.3, ge=0.0, le=1.0)
    weight_decay: float = Field(default=0.02, ge=0.0, le=1.0)
    warmup_steps: int = Field(default=50, ge=0)
    ema_decay: float = Field(default=0.995, ge=0.0, lt=1.0)
    class_weights: tuple[Annotated[float, Field(gt=0.0)], ...] = (1.0, 1.5, 2.0)
    dice_weight: float = Field(default=1.0, ge=0.0)
    frozen_blocks: int = Field(default=0, ge=0, le=16)
    freeze_from_step: int = Field(default=0, ge=0)
    freeze_statistics: bool = False
    keep_start: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the weights of ``network.start_from`` in those that are exported: the mean of both
    keeps more of what was known (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR
    2022)."""
    gradient_limit: float = Field(default=5.0, gt=0.0)
    validate_every: int = Field(default=200, ge=1)
    validation_images: int = Field(default=20, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)
    mixed_precision: bool = True
    patience: int = Field(default=0, ge=0)
    least_gain: float = Field(default=0.001, ge=0.0, le=1.0)


class AugmentationConfig(_Section):
    """What is done to crops beyond the changes of view and light that all of them meet.

    ``paste_share`` of the crops get one to ``paste_plants`` plants of their source's family pasted
    on their soil.
    """

    paste_share: float = Field(default=0.0, ge=0.0, le=1.0)
    paste_plants: int = Field(default=4, ge=1, le=50)


class DistillationConfig(_Section):
    """A larger network whose softened answers are learned too (Hinton et al. 2015).

    ``teacher``: folder of a model bundle or a ``checkpoint.pt``, relative to this file; empty:
    none.
    ``share`` is the teacher's part of the loss, the labels have the rest; both logits are divided
    by ``temperature``. ``sources`` names those whose crops it is asked about, all when it is empty:
    a model that goes on learning is its own teacher on what it knew before (Li and Hoiem, "Learning
    without forgetting", 2016), and has nothing to say on what is new.
    """

    teacher: str = ""
    share: float = Field(default=0.5, ge=0.0, le=1.0)
    temperature: float = Field(default=2.0, gt=0.0, le=100.0)
    sources: tuple[str, ...] = ()


class LogConfig(_Section):
    """What is written beside ``log.jsonl``."""

    tensorboard: bool = True
    """Curves for TensorBoard, where it is installed (``pip install 'agriseg[train]'``)."""


class PlantsConfig(_Section):
    """How the heads that tell plants apart are trained, in networks that have them.

    Cheng et al., "Panoptic-DeepLab", CVPR 2020: the squared error of the centre heat map and the
    absolute error of the offsets.

    Attributes
    ----------
    freeze_trunk : bool
        Train the heads alone: the classes stay as they are in ``network.start_from``.
    centre_sigma_px : float
        Width of the bell that stands for a plant's centre, in pixels of the network's input.
    centre_weight, offset_weight : float
        Of the two losses; the offsets' error is in cells of the plant maps.
    """

    freeze_trunk: bool = True
    centre_sigma_px: float = Field(default=8.0, gt=0.0, le=64.0)
    centre_weight: float = Field(default=200.0, ge=0.0)
    offset_weight: float = Field(default=0.1, ge=0.0)


class ExportConfig(_Section):
    """What becomes of the trained network.

    ``quantise`` makes the OpenVINO file compute in eight bits, with ranges taken from
    ``calibration_images`` images of the training sources.
    """

    version: str = "1.0"
    licence: str = "CC-BY-SA-4.0"
    quantise: bool = True
    calibration_images: int = Field(default=120, ge=1, le=10_000)


class TrainingConfig(_Section):
    """All of one training: with the data it fixes the result."""

    version: Literal[1]
    name: str
    seed: int = Field(ge=0)
    network: NetworkConfig
    input: InputConfig
    schedule: ScheduleConfig
    augmentation: AugmentationConfig = AugmentationConfig()
    distillation: DistillationConfig = DistillationConfig()
    log: LogConfig = LogConfig()
    plants: PlantsConfig = PlantsConfig()
    export: ExportConfig = ExportConfig()
    missing_classes: tuple[Literal["soil", "crop", "weed"], ...] = ()
    """Classes that need not occur in the data."""
    source: tuple[SourceConfig, ...] = Field(min_length=1)

    @property
    def enabled_sources(self) -> tuple[SourceConfig, ...]:
        """The sources that are switched on."""
        return tuple(source for source in self.source if source.enabled)


def load_training_config(path: Path) -> TrainingConfig:
    """Read and check a training configuration.

    Raises
    ------
    ConfigError
        The file is missing, is no TOML, or has an unknown key or impossible value.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from error
    try:
        config = TrainingConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {key}: {first['msg']}, found {first.get('input')!r}") from error
    if not config.enabled_sources:
        raise ConfigError(f"{path}: every source is switched off; enable at least one")
    names = [source.name for source in config.enabled_sources]
    for name in config.distillation.sources:
        if name not in names:
            raise ConfigError(
                f"{path}: distillation.sources: {name!r} is no source that is switched on; "
                f"expected some of {', '.join(names)}"
            )
    return config
