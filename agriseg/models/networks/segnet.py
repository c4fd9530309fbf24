"""SegNet: a decoder that puts features back where the encoder's pooling took them from."""

from __future__ import annotations

from torch import Tensor, nn

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0
from agriseg.models.networks.layers import conv_norm
from agriseg.models.networks.unpooling import energy_switches, pool_with_switches, unpool
from agriseg.models.networks.vgg import CONVOLUTIONS, Vgg16


class SegNet(nn.Module):
    """Badrinarayanan et al., "SegNet", TPAMI 2017: VGG-16 and its mirror image.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the first stage; 64 in the paper.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.backbone = Vgg16(width)
        channels = self.backbone.channels
        outputs = (channels[0], *channels[:-1])
        self.decode = nn.ModuleList(
            _mirrored_stage(here, there, repeats if level else repeats - 1)
            for level, (here, there, repeats) in enumerate(
                zip(channels, outputs, CONVOLUTIONS, strict=True)
            )
        )
        self.classify = nn.Conv2d(channels[0], classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H, W)``."""
        switches = []
        for stage in self.backbone.stages:
            x, places = pool_with_switches(stage(x))
            switches.append(places)
        for stage, places in zip(reversed(self.decode), reversed(switches), strict=True):
            x = stage(unpool(x, places))
        logits: Tensor = self.classify(x)
        return logits


class LiteSegNet(nn.Module):
    """SegNet's decoder (Badrinarayanan et al., TPAMI 2017) on EfficientNet-Lite0.

    The backbone halves the size by strides and has no maxima to remember, so one switch per cell
    says where its features are strongest.

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
            nn.Sequential(conv_norm(here, there, 3), conv_norm(there, there, 3))
            for here, there in zip(inputs, widths, strict=True)
        )
        self.classify = nn.Conv2d(widths[0], classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to logits ``(N, classes, H / 2, W / 2)``."""
        *finer, x = self.backbone.fine_and_coarse(x)
        for stage, feature in zip(reversed(self.decode), reversed(finer), strict=True):
            x = stage(unpool(x, energy_switches(feature)))
        logits: Tensor = self.classify(x)
        return logits


def _mirrored_stage(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    """Return a stage whose last convolution changes the number of channels."""
    return nn.Sequential(
        *(conv_norm(inputs, inputs, 3) for _ in range(convolutions - 1)),
        conv_norm(inputs, outputs, 3),
    )
