"""Frames that might be labelled: of recorded runs, folders and videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from agriseg.cameras.image_folder import IMAGE_SUFFIXES
from agriseg.cameras.video_file import FALLBACK_RATE_HZ, open_video
from agriseg.datasets.labels import read_image
from agriseg.errors import CameraError, RecordingError
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2
from agriseg.recording.history import read_history
from agriseg.recording.marks import read_notes
from agriseg.recording.reader import Run, open_run
from agriseg.recording.run_directories import is_run

MARK_REACH_S = 1.0
"""A mark means the frames so close to it."""

MISSED_REACH_S = 2.0
"""A weed that was given up is looked for in the frames of so long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One frame that might be labelled.

    Attributes
    ----------
    name : str
        For a file of it, without ending.
    origin : Path
        Folder, video or run.
    index : int
        Its place in the origin.
    group : str
        What belongs together: the run, the video, the folder.
    marks : tuple of str
        What the operator wrote at marks close to it.
    missed : int
        How many weeds were given up soon after it.
    """

    name: str
    origin: Path
    index: int
    group: str
    marks: tuple[str, ...] = ()
    missed: int = 0

    @property
    def is_flagged(self) -> bool:
        """Whether somebody or something pointed at it."""
        return bool(self.marks) or self.missed > 0


class CandidateSource(Protocol):
    """Where candidates come from."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """All of them, in order."""
        ...

    def image(self, candidate: Candidate) -> UInt8Array:
        """Return the picture, ``(H, W, 3) uint8`` BGR; quickest when asked for in order.

        Raises
        ------
        AgrisegError
            It cannot be read.
        """
        ...

    def file(self, candidate: Candidate) -> Path | None:
        """Return the picture's own file; None where it has none."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


def open_candidates(place: Path) -> CandidateSource:
    """Open a run, a folder of images or a video.

    Raises
    ------
    CameraError, RecordingError
        It is none of these, or cannot be read.
    """
    if not place.exists():
        raise CameraError(
            f"{place}: no such file or folder; expected a recorded run, a folder of images or a "
            "video"
        )
    if is_run(place) or place.suffix == ".mcap":
        return RunCandidates(place)
    return FolderCandidates(place) if place.is_dir() else VideoCandidates(place)


class FolderCandidates:
    """The images in a folder and all below it."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        )
        if not self._files:
            raise CameraError(f"{folder}: no image in this folder or below it; choose another")
        self._candidates = tuple(
            Candidate(name=path.stem, origin=folder, index=index, group=path.resolve().parent.name)
            for index, path in enumerate(self._files)
        )

    @property
    def candidates(self) -> Sequence[Candidate]:
        """All images by name."""
        return self._candidates

    def image(self, candidate: Candidate) -> UInt8Array:
        """Read an image."""
        return read_image(self._files[candidate.index])

    def file(self, candidate: Candidate) -> Path | None:
        """Return the image's file."""
        return self._files[candidate.index]

    def close(self) -> None:
        """Nothing is open."""


class VideoCandidates:
    """Two frames of every second of a video: more of them would show the same ground."""

    RATE_HZ = 2.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture = open_video(path)
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        rate_hz = rate_hz if math.isfinite(rate_hz) and rate_hz > 0.0 else FALLBACK_RATE_HZ
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if count < 1:
            self._capture.release()
            raise CameraError(f"{path}: this video does not say how many frames it has; repair it")
        step = max(1, round(rate_hz / self.RATE_HZ))
        self._candidates = tuple(
            Candidate(name=f"{path.stem}_{index:06d}", origin=path, index=index, group=path.stem)
            for index in range(0, count, step)
        )
        self._next = 0

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The frames in order."""
        return self._candidates

    def image(self, candidate: Candidate) -> UInt8Array:
        """Read a frame; one before the last that was asked for winds the video back."""
        if candidate.index < self._next:
            self._capture.release()
            self._capture = open_video(self._path)
            self._next = 0
        while self._next < candidate.index:
            if not self._capture.grab():
                break
            self._next += 1
        found, image = self._capture.retrieve() if self._capture.grab() else (False, None)
        self._next += 1
        if not found or image is None:
            raise CameraError(
                f"{self._path}: frame {candidate.index} cannot be read; it ends early"
            )
        return np.asarray(image, np.uint8)

    def file(self, candidate: Candidate) -> Path | None:  # noqa: ARG002
        """Return None: frames have no files."""
        return None

    def close(self) -> None:
        """Release the video."""
        self._capture.release()


class RunCandidates:
    """Frames of a recorded run, with the operator's marks and the weeds given up near them."""

    STEP_S = 0.5
    LONGEST_STILL_GAP_S = 40.0

    def __init__(self, place: Path) -> None:
        self._run = open_run(place)
        self._directory = place.parent if place.is_file() else place
        times_s = self._run.frame_times_s
        if not len(times_s):
            self._run.close()
            raise RecordingError(f"{place}: this run kept no pictures, so none can be labelled")
        try:
            marks, missed = _flags(self._run, self._directory, times_s)
        except RecordingError:
            self._run.close()
            raise
        name = self._directory.resolve().name
        stills = self._run.stills
        enough = len(stills) >= max(2.0, self._run.duration_s / self.LONGEST_STILL_GAP_S)
        places = stills if enough else np.arange(len(times_s))
        spread = places[sorted(_spread(times_s[places], self.STEP_S))]
        wanted = set(spread.tolist()) | set(marks)
        self._candidates = tuple(
            Candidate(
                name=f"{name}_{index:06d}",
                origin=self._directory,
                index=index,
                group=name,
                marks=tuple(marks.get(index, ())),
                missed=missed.get(index, 0),
            )
            for index in sorted(wanted)
        )

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The stills, which are kept whole, else two frames of every second; and those at marks."""
        return self._candidates

    def image(self, candidate: Candidate) -> UInt8Array:
        """Read a frame's picture as the run kept it."""
        return self._run.frame(candidate.index).image

    def file(self, candidate: Candidate) -> Path | None:  # noqa: ARG002
        """Return None: frames have no files."""
        return None

    def close(self) -> None:
        """Close the run."""
        self._run.close()


def _spread(times_s: np.ndarray[tuple[int], np.dtype[np.float64]], step_s: float) -> set[int]:
    """Return frames that lie a step apart."""
    wanted, last_s = set(), -math.inf
    for index, t_s in enumerate(times_s.tolist()):
        if t_s - last_s >= step_s:
            wanted.add(index)
            last_s = t_s
    return wanted


def _flags(
    run: Run, directory: Path, times_s: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[dict[int, list[str]], dict[int, int]]:
    """Return the marks of the frame nearest to each, and how many weeds were given up by frame."""
    marks: dict[int, list[str]] = {}
    for mark in read_notes(directory).marks:
        nearest = int(np.argmin(np.abs(times_s - mark.t_s)))
        if abs(times_s[nearest] - mark.t_s) <= MARK_REACH_S:
            marks.setdefault(nearest, []).append(mark.text)
    missed: dict[int, int] = {}
    for given_up in read_history(run, run.config).missed:
        first, last = np.searchsorted(times_s, [given_up.t_s - MISSED_REACH_S, given_up.t_s])
        for index in range(int(first), int(last)):
            missed[index] = missed.get(index, 0) + 1
    return marks, missed
