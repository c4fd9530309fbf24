"""The plain backbone of the encoder-decoder families: VGG-16's thirteen convolutions."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import conv_norm

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions per stage."""
ROBOT_WIDTH = 16
"""Channels of the first stage in the registry: a quarter of the paper's 64."""


class Vgg16(nn.Module):
    """Five stages of 3x3 convolutions; a factor of two in size lies after each.

    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, with batch normalisation. What halves the size is the caller's affair.

    Parameters
    ----------
    width : int
        Channels of the first stage; 64 in the paper.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = tuple(width * factor for factor in (1, 2, 4, 8, 8))
        inputs = (3, *self.channels[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(*(conv_norm(here if i == 0 else there, there, 3) for i in range(repeats)))
            for here, there, repeats in zip(inputs, self.channels, CONVOLUTIONS, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, 3, H, W)`` to the pooled outputs of all stages, strides 2, 4, 8, 16, 32."""
        features = []
        for stage in self.stages:
            x = functional.max_pool2d(stage(x), 2)
            features.append(x)
        return tuple(features)
