"""Pictures of label masks, for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.overlay import CROP_RGB, OVERLAY_ALPHA, WEED_RGB
from agriseg.segmentation.plant_grouping import PlantsSeen

CELL_WIDTH_PX = 300

_OUTLINE_PX = 1
_CAPTION_PX = 18
_STEM_RADIUS_PX = 3
_WHITE = (255, 255, 255)


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


def draw_plants(image: UInt8Array, seen: PlantsSeen) -> UInt8Array:
    """Return a copy of a BGR image with its classes tinted, each plant outlined in white and a
    dot where it stands.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    seen : PlantsSeen
    """
    result = draw_labels(image, seen.panoptic.classes)
    for plant in seen.plants:
        left, top, width, height = plant.box_px
        part = seen.panoptic.ids[top : top + height, left : left + width] == plant.plant_id
        outlines, _ = cv2.findContours(
            part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
        )
        cv2.drawContours(result, outlines, -1, _WHITE, _OUTLINE_PX)
        u, v = (round(value) for value in plant.stem_px)
        cv2.circle(result, (u, v), _STEM_RADIUS_PX, _WHITE, -1)
    return result


def comparison(
    image: UInt8Array, truth: UInt8Array, labels: UInt8Array, caption: str
) -> UInt8Array:
    """Return the truth drawn over the image, above the labels drawn over the same image.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR.
    truth, labels : (H, W) uint8
        `ClassId` values.
    caption : str
        Written over the top.

    Returns
    -------
    (h, CELL_WIDTH_PX, 3) uint8
        BGR, downsized.
    """
    height_px = round(image.shape[0] * CELL_WIDTH_PX / image.shape[1])
    parts = [
        cv2.resize(
            draw_labels(image, one), (CELL_WIDTH_PX, height_px), interpolation=cv2.INTER_AREA
        )
        for one in (truth, labels)
    ]
    for part, text in zip(parts, (f"truth: {caption}", "model"), strict=True):
        part[:_CAPTION_PX] = 0
        cv2.putText(part, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return np.asarray(np.vstack(parts), dtype=np.uint8)


def grid(rows: Sequence[Sequence[UInt8Array]]) -> UInt8Array:
    """Put pictures of one width side by side in rows, each row as high as its highest."""
    bands = []
    for row in rows:
        height_px = max(cell.shape[0] for cell in row)
        padded = [np.pad(c, ((0, height_px - c.shape[0] + 2), (0, 2), (0, 0))) for c in row]
        bands.append(np.hstack(padded))
    return np.asarray(np.vstack(bands), dtype=np.uint8)
