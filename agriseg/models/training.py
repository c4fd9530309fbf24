"""Training: one configuration and one seed give one model."""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from agriseg.errors import DatasetError, ModelFileError
from agriseg.messages import UInt8Array
from agriseg.models.backbone_weights import lite0_backbone, load_lite0_backbone
from agriseg.models.bundle import open_bundle
from agriseg.models.dataset import CropSampler
from agriseg.models.graph import FrameGraph
from agriseg.models.losses import segmentation_loss
from agriseg.models.networks import (
    PlantOutput,
    TrainingOutput,
    architecture_named,
    build_network,
    channels_last,
)
from agriseg.models.plant_targets import FloatMaps, batch_targets
from agriseg.models.plant_training import PlantObjective
from agriseg.models.sizing import Size, network_size
from agriseg.models.training_config import ScheduleConfig, TrainingConfig

CHECKPOINT_VERSION = 1
CLASS_COUNT = 3

Network = nn.Module
"""A network, for those that hand it on and need not know torch."""
LabelImage = Callable[[UInt8Array], UInt8Array]
"""Maps a BGR image (H, W, 3) uint8 to its labels (H, W) uint8."""
Validate = Callable[[LabelImage], Mapping[str, float]]
"""Scores a labelling on held-out images; returns named figures."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """One line of progress: figures are NaN-free means since the last line."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    elapsed_s: float
    remaining_s: float
    validation: Mapping[str, float]


class Trainer:
    """Trains one network.

    Parameters
    ----------
    config : TrainingConfig
    sampler : CropSampler
    validate : Validate
        Called every ``validate_every`` steps with the averaged network.
    directory : Path
        Where checkpoints (``checkpoint.pt``) and the log (``log.jsonl``) go.
    device : torch.device
    """

    def __init__(
        self,
        config: TrainingConfig,
        sampler: CropSampler,
        validate: Validate,
        directory: Path,
        device: torch.device,
    ) -> None:
        torch.manual_seed(config.seed)
        self._config = config
        self._sampler = sampler
        self._validate = validate
        self._directory = directory
        self._device = device
        network = build_network(config.network.architecture, CLASS_COUNT)
        if config.network.pretrained:
            load_lite0_backbone(network)
        self._network = channels_last(network.to(device))
        self._average = copy.deepcopy(self._network).eval().requires_grad_(False)
        has_heads = architecture_named(config.network.architecture).plant_heads
        self._plants = PlantObjective(config.plants) if has_heads else None
        self._optimizer = _optimizer(self._network, config.schedule)
        self._step = 0

    @property
    def averaged_network(self) -> nn.Module:
        """The moving average of the weights: what is exported."""
        return self._average

    def begin_from(self, state: Mapping[str, Tensor]) -> None:
        """Begin from given weights instead of the backbone's.

        Weights whose name or shape the network has not got are left out, and the network's own
        that are not given keep their beginning; the log counts both.

        Raises
        ------
        ModelFileError
            None of them fits.
        """
        own = self._network.state_dict()
        fitting = {
            key: value
            for key, value in state.items()
            if key in own and own[key].shape == value.shape
        }
        if not fitting:
            architecture = self._config.network.architecture
            raise ModelFileError(f"none of the given weights fits the network {architecture!r}")
        _log.info(
            "beginning with %d of %d given weights; %d of the network's are new",
            len(fitting),
            len(state),
            len(own) - len(fitting),
        )
        self._network.load_state_dict(fitting, strict=False)
        self._average.load_state_dict(self._network.state_dict())

    def run(self, report: Callable[[TrainingProgress], None]) -> None:
        """Train to the end of the schedule.

        Raises
        ------
        DatasetError
            The loss is no longer a number.
        """
        schedule = self._config.schedule
        began_s, first = time.monotonic(), self._step
        losses: list[float] = []
        for images, masks, plants in self._batches():
            losses.append(self._update(images, masks, plants))
            self._step += 1
            is_last = self._step == schedule.steps
            if self._step % schedule.checkpoint_every == 0 or is_last:
                self.save_checkpoint()
            if self._step % schedule.validate_every == 0 or is_last:
                elapsed_s = time.monotonic() - began_s
                pace_s = elapsed_s / (self._step - first)
                progress = TrainingProgress(
                    step=self._step,
                    steps=schedule.steps,
                    loss=sum(losses) / len(losses),
                    learning_rate=self._optimizer.param_groups[-1]["lr"],
                    elapsed_s=elapsed_s,
                    remaining_s=pace_s * (schedule.steps - self._step),
                    validation=self._validate(self._label),
                )
                self._write_log(progress)
                report(progress)
                losses.clear()

    def save_checkpoint(self) -> None:
        """Write everything that a later run needs to go on; replaces the last one whole."""
        self._directory.mkdir(parents=True, exist_ok=True)
        target = self._directory / "checkpoint.pt"
        partial = target.with_suffix(".partial")
        torch.save(
            {
                "version": CHECKPOINT_VERSION,
                "architecture": self._config.network.architecture,
                "step": self._step,
                "network": self._network.state_dict(),
                "average": self._average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
            },
            partial,
        )
        partial.replace(target)

    def resume(self) -> None:
        """Go on from the checkpoint in the training's folder.

        Raises
        ------
        ModelFileError
            There is none, or it belongs to another network or version.
        """
        state = read_checkpoint(self._directory / "checkpoint.pt")
        expected = self._config.network.architecture
        if state["architecture"] != expected:
            raise ModelFileError(
                f"{self._directory / 'checkpoint.pt'}: holds a {state['architecture']!r} network, "
                f"the configuration asks for {expected!r}"
            )
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step = int(state["step"])

    def _batches(self) -> Iterator[tuple[UInt8Array, UInt8Array, FloatMaps | None]]:
        """Cut the next batch on another thread while the present one is trained on."""
        schedule = self._config.schedule
        with ThreadPoolExecutor(1, thread_name_prefix="crops") as pool:
            ahead = pool.submit(self._batch, self._step)
            for step in range(self._step, schedule.steps):
                batch = ahead.result()
                ahead = pool.submit(self._batch, step + 1)
                yield batch

    def _batch(self, step: int) -> tuple[UInt8Array, UInt8Array, FloatMaps | None]:
        """Return images, masks and the targets of the plant heads, where there are heads."""
        size = self._config.schedule.batch
        if self._plants is None:
            return (*self._sampler.batch(step, size), None)
        images, masks, ids = self._sampler.plant_batch(step, size)
        return images, masks, batch_targets(ids, masks, self._plants.sigma_px)

    def _update(self, images: UInt8Array, masks: UInt8Array, plants: FloatMaps | None) -> float:
        schedule = self._config.schedule
        factor = learning_rate_factor(self._step, schedule)
        for group in self._optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        self._network.train()
        if self._plants is not None:
            self._plants.ready(self._network)
        if schedule.frozen_blocks and self._step >= schedule.freeze_from_step:
            lite0_backbone(self._network).freeze(schedule.frozen_blocks)
        x = self._normalise(torch.from_numpy(images).to(self._device))
        target = torch.from_numpy(masks).to(self._device).long()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=schedule.mixed_precision):
            output = self._network(x)
        loss = self._loss(output, target, plants)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DatasetError(
                f"training diverged: the loss at step {self._step} is {value}; lower "
                f"learning_rate (now {schedule.learning_rate}) and resume from the checkpoint"
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), schedule.gradient_limit)
        self._optimizer.step()
        self._update_average()
        return value

    def _loss(
        self,
        output: Tensor | TrainingOutput | PlantOutput,
        target: Tensor,
        plants: FloatMaps | None,
    ) -> Tensor:
        schedule = self._config.schedule
        classes = output.logits if isinstance(output, PlantOutput) else output
        if self._plants is None or plants is None or not isinstance(output, PlantOutput):
            return segmentation_loss(classes, target, schedule.class_weights, schedule.dice_weight)
        loss = self._plants.loss(output, torch.from_numpy(plants).to(self._device))
        if self._plants.heads_alone:
            return loss
        return loss + segmentation_loss(
            classes, target, schedule.class_weights, schedule.dice_weight
        )

    def _update_average(self) -> None:
        decay = min(self._config.schedule.ema_decay, (1.0 + self._step) / (10.0 + self._step))
        with torch.no_grad():
            pairs = zip(
                self._average.state_dict().values(),
                self._network.state_dict().values(),
                strict=True,
            )
            for average, present in pairs:
                if average.dtype.is_floating_point:
                    average.lerp_(present, 1.0 - decay)
                else:
                    average.copy_(present)

    def _normalise(self, images: Tensor) -> Tensor:
        size = Size(images.shape[2], images.shape[1])
        x = self._graph(self._network, size, size).normalise(images)
        return x.contiguous(memory_format=torch.channels_last)

    def _label(self, image: UInt8Array) -> UInt8Array:
        frame = Size(image.shape[1], image.shape[0])
        size = network_size(frame, self._config.input.long_side_px)
        graph = self._graph(self._average, frame, size)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16):
            labels = graph(torch.from_numpy(image)[None].to(self._device))[0]
        result: UInt8Array = labels[0].cpu().numpy()
        return result

    def _graph(self, network: nn.Module, frame: Size, size: Size) -> FrameGraph:
        settings = self._config.input
        return FrameGraph(network, frame, size, settings.mean, settings.std).to(self._device)

    def _write_log(self, progress: TrainingProgress) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        line = {
            "step": progress.step,
            "loss": progress.loss,
            "learning_rate": progress.learning_rate,
            "elapsed_s": progress.elapsed_s,
            **progress.validation,
        }
        with (self._directory / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def learning_rate_factor(step: int, schedule: ScheduleConfig) -> float:
    """Return the share of the learning rate at a step: linear rise, then half a cosine to 1 %."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    span = max(1, schedule.steps - schedule.warmup_steps)
    done = min(1.0, (step - schedule.warmup_steps) / span)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done))


def training_device(name: Literal["auto", "cpu", "cuda"], threads: int) -> torch.device:
    """Return where to train, and set how many CPU threads that may take (0: all).

    Raises
    ------
    ModelFileError
        CUDA is asked for and not there.
    """
    if threads > 0:
        torch.set_num_threads(threads)
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ModelFileError(
            "--device cuda: torch sees no CUDA device; choose cpu or auto, or see `agriseg doctor`"
        )
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


def bundle_weights(bundle: Path) -> Mapping[str, Tensor]:
    """Read the float32 weights of a model bundle.

    Raises
    ------
    ModelFileError
        It is no bundle, or damaged.
    """
    return load_file(open_bundle(bundle).weights_path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint as plain tensors; code inside is never run.

    Raises
    ------
    ModelFileError
        It is missing, damaged or of another version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelFileError(f"{path}: there is no checkpoint to resume from") from error
    except Exception as error:
        raise ModelFileError(f"{path}: not a readable checkpoint ({error})") from error
    if not isinstance(state, dict) or state.get("version") != CHECKPOINT_VERSION:
        found = state.get("version") if isinstance(state, dict) else type(state).__name__
        raise ModelFileError(f"{path}: checkpoint version {found!r}, expected {CHECKPOINT_VERSION}")
    return state


def _optimizer(network: nn.Module, schedule: ScheduleConfig) -> Optimizer:
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        key = (name.startswith("backbone."), parameter.ndim > 1)
        groups.setdefault(key, []).append(parameter)
    settings = []
    for (is_backbone, decays), parameters in groups.items():
        rate = schedule.learning_rate * (schedule.backbone_factor if is_backbone else 1.0)
        decay = schedule.weight_decay if decays else 0.0
        settings.append({"params": parameters, "lr": rate, "base_lr": rate, "weight_decay": decay})
    return AdamW(settings)
