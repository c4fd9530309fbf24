"""DeepLab: atrous convolutions see far without losing resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0, InvertedResidual
from agriseg.models.networks.layers import conv_norm, resized_to, separable_conv

_RATES = (6, 12, 18)
_LAST_STAGE = 11
_FINE_WIDTH = 48


class AtrousPyramid(nn.Module):
    """Look at several distances at once (Chen et al., DeepLabv3, 2017).

    The branches with holes are depthwise-separable. The picture-wide branch has no batch norm:
    it has one value per picture, which a batch of one could not normalise.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.near = conv_norm(inputs, width, 1)
        self.far = nn.ModuleList(separable_conv(inputs, width, dilation=rate) for rate in _RATES)
        self.everywhere = nn.Conv2d(inputs, width, 1)
        self.fuse = conv_norm(width * (2 + len(_RATES)), width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, width, h, w)``."""
        mean = functional.adaptive_avg_pool2d(x, 1)
        wide = functional.relu(self.everywhere(mean)).expand(-1, -1, x.shape[2], x.shape[3])
        fused: Tensor = self.fuse(
            torch.cat((self.near(x), *(branch(x) for branch in self.far), wide), dim=1)
        )
        return fused


class LiteDeepLab(nn.Module):
    """DeepLabv3+ on EfficientNet-Lite0 at stride 16, logits at a quarter of the resolution.

    Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
    Segmentation", ECCV 2018. The backbone's last stages keep stride 16 and see as far as before
    through holes in their kernels.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the pyramid and the decoder.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        _keep_stride_16(self.backbone)
        fine, _, _, coarse = EfficientNetLite0.channels
        self.pyramid = AtrousPyramid(coarse, width)
        self.fine = conv_norm(fine, _FINE_WIDTH, 1)
        self.fuse = nn.Sequential(
            separable_conv(width + _FINE_WIDTH, width), separable_conv(width, width)
        )
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 4, W / 4)``."""
        features = self.backbone(x)
        fine = self.fine(features[0])
        wide = resized_to(self.pyramid(features[3]), fine)
        logits: Tensor = self.classify(self.fuse(torch.cat((wide, fine), dim=1)))
        return logits


def _keep_stride_16(backbone: EfficientNetLite0) -> None:
    """Turn the last halving into dilation; the weights keep their meaning."""
    for index, block in enumerate(backbone.blocks[_LAST_STAGE:]):
        if not isinstance(block, InvertedResidual):
            raise TypeError(f"expected an InvertedResidual, got {type(block).__name__}")
        filters = block.depthwise[0]
        if isinstance(filters, nn.Conv2d):
            rate = 2 if index else 1
            filters.stride = (1, 1)
            filters.dilation = (rate, rate)
            filters.padding = (rate * (filters.kernel_size[0] // 2),) * 2
