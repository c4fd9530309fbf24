"""EfficientNet-Lite0: the backbone that comes with ImageNet weights."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """One row of the EfficientNet table: blocks of the same width."""

    repeats: int
    kernel_px: int
    stride: int
    expansion: int
    channels: int


_LITE0_STAGES = (
    _Stage(repeats=1, kernel_px=3, stride=1, expansion=1, channels=16),
    _Stage(repeats=2, kernel_px=3, stride=2, expansion=6, channels=24),
    _Stage(repeats=2, kernel_px=5, stride=2, expansion=6, channels=40),
    _Stage(repeats=3, kernel_px=3, stride=2, expansion=6, channels=80),
    _Stage(repeats=3, kernel_px=5, stride=1, expansion=6, channels=112),
    _Stage(repeats=4, kernel_px=5, stride=2, expansion=6, channels=192),
    _Stage(repeats=1, kernel_px=3, stride=1, expansion=6, channels=320),
)
_LITE0_STEM_CHANNELS = 32
_LITE0_TAPS = (0, 2, 4, 10, 15)
"""The last block of each stride: 2, 4, 8, 16 and 32."""
_BATCH_NORM_EPS = 1e-3
_BATCH_NORM_MOMENTUM = 0.01


def lite_conv_norm(
    inputs: int, outputs: int, kernel_px: int, *, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Return a convolution, batch norm and ReLU6 with the constants of the ImageNet weights."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            inputs, outputs, kernel_px, stride, padding=kernel_px // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(outputs, eps=_BATCH_NORM_EPS, momentum=_BATCH_NORM_MOMENTUM),
    ]
    if act:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project (Sandler et al., MobileNetV2, CVPR 2018)."""

    def __init__(
        self, inputs: int, outputs: int, kernel_px: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = lite_conv_norm(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = lite_conv_norm(hidden, hidden, kernel_px, stride=stride, groups=hidden)
        self.project = lite_conv_norm(hidden, outputs, 1, act=False)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H / stride, W / stride)``."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_skip else y


class EfficientNetLite0(nn.Module):
    """Features of EfficientNet-Lite0 at strides 4, 8, 16 and 32.

    Tan and Le, "EfficientNet", ICML 2019, in the Lite variant without squeeze-and-excite and with
    ReLU6, which survives quantisation to eight bits.

    Parameters
    ----------
    levels : int
        How many feature maps, 1 to 4, finest first; the blocks behind the last of them are left
        out.
    """

    channels = (24, 40, 112, 320)
    fine_channels = 16
    """Channels at stride 2, see `fine_and_coarse`."""

    def __init__(self, levels: int = 4) -> None:
        super().__init__()
        self.stem = lite_conv_norm(3, _LITE0_STEM_CHANNELS, 3, stride=2)
        blocks: list[nn.Module] = []
        inputs = _LITE0_STEM_CHANNELS
        for stage in _LITE0_STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(
                    InvertedResidual(
                        inputs, stage.channels, stage.kernel_px, stride, stage.expansion
                    )
                )
                inputs = stage.channels
        self._taps = _LITE0_TAPS[: levels + 1]
        self.blocks = nn.ModuleList(blocks[: self._taps[-1] + 1])

    def freeze(self, blocks: int) -> None:
        """Stop the stem and the first blocks from learning; their statistics stay as well.

        The fine layers take most of the time of a training step, and need few steps.
        """
        for module in (self.stem, *self.blocks[:blocks]):
            module.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, 3, H, W)`` to the feature maps, finest first: four, or ``levels``."""
        return self.fine_and_coarse(x)[1:]

    def fine_and_coarse(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, 3, H, W)`` to the feature maps at strides 2, 4, 8, 16 and 32."""
        x = self.stem(x)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self._taps:
                features.append(x)
        return tuple(features)
