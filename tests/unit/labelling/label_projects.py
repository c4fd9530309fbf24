"""Small label projects for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agriseg.clock import VirtualClock
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.labelling.project import LabelProject
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import Paint
from agriseg.opencv import cv2

CROP, WEED = Paint(class_id=1, plant=1), Paint(class_id=2, plant=2)


def write_photos(folder: Path, count: int = 3, *, seed: int = 0) -> list[Path]:
    """Write small grey pictures that differ."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        path = folder / f"photo{number}.png"
        grey = generator.integers(0, 255, (40, 60, 1), np.uint8)
        cv2.imwrite(str(path), np.repeat(grey, 3, axis=2))
        paths.append(path)
    return paths


def new_project(
    tmp_path: Path, count: int = 3, clock: VirtualClock | None = None, **extra: str
) -> LabelProject:
    """Make a project of small pictures, open for editing."""
    project = LabelProject.create(tmp_path / "project", clock=clock or VirtualClock(), **extra)
    project.add_pictures(write_photos(tmp_path / "north field", count))
    return project


def dab(document: LabelDocument, u: float, v: float, what: Paint = CROP) -> Rect:
    """Paint a round spot."""
    edit = brush(document, np.array([[u, v, 4.0]]), what)
    assert edit is not None
    return document.apply(edit)
