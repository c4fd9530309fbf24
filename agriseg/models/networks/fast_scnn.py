"""Fast-SCNN: two branches that share their first layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import (
    TrainingOutput,
    conv_norm,
    head,
    resized_to,
    separable_conv,
)

_WIDTH = 128
_SHARED = 64
_BOTTLENECKS = ((64, 2), (64, 1), (64, 1), (96, 2), (96, 1), (96, 1), (128, 1), (128, 1), (128, 1))
_EXPANSION = 6
_BINS = (1, 2, 3, 6)
_AUXILIARY_WEIGHT = 0.4


class FastScnn(nn.Module):
    """Poudel et al., "Fast-SCNN: Fast Semantic Segmentation Network", BMVC 2019.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.learn_to_downsample = nn.Sequential(
            conv_norm(3, 32, 3, stride=2),
            separable_conv(32, 48, stride=2),
            separable_conv(48, _SHARED, stride=2),
        )
        blocks: list[nn.Module] = []
        inputs = _SHARED
        for outputs, stride in _BOTTLENECKS:
            blocks.append(_Bottleneck(inputs, outputs, stride))
            inputs = outputs
        self.context = nn.Sequential(*blocks, _PyramidPooling(inputs, _WIDTH))
        self.fine = conv_norm(_SHARED, _WIDTH, 1, act=False)
        self.coarse = nn.Sequential(
            conv_norm(_WIDTH, _WIDTH, 3, dilation=4, groups=_WIDTH),
            conv_norm(_WIDTH, _WIDTH, 1, act=False),
        )
        self.classify = nn.Sequential(
            separable_conv(_WIDTH, _WIDTH),
            separable_conv(_WIDTH, _WIDTH),
            nn.Conv2d(_WIDTH, classes, 1),
        )
        self.auxiliary = nn.ModuleList(
            head(width, width, classes, kernel_px=1) for width in (_SHARED, _WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        shared = self.learn_to_downsample(x)
        context = self.context(shared)
        fine = self.fine(shared)
        logits: Tensor = self.classify(
            functional.relu(fine + self.coarse(resized_to(context, fine)))
        )
        if not self.training:
            return logits
        auxiliary = (self.auxiliary[0](shared), self.auxiliary[1](context))
        return TrainingOutput(logits, auxiliary, _AUXILIARY_WEIGHT)


class _Bottleneck(nn.Module):
    """Inverted residual (Sandler et al., MobileNetV2, CVPR 2018) with plain ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * _EXPANSION
        self.convolve = nn.Sequential(
            conv_norm(inputs, hidden, 1),
            conv_norm(hidden, hidden, 3, stride=stride, groups=hidden),
            conv_norm(hidden, outputs, 1, act=False),
        )
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolve(x)
        return x + y if self.has_skip else y


class _PyramidPooling(nn.Module):
    """Means over a few large cells beside the features (Zhao et al., PSPNet, CVPR 2017).

    The pooled branches have no batch norm: a cell that is the whole picture gives one value per
    picture, which a batch of one could not normalise.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        share = inputs // len(_BINS)
        self.reduce = nn.ModuleList(nn.Conv2d(inputs, share, 1) for _ in _BINS)
        self.fuse = conv_norm(inputs + share * len(_BINS), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for bins, reduce in zip(_BINS, self.reduce, strict=True):
            pooled = functional.relu(reduce(functional.adaptive_avg_pool2d(x, bins)))
            parts.append(resized_to(pooled, x))
        fused: Tensor = self.fuse(torch.cat(parts, dim=1))
        return fused
