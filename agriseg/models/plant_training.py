"""Training of the heads that tell plants apart."""

from __future__ import annotations

from torch import Tensor, nn

from agriseg.models.networks import PlantOutput, freeze_trunk
from agriseg.models.training_config import PlantsConfig


class PlantObjective:
    """What the plant heads minimise, and what of the network they may change.

    Parameters
    ----------
    settings : PlantsConfig
    """

    def __init__(self, settings: PlantsConfig) -> None:
        self._settings = settings

    @property
    def sigma_px(self) -> float:
        """Width of the bells in the targets, in pixels of the network's input."""
        return self._settings.centre_sigma_px

    @property
    def heads_alone(self) -> bool:
        """Whether the classes stay as they are."""
        return self._settings.freeze_trunk

    def ready(self, network: nn.Module) -> None:
        """Bring a network that is to train into its state; before every step."""
        network.train()
        if self.heads_alone:
            freeze_trunk(network)

    def loss(self, output: PlantOutput, targets: Tensor) -> Tensor:
        """Return the weighted sum of the centres' squared and the offsets' absolute error.

        Parameters
        ----------
        output : PlantOutput
        targets : (N, 5, h, w) float
            Of `agriseg.models.plant_targets.batch_targets`.
        """
        plants = output.plants.float()
        heat_weight, offset_weight = targets[:, 3], targets[:, 4]
        heat_error = (plants[:, 0] - targets[:, 0]).square() * heat_weight
        offset_error = (plants[:, 1:] - targets[:, 1:3]).abs().sum(dim=1) * offset_weight
        heat = heat_error.sum() / heat_weight.sum().clamp(min=1.0)
        offset = offset_error.sum() / offset_weight.sum().clamp(min=1.0)
        return self._settings.centre_weight * heat + self._settings.offset_weight * offset
