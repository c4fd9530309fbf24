"""BiSeNet V2: a wide shallow branch for detail, a narrow deep one for meaning."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import TrainingOutput, conv_norm, head, resized_to

_DETAIL = ((64, 2), (64, 1), (64, 2), (64, 1), (64, 1), (128, 2), (128, 1), (128, 1))
_SEMANTIC = (((32, 2), (32, 1)), ((64, 2), (64, 1)), ((128, 2), (128, 1), (128, 1), (128, 1)))
_STEM = 16
_WIDTH = 128
_HEAD_WIDTH = 1024
_EXPANSION = 6
_AUXILIARY_WEIGHT = 1.0


class BiSeNetV2(nn.Module):
    """Yu et al., "BiSeNet V2: Bilateral Network with Guided Aggregation", IJCV 2021.

    The paper's booster heads are narrower here.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs, stride in _DETAIL:
            layers.append(conv_norm(inputs, outputs, 3, stride=stride))
            inputs = outputs
        self.detail = nn.Sequential(*layers)
        self.stem = _Stem()
        stages: list[nn.Module] = []
        inputs = _STEM
        for stage in _SEMANTIC:
            blocks: list[nn.Module] = []
            for outputs, stride in stage:
                blocks.append(_GatherExpansion(inputs, outputs, stride))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.semantic = nn.ModuleList(stages)
        self.context = _ContextEmbedding(_WIDTH)
        self.aggregate = _GuidedAggregation(_WIDTH)
        self.classify = head(_WIDTH, _HEAD_WIDTH, classes)
        widths = (_STEM, *(stage[-1][0] for stage in _SEMANTIC))
        self.auxiliary = nn.ModuleList(head(width, width, classes) for width in widths)

    def forward(self, x: Tensor) -> Tensor | TrainingOutput:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        features = [self.stem(x)]
        for stage in self.semantic:
            features.append(stage(features[-1]))
        meaning = self.context(features[-1])
        logits: Tensor = self.classify(self.aggregate(self.detail(x), meaning))
        if not self.training:
            return logits
        auxiliary = tuple(
            score(feature) for score, feature in zip(self.auxiliary, features, strict=True)
        )
        return TrainingOutput(logits, auxiliary, _AUXILIARY_WEIGHT)


class _Stem(nn.Module):
    """Halve twice, by filtering and by taking maxima."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = conv_norm(3, _STEM, 3, stride=2)
        self.filter = nn.Sequential(
            conv_norm(_STEM, _STEM // 2, 1), conv_norm(_STEM // 2, _STEM, 3, stride=2)
        )
        self.fuse = conv_norm(2 * _STEM, _STEM, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.begin(x)
        largest = functional.max_pool2d(x, 3, stride=2, padding=1)
        fused: Tensor = self.fuse(torch.cat((self.filter(x), largest), dim=1))
        return fused


class _GatherExpansion(nn.Module):
    """Gather with a full 3x3, expand with depthwise ones, project."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * _EXPANSION
        layers = [conv_norm(inputs, inputs, 3)]
        if stride == 2:
            layers.append(conv_norm(inputs, hidden, 3, stride=2, groups=inputs, act=False))
            layers.append(conv_norm(hidden, hidden, 3, groups=hidden))
        else:
            layers.append(conv_norm(inputs, hidden, 3, groups=inputs))
        self.convolve = nn.Sequential(*layers, conv_norm(hidden, outputs, 1, act=False))
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                conv_norm(inputs, inputs, 3, stride=2, groups=inputs, act=False),
                conv_norm(inputs, outputs, 1, act=False),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.convolve(x) + self.shortcut(x))


class _ContextEmbedding(nn.Module):
    """Add what the whole picture says.

    Without the paper's batch norms on the mean: it is one value per picture, which a batch of one
    could not normalise.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.everywhere = nn.Conv2d(width, width, 1)
        self.fuse = conv_norm(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        mean = functional.relu(self.everywhere(functional.adaptive_avg_pool2d(x, 1)))
        fused: Tensor = self.fuse(x + mean)
        return fused


class _GuidedAggregation(nn.Module):
    """Each branch gates the other, at both resolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.detail_fine = _depthwise_then_pointwise(width)
        self.detail_coarse = conv_norm(width, width, 3, stride=2, act=False)
        self.meaning_fine = conv_norm(width, width, 3, act=False)
        self.meaning_coarse = _depthwise_then_pointwise(width)
        self.fuse = conv_norm(width, width, 3, act=False)

    def forward(self, detail: Tensor, meaning: Tensor) -> Tensor:
        fine = self.detail_fine(detail)
        fine = fine * torch.sigmoid(resized_to(self.meaning_fine(meaning), fine))
        coarse = functional.avg_pool2d(self.detail_coarse(detail), 3, stride=2, padding=1)
        coarse = coarse * torch.sigmoid(self.meaning_coarse(meaning))
        fused: Tensor = self.fuse(fine + resized_to(coarse, fine))
        return fused


def _depthwise_then_pointwise(width: int) -> nn.Sequential:
    return nn.Sequential(
        conv_norm(width, width, 3, groups=width, act=False), nn.Conv2d(width, width, 1, bias=False)
    )
