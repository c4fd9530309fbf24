"""A small labelled field with all that is hard to keep: holes, parts, touching plants, crowds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.messages import ClassId


def hard_picture(folder: Path, name: str = "north/a.png", seed: int = 1) -> LabelledPicture:
    """Write a picture and return it with its labels.

    Plant 1, crop, has a hole with a weed in it (2); 3 and 4 touch along a ragged line; 5 is of two
    parts; 6 is a single pixel, 7 a thin diagonal; there is ignored ground with a hole, too.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    height, width = 90, 120
    cv2.imwrite(str(path), rng.integers(0, 255, (height, width, 3), np.uint8))
    ids = np.zeros((height, width), np.uint16)
    cv2.circle(ids, (25, 25), 18, 1, -1)
    cv2.circle(ids, (25, 25), 9, 0, -1)
    cv2.circle(ids, (25, 25), 4, 2, -1)
    noise = cv2.GaussianBlur(rng.random((height, width)).astype(np.float32), (0, 0), 2)
    right = np.add.accumulate(np.ones((height, width)), axis=1) + 60 * noise > 110
    ids[5:40, 60:110] = np.where(right, 4, 3)[5:40, 60:110]
    cv2.ellipse(ids, (20, 70), (9, 5), 30, 0, 360, 5, -1)
    cv2.ellipse(ids, (45, 72), (9, 5), 60, 0, 360, 5, -1)
    ids[2, 118] = 6
    cv2.line(ids, (70, 50), (100, 88), 7, 1)
    classes = np.full((height, width), ClassId.SOIL, np.uint8)
    classes[np.isin(ids, (1, 3, 5))] = ClassId.CROP
    classes[np.isin(ids, (2, 4, 6, 7))] = ClassId.WEED
    cv2.circle(classes, (112, 70), 9, int(ClassId.IGNORE), 3)
    ids[classes == ClassId.IGNORE] = 0
    return LabelledPicture(name=name, image_path=path, classes=classes, ids=ids)


def with_crowd(picture: LabelledPicture) -> LabelledPicture:
    """Return the picture with a patch of weeds that nobody told apart."""
    classes = picture.classes.copy()
    assert picture.ids is not None
    ids = picture.ids.copy()
    for u in (62, 70, 78):
        cv2.circle(classes, (u, 80), 3, int(ClassId.WEED), -1)
        cv2.circle(ids, (u, 80), 3, 0, -1)
    return LabelledPicture(
        name=picture.name, image_path=picture.image_path, classes=classes, ids=ids
    )
