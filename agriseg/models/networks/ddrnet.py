"""DDRNet: two resolutions that exchange what they know, twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import TrainingOutput, conv_norm, resized_to
from agriseg.models.networks.resolution_branches import (
    basic_stage,
    bottleneck_stage,
    norm_conv,
    pooled_scales,
)

_AUXILIARY_WEIGHT = 0.4


class DdrNet(nn.Module):
    """Pan et al., "Deep Dual-Resolution Networks for Real-Time and Accurate Semantic Segmentation
    of Traffic Scenes", T-ITS 2022 (first as Hong et al., arXiv 2101.06085), with 23 layers.

    Parameters
    ----------
    classes : int
    width : int
        Channels at stride 4: 32 is the paper's "slim".
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(
            conv_norm(3, w, 3, stride=2),
            conv_norm(w, w, 3, stride=2),
            basic_stage(w, w, 2),
            nn.ReLU(),
            basic_stage(w, 2 * w, 2, stride=2),
            nn.ReLU(),
        )
        self.coarse = nn.ModuleList(
            (
                basic_stage(2 * w, 4 * w, 2, stride=2),
                basic_stage(4 * w, 8 * w, 2, stride=2),
                bottleneck_stage(8 * w, 8 * w, 1, stride=2),
            )
        )
        self.fine = nn.ModuleList(
            (
                basic_stage(2 * w, 2 * w, 2),
                basic_stage(2 * w, 2 * w, 2),
                bottleneck_stage(2 * w, 2 * w, 1),
            )
        )
        self.to_fine = nn.ModuleList(
            conv_norm(factor * w, 2 * w, 1, act=False) for factor in (4, 8)
        )
        self.to_coarse = nn.ModuleList(
            (
                conv_norm(2 * w, 4 * w, 3, stride=2, act=False),
                nn.Sequential(
                    conv_norm(2 * w, 4 * w, 3, stride=2),
                    conv_norm(4 * w, 8 * w, 3, stride=2, act=False),
                ),
            )
        )
        self.context = DeepAggregationPyramid(16 * w, 4 * w, 4 * w)
        self.classify = nn.Sequential(norm_conv(4 * w, 2 * w, 3), *_scores(2 * w, classes))
        self.auxiliary = nn.Sequential(norm_conv(2 * w, 2 * w, 3), *_scores(2 * w, classes))

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        fine = coarse = self.stem(x)
        halfway = fine
        for level in range(2):
            fine, coarse = self._exchange(level, self.fine[level](fine), self.coarse[level](coarse))
            halfway = fine if level == 0 else halfway
            fine, coarse = functional.relu(fine), functional.relu(coarse)
        context = self.context(self.coarse[2](coarse))
        fine = self.fine[2](fine)
        logits: Tensor = self.classify(fine + resized_to(context, fine))
        if not self.training:
            return logits
        return TrainingOutput(logits, (self.auxiliary(halfway),), _AUXILIARY_WEIGHT)

    def _exchange(self, level: int, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        down = self.to_coarse[level](functional.relu(fine))
        up = self.to_fine[level](functional.relu(coarse))
        return fine + resized_to(up, fine), coarse + down


class DeepAggregationPyramid(nn.Module):
    """Means over growing windows, each refined with the one before (DAPPM of the paper)."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.scales = pooled_scales(inputs, width)
        self.near = norm_conv(inputs, width, 1)
        self.refine = nn.ModuleList(norm_conv(width, width, 3) for _ in self.scales)
        self.fuse = norm_conv(width * (len(self.scales) + 1), outputs, 1)
        self.shortcut = norm_conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, outputs, h, w)``."""
        parts = [self.near(x)]
        for scale, refine in zip(self.scales, self.refine, strict=True):
            parts.append(refine(resized_to(scale(x), x) + parts[-1]))
        fused: Tensor = self.fuse(torch.cat(parts, dim=1)) + self.shortcut(x)
        return fused


def _scores(width: int, classes: int) -> tuple[nn.Module, ...]:
    return nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, classes, 1)
