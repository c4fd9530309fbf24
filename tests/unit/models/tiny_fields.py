"""Pictures of tiny fields, made from circles."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from agriseg.messages import UInt8Array


def field_picture(seed: int, width_px: int = 96, height_px: int = 64) -> tuple[UInt8Array, ...]:
    """Return a brown picture with a green crop and a yellow-green weed, and its mask."""
    rng = np.random.default_rng(seed)
    image = np.full((height_px, width_px, 3), (60, 80, 110), np.uint8)
    mask = np.zeros((height_px, width_px), np.uint8)
    for value, colour in ((1, (40, 160, 60)), (2, (30, 190, 160))):
        centre = (int(rng.integers(10, width_px - 10)), int(rng.integers(10, height_px - 10)))
        cv2.circle(image, centre, 8, colour, -1)
        cv2.circle(mask, centre, 8, value, -1)
    return image, mask


def write_source(folder: Path, count: int = 4) -> Path:
    """Write a source of ``count`` pictures in two groups, ``a`` and ``b``."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for index in range(count):
        image, mask = field_picture(index)
        cv2.imwrite(str(folder / "images" / f"p{index}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{index}.png"), mask)
    groups = {f"p{i}": "a" if i < count // 2 else "b" for i in range(count)}
    (folder / "groups.json").write_text(json.dumps(groups))
    return folder
