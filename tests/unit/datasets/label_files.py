"""Label files of two small pictures, written as the formats have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX = 40, 30


def write_image(path: Path, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height_px, width_px, 3), 90, np.uint8))


def polygon(left: float, top: float, right: float, bottom: float) -> list[float]:
    """Return an upright rectangle as u, v, u, v, ..."""
    return [left, top, right, top, right, bottom, left, bottom]


def coco(annotations: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return a COCO file of the pictures ``a.png`` and ``b.png``."""
    data: dict[str, Any] = {
        "images": [
            {"id": 7, "file_name": "a.png", "width": WIDTH_PX, "height": HEIGHT_PX},
            {"id": 8, "file_name": "b.png", "width": WIDTH_PX, "height": HEIGHT_PX},
        ],
        "categories": [{"id": 3, "name": "maize"}, {"id": 5, "name": "thistle"}],
        "annotations": annotations,
    }
    return data | changes


def annotation(number: int, image: int, category: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image, "category_id": category, "iscrowd": 0} | more


def write_json(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def cvat(images: str) -> str:
    return f"<?xml version='1.0'?><annotations><version>1.1</version>{images}</annotations>"


def cvat_image(name: str, shapes: str) -> str:
    return f'<image id="0" name="{name}" width="{WIDTH_PX}" height="{HEIGHT_PX}">{shapes}</image>'


def cvat_polygon(label: str, points: list[float], more: str = "") -> str:
    text = ";".join(f"{u},{v}" for u, v in zip(points[::2], points[1::2], strict=True))
    return f'<polygon label="{label}" points="{text}" {more}/>'


def labelme(shapes: list[dict[str, Any]], image: str) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageWidth": WIDTH_PX,
        "imageHeight": HEIGHT_PX,
    }
