"""Pictures of label masks, for people."""

from __future__ import annotations

import numpy as np

from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.overlay import CROP_RGB, OVERLAY_ALPHA, WEED_RGB

_OUTLINE_PX = 1


def draw_labels(image: UInt8Array, labels: UInt8Array) -> UInt8Array:
    """Return a copy of a BGR image with crop and weed tinted in the window's colours and outlined.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    labels : (H, W) uint8
        `ClassId` values.
    """
    result = image.copy()
    for class_id, rgb in ((ClassId.CROP, CROP_RGB), (ClassId.WEED, WEED_RGB)):
        mask = (labels == class_id).astype(np.uint8)
        if not mask.any():
            continue
        inside = mask.astype(bool)
        colour = np.array(rgb[::-1], np.float32)
        blend = result[inside] * (1.0 - OVERLAY_ALPHA) + colour * OVERLAY_ALPHA
        result[inside] = blend.astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(result, outlines, -1, rgb[::-1], _OUTLINE_PX)
    return result
