"""Segmentation networks, each written from its paper, behind one registry.

Every builder returns a module that maps normalised RGB images ``(N, 3, H, W) float32`` to class
logits at a half or a quarter of the resolution, ``(N, classes, H / k, W / k)``; height and width
must be multiples of 32. Normalising, enlarging and the arg max belong to
:mod:`agriseg.models.graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.errors import ModelFileError

SIZE_MULTIPLE = 32


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
_BATCH_NORM_EPS = 1e-3
_BATCH_NORM_MOMENTUM = 0.01


def _conv_norm(
    inputs: int, outputs: int, kernel_px: int, *, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
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
        self.expand = _conv_norm(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _conv_norm(hidden, hidden, kernel_px, stride=stride, groups=hidden)
        self.project = _conv_norm(hidden, outputs, 1, act=False)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, inputs, H, W)`` to ``(N, outputs, H / stride, W / stride)``."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_skip else y


class EfficientNetLite0(nn.Module):
    """Features of EfficientNet-Lite0 at strides 4, 8, 16 and 32.

    Tan and Le, "EfficientNet", ICML 2019, in the Lite variant without squeeze-and-excite and with
    ReLU6, which survives quantisation to eight bits.
    """

    channels = (24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv_norm(3, _LITE0_STEM_CHANNELS, 3, stride=2)
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
        self.blocks = nn.ModuleList(blocks)
        self._taps = (2, 4, 10, 15)

    def freeze(self, blocks: int) -> None:
        """Stop the stem and the first blocks from learning; their statistics stay as well.

        The fine layers take most of the time of a training step, and need few steps.
        """
        for module in (self.stem, *self.blocks[:blocks]):
            module.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, 3, H, W)`` to four feature maps, finest first."""
        x = self.stem(x)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self._taps:
                features.append(x)
        return tuple(features)


class LiteFpn(nn.Module):
    """EfficientNet-Lite0 with a light feature pyramid, logits at a quarter of the resolution.

    Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, with the fusing 3x3
    convolutions made depthwise-separable and a single output at the finest level.

    Parameters
    ----------
    classes : int
        Number of output classes.
    width : int
        Channels of the pyramid.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        self.lateral = nn.ModuleList(
            _conv_norm(channels, width, 1, act=False) for channels in EfficientNetLite0.channels
        )
        self.fuse = nn.ModuleList(
            nn.Sequential(
                _conv_norm(width, width, 5 if level == 3 else 3, groups=width),
                _conv_norm(width, width, 1),
            )
            for level in range(len(EfficientNetLite0.channels))
        )
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 4, W / 4)``."""
        logits: Tensor = self.classify(self._pyramid(x))
        return logits

    def _pyramid(self, x: Tensor) -> Tensor:
        features = self.backbone(x)
        y: Tensor = self.fuse[3](self.lateral[3](features[3]))
        for level in (2, 1, 0):
            y = self.fuse[level](_doubled(y) + self.lateral[level](features[level]))
        return y


class LiteFpnDetail(LiteFpn):
    """`LiteFpn` with a shallow detail branch beside it, logits at half of the resolution.

    The branch sees every pixel of the image at stride 2, as the spatial path of BiSeNet does (Yu
    et al., ECCV 2018): leaves of grass are a few pixels wide and vanish at stride 4.

    Parameters
    ----------
    classes : int
        Number of output classes.
    width : int
        Channels of the pyramid.
    detail_width : int
        Channels at half resolution.
    """

    def __init__(self, classes: int, width: int, detail_width: int) -> None:
        super().__init__(classes, width)
        self.detail = nn.Sequential(
            _conv_norm(3, detail_width, 3, stride=2),
            _conv_norm(detail_width, detail_width, 3, groups=detail_width),
            _conv_norm(detail_width, detail_width, 1, act=False),
        )
        self.context = _conv_norm(width, detail_width, 1, act=False)
        self.merge = nn.Sequential(
            _conv_norm(detail_width, detail_width, 3, groups=detail_width),
            _conv_norm(detail_width, detail_width, 1),
        )
        self.classify = nn.Conv2d(detail_width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        y = functional.relu6(self.detail(x) + _doubled(self.context(self._pyramid(x))))
        logits: Tensor = self.classify(self.merge(y))
        return logits


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def channels_last(network: nn.Module) -> nn.Module:
    """Lay a network's weights out with the channels innermost, which convolutions prefer."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[no-any-return,call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """An entry of the registry: how to build a network, and what it is."""

    build: Callable[[int], nn.Module]
    paper: str


ARCHITECTURES: Mapping[str, Architecture] = {
    "lite0-fpn": Architecture(
        build=lambda classes: LiteFpn(classes, width=96),
        paper="EfficientNet-Lite0 (Tan and Le 2019) with a feature pyramid (Lin et al. 2017)",
    ),
    "lite0-fpn-detail": Architecture(
        build=lambda classes: LiteFpnDetail(classes, width=96, detail_width=48),
        paper="EfficientNet-Lite0 (Tan and Le 2019) with a feature pyramid (Lin et al. 2017) and a "
        "detail branch (Yu et al. 2018)",
    ),
    "lite0-fpn-small": Architecture(
        build=lambda classes: LiteFpn(classes, width=48),
        paper="EfficientNet-Lite0 (Tan and Le 2019) with a feature pyramid (Lin et al. 2017)",
    ),
}


def build_network(architecture: str, classes: int) -> nn.Module:
    """Build a network with random weights.

    Raises
    ------
    ModelFileError
        No architecture of that name exists.
    """
    entry = ARCHITECTURES.get(architecture)
    if entry is None:
        raise ModelFileError(
            f"architecture {architecture!r} is not known; expected one of "
            f"{', '.join(sorted(ARCHITECTURES))}"
        )
    return entry.build(classes)
