"""One step of optimisation, in as many parts as the device's memory asks for."""

from __future__ import annotations

import logging
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from agriseg.errors import DatasetError
from agriseg.models.team import Team
from agriseg.models.training_config import ScheduleConfig
from agriseg.models.training_objective import Batch, Objective

_log = logging.getLogger(__name__)


class Stepper:
    """Takes steps: loss, gradients averaged over the team, limited, applied.

    Parameters
    ----------
    network : nn.Module
    objective : Objective
    schedule : ScheduleConfig
    seed : int
        What a network draws at random (dropout) depends on it, the step and the process alone.
    team : Team
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        schedule: ScheduleConfig,
        seed: int,
        team: Team,
    ) -> None:
        self._network = network
        self._objective = objective
        self._schedule = schedule
        self._seed = seed
        self._team = team
        self.optimizer = new_optimizer(network, schedule)
        self.crops_at_once = schedule.batch // team.size
        """Crops that go through the network at once."""

    def step(self, batch: Batch, number: int, wish: int) -> tuple[float, int]:
        """Take a step; return the loss, and the first process's wish.

        Raises
        ------
        DatasetError
            The loss or a gradient is no number, or one crop alone does not fit the memory; the
            weights are as before.
        """
        factor = learning_rate_factor(number, self._schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        torch.manual_seed(_step_seed(self._seed, number, self._team.rank))
        self._objective.ready(number)
        loss = self._gradients(batch)
        heard = wish if self._team.rank == 0 else 0
        loss, heard_mean = self._team.average(self._network, [loss, float(heard)])
        self._check("loss", loss, number)
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._schedule.gradient_limit)
        self._check("length of the gradient", float(norm), number)
        self.optimizer.step()
        return loss, round(heard_mean * self._team.size)

    def _gradients(self, batch: Batch) -> float:
        """Sum up the gradients of all parts of a batch; smaller parts where memory runs out."""
        while True:
            try:
                return self._accumulated(batch)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_lack_of_memory(error):
                    raise
                if self.crops_at_once == 1:
                    raise DatasetError(
                        f"out of memory with a single crop of {batch.images.shape[1]} px; lower "
                        "schedule.crop_px, or choose a smaller architecture"
                    ) from error
            # Outside of the handler, whose traceback would keep the tensors alive.
            self.crops_at_once = -(-self.crops_at_once // 2)
            self.optimizer.zero_grad(set_to_none=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            _log.warning(
                "out of memory: going on with %d crops at once, added up to the same batch of %d",
                self.crops_at_once,
                len(batch),
            )

    def _accumulated(self, batch: Batch) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for first in range(0, len(batch), self.crops_at_once):
            part = batch.part(first, self.crops_at_once)
            loss: Tensor = self._objective(part) * (len(part) / len(batch))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _check(self, what: str, value: float, number: int) -> None:
        if not math.isfinite(value):
            raise DatasetError(
                f"training diverged: the {what} at step {number} is {value}; lower "
                f"learning_rate (now {self._schedule.learning_rate}) and resume from the checkpoint"
            )


def learning_rate_factor(step: int, schedule: ScheduleConfig) -> float:
    """Return the share of the learning rate at a step: linear rise, then half a cosine to 1 %."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    span = max(1, schedule.steps - schedule.warmup_steps)
    done = min(1.0, (step - schedule.warmup_steps) / span)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done))


def new_optimizer(network: nn.Module, schedule: ScheduleConfig) -> Optimizer:
    """Return AdamW; the backbone learns at its own rate, vectors do not decay."""
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


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])


def _is_lack_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    words = str(error)
    return "can't allocate memory" in words or "not enough memory" in words
