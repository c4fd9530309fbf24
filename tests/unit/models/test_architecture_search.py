"""The search keeps the budget, halves by score, and goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from agriseg.errors import ConfigError
from agriseg.models.architecture_search import (
    ArchitectureSearch,
    Candidate,
    Trial,
    draw_candidates,
)
from agriseg.models.export import convert_network
from agriseg.models.networks import build_network
from agriseg.models.networks.searched import SearchedShape, parse_searched


class _Laboratory:
    """Latencies grow with the width, and so does the score; counts what is asked of it."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.trained: list[tuple[str, int]] = []
        self.fails_at = -1

    def measure(self, candidates: Sequence[Candidate]) -> Mapping[str, float]:
        self.measured += [one.name for one in candidates]
        return {one.name: float(one.shape.width) for one in candidates}

    def train(self, candidate: Candidate, steps: int, directory: Path) -> float:
        if len(self.trained) == self.fails_at:
            raise KeyboardInterrupt
        self.trained.append((candidate.name, steps))
        return candidate.shape.width / 100.0


def _candidates() -> list[Candidate]:
    return [
        Candidate(shape=SearchedShape(width=width, depth=1, branches=2), long_side_px=96)
        for width in (8, 40, 12, 24, 16, 32)
    ]


def test_the_best_within_the_budget_wins_after_halving(tmp_path: Path) -> None:
    laboratory, seen = _Laboratory(), list[Trial]()
    search = ArchitectureSearch(_candidates(), tmp_path, laboratory.measure, laboratory.train)
    winner = search.run(budget_ms=32.0, steps=40, report=seen.append)
    assert winner.candidate.shape.width == 32
    assert winner.steps == 40
    steps_of = {name: [s for n, s in laboratory.trained if n == name] for name in search_names()}
    assert steps_of["searched-w40-d1-b2-96px"] == []
    assert steps_of["searched-w8-d1-b2-96px"] == [10]
    assert steps_of["searched-w16-d1-b2-96px"] == [10, 20]
    assert steps_of["searched-w32-d1-b2-96px"] == [10, 20, 40]
    assert [(t.candidate.name, t.steps) for t in seen] == laboratory.trained
    written = json.loads((tmp_path / "search.json").read_text())
    assert written["architecture"] == "searched-w32-d1-b2"
    assert written["latencies_ms"]["searched-w40-d1-b2-96px"] == 40.0


def search_names() -> list[str]:
    return [one.name for one in _candidates()]


def test_an_interrupted_search_repeats_nothing(tmp_path: Path) -> None:
    first, second = _Laboratory(), _Laboratory()
    first.fails_at = 4
    search = ArchitectureSearch(_candidates(), tmp_path, first.measure, first.train)
    with pytest.raises(KeyboardInterrupt):
        search.run(budget_ms=32.0, steps=40, report=lambda _: None)
    again = ArchitectureSearch(_candidates(), tmp_path, second.measure, second.train)
    winner = again.run(budget_ms=32.0, steps=40, report=lambda _: None)
    assert winner.candidate.shape.width == 32
    assert second.measured == []
    assert set(first.trained).isdisjoint(second.trained)


def test_a_budget_that_nothing_keeps_is_refused_with_the_fastest(tmp_path: Path) -> None:
    laboratory = _Laboratory()
    search = ArchitectureSearch(_candidates(), tmp_path, laboratory.measure, laboratory.train)
    with pytest.raises(ConfigError, match=r"within 5 ms here; the fastest of 6 is searched-w8"):
        search.run(budget_ms=5.0, steps=40, report=lambda _: None)


def test_one_seed_draws_the_same_candidates_and_no_two_alike() -> None:
    drawn = draw_candidates(20, 960, seed=4)
    assert drawn == draw_candidates(20, 960, seed=4)
    assert drawn != draw_candidates(20, 960, seed=5)
    assert len({one.name for one in drawn}) == 20


def test_small_pictures_are_drawn_once_and_never_below_what_models_take() -> None:
    sides = {one.long_side_px for one in draw_candidates(1000, 80, seed=1)}
    assert sides == {80, 64}


def test_names_say_the_shape_and_nothing_else_is_read() -> None:
    shape = SearchedShape(width=12, depth=3, branches=4)
    assert parse_searched(shape.name) == shape
    assert parse_searched("searched-w99-d3-b4") is None
    assert parse_searched("searched-w12-d0-b4") is None
    assert parse_searched("lite0-fpn") is None


@pytest.mark.parametrize("branches", [1, 4])
def test_members_of_the_family_build_and_export(branches: int) -> None:
    name = SearchedShape(width=8, depth=1, branches=branches).name
    network = build_network(name, 3).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 16, 24)
    assert len(network.branches) == branches
    model = convert_network(network)
    model.reshape([1, 3, 64, 96])
    assert list(model.output(0).shape) == [1, 3, 16, 24]
