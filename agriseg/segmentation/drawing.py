"""Pictures of label masks, for people."""

from __future__ import annotations

import cv2
import numpy as np

from agriseg.messages import ClassId, UInt8Array

CROP_BGR = (230, 140, 40)
WEED_BGR = (40, 40, 235)
_OPACITY = 0.45


def draw_labels(image: UInt8Array, labels: UInt8Array) -> UInt8Array:
    """Return a copy of a BGR image with crop tinted blue and weed red, each outlined.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    labels : (H, W) uint8
        `ClassId` values.
    """
    result = image.copy()
    for class_id, colour in ((ClassId.CROP, CROP_BGR), (ClassId.WEED, WEED_BGR)):
        mask = (labels == class_id).astype(np.uint8)
        if not mask.any():
            continue
        inside = mask.astype(bool)
        tint = np.array(colour, np.float32) * _OPACITY
        result[inside] = (result[inside] * (1.0 - _OPACITY) + tint).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(result, outlines, -1, colour, 1)
    return result
