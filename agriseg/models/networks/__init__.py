"""Segmentation networks, each family in a module of its own, behind one registry.

Every network maps normalised RGB images ``(N, 3, H, W) float32`` to class logits
``(N, classes, H / k, W / k)`` at the stride ``k`` that its entry states; height and width must be
multiples of 32. Networks with auxiliary heads return a `TrainingOutput` while they train and the
bare logits at work; networks with plant heads always return a `PlantOutput`. Normalising, enlarging
and the arg max belong to :mod:`agriseg.models.graph`.
``agriseg/models/ZOO.md`` lists them all.
"""

from agriseg.models.networks.efficientnet_lite import EfficientNetLite0
from agriseg.models.networks.layers import SIZE_MULTIPLE, TrainingOutput, channels_last
from agriseg.models.networks.plant_heads import PlantOutput, freeze_trunk
from agriseg.models.networks.registry import (
    ARCHITECTURES,
    Architecture,
    architecture_named,
    build_network,
)

__all__ = [
    "ARCHITECTURES",
    "SIZE_MULTIPLE",
    "Architecture",
    "EfficientNetLite0",
    "PlantOutput",
    "TrainingOutput",
    "architecture_named",
    "build_network",
    "channels_last",
    "freeze_trunk",
]
