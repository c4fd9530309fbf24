"""The deployed graph: camera bytes in, classes and probabilities per pixel out.

Everything between the camera's bytes and the planner's maps runs inside the graph, so that a
runtime can fuse it and the host never copies floating-point pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from agriseg.messages import ClassId
from agriseg.models.networks.plant_heads import PlantOutput
from agriseg.models.sizing import Size


class FrameGraph(nn.Module):
    """A network with preprocessing in front and full-size maps behind.

    Parameters
    ----------
    network : nn.Module
        Normalised RGB ``(N, 3, h, w)`` to logits ``(N, 3, h / k, w / k)``, or `PlantOutput`.
    frame : Size
        Size of the camera's frames and of the maps.
    network_input : Size
        Size at which the network looks at them.
    mean, std : sequence of 3 float
        Normalisation per RGB channel, of values in 0 to 1.
    temperature : float
        Logits are divided by it before the softmax.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        frame: Size,
        network_input: Size,
        mean: Sequence[float],
        std: Sequence[float],
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.network = network
        self._frame = frame
        self._input = network_input
        self._temperature = temperature
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255.0)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255.0)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Map frames to maps.

        Parameters
        ----------
        frames : (N, H, W, 3) uint8
            BGR.

        Returns
        -------
        labels, weed, crop : (N, H, W) uint8
            `ClassId` of every pixel, and the probabilities of weed and crop scaled to 0..255.
        plants : (N, 3, h / 4, w / 4) float32
            Centre and offsets, of networks with plant heads alone.
        """
        output = self.network(self.normalise(frames))
        if isinstance(output, PlantOutput):
            return (*self.maps(output.logits), output.plants.float())
        return self.maps(output)

    def maps(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Turn the network's logits ``(N, 3, h / k, w / k)`` into what `forward` returns."""
        logits = functional.interpolate(
            logits,
            size=(self._frame.height_px, self._frame.width_px),
            mode="bilinear",
            align_corners=False,
        )
        levels = (torch.softmax(logits / self._temperature, dim=1) * 255.0 + 0.5).to(torch.uint8)
        labels = torch.argmax(logits, dim=1).to(torch.uint8)
        return labels, levels[:, int(ClassId.WEED)], levels[:, int(ClassId.CROP)]

    def normalise(self, frames: Tensor) -> Tensor:
        """Turn ``(N, H, W, 3) uint8`` BGR frames into the network's input."""
        x = frames.permute(0, 3, 1, 2).flip(1).to(self.mean.dtype)
        if self._input != self._frame:
            x = functional.interpolate(
                x,
                size=(self._input.height_px, self._input.width_px),
                mode="bilinear",
                align_corners=False,
            )
        return (x - self.mean) / self.std
