"""A recorded drive whose pictures show what its labels say: weeds green, crop blue-grey."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "sim"))

import cv2
import numpy as np
from label_field import SIZE, LabelField, make_config
from recorded_drive import RecordedDrive, steady

from agriseg.messages import ClassId, Frame, Segmentation, UInt8Array

COLOURS = {
    0: (90, 100, 120),
    int(ClassId.CROP): (150, 110, 100),
    int(ClassId.WEED): (40, 190, 60),
}
"""BGR by class; crop is not green, so that the colour index finds the weeds alone."""


class PaintedDrive(RecordedDrive):
    """Its recording holds pictures at which a model can look."""

    def _see(self, index: int, t: float, distance: float) -> tuple[Frame, Segmentation]:
        frame, segmentation = super()._see(index, t, distance)
        return replace(frame, image=painted(segmentation.labels)), segmentation


def painted(labels: UInt8Array) -> UInt8Array:
    """Return the picture (H, W, 3) uint8 BGR of a map of labels."""
    table = np.zeros((256, 3), np.uint8)
    for value, colour in COLOURS.items():
        table[value] = colour
    return np.asarray(cv2.GaussianBlur(table[labels], (3, 3), 0), np.uint8)


def weeds_and_rows(length_m: float) -> LabelField:
    """Return ground with 30 weeds of 2 cm radius at known places, and two rows of crop."""
    ground = LabelField(length_m)
    for row_m in (-0.25, 0.25):
        for s_m in np.arange(0.1, length_m - 0.2, 0.2):
            ground.disc(ClassId.CROP, float(s_m), row_m, 0.03)
    for place in range(30):
        y_m = (-0.4, -0.1, 0.0, 0.1, 0.4)[place % 5]
        ground.disc(ClassId.WEED, 2.3 + 0.12 * place, y_m, 0.02)
    return ground


def make_painted_drive(field: LabelField | None = None) -> PaintedDrive:
    """Return a drive at 1.5 m/s whose pictures can be looked at."""
    drive = PaintedDrive(field or weeds_and_rows(7.0), make_config(), steady)
    drive.weed_value = 180
    return drive


__all__ = ["SIZE", "PaintedDrive", "make_painted_drive", "painted", "weeds_and_rows"]
