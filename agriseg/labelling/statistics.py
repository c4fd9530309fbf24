"""What a project holds: pictures by state, ground and plants by class, time of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.stored import StoredLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassStatistics:
    """One class of a project.

    Attributes
    ----------
    name : str
    pixels : int
    share : float
        Of all pixels of the counted pictures, 0 to 1.
    pictures : int
        Pictures that show it.
    plants : int
        Numbered plants.
    median_plant_px : float
        Median area of these; NaN for none.
    """

    name: str
    pixels: int
    share: float
    pictures: int
    plants: int
    median_plant_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectStatistics:
    """A whole project.

    Attributes
    ----------
    states : mapping of PictureState to int
        Pictures in each state.
    counted : int
        Pictures whose labels are counted: those that somebody has begun.
    classes : tuple of ClassStatistics
    stems : int
    work_s : float
        Time of work on all pictures.
    seconds_per_picture : float
        Mean time of the pictures that are finished and were worked on here; NaN for none.
    by_labeller : mapping of str to int
        Finished pictures by who set their state.
    """

    states: dict[PictureState, int]
    counted: int
    classes: tuple[ClassStatistics, ...]
    stems: int
    work_s: float
    seconds_per_picture: float
    by_labeller: dict[str, int]


def project_statistics(
    project: LabelProject, on_progress: Callable[[int, int], None] | None = None
) -> ProjectStatistics:
    """Count what a project holds; about 0.2 s for each picture of 4000 x 3000 pixels.

    Parameters
    ----------
    project : LabelProject
    on_progress : callable of (done, all), optional
        What it raises ends the counting.

    Raises
    ------
    DatasetError, LabelError
        Labels cannot be read.
    """
    entries = list(project.pictures.values())
    begun = [one for one in entries if one.state is not PictureState.TO_DO]
    tally = _Tally()
    for number, entry in enumerate(begun, start=1):
        tally.add(project.labels(entry.stem))
        if on_progress is not None:
            on_progress(number, len(begun))
    finished = [one for one in entries if one.state.is_finished]
    timed = [one.work_s for one in finished if one.work_s > 0.0]
    names = [one.by for one in finished if one.by]
    return ProjectStatistics(
        states={state: sum(e.state is state for e in entries) for state in PictureState},
        counted=len(begun),
        classes=tuple(tally.of(one.class_id, one.name) for one in project.classes),
        stems=tally.stems,
        work_s=sum(one.work_s for one in entries),
        seconds_per_picture=float(np.mean(timed)) if timed else float("nan"),
        by_labeller={name: names.count(name) for name in sorted(set(names))},
    )


class _Tally:
    def __init__(self) -> None:
        self._pixels = np.zeros(256, np.int64)
        self._pictures = np.zeros(256, np.int64)
        self._areas: dict[int, list[int]] = {}
        self.stems = 0

    def add(self, labels: StoredLabels) -> None:
        counts = np.bincount(labels.classes.ravel(), minlength=256)
        self._pixels += counts
        self._pictures += counts > 0
        self.stems += len(labels.stems)
        numbered = labels.instances > 0
        keys = labels.classes[numbered].astype(np.int64) * 65536 + labels.instances[numbered]
        for key, area in zip(*np.unique(keys, return_counts=True), strict=True):
            self._areas.setdefault(int(key) // 65536, []).append(int(area))

    def of(self, class_id: int, name: str) -> ClassStatistics:
        areas = self._areas.get(class_id, [])
        total = int(self._pixels.sum())
        return ClassStatistics(
            name=name,
            pixels=int(self._pixels[class_id]),
            share=float(self._pixels[class_id] / total) if total else 0.0,
            pictures=int(self._pictures[class_id]),
            plants=len(areas),
            median_plant_px=float(np.median(areas)) if areas else float("nan"),
        )
