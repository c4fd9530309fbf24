"""DeconvNet: unpooling and transposed convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0
from agriseg.models.networks.layers import conv_norm
from agriseg.models.networks.unpooling import energy_switches, pool_with_switches, unpool
from agriseg.models.networks.vgg import CONVOLUTIONS, Vgg16

_HIDDEN_KERNEL_PX = 7


class DeconvNet(nn.Module):
    """Noh et al., "Learning Deconvolution Network for Semantic Segmentation", ICCV 2015.

    The paper's two fully connected layers are convolutions here, so that any size goes through.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the first stage; 64 in the paper.
    hidden : int
        Channels of the layers between encoder and decoder; 4096 in the paper.
    """

    def __init__(self, classes: int, width: int, hidden: int) -> None:
        super().__init__()
        self.backbone = Vgg16(width)
        channels = self.backbone.channels
        self.hidden = nn.Sequential(
            conv_norm(channels[-1], hidden, _HIDDEN_KERNEL_PX),
            conv_norm(hidden, hidden, 1),
            _deconv_norm(hidden, channels[-1], _HIDDEN_KERNEL_PX),
        )
        outputs = (channels[0], *channels[:-1])
        self.decode = nn.ModuleList(
            nn.Sequential(
                *(_deconv_norm(here, here, 3) for _ in range(repeats - 1)),
                _deconv_norm(here, there, 3),
            )
            for here, there, repeats in zip(channels, outputs, CONVOLUTIONS, strict=True)
        )
        self.classify = nn.Conv2d(channels[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H, W)``."""
        switches = []
        for stage in self.backbone.stages:
            x, places = pool_with_switches(stage(x))
            switches.append(places)
        x = self.hidden(x)
        for stage, places in zip(reversed(self.decode), reversed(switches), strict=True):
            x = stage(unpool(x, places))
        logits: Tensor = self.classify(x)
        return logits


class LiteDeconvNet(nn.Module):
    """DeconvNet's decoder (Noh et al., ICCV 2015) on EfficientNet-Lite0.

    As the backbone halves the size by strides, one switch per cell says where its features are
    strongest.

    Parameters
    ----------
    classes : int
    widths : tuple of 4 int
        Channels of the decoder at strides 2, 4, 8 and 16.
    """

    def __init__(self, classes: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        inputs = (*widths[1:], EfficientNetLite0.channels[-1])
        self.decode = nn.ModuleList(
            nn.Sequential(_deconv_norm(here, there, 3), _deconv_norm(there, there, 3))
            for here, there in zip(inputs, widths, strict=True)
        )
        self.classify = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        *finer, x = self.backbone.fine_and_coarse(x)
        for stage, feature in zip(reversed(self.decode), reversed(finer), strict=True):
            x = stage(unpool(x, energy_switches(feature)))
        logits: Tensor = self.classify(x)
        return logits


def _deconv_norm(inputs: int, outputs: int, kernel_px: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, kernel_px, padding=kernel_px // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
