"""All architectures by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from agriseg.errors import ModelFileError
from agriseg.models.networks.bisenet import BiSeNetV2
from agriseg.models.networks.ddrnet import DdrNet
from agriseg.models.networks.deconvnet import DeconvNet, LiteDeconvNet
from agriseg.models.networks.deeplab import LiteDeepLab
from agriseg.models.networks.fast_scnn import FastScnn
from agriseg.models.networks.fcn import Fcn, LiteFcn
from agriseg.models.networks.feature_pyramid import LiteFpn, LiteFpnDetail
from agriseg.models.networks.pidnet import PidNet
from agriseg.models.networks.pixel_classifiers import FEATURE_STRIDE, LinearSvm, RandomForest
from agriseg.models.networks.plant_heads import LiteFpnDetailPlants, LiteFpnPlants
from agriseg.models.networks.searched import SearchedNet, parse_searched
from agriseg.models.networks.segformer import SegFormer
from agriseg.models.networks.segnet import LiteSegNet, SegNet
from agriseg.models.networks.unet import LiteUNet, UNet
from agriseg.models.networks.vgg import ROBOT_WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """An entry of the registry: how to build a network, and what it is.

    Attributes
    ----------
    build : callable
        Number of classes to a network with random weights.
    paper : str
        Where it is described.
    stride : int
        Logits are this much coarser than the input.
    pretrained_backbone : bool
        Whether ImageNet weights can be given to its ``backbone``.
    learner : str
        ``gradient``: trained step by step; ``scikit-learn``: fitted in one go.
    plant_heads : bool
        Whether it returns a `PlantOutput`: logits, and maps that tell plants apart.
    """

    build: Callable[[int], nn.Module]
    paper: str
    stride: int
    pretrained_backbone: bool = False
    learner: Literal["gradient", "scikit-learn"] = "gradient"
    plant_heads: bool = False


_UNPOOLING_WIDTHS = (16, 32, 64, 96)
_LITE0 = "EfficientNet-Lite0 (Tan and Le 2019)"
_PLANT_HEADS = "plant heads (Cheng et al. 2020)"

ARCHITECTURES: Mapping[str, Architecture] = {
    "bisenet-v2": Architecture(
        build=BiSeNetV2,
        paper="BiSeNet V2 (Yu et al. 2021)",
        stride=8,
    ),
    "ddrnet-23-slim": Architecture(
        build=lambda classes: DdrNet(classes, width=32),
        paper="DDRNet-23-slim (Pan et al. 2022)",
        stride=8,
    ),
    "deconvnet": Architecture(
        build=lambda classes: DeconvNet(classes, width=ROBOT_WIDTH, hidden=128),
        paper="DeconvNet (Noh et al. 2015) at a quarter of its width",
        stride=1,
    ),
    "fast-scnn": Architecture(
        build=FastScnn,
        paper="Fast-SCNN (Poudel et al. 2019)",
        stride=8,
    ),
    "fcn": Architecture(
        build=lambda classes: Fcn(classes, width=ROBOT_WIDTH, hidden=256),
        paper="FCN-8s (Long et al. 2015) on VGG-16 at a quarter of its width",
        stride=8,
    ),
    "lite0-deconvnet": Architecture(
        build=lambda classes: LiteDeconvNet(classes, widths=_UNPOOLING_WIDTHS),
        paper=f"the decoder of DeconvNet (Noh et al. 2015) on {_LITE0}",
        stride=2,
        pretrained_backbone=True,
    ),
    "lite0-deeplab": Architecture(
        build=lambda classes: LiteDeepLab(classes, width=128),
        paper=f"DeepLabv3+ (Chen et al. 2018) on {_LITE0}",
        stride=4,
        pretrained_backbone=True,
    ),
    "lite0-fcn": Architecture(
        build=LiteFcn,
        paper=f"FCN-8s (Long et al. 2015) on {_LITE0}",
        stride=8,
        pretrained_backbone=True,
    ),
    "lite0-fpn": Architecture(
        build=lambda classes: LiteFpn(classes, width=96),
        paper=f"{_LITE0} with a feature pyramid (Lin et al. 2017)",
        stride=4,
        pretrained_backbone=True,
    ),
    "lite0-fpn-detail": Architecture(
        build=lambda classes: LiteFpnDetail(classes, width=96, detail_width=48),
        paper=f"{_LITE0} with a feature pyramid (Lin et al. 2017) and a detail branch (Yu et al. "
        "2018)",
        stride=2,
        pretrained_backbone=True,
    ),
    "lite0-fpn-detail-plants": Architecture(
        build=lambda classes: LiteFpnDetailPlants(
            classes, width=96, detail_width=48, head_width=48
        ),
        paper=f"lite0-fpn-detail with {_PLANT_HEADS}",
        stride=2,
        pretrained_backbone=True,
        plant_heads=True,
    ),
    "lite0-fpn-detail-short": Architecture(
        build=lambda classes: LiteFpnDetail(classes, width=64, detail_width=32, levels=3),
        paper=f"lite0-fpn-detail on {_LITE0} up to stride 16",
        stride=2,
        pretrained_backbone=True,
    ),
    "lite0-fpn-small": Architecture(
        build=lambda classes: LiteFpn(classes, width=48),
        paper=f"{_LITE0} with a feature pyramid (Lin et al. 2017)",
        stride=4,
        pretrained_backbone=True,
    ),
    "lite0-fpn-small-plants": Architecture(
        build=lambda classes: LiteFpnPlants(classes, width=48, head_width=32),
        paper=f"lite0-fpn-small with {_PLANT_HEADS}",
        stride=4,
        pretrained_backbone=True,
        plant_heads=True,
    ),
    "lite0-segnet": Architecture(
        build=lambda classes: LiteSegNet(classes, widths=_UNPOOLING_WIDTHS),
        paper=f"the decoder of SegNet (Badrinarayanan et al. 2017) on {_LITE0}",
        stride=2,
        pretrained_backbone=True,
    ),
    "lite0-unet-16": Architecture(
        build=lambda classes: LiteUNet(classes, base=16),
        paper=f"the decoder of U-Net (Ronneberger et al. 2015), residual, on {_LITE0}",
        stride=2,
        pretrained_backbone=True,
    ),
    "lite0-unet-32": Architecture(
        build=lambda classes: LiteUNet(classes, base=32),
        paper=f"the decoder of U-Net (Ronneberger et al. 2015), residual, on {_LITE0}",
        stride=2,
        pretrained_backbone=True,
    ),
    "linear-svm": Architecture(
        build=LinearSvm,
        paper="linear support vector machine (Fan et al. 2008) on colour and texture",
        stride=FEATURE_STRIDE,
        learner="scikit-learn",
    ),
    "pidnet-s": Architecture(
        build=lambda classes: PidNet(classes, width=32),
        paper="PIDNet-S (Xu et al. 2023)",
        stride=8,
    ),
    "random-forest": Architecture(
        build=RandomForest,
        paper="random forest (Breiman 2001) on colour and texture",
        stride=FEATURE_STRIDE,
        learner="scikit-learn",
    ),
    "segformer-b0": Architecture(
        build=SegFormer,
        paper="SegFormer-B0 (Xie et al. 2021)",
        stride=4,
    ),
    "segnet": Architecture(
        build=lambda classes: SegNet(classes, width=ROBOT_WIDTH),
        paper="SegNet (Badrinarayanan et al. 2017) at a quarter of its width",
        stride=1,
    ),
    "unet-16": Architecture(
        build=lambda classes: UNet(classes, widths=(16, 32, 64, 128, 256)),
        paper="U-Net (Ronneberger et al. 2015) of residual blocks (Zhang et al. 2018)",
        stride=1,
    ),
    "unet-32": Architecture(
        build=lambda classes: UNet(classes, widths=(32, 64, 128, 256, 512)),
        paper="U-Net (Ronneberger et al. 2015) of residual blocks (Zhang et al. 2018)",
        stride=1,
    ),
}


def architecture_named(name: str) -> Architecture:
    """Return an entry of the registry, or of the family that `agriseg models search` goes over.

    Raises
    ------
    ModelFileError
        No architecture of that name exists.
    """
    entry = ARCHITECTURES.get(name) or _searched(name)
    if entry is None:
        raise ModelFileError(
            f"architecture {name!r} is not known; expected one of "
            f"{', '.join(sorted(ARCHITECTURES))}"
        )
    return entry


def _searched(name: str) -> Architecture | None:
    shape = parse_searched(name)
    if shape is None:
        return None
    return Architecture(
        build=lambda classes: SearchedNet(classes, shape),
        paper="branches (Yu et al. 2018) of residual blocks (He et al. 2016), shaped by a search",
        stride=4,
    )


def build_network(architecture: str, classes: int) -> nn.Module:
    """Build a network with random weights.

    Raises
    ------
    ModelFileError
        No architecture of that name exists.
    """
    return architecture_named(architecture).build(classes)
