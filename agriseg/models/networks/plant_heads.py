"""Heads that tell plants apart, beside the classes of the feature-pyramid networks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from agriseg.models.networks.feature_pyramid import LiteFpn, LiteFpnDetail
from agriseg.models.networks.layers import conv_norm

PLANT_STRIDE = 4
"""Pixels of the network's input per cell of the plant maps, along each side."""

PLANT_CHANNELS = 3
"""Centre, and offset to it along v and u."""

HEADS_PREFIX = "plants."
"""Weights under this name are the heads'; all others are the trunk's."""

_OFFSET_UNIT_CELLS = 8.0
_CONTEXT_STRIDE = 4


class PlantOutput(NamedTuple):
    """What a network with plant heads returns.

    Attributes
    ----------
    logits : (N, classes, h, w) float
        As of the network without heads.
    plants : (N, 3, H / 4, W / 4) float
        Likeness to a plant's centre, 1 at the centre and 0 far from any; offset (v, u) from the
        cell to its plant's centre, in cells.
    """

    logits: Tensor
    plants: Tensor


class PlantHeads(nn.Module):
    """Centre heat map and offsets from the finest level of the pyramid.

    Cheng et al., "Panoptic-DeepLab", CVPR 2020, with one narrow trunk of separable convolutions
    for both maps. A branch at a quarter of the level's resolution looks as far as plants reach,
    which features that were learned for classes alone need not tell; it costs next to nothing.

    Parameters
    ----------
    inputs, width : int
        Channels of the pyramid and of the heads.
    """

    _unit: Tensor

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.local = nn.Sequential(
            conv_norm(inputs, inputs, 5, groups=inputs, act=False),
            conv_norm(inputs, width, 1, act=False),
        )
        self.context = nn.Sequential(
            nn.AvgPool2d(_CONTEXT_STRIDE),
            conv_norm(inputs, inputs, 5, groups=inputs, act=False),
            conv_norm(inputs, width, 1),
            conv_norm(width, width, 5, dilation=2, groups=width, act=False),
            conv_norm(width, width, 1, act=False),
            nn.Upsample(scale_factor=_CONTEXT_STRIDE, mode="bilinear"),
        )
        self.features = nn.Sequential(
            nn.ReLU(),
            conv_norm(width, width, 5, groups=width, act=False),
            conv_norm(width, width, 1),
        )
        self.predict = nn.Conv2d(width, PLANT_CHANNELS, 1)
        # Offsets of whole plants reach far; the convolution's weights need not.
        unit = torch.tensor([1.0, _OFFSET_UNIT_CELLS, _OFFSET_UNIT_CELLS])
        self.register_buffer("_unit", unit.view(1, -1, 1, 1), persistent=False)

    def forward(self, pyramid: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, 3, h, w)``, see `PlantOutput.plants`.

        Training computes in float32 whatever the trunk does: in bfloat16 the gradients' norm was
        infinite now and then, and the heads broke after some sixty steps.
        """
        if not self.training:
            return self._maps(pyramid)
        with torch.autocast(pyramid.device.type, enabled=False):
            return self._maps(pyramid.float())

    def _maps(self, pyramid: Tensor) -> Tensor:
        y = self.features(self.local(pyramid) + self.context(pyramid))
        maps: Tensor = self.predict(y) * self._unit
        return maps


class LiteFpnPlants(LiteFpn):
    """`LiteFpn` with plant heads; the same weights give the same logits.

    Cheng et al., "Panoptic-DeepLab", CVPR 2020.
    """

    def __init__(self, classes: int, width: int, head_width: int) -> None:
        super().__init__(classes, width)
        self.plants = PlantHeads(width, head_width)

    def forward(self, x: Tensor) -> PlantOutput:  # type: ignore[override]
        """Map ``(N, 3, H, W)`` to logits and plant maps, both at a quarter of the resolution."""
        pyramid = self._pyramid(x)
        return PlantOutput(self.classify(pyramid), self.plants(pyramid))


class LiteFpnDetailPlants(LiteFpnDetail):
    """`LiteFpnDetail` with plant heads; the same weights give the same logits.

    Cheng et al., "Panoptic-DeepLab", CVPR 2020.
    """

    def __init__(self, classes: int, width: int, detail_width: int, head_width: int) -> None:
        super().__init__(classes, width, detail_width)
        self.plants = PlantHeads(width, head_width)

    def forward(self, x: Tensor) -> PlantOutput:  # type: ignore[override]
        """Map ``(N, 3, H, W)`` to logits at a half and plant maps at a quarter of it."""
        pyramid = self._pyramid(x)
        return PlantOutput(self._logits(x, pyramid), self.plants(pyramid))


def freeze_trunk(network: nn.Module) -> None:
    """Keep everything but the heads as it is: weights, and the statistics of batch norms.

    Call it after every ``network.train()``.
    """
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(HEADS_PREFIX))
    for name, module in network.named_children():
        module.train(f"{name}." == HEADS_PREFIX and network.training)
