"""One training in several processes, started by ``torchrun``: each has a share of every batch.

Gradients are averaged in one message a step instead of by `DistributedDataParallel`: the networks
are small, parts of them freeze as training goes on, and each process may divide its share to fit
its own memory.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from agriseg.errors import DatasetError

_PATIENCE = datetime.timedelta(hours=2)
"""The others wait for so long while the first process scores the held-out images."""


class Team(Protocol):
    """The processes that train one network together.

    Attributes
    ----------
    rank : int
        This process's number, from 0; the first one writes, scores and exports.
    size : int
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def average(self, network: nn.Module, figures: Sequence[float]) -> list[float]:
        """Replace gradients and running statistics by their mean over the team.

        Returns the mean of every one of ``figures``.
        """
        ...

    def follow(self, value: int) -> int:
        """Return the first process's value."""
        ...


class Alone:
    """One process."""

    rank = 0
    size = 1

    def average(self, network: nn.Module, figures: Sequence[float]) -> list[float]:  # noqa: ARG002
        """Return the figures as they are."""
        return list(figures)

    def follow(self, value: int) -> int:
        """Return the value."""
        return value


class Launched:
    """A process that ``torchrun`` started, on its own device."""

    def __init__(self, device: torch.device) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self._device = device

    def average(self, network: nn.Module, figures: Sequence[float]) -> list[float]:
        """Replace gradients and running statistics by their mean; return that of the figures."""
        parts = [p.grad for p in network.parameters() if p.grad is not None]
        parts += [b for b in network.buffers() if b.dtype.is_floating_point]
        notes = torch.tensor(figures, dtype=torch.float32, device=self._device)
        flat = torch.cat([part.float().reshape(-1) for part in [*parts, notes]])
        dist.all_reduce(flat)
        flat /= self.size
        sizes = [part.numel() for part in [*parts, notes]]
        *means, noted = torch.split(flat, sizes)
        with torch.no_grad():
            for part, mean in zip(parts, means, strict=True):
                part.copy_(mean.view_as(part))
        return [float(value) for value in noted]

    def follow(self, value: int) -> int:
        """Return the first process's value."""
        shared: Tensor = torch.tensor(value, device=self._device)
        dist.broadcast(shared, 0)
        return int(shared)


@contextmanager
def joined_team(device: torch.device) -> Iterator[tuple[Team, torch.device]]:
    """Join the processes that ``torchrun`` started; alone where it did not.

    Yields the team, and the device of this process: with CUDA the one of its local number.

    Raises
    ------
    DatasetError
        More processes than GPUs.
    """
    if not is_launched():
        yield Alone(), device
        return
    backend: Literal["gloo", "nccl"] = "gloo"
    if device.type == "cuda":
        backend, local = "nccl", int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise DatasetError(
                f"torchrun started process {local + 1} on a computer with "
                f"{torch.cuda.device_count()} GPUs; use as many --nproc-per-node, or --device cpu"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Launched(device), device
    finally:
        dist.destroy_process_group()


def is_launched() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return dist.is_available() and "RANK" in os.environ and int(os.environ["WORLD_SIZE"]) > 1


def share_of(batch: int, team: Team) -> tuple[int, int]:
    """Return the first of this process's crops of a batch, and how many they are.

    Raises
    ------
    DatasetError
        The batch cannot be shared evenly.
    """
    if batch % team.size:
        raise DatasetError(
            f"schedule.batch is {batch}, which {team.size} processes cannot share evenly; set a "
            f"multiple of {team.size}"
        )
    size = batch // team.size
    return team.rank * size, size
