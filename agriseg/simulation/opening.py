"""From the configuration to the world that the robot drives over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agriseg.config import Config
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.simulation.field_parameters import field_from_config
from agriseg.simulation.photo_ground import PhotoGround
from agriseg.simulation.procedural_field import ProceduralField
from agriseg.simulation.world import World

_BORDER_M = 0.1


def open_world(config: Config) -> World:
    """Return the simulated field, or the images that ``simulation.world`` names laid out.

    Either is as wide as the camera sees and the boom reaches.

    Raises
    ------
    DatasetError
        The folder of images cannot be used.
    CalibrationError
        The configured camera does not see the ground.
    """
    plane = GroundPlane(
        config.camera.intrinsics,
        config.camera.pose,
        (config.camera.width_px, config.camera.height_px),
    )
    y_min_m, y_max_m = _needed_width_m(config, plane)
    if config.simulation.world == "sim":
        field = field_from_config(config.simulation)
        return ProceduralField(field, y_min_m=y_min_m, y_max_m=y_max_m)
    return PhotoGround(
        Path(config.simulation.world),
        ground_width_m=y_max_m - y_min_m,
        centre_y_m=(y_min_m + y_max_m) / 2.0,
        x_min_m=plane.near_x_m,
    )


def _needed_width_m(config: Config, plane: GroundPlane) -> tuple[float, float]:
    boom = config.boom
    half_boom_m = 0.5 * (boom.footprint_across_m + (boom.nozzle_count - 1) * boom.pitch_m)
    border_m = _BORDER_M + config.simulation.wobble_m
    y_m = plane.view_polygon_m[:, 1]
    right_m = min(float(np.min(y_m)), boom.y_offset_m - half_boom_m) - border_m
    left_m = max(float(np.max(y_m)), boom.y_offset_m + half_boom_m) + border_m
    return right_m, left_m
