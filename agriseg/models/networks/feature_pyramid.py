"""EfficientNet-Lite0 under a light feature pyramid: the family of the shipped models."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0, lite_conv_norm
from agriseg.models.networks.layers import doubled


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
    levels : int
        Levels of the pyramid: 4 reach stride 32, 3 stride 16.
    """

    def __init__(self, classes: int, width: int, levels: int = 4) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0(levels)
        self.lateral = nn.ModuleList(
            lite_conv_norm(channels, width, 1, act=False)
            for channels in EfficientNetLite0.channels[:levels]
        )
        self.fuse = nn.ModuleList(
            nn.Sequential(
                lite_conv_norm(width, width, 5 if level == levels - 1 else 3, groups=width),
                lite_conv_norm(width, width, 1),
            )
            for level in range(levels)
        )
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 4, W / 4)``."""
        logits: Tensor = self.classify(self._pyramid(x))
        return logits

    def _pyramid(self, x: Tensor) -> Tensor:
        features = self.backbone(x)
        coarsest = len(features) - 1
        y: Tensor = self.fuse[coarsest](self.lateral[coarsest](features[coarsest]))
        for level in reversed(range(coarsest)):
            y = self.fuse[level](doubled(y) + self.lateral[level](features[level]))
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
    levels : int
        Levels of the pyramid.
    """

    def __init__(self, classes: int, width: int, detail_width: int, levels: int = 4) -> None:
        super().__init__(classes, width, levels)
        self.detail = nn.Sequential(
            lite_conv_norm(3, detail_width, 3, stride=2),
            lite_conv_norm(detail_width, detail_width, 3, groups=detail_width),
            lite_conv_norm(detail_width, detail_width, 1, act=False),
        )
        self.context = lite_conv_norm(width, detail_width, 1, act=False)
        self.merge = nn.Sequential(
            lite_conv_norm(detail_width, detail_width, 3, groups=detail_width),
            lite_conv_norm(detail_width, detail_width, 1),
        )
        self.classify = nn.Conv2d(detail_width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        return self._logits(x, self._pyramid(x))

    def _logits(self, x: Tensor, pyramid: Tensor) -> Tensor:
        y = functional.relu6(self.detail(x) + doubled(self.context(pyramid)))
        logits: Tensor = self.classify(self.merge(y))
        return logits
