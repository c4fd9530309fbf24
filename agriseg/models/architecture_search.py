"""Search for a small architecture that is fast enough on this computer.

Successive halving (Jamieson and Talwalkar, AISTATS 2016): all candidates within the latency budget
are trained for a short while, the better half for twice as long, and so on; the last round trains
for the whole schedule. Every trial is an ordinary training, kept in a folder of its own, so that
an interrupted search goes on where it stopped.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.errors import ConfigError, ModelFileError
from agriseg.models.networks.searched import SearchedShape
from agriseg.models.sizing import Size, network_size

WIDTHS = (8, 12, 16, 24, 32)
DEPTHS = (1, 2, 3)
BRANCHES = (2, 3, 4)
SCALES = (1.0, 0.75, 0.5)
LEAST_LONG_SIDE_PX = 64
"""No model looks at smaller pictures."""
_FILE_VERSION = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A network, and the longer side of the pictures that it is shown."""

    shape: SearchedShape
    long_side_px: int

    @property
    def name(self) -> str:
        """Name of its trials."""
        return f"{self.shape.name}-{self.long_side_px}px"

    def input_size(self, frame: Size) -> Size:
        """Return the size at which it looks at a frame."""
        return network_size(frame, self.long_side_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One candidate trained for some steps, and its mean IoU on held-out images."""

    candidate: Candidate
    steps: int
    mean_iou: float


Measure = Callable[[Sequence[Candidate]], Mapping[str, float]]
"""Latency in milliseconds of every candidate, by name."""
Train = Callable[[Candidate, int, Path], float]
"""Trains a candidate for some steps in a folder; goes on where that was left; returns mean IoU."""


def draw_candidates(count: int, long_side_px: int, seed: int) -> list[Candidate]:
    """Draw different candidates at random; the same for the same seed.

    Parameters
    ----------
    count : int
        As many, or all there are.
    long_side_px : int
        Longer side of pictures at scale 1; candidates may see them smaller.
    seed : int
    """
    scaled = (max(LEAST_LONG_SIDE_PX, round(long_side_px * scale)) for scale in SCALES)
    sides_px = list(dict.fromkeys(scaled))
    every = [
        Candidate(
            shape=SearchedShape(width=width, depth=depth, branches=branches),
            long_side_px=side_px,
        )
        for width, depth, branches, side_px in itertools.product(WIDTHS, DEPTHS, BRANCHES, sides_px)
    ]
    order = np.random.default_rng(seed).permutation(len(every))
    return [every[index] for index in order[:count]]


class ArchitectureSearch:
    """One search, kept in a folder.

    Parameters
    ----------
    candidates : sequence of Candidate
    directory : Path
        ``latencies.json``, the trials' folders and ``search.json``.
    measure : Measure
    train : Train
    """

    def __init__(
        self, candidates: Sequence[Candidate], directory: Path, measure: Measure, train: Train
    ) -> None:
        self._candidates = list(candidates)
        self._directory = directory
        self._measure = measure
        self._train = train

    def run(self, budget_ms: float, steps: int, report: Callable[[Trial], None]) -> Trial:
        """Search, and return the winner's trial with the whole schedule.

        Parameters
        ----------
        budget_ms : float
            Candidates whose median latency is above it are left out.
        steps : int
            Training steps of the last round; each earlier one has half of the next one's.
        report : callable
            Called after every trial, also for those that were there already.

        Raises
        ------
        ConfigError
            No candidate is fast enough.
        """
        latencies = self._latencies()
        left = [one for one in self._candidates if latencies[one.name] <= budget_ms]
        if not left:
            fastest = min(latencies, key=lambda name: latencies[name])
            raise ConfigError(
                f"no candidate keeps within {budget_ms:g} ms here; the fastest of "
                f"{len(latencies)} is {fastest} with {latencies[fastest]:.1f} ms: allow more, "
                "choose a smaller --size, or draw more --candidates"
            )
        trials = []
        rounds = max(1, (len(left) - 1).bit_length())
        for number in range(rounds):
            round_steps = max(1, steps >> (rounds - 1 - number))
            results = [self._trial(one, round_steps, report) for one in left]
            trials += results
            # A stable sort: of equals, the one drawn first.
            results.sort(key=lambda trial: -trial.mean_iou)
            left = [trial.candidate for trial in results[: (len(results) + 1) // 2]]
        winner = results[0]
        self._write(winner, trials, latencies, budget_ms)
        return winner

    def folder(self, candidate: Candidate, steps: int) -> Path:
        """Return where a trial is kept."""
        return self._directory / "trials" / f"{candidate.name}-{steps}"

    def _latencies(self) -> dict[str, float]:
        """Measure once: a search that goes on must not judge by other figures than it began."""
        path = self._directory / "latencies.json"
        known: dict[str, float] = _read_json(path) if path.is_file() else {}
        missing = [one for one in self._candidates if one.name not in known]
        if missing:
            known |= self._measure(missing)
            _write_json(path, known)
        return {one.name: float(known[one.name]) for one in self._candidates}

    def _trial(self, candidate: Candidate, steps: int, report: Callable[[Trial], None]) -> Trial:
        path = self.folder(candidate, steps) / "result.json"
        if path.is_file():
            mean_iou = float(_read_json(path)["mean_iou"])
        else:
            _log.info("training %s for %d steps", candidate.name, steps)
            mean_iou = self._train(candidate, steps, path.parent)
            _write_json(path, {"mean_iou": mean_iou})
        trial = Trial(candidate=candidate, steps=steps, mean_iou=mean_iou)
        report(trial)
        return trial

    def _write(
        self, winner: Trial, trials: Sequence[Trial], latencies: Mapping[str, float], budget: float
    ) -> None:
        rows = [
            {
                "candidate": trial.candidate.name,
                "steps": trial.steps,
                "mean_iou": trial.mean_iou,
                "latency_ms": latencies[trial.candidate.name],
            }
            for trial in trials
        ]
        figures = {
            "version": _FILE_VERSION,
            "budget_ms": budget,
            "winner": winner.candidate.name,
            "architecture": winner.candidate.shape.name,
            "long_side_px": winner.candidate.long_side_px,
            "latencies_ms": dict(latencies),
            "trials": rows,
        }
        _write_json(self._directory / "search.json", figures)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelFileError(
            f"{path}: not JSON ({error}); delete it, and the search does that part again"
        ) from error
    if not isinstance(data, dict):
        raise ModelFileError(f"{path}: expected a JSON object, found {type(data).__name__}")
    return data


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replace a file whole, so that a kill leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
