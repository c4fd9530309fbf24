"""Learning from a larger network: its softened answers are a second target."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from agriseg.errors import ModelFileError
from agriseg.messages import ClassId
from agriseg.models.bundle import CLASS_NAMES, MANIFEST_NAME, InputSpec, open_bundle
from agriseg.models.checkpoints import read_checkpoint
from agriseg.models.networks import PlantOutput, TrainingOutput, build_network, channels_last
from agriseg.models.training_config import DistillationConfig, InputConfig


class Teacher:
    """A trained network that looks at the same crops.

    Parameters
    ----------
    network : nn.Module
    spec : InputSpec or InputConfig
        Its own normalisation.
    settings : DistillationConfig
    """

    def __init__(
        self, network: nn.Module, spec: InputSpec | InputConfig, settings: DistillationConfig
    ) -> None:
        self._network = channels_last(network).eval().requires_grad_(False)
        self._mean, self._std = spec.mean, spec.std
        self._settings = settings

    def to(self, device: torch.device) -> Teacher:
        """Move it to a device."""
        self._network.to(device)
        return self

    @property
    def share(self) -> float:
        """Share of the teacher in the loss."""
        return self._settings.share

    def logits(self, frames: Tensor) -> Tensor:
        """Return its logits for ``(N, H, W, 3) uint8`` BGR frames."""
        x = frames.permute(0, 3, 1, 2).flip(1).float() / 255.0
        mean = torch.tensor(self._mean, device=x.device).view(1, 3, 1, 1)
        std = torch.tensor(self._std, device=x.device).view(1, 3, 1, 1)
        x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            output = self._network(x)
        plain: Tensor = output.logits if isinstance(output, PlantOutput) else output
        return plain

    def loss(
        self, output: Tensor | TrainingOutput | PlantOutput, taught: Tensor, target: Tensor
    ) -> Tensor:
        """Return the divergence of the student's softened answers from the teacher's."""
        student = output if isinstance(output, Tensor) else output.logits
        return distillation_loss(student, taught, target, self._settings.temperature)


def distillation_loss(
    student: Tensor, teacher: Tensor, target: Tensor, temperature: float
) -> Tensor:
    """Return the Kullback-Leibler divergence of softened answers, times the temperature squared.

    Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015: both logits are
    divided by the temperature before the softmax, and the gradients' size is kept by its square.

    Parameters
    ----------
    student, teacher : (N, classes, h, w) float
        Logits; the teacher's are brought to the student's size.
    target : (N, H, W) int64
        `ClassId` values; ignored pixels count nowhere.
    temperature : float
    """
    size = student.shape[2:]
    teacher = functional.interpolate(
        teacher.float(), size=size, mode="bilinear", align_corners=False
    )
    log_p = functional.log_softmax(student.float() / temperature, dim=1)
    log_q = functional.log_softmax(teacher / temperature, dim=1)
    divergence = (log_q.exp() * (log_q - log_p)).sum(dim=1)
    nearest = functional.interpolate(target[:, None].float(), size=size, mode="nearest")[:, 0]
    valid = (nearest != float(ClassId.IGNORE)).to(divergence.dtype)
    return temperature**2 * (divergence * valid).sum() / valid.sum().clamp(min=1.0)


def open_teacher(path: Path, settings: DistillationConfig, spec: InputConfig) -> Teacher:
    """Open a model bundle or a training's checkpoint as a teacher.

    Parameters
    ----------
    path : Path
        Folder of a bundle, its ``model.json``, or a ``checkpoint.pt``.
    settings : DistillationConfig
    spec : InputConfig
        The student's normalisation; a checkpoint's network takes the same.

    Raises
    ------
    ModelFileError
        It is neither, is damaged, or its weights do not fit its architecture.
    """
    if path.is_dir() or path.name == MANIFEST_NAME:
        bundle = open_bundle(path)
        network = build_network(bundle.manifest.architecture, len(CLASS_NAMES))
        _load(network, load_file(bundle.weights_path), path)
        return Teacher(network, bundle.manifest.input, settings)
    if not path.exists():
        raise ModelFileError(
            f"{path}: no such teacher; distillation.teacher names the folder of a bundle or a "
            "checkpoint.pt, relative to the configuration"
        )
    state = read_checkpoint(path)
    network = build_network(str(state["architecture"]), len(CLASS_NAMES))
    _load(network, state["average"], path)
    return Teacher(network, spec, settings)


def _load(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelFileError(
            f"{path}: the weights do not fit their architecture ({str(error).splitlines()[0]})"
        ) from error
