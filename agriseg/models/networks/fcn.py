"""Fully convolutional networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0
from agriseg.models.networks.layers import conv_norm
from agriseg.models.networks.vgg import Vgg16

_HIDDEN_KERNEL_PX = 7


class _FcnHead(nn.Module):
    """Score at strides 8, 16 and 32; add from coarse to fine with learned enlarging."""

    def __init__(self, channels: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.scores = nn.ModuleList(nn.Conv2d(count, classes, 1) for count in channels)
        self.enlarge = nn.ModuleList(_bilinear_enlarging(classes) for _ in range(2))

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        y = self.enlarge[0](self.scores[2](coarse)) + self.scores[1](middle)
        logits: Tensor = self.enlarge[1](y) + self.scores[0](fine)
        return logits


class Fcn(nn.Module):
    """FCN-8s on a VGG-16 with the fully connected layers made convolutions.

    Long et al., "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015; the last
    enlarging, by eight, is left to the caller.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the backbone's first stage; 64 in the paper.
    hidden : int
        Channels of the two layers that were fully connected; 4096 in the paper.
    """

    def __init__(self, classes: int, width: int, hidden: int) -> None:
        super().__init__()
        self.backbone = Vgg16(width)
        channels = self.backbone.channels
        self.hidden = nn.Sequential(
            conv_norm(channels[-1], hidden, _HIDDEN_KERNEL_PX), conv_norm(hidden, hidden, 1)
        )
        self.head = _FcnHead((channels[2], channels[3], hidden), classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        features = self.backbone(x)
        logits: Tensor = self.head(features[2], features[3], self.hidden(features[4]))
        return logits


class LiteFcn(nn.Module):
    """FCN-8s (Long et al., CVPR 2015) on EfficientNet-Lite0."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        _, fine, middle, coarse = EfficientNetLite0.channels
        self.head = _FcnHead((fine, middle, coarse), classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 8, W / 8)``."""
        logits: Tensor = self.head(*self.backbone(x)[1:])
        return logits


def _bilinear_enlarging(classes: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution that begins as twofold bilinear enlarging."""
    layer = nn.ConvTranspose2d(classes, classes, 4, stride=2, padding=1, bias=False)
    ramp = torch.tensor([0.25, 0.75, 0.75, 0.25])
    kernel = torch.zeros(classes, classes, 4, 4)
    kernel[range(classes), range(classes)] = torch.outer(ramp, ramp)
    layer.weight = nn.Parameter(kernel)
    return layer
