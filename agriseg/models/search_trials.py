"""Measures and trains the candidates of an architecture search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from agriseg.models.architecture_search import Candidate
from agriseg.models.bundle import CLASS_NAMES
from agriseg.models.dataset import CropSampler
from agriseg.models.latency import latencies, prepared_run
from agriseg.models.pixel_training import label_image
from agriseg.models.sizing import Size
from agriseg.models.training import Trainer, Validate
from agriseg.models.training_config import TrainingConfig
from agriseg.models.training_sources import load_training_images


def measure_candidates(
    candidates: Sequence[Candidate], frame: Size, *, rounds: int, threads: int
) -> dict[str, float]:
    """Return each candidate's median latency for frames of a size, in ms, by name."""
    runs = {
        one.name: prepared_run(one.shape.name, one.input_size(frame), len(CLASS_NAMES), threads)
        for one in candidates
    }
    return {name: found.median_ms for name, found in latencies(runs, rounds).items()}


def candidate_config(config: TrainingConfig, candidate: Candidate, steps: int) -> TrainingConfig:
    """Return a training configuration with the candidate in the place of its network.

    Pictures are shown as much smaller or larger as the candidate's longer side differs from the
    configuration's.
    """
    scale = candidate.long_side_px / config.input.long_side_px
    data = config.model_dump()
    data["network"] = {"architecture": candidate.shape.name, "pretrained": False}
    data["input"]["long_side_px"] = candidate.long_side_px
    warmup_steps = min(config.schedule.warmup_steps, steps // 4)
    data["schedule"] |= {
        "steps": steps,
        "validate_every": steps,
        "warmup_steps": warmup_steps,
        "frozen_blocks": 0,
    }
    for source in data["source"]:
        source["long_side_px"] = max(64, round(source["long_side_px"] * scale))
    return TrainingConfig.model_validate(data)


class CandidateTrainer:
    """Trains candidates from scratch, on a GPU where there is one; scores held-out images.

    Parameters
    ----------
    config : TrainingConfig
        Everything but the network and the steps.
    data : Path
        Folder that the sources' directories lie in.
    validate : Validate
        Its figures ending in ``.miou`` are averaged.
    """

    def __init__(self, config: TrainingConfig, data: Path, validate: Validate) -> None:
        self._config = config
        self._data = data
        self._validate = validate
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def train(self, candidate: Candidate, steps: int, directory: Path) -> float:
        """Train, or go on where a training in this folder was left; return the mean IoU."""
        config = candidate_config(self._config, candidate, steps)
        network = self.network(candidate, steps, directory)
        figures = self._validate(lambda image: label_image(network, image, config.input))
        scores = _mean_ious(figures)
        return sum(scores) / len(scores)

    def network(self, candidate: Candidate, steps: int, directory: Path) -> nn.Module:
        """Return the trained network, training what is missing."""
        config = candidate_config(self._config, candidate, steps)
        images = load_training_images(config.enabled_sources, self._data, config.seed)
        sampler = CropSampler(images, config.schedule.crop_px, config.seed)
        trainer = Trainer(config, sampler, lambda _: {}, directory, self._device)
        if (directory / "checkpoint.pt").is_file():
            trainer.resume()
        trainer.run(lambda _: None)
        return trainer.averaged_network.cpu()


def _mean_ious(figures: Mapping[str, float]) -> list[float]:
    return [value for name, value in figures.items() if name.endswith(".miou")]
