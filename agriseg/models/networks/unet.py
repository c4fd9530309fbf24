"""U-Nets with residual blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0
from agriseg.models.networks.layers import conv_norm, doubled


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            conv_norm(inputs, outputs, 3, stride=stride), conv_norm(outputs, outputs, 3, act=False)
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else conv_norm(inputs, outputs, 1, stride=stride, act=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H / stride, W / stride)``."""
        return functional.relu(self.convolve(x) + self.shortcut(x))


class _Decoder(nn.Module):
    """Enlarge, join with the encoder's features of that size, fuse; from coarse to fine."""

    def __init__(self, skips: Sequence[int], coarse: int, widths: Sequence[int]) -> None:
        super().__init__()
        below = (*widths[1:], coarse)
        self.fuse = nn.ModuleList(
            ResidualBlock(under + skip, width)
            for under, skip, width in zip(below, skips, widths, strict=True)
        )

    def forward(self, skips: Sequence[Tensor], coarse: Tensor) -> Tensor:
        y = coarse
        for fuse, skip in zip(reversed(self.fuse), reversed(skips), strict=True):
            y = fuse(torch.cat((doubled(y), skip), dim=1))
        return y


class UNet(nn.Module):
    """A U-Net of residual blocks, logits at full resolution.

    Ronneberger et al., "U-Net", MICCAI 2015, with the residual blocks and the bilinear enlarging
    of Zhang et al., "Road Extraction by Deep Residual U-Net", GRSL 2018.

    Parameters
    ----------
    classes : int
    widths : sequence of int
        Channels of each level; the size halves between them.
    """

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.encode = nn.ModuleList(
            ResidualBlock(here, there, stride=2 if level else 1)
            for level, (here, there) in enumerate(zip(inputs, widths, strict=True))
        )
        self.decode = _Decoder(widths[:-1], widths[-1], widths[:-1])
        self.classify = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H, W)``."""
        skips = []
        for stage in self.encode:
            x = stage(x)
            skips.append(x)
        logits: Tensor = self.classify(self.decode(skips[:-1], x))
        return logits


class LiteUNet(nn.Module):
    """A U-Net's decoder (Ronneberger et al., MICCAI 2015) of residual blocks on EfficientNet-Lite0.

    Parameters
    ----------
    classes : int
    base : int
        Channels at stride 2; they double with each level.
    """

    def __init__(self, classes: int, base: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        *skips, coarse = (EfficientNetLite0.fine_channels, *EfficientNetLite0.channels)
        self.decode = _Decoder(skips, coarse, [base << level for level in range(len(skips))])
        self.classify = nn.Conv2d(base, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        *skips, coarse = self.backbone.fine_and_coarse(x)
        logits: Tensor = self.classify(self.decode(skips, coarse))
        return logits
