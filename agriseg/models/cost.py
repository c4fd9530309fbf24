"""What a network costs, counted without computing anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from agriseg.models.sizing import Size

AUXILIARY_PREFIX = "auxiliary."
"""Heads under this name work in training only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """Learned numbers of the deployed network, and multiply-adds of one forward pass."""

    parameters: int
    macs: int


def network_cost(build: Callable[[], nn.Module], size: Size) -> NetworkCost:
    """Count a network's parameters, and its multiply-adds at one input size.

    Heads that work in training only are left out. Counted are convolutions and matrix products,
    on torch's meta device, which holds shapes and no numbers.

    Parameters
    ----------
    build : callable
        Returns the network.
    size : Size
        Size of the input; both sides multiples of 32.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.inference_mode():
        network = build().eval()
        network(torch.empty(1, 3, size.height_px, size.width_px))
    parameters = sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if not name.startswith(AUXILIARY_PREFIX)
    )
    return NetworkCost(parameters=parameters, macs=counter.get_total_flops() // 2)
