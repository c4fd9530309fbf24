"""Which true weeds a segmenter has labelled as weed."""

from __future__ import annotations

import numpy as np

from agriseg.config import CameraConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ClassId, Segmentation
from agriseg.simulation.ground_view import GroundView
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.world import World

SEEN_SHARE = 0.3
"""A plant is seen when this share of its pixels in one frame is labelled weed."""
_MIN_PIXELS = 6


class SeenPlants:
    """Collects the plants that were labelled weed in at least one frame.

    Parameters
    ----------
    world : World
    trajectory : Trajectory
    config : CameraConfig
        Of the camera whose frames were segmented.
    start_s : float
        Host time at which the robot started.
    """

    def __init__(
        self, world: World, trajectory: Trajectory, config: CameraConfig, start_s: float
    ) -> None:
        plane = GroundPlane(config.intrinsics, config.pose, (config.width_px, config.height_px))
        self._view = GroundView(world, plane)
        self._trajectory = trajectory
        self._start_s = start_s
        self.plant_ids: set[int] = set()

    def add(self, segmentation: Segmentation) -> None:
        """Take what the segmenter saw in one frame."""
        pose = self._trajectory.pose_at(segmentation.t_capture_s - self._start_s)
        ids = self._view.plant_ids(pose)
        on_plant = ids > 0
        known, number = np.unique(ids[on_plant], return_inverse=True)
        if not known.size:
            return
        pixels = np.bincount(number)
        as_weed = np.bincount(number, weights=segmentation.labels[on_plant] == ClassId.WEED)
        seen = (pixels >= _MIN_PIXELS) & (as_weed >= SEEN_SHARE * pixels)
        self.plant_ids.update(known[seen].tolist())
