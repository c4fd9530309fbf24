"""Plants as COCO knows them: run lengths, categories, panoptic colours.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014; Kirillov et al., "Panoptic
segmentation", CVPR 2019; the records are those of https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from agriseg.messages import ClassId, PlantInstance, UInt8Array
from agriseg.segmentation.panoptic import IdArray, PanopticMap
from agriseg.segmentation.plant_grouping import PlantsSeen

SOIL_CATEGORY = 3
"""Soil's number: categories begin at 1 in COCO, and crop and weed keep theirs."""

CATEGORIES = (
    {"id": int(ClassId.CROP), "name": "crop", "supercategory": "plant"},
    {"id": int(ClassId.WEED), "name": "weed", "supercategory": "plant"},
)
PANOPTIC_CATEGORIES = (
    *({**category, "isthing": 1} for category in CATEGORIES),
    {"id": SOIL_CATEGORY, "name": "soil", "supercategory": "ground", "isthing": 0},
)

_BYTE = 256


def instance_record(plant: PlantInstance, ids: IdArray) -> dict[str, Any]:
    """Return a plant as a COCO annotation, without its numbers; the mask in run lengths.

    Parameters
    ----------
    plant : PlantInstance
    ids : (H, W) int32
        Plant of every pixel.
    """
    mask = np.asfortranarray(ids == plant.plant_id, dtype=np.uint8)
    runs = coco_mask.encode(mask)
    return {
        "category_id": int(plant.class_id),
        "segmentation": {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")},
        "area": plant.area_px,
        "bbox": list(plant.box_px),
        "iscrowd": 0,
        "score": round(plant.confidence, 4),
        "stem": [round(value, 1) for value in plant.stem_px],
    }


def panoptic_colours(panoptic: PanopticMap) -> UInt8Array:
    """Return ``(H, W, 3) uint8`` RGB, each segment's number as R + 256 G + 65536 B."""
    numbers = np.where(panoptic.ids > 0, panoptic.ids, _soil_number(panoptic))
    planes = [numbers // _BYTE**power % _BYTE for power in range(3)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def panoptic_segments(seen: PlantsSeen) -> list[dict[str, Any]]:
    """Return the ``segments_info`` of one image: every plant, and soil as one segment."""
    segments = [
        {
            "id": plant.plant_id,
            "category_id": int(plant.class_id),
            "area": plant.area_px,
            "bbox": list(plant.box_px),
            "iscrowd": 0,
            "score": round(plant.confidence, 4),
        }
        for plant in seen.plants
    ]
    v, u = np.nonzero(seen.panoptic.ids == 0)
    if v.size:
        left, top = int(u.min()), int(v.min())
        box = [left, top, int(u.max()) - left + 1, int(v.max()) - top + 1]
        segments.append(
            {
                "id": _soil_number(seen.panoptic),
                "category_id": SOIL_CATEGORY,
                "area": int(v.size),
                "bbox": box,
                "iscrowd": 0,
                "score": 1.0,
            }
        )
    return segments


def _soil_number(panoptic: PanopticMap) -> int:
    """Return the first number after the plants'."""
    return int(panoptic.ids.max(initial=0)) + 1
