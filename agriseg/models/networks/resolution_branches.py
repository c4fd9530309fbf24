"""Pieces that DDRNet and PIDNet, whose branches run at two resolutions, have in common."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.layers import conv_norm

POOLING_WINDOWS = ((5, 2), (9, 4), (17, 8))
"""Kernel and stride of the context modules' means, in pixels of the coarsest map."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., CVPR 2016).

    ``act`` says whether a ReLU follows: the branches exchange values before it.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, act: bool) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            conv_norm(inputs, outputs, 3, stride=stride), conv_norm(outputs, outputs, 3, act=False)
        )
        self.shortcut = _shortcut(inputs, outputs, stride)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, outputs, h / stride, w / stride)``."""
        y: Tensor = self.convolve(x) + self.shortcut(x)
        return functional.relu(y) if self.act else y


class Bottleneck(nn.Module):
    """Narrow, filter, widen twofold, beside a shortcut (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, width: int, stride: int = 1, *, act: bool) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            conv_norm(inputs, width, 1),
            conv_norm(width, width, 3, stride=stride),
            conv_norm(width, 2 * width, 1, act=False),
        )
        self.shortcut = _shortcut(inputs, 2 * width, stride)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, h, w)`` to ``(N, 2 width, h / stride, w / stride)``."""
        y: Tensor = self.convolve(x) + self.shortcut(x)
        return functional.relu(y) if self.act else y


def basic_stage(inputs: int, outputs: int, repeats: int, stride: int = 1) -> nn.Sequential:
    """Return basic blocks of one width; no ReLU follows the last."""
    return nn.Sequential(
        *(
            BasicBlock(
                outputs if index else inputs,
                outputs,
                1 if index else stride,
                act=index < repeats - 1,
            )
            for index in range(repeats)
        )
    )


def bottleneck_stage(inputs: int, width: int, repeats: int, stride: int = 1) -> nn.Sequential:
    """Return bottlenecks of one width; no ReLU follows the last."""
    return nn.Sequential(
        *(
            Bottleneck(
                2 * width if index else inputs,
                width,
                1 if index else stride,
                act=index < repeats - 1,
            )
            for index in range(repeats)
        )
    )


def norm_conv(inputs: int, outputs: int, kernel_px: int, *, groups: int = 1) -> nn.Sequential:
    """Return batch norm, ReLU and a convolution, in this order."""
    conv = nn.Conv2d(inputs, outputs, kernel_px, padding=kernel_px // 2, groups=groups, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), conv)


def pooled_scales(inputs: int, width: int) -> nn.ModuleList:
    """Return what turns means over growing windows, the last the whole picture, to ``width``.

    Without the papers' batch norms: the wide windows leave one value per picture, which a batch
    of one could not normalise.
    """
    windows: list[nn.Module] = [
        nn.AvgPool2d(kernel, stride, kernel // 2) for kernel, stride in POOLING_WINDOWS
    ]
    return nn.ModuleList(
        nn.Sequential(pool, nn.ReLU(), nn.Conv2d(inputs, width, 1, bias=False))
        for pool in (*windows, nn.AdaptiveAvgPool2d(1))
    )


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return conv_norm(inputs, outputs, 1, stride=stride, act=False)
