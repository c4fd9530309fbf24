"""Label folders and jobs small enough for a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from agriseg.learning.spec import JobSpec, RemoteChoice, Role, choose_folder

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


def write_labels(folder: Path, count: int = 4, groups: bool = True) -> Path:
    """Write pictures of a brown field with a green crop and a yellow-green weed, and masks."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for index in range(count):
        rng = np.random.default_rng([index, *folder.name.encode()])
        image = np.full((64, 96, 3), (60, 80, 110), np.uint8)
        mask = np.zeros((64, 96), np.uint8)
        for value, colour in ((1, (40, 160, 60)), (2, (30, 190, 160))):
            centre = (int(rng.integers(10, 86)), int(rng.integers(10, 54)))
            cv2.circle(image, centre, 8, colour, -1)
            cv2.circle(mask, centre, 8, value, -1)
        cv2.imwrite(str(folder / "images" / f"p{index}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{index}.png"), mask)
    if groups:
        named = {f"p{i}": "ab"[i % 2] for i in range(count)}
        (folder / "groups.json").write_text(json.dumps(named))
    return folder


def make_spec(
    start: Path, *data: tuple[Path, Role], steps: int = 4, remote: RemoteChoice | None = None
) -> JobSpec:
    """Return a job on some folders, each with what it is there for."""
    return JobSpec(
        made_at=BEGIN,
        name="circles",
        version="1.1",
        start=str(start),
        data=tuple(choose_folder(folder, role) for folder, role in data),
        simulated_frames=4,
        steps=steps,
        threads=1,
        device="cpu",
        remote=remote,
    )
