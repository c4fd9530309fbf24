"""What one part of a batch costs: the network, its losses, and its teacher's word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agriseg.messages import UInt8Array
from agriseg.models.backbone_weights import lite0_backbone
from agriseg.models.distillation import Teacher
from agriseg.models.graph import FrameGraph
from agriseg.models.losses import segmentation_loss
from agriseg.models.networks import PlantOutput, TrainingOutput
from agriseg.models.plant_targets import FloatMaps
from agriseg.models.plant_training import PlantObjective
from agriseg.models.sizing import Size
from agriseg.models.training_config import TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Crops of one step.

    Attributes
    ----------
    images : (N, crop, crop, 3) uint8
        BGR.
    masks : (N, crop, crop) uint8
        `ClassId` values.
    plants : (N, 5, h, w) float32, optional
        Targets of the plant heads, where there are heads.
    taught : (N,) bool, optional
        Crops that the teacher is asked about; None: all.
    """

    images: UInt8Array
    masks: UInt8Array
    plants: FloatMaps | None = None
    taught: NDArray[np.bool_] | None = None

    def part(self, first: int, size: int) -> Batch:
        """Return some of the crops."""
        chosen = slice(first, first + size)
        plants = None if self.plants is None else self.plants[chosen]
        taught = None if self.taught is None else self.taught[chosen]
        return Batch(
            images=self.images[chosen], masks=self.masks[chosen], plants=plants, taught=taught
        )

    def __len__(self) -> int:
        return len(self.images)


class Objective:
    """The loss that a network is trained on.

    Parameters
    ----------
    config : TrainingConfig
    network : nn.Module
    device : torch.device
    plants : PlantObjective, optional
        For networks with plant heads.
    teacher : Teacher, optional
    """

    def __init__(
        self,
        config: TrainingConfig,
        network: nn.Module,
        device: torch.device,
        *,
        plants: PlantObjective | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self._config = config
        self._network = network
        self._device = device
        self._plants = plants
        self._teacher = None if teacher is None else teacher.to(device)

    def ready(self, step: int) -> None:
        """Bring the network into the state in which this step trains it."""
        schedule = self._config.schedule
        self._network.train()
        if self._plants is not None:
            self._plants.ready(self._network)
        if schedule.frozen_blocks and step >= schedule.freeze_from_step:
            lite0_backbone(self._network).freeze(schedule.frozen_blocks)
        if schedule.freeze_statistics:
            for module in self._network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def __call__(self, batch: Batch) -> Tensor:
        """Return the mean loss over some crops."""
        frames = torch.from_numpy(batch.images).to(self._device)
        target = torch.from_numpy(batch.masks).to(self._device).long()
        x = self._normalised(frames)
        with self._precision():
            output = self._network(x)
        loss = self._labels_loss(output, target, batch.plants)
        if self._teacher is None:
            return loss
        asked = np.ones(len(batch), bool) if batch.taught is None else batch.taught
        if not asked.any():
            return loss
        chosen = torch.from_numpy(asked).to(self._device)
        with self._precision():
            taught = self._teacher.logits(frames[chosen])
        share = self._teacher.share * float(asked.mean())
        answers = output if isinstance(output, Tensor) else output.logits
        lesson = self._teacher.loss(answers[chosen], taught, target[chosen])
        return (1.0 - share) * loss + share * lesson

    def _labels_loss(
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

    def _precision(self) -> torch.autocast:
        enabled = self._config.schedule.mixed_precision
        return torch.autocast(self._device.type, torch.bfloat16, enabled=enabled)

    def _normalised(self, frames: Tensor) -> Tensor:
        size = Size(frames.shape[2], frames.shape[1])
        settings = self._config.input
        graph = FrameGraph(self._network, size, size, settings.mean, settings.std)
        x = graph.to(self._device).normalise(frames)
        return x.contiguous(memory_format=torch.channels_last)
