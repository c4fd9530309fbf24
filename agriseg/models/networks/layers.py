"""Pieces that several families are built of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE_MULTIPLE = 32
"""Height and width of every network's input are multiples of this."""


class TrainingOutput(NamedTuple):
    """What a network with auxiliary heads returns while it trains; at work it returns `logits`.

    Attributes
    ----------
    logits : (N, classes, h, w) float
        What is deployed.
    auxiliary : tuple of (N, classes, h, w) float
        Logits of heads inside the network, of any resolution.
    auxiliary_weight : float
        Weight of each of them in the loss.
    boundary : (N, 1, h, w) float or None
        Logit of "a border between two classes runs here".
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...]
    auxiliary_weight: float
    boundary: Tensor | None = None


def conv_norm(
    inputs: int,
    outputs: int,
    kernel_px: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    act: bool = True,
) -> nn.Sequential:
    """Return a convolution that keeps the size (but for its stride), batch norm and ReLU."""
    padding = dilation * (kernel_px // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel_px, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if act:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def separable_conv(
    inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Return a depthwise 3x3 and a pointwise convolution, each with batch norm and ReLU."""
    return nn.Sequential(
        conv_norm(inputs, inputs, 3, stride=stride, dilation=dilation, groups=inputs),
        conv_norm(inputs, outputs, 1),
    )


def head(inputs: int, width: int, classes: int, kernel_px: int = 3) -> nn.Sequential:
    """Return a convolution and a pointwise one that scores classes."""
    return nn.Sequential(conv_norm(inputs, width, kernel_px), nn.Conv2d(width, classes, 1))


def doubled(x: Tensor) -> Tensor:
    """Enlarge twice, bilinearly."""
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def resized_to(x: Tensor, other: Tensor) -> Tensor:
    """Bring ``x`` bilinearly to the height and width of ``other``."""
    return functional.interpolate(x, size=other.shape[2:], mode="bilinear", align_corners=False)


def channels_last(network: nn.Module) -> nn.Module:
    """Lay a network's weights out with the channels innermost, which convolutions prefer."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return,call-overload]
