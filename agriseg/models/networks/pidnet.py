"""PIDNet: three branches for detail, context and borders, named after a PID controller."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import TrainingOutput, conv_norm, resized_to
from agriseg.models.networks.resolution_branches import (
    POOLING_WINDOWS,
    BasicBlock,
    basic_stage,
    bottleneck_stage,
    norm_conv,
    pooled_scales,
)

_AUXILIARY_WEIGHT = 0.4


class PidNet(nn.Module):
    """Xu et al., "PIDNet: A Real-time Semantic Segmentation Network Inspired by PID Controllers",
    CVPR 2023, in the small variant.

    While it trains, the detail branch scores classes and the border branch scores borders.

    Parameters
    ----------
    classes : int
    width : int
        Channels at stride 4; 32 in PIDNet-S.
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
        self.context = nn.ModuleList(
            (
                nn.Sequential(basic_stage(2 * w, 4 * w, 3, stride=2), nn.ReLU()),
                nn.Sequential(basic_stage(4 * w, 8 * w, 3, stride=2), nn.ReLU()),
                bottleneck_stage(8 * w, 8 * w, 2, stride=2),
            )
        )
        self.detail = nn.ModuleList(
            (
                basic_stage(2 * w, 2 * w, 2),
                basic_stage(2 * w, 2 * w, 2),
                bottleneck_stage(2 * w, 2 * w, 1),
            )
        )
        self.border = nn.ModuleList(
            (
                BasicBlock(2 * w, w, act=False),
                bottleneck_stage(w, w, 1),
                bottleneck_stage(2 * w, 2 * w, 1),
            )
        )
        self.to_detail = nn.ModuleList(
            conv_norm(factor * w, 2 * w, 1, act=False) for factor in (4, 8)
        )
        self.guide = nn.ModuleList(_PixelAttention(2 * w, w) for _ in range(2))
        self.to_border = nn.ModuleList(
            conv_norm(from_ * w, to * w, 3, act=False) for from_, to in ((4, 1), (8, 2))
        )
        self.pyramid = ParallelAggregationPyramid(16 * w, 3 * w, 4 * w)
        self.fuse = _BoundaryAttention(4 * w)
        self.classify = _scoring(4 * w, 4 * w, classes)
        self.auxiliary = nn.ModuleDict(
            {"detail": _scoring(2 * w, 4 * w, classes), "border": _scoring(2 * w, w, 1)}
        )

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        detail = context = border = self.stem(x)
        inside = []
        for level in range(2):
            detail, border = self.detail[level](detail), self.border[level](border)
            context = self.context[level](context)
            detail = self.guide[level](detail, self.to_detail[level](context))
            border = border + resized_to(self.to_border[level](context), border)
            inside.append((detail, border))
            detail, border = functional.relu(detail), functional.relu(border)
        detail, border = self.detail[2](detail), self.border[2](border)
        context = resized_to(self.pyramid(self.context[2](context)), detail)
        logits: Tensor = self.classify(self.fuse(detail, context, border))
        if not self.training:
            return logits
        scores = (self.auxiliary["detail"](inside[0][0]),)
        borders = self.auxiliary["border"](inside[1][1])
        return TrainingOutput(logits, scores, _AUXILIARY_WEIGHT, borders)


class ParallelAggregationPyramid(nn.Module):
    """Means over growing windows, refined side by side (PAPPM of the paper)."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        count = len(POOLING_WINDOWS) + 1
        self.scales = pooled_scales(inputs, width)
        self.near = norm_conv(inputs, width, 1)
        self.refine = norm_conv(width * count, width * count, 3, groups=count)
        self.fuse = norm_conv(width * (count + 1), outputs, 1)
        self.shortcut = norm_conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, outputs, h, w)``."""
        near = self.near(x)
        far = torch.cat([resized_to(scale(x), x) + near for scale in self.scales], dim=1)
        fused: Tensor = self.fuse(torch.cat((near, self.refine(far)), dim=1)) + self.shortcut(x)
        return fused


class _PixelAttention(nn.Module):
    """Take the context where it agrees with the detail (Pag of the paper)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.query = conv_norm(channels, width, 1, act=False)
        self.key = conv_norm(channels, width, 1, act=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        key = resized_to(self.key(context), detail)
        share = torch.sigmoid((self.query(detail) * key).sum(dim=1, keepdim=True))
        return (1.0 - share) * detail + share * resized_to(context, detail)


class _BoundaryAttention(nn.Module):
    """Detail along borders, context inside (the light Bag of the paper)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.detail = conv_norm(width, width, 1, act=False)
        self.context = conv_norm(width, width, 1, act=False)

    def forward(self, detail: Tensor, context: Tensor, border: Tensor) -> Tensor:
        share = torch.sigmoid(border)
        fused: Tensor = self.detail((1.0 - share) * context + detail) + self.context(
            context + share * detail
        )
        return fused


def _scoring(inputs: int, width: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        norm_conv(inputs, width, 3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, classes, 1),
    )
