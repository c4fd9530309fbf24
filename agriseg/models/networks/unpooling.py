"""Pooling that remembers where the maxima were, and its reversal.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, call the
remembered places switches. They are kept as masks, one per corner of each 2x2 cell, rather than
as indices: comparing and multiplying is exported and run by every runtime, scattering by index
is not, or slowly.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def pool_with_switches(x: Tensor) -> tuple[Tensor, Tensor]:
    """Take the largest value of each 2x2 cell and remember its corner.

    Parameters
    ----------
    x : (N, C, 2h, 2w) float

    Returns
    -------
    pooled : (N, C, h, w) float
    switches : (N, C, 4, h, w) float
        1 at the corner of the first maximum (row by row), 0 at the three others.
    """
    pooled = functional.max_pool2d(x, 2)
    batch, channels, height, width = pooled.shape
    corners = functional.pixel_unshuffle(x, 2).reshape(batch, channels, 4, height, width)
    is_largest = (corners == pooled[:, :, None]).to(x.dtype)
    taken = torch.zeros_like(pooled)
    switches = []
    for corner in range(4):
        first = is_largest[:, :, corner] * (1.0 - taken)
        switches.append(first)
        taken = taken + first
    return pooled, torch.stack(switches, dim=2).detach()


def energy_switches(x: Tensor) -> Tensor:
    """Return one switch per 2x2 cell for all channels: where the features are strongest.

    Lets backbones that halve the size by strides guide an unpooling decoder.

    Parameters
    ----------
    x : (N, C, 2h, 2w) float

    Returns
    -------
    (N, 1, 4, h, w) float
    """
    return pool_with_switches(x.detach().square().mean(dim=1, keepdim=True))[1]


def unpool(x: Tensor, switches: Tensor) -> Tensor:
    """Put each value back at the corner that its switch names, zeros elsewhere.

    Parameters
    ----------
    x : (N, C, h, w) float
    switches : (N, C or 1, 4, h, w) float

    Returns
    -------
    (N, C, 2h, 2w) float
    """
    return functional.pixel_shuffle((x[:, :, None] * switches).flatten(1, 2), 2)
