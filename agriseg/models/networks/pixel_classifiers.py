"""Classical classifiers of single pixels, as modules that the runtimes run like any network.

They are fitted by scikit-learn (:mod:`agriseg.models.pixel_training`) and kept as plain arrays, so
their bundles hold no code and need no scikit-learn to run.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import resized_to

FEATURE_COUNT = 23
FEATURE_STRIDE = 2
TREES = 16
DEPTH = 10
PASS_LEFT = 6e4
"""A threshold above every feature, and within sixteen bits."""
_CELLS_PX = (4, 16)
_NEAR_WINDOW_PX = 3
_SMALL = 1e-3
_LEAST_PROBABILITY = 1e-4


class ColourTexture(nn.Module):
    """Colour indices of every pixel, and their mean and spread around it.

    Chromatic coordinates, excess green (Woebbecke et al., Trans. ASAE 1995), excess red (Meyer and
    Neto, Computers and Electronics in Agriculture 2008), normalised difference, brightness,
    saturation; of brightness and excess green the mean and the standard deviation, and the mean
    gradient of brightness, over 3 pixels and over cells of 4 and 16, at half of the resolution.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.498))
        self.register_buffer("std", torch.full((1, 3, 1, 1), 0.502))

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised RGB ``(N, 3, H, W)`` to ``(N, 23, H / 2, W / 2)``."""
        rgb = functional.avg_pool2d(x * self.std + self.mean, FEATURE_STRIDE).clamp(min=0.0)
        red, green, blue = rgb[:, 0:1], rgb[:, 1:2], rgb[:, 2:3]
        total = red + green + blue + _SMALL
        r, g, b = red / total, green / total, blue / total
        brightness = total / 3.0
        excess_green = 2.0 * g - r - b
        highest, lowest = rgb.amax(dim=1, keepdim=True), rgb.amin(dim=1, keepdim=True)
        features = [
            *(r, g, b, brightness, excess_green, 1.4 * r - g),
            (green - red) / (green + red + _SMALL),
            (highest - lowest) / (highest + _SMALL),
        ]
        gradient = _gradient(brightness)
        for around in (_near, *(_over_cells(cell_px) for cell_px in _CELLS_PX)):
            for value in (brightness, excess_green):
                middle = around(value)
                spread = (around(value * value) - middle * middle).clamp(min=0.0)
                features += [middle, (spread + _SMALL**2).sqrt()]
            features.append(around(gradient))
        return torch.cat(features, dim=1)


class LinearSvm(nn.Module):
    """A linear support vector machine on colour and texture, one class against the others.

    Fan et al., "LIBLINEAR: A Library for Large Linear Classification", JMLR 2008. Its decisions
    are scaled so that their softmax is a probability.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = ColourTexture()
        self.classify = nn.Conv2d(FEATURE_COUNT, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        logits: Tensor = self.classify(self.features(x))
        return logits


class RandomForest(nn.Module):
    """A random forest on colour and texture (Breiman, Machine Learning 2001).

    Every tree is stored as a full binary tree of one depth: the children of node ``i`` are
    ``2 i + 1`` and ``2 i + 2``; where the learned tree ends earlier, pixels pass to the left.

    Attributes
    ----------
    feature : (trees, 2^depth - 1) int64
        Feature that a node asks for.
    threshold : (trees, 2^depth - 1) float
        Pixels above it go to the right.
    probability : (trees, 2^depth, classes) float
        What the leaves say.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._classes = classes
        self.features = ColourTexture()
        nodes = 2**DEPTH - 1
        self.feature = _constant(torch.zeros(TREES, nodes, dtype=torch.int64))
        self.threshold = _constant(torch.zeros(TREES, nodes))
        self.probability = _constant(torch.full((TREES, nodes + 1, classes), 1.0 / classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        features = self.features(x)
        count, channels, height, width = features.shape
        pixels = features.permute(0, 2, 3, 1).reshape(-1, channels)
        logits = (self.vote(pixels) + _LEAST_PROBABILITY).log()
        return logits.reshape(count, height, width, self._classes).permute(0, 3, 1, 2)

    def vote(self, pixels: Tensor) -> Tensor:
        """Map features ``(P, 23)`` to probabilities ``(P, classes)``, the mean of the trees'."""
        feature, threshold = self.feature.flatten(), self.threshold.flatten()
        first = torch.arange(TREES, device=pixels.device)[None] * self.feature.shape[1]
        node = torch.zeros_like(pixels[:, :1], dtype=torch.int64) + torch.zeros_like(first)
        for _ in range(DEPTH):
            place = first + node
            value = torch.gather(pixels, 1, feature[place])
            node = 2 * node + 1 + (value > threshold[place]).to(torch.int64)
        leaves = torch.arange(TREES, device=pixels.device)[None] * self.probability.shape[1]
        leaf = leaves + node - self.feature.shape[1]
        return self.probability.flatten(0, 1)[leaf].mean(dim=1)


def _constant(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _near(x: Tensor) -> Tensor:
    return functional.avg_pool2d(
        x, _NEAR_WINDOW_PX, stride=1, padding=_NEAR_WINDOW_PX // 2, count_include_pad=False
    )


def _over_cells(cell_px: int) -> Callable[[Tensor], Tensor]:
    def around(x: Tensor) -> Tensor:
        return resized_to(functional.avg_pool2d(x, cell_px), x)

    return around


def _gradient(x: Tensor) -> Tensor:
    """Return the sum of the absolute differences to the left and the upper neighbour."""
    padded = functional.pad(x, (1, 0, 1, 0), mode="replicate")
    return (x - padded[:, :, 1:, :-1]).abs() + (x - padded[:, :, :-1, 1:]).abs()
