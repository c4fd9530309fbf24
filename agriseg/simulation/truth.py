"""The simulated field's own labels in the place of a model."""

from __future__ import annotations

import time

import numpy as np

from agriseg.config import CameraConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ClassId, Frame, Segmentation
from agriseg.simulation.ground_view import GroundView
from agriseg.simulation.trajectory import Trajectory
from agriseg.simulation.world import World


class TruthSegmenter:
    """Says what really stands there, to judge what comes after it (a `ports.Segmenter`).

    Parameters
    ----------
    world : World
    trajectory : Trajectory
    config : CameraConfig
        Of the camera whose frames are segmented.
    start_s : float
        Host time at which the robot starts.
    """

    def __init__(
        self, world: World, trajectory: Trajectory, config: CameraConfig, start_s: float
    ) -> None:
        size = (config.width_px, config.height_px)
        plane = GroundPlane(config.intrinsics, config.pose, size)
        self._view = GroundView(world, plane)
        self._trajectory = trajectory
        self._start_s = start_s

    @property
    def name(self) -> str:
        """Return ``true labels``."""
        return "true labels"

    def segment(self, frame: Frame) -> Segmentation:
        """Return the true classes below the camera at ``frame.t_capture_s``."""
        began = time.perf_counter()
        pose = self._trajectory.pose_at(frame.t_capture_s - self._start_s)
        labels = self._view.labels(pose)
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=labels,
            weed_probability=_certain(labels == ClassId.WEED),
            crop_probability=_certain(labels == ClassId.CROP),
            forward_ms=(time.perf_counter() - began) * 1000.0,
            segmenter=self.name,
        )

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _certain(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return mask.astype(np.uint8) * np.uint8(255)
