"""Is a new model worse? Pixels known by construction, verdicts that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from agriseg.evaluation.labelled import LabelledFile, LabelledPicture
from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import Judgement, ScoredImage, Scores
from agriseg.messages import Segmentation, UInt8Array
from agriseg.models.bundle import shipped_model
from agriseg.proving.sets import LabelledSet, compare_on_sets, set_proof, verdict_on
from agriseg.registry.proof import SetProof
from agriseg.segmentation.panoptic import PanopticMap

RULE = PlantRule.of(None)
SHAPE = (40, 60)

Damage = Callable[[int], int]
"""How many columns of a picture's crop are called soil."""


def _truth() -> UInt8Array:
    truth = np.zeros(SHAPE, np.uint8)
    truth[5:25, 5:45] = 1
    truth[28:38, 45:58] = 2
    return truth


def _scored(damage: Damage, count: int, groups: int, extra_weed: int = 0) -> list[ScoredImage]:
    scored = []
    for number in range(count):
        called = _truth()
        called[5:25, 5 : 5 + damage(number)] = 0
        if extra_weed:
            called[5:25, 5 : 5 + extra_weed] = 2
        truth = _truth()
        picture = LabelledPicture(
            image=np.zeros((*SHAPE, 3), np.uint8),
            truth=truth,
            plants=PanopticMap.of_components(truth),
            has_ids=False,
        )
        seen = Segmentation(
            frame_id=number,
            t_capture_s=0.0,
            labels=called,
            weed_probability=np.where(called == 2, 250, 2).astype(np.uint8),
            crop_probability=np.where(called == 1, 250, 2).astype(np.uint8),
            forward_ms=0.0,
            segmenter="made",
        )
        file = LabelledFile(
            source="set",
            group=f"set/{number % groups}",
            name=f"set/{number}",
            load=lambda picture=picture: picture,
        )
        scores = Scores.of(seen, picture, Judgement(rule=RULE))
        scored.append(ScoredImage(file=file, scores=scores))
    return scored


def _proof(
    old: Damage,
    new: Damage,
    *,
    count: int = 12,
    groups: int = 6,
    role: Literal["new", "protected"] = "protected",
    extra_weed: int = 0,
) -> SetProof:
    one = LabelledSet(name="soy", role=role, files=())
    scored = _scored(old, count, groups), _scored(new, count, groups, extra_weed)
    return set_proof(one, *scored, RULE)


def _some(number: int) -> int:
    return 6 + number % 3


def _always(columns: int) -> Damage:
    return lambda _: columns


class GivenUpError(Exception):
    """Somebody does not want to wait."""


def test_the_same_is_not_worse() -> None:
    proof = _proof(_some, _some)
    assert proof.verdict == "not worse"
    change = proof.changes[0]
    assert change.figure == "mean_iou"
    assert change.difference.value == 0.0
    assert (proof.images, proof.groups) == (12, 6)
    assert verdict_on([proof]) == (True, "It is not worse on soy.")


def test_better_everywhere_is_better_with_an_interval_above_zero() -> None:
    proof = _proof(lambda n: 12 + n % 3, lambda n: 3 + n % 3)
    assert proof.verdict == "better"
    difference = proof.changes[0].difference
    assert difference.value is not None
    assert difference.low is not None
    assert 0.0 < difference.low <= difference.value
    assert verdict_on([proof]) == (True, "It is not worse on soy, and better on soy.")


def test_a_point_lost_is_worse_and_is_not_offered() -> None:
    proof = _proof(_some, lambda n: _some(n) + 3)
    assert proof.verdict == "worse"
    assert "mean IoU fell by" in proof.reason
    is_offered, sentence = verdict_on([_proof(_some, _some), proof])
    assert not is_offered
    assert sentence.startswith("It is worse: on soy mean IoU fell by")


def test_gains_on_average_that_may_be_chance_are_not_enough() -> None:
    rare = _proof(_always(10), lambda n: 25 if n == 0 else 5, count=6, groups=6)
    assert (rare.changes[0].difference.value or 0.0) > 0.0
    assert rare.verdict == "not shown"
    assert "too few pictures" in rare.reason
    assert verdict_on([rare])[1].startswith("It was not shown to be no worse: on soy")


def test_herbicide_on_crop_is_worse_whatever_the_pixels_say() -> None:
    proof = _proof(_always(12), _always(3), extra_weed=3)
    assert (proof.changes[0].difference.value or 0.0) > 0.0
    assert proof.verdict == "worse"
    assert "crop that would be wetted rose by" in proof.reason


def test_without_protected_pictures_nothing_is_offered() -> None:
    proof = _proof(lambda n: 12 + n % 3, _always(3), role="new")
    assert proof.verdict == "better"
    assert not verdict_on([proof])[0]
    assert "There are no protected pictures" in verdict_on([proof])[1]
    assert not verdict_on([])[0]


def test_what_is_new_must_not_have_got_worse_either() -> None:
    new = _proof(_some, lambda n: _some(n) + 5, role="new")
    assert not verdict_on([_proof(_some, _some), new])[0]


def test_pictures_of_one_group_are_drawn_from_one_by_one() -> None:
    proof = _proof(_some, lambda n: _some(n) - 2, groups=1)
    assert proof.groups == 1
    assert proof.changes[0].difference.low is not None


def test_a_single_picture_shows_nothing() -> None:
    proof = _proof(_some, _some, count=1, groups=1)
    assert proof.verdict == "not shown"
    assert not verdict_on([proof])[0]


def test_models_look_at_every_picture_and_giving_up_is_heard() -> None:
    told: list[float] = []

    def tell(words: str, share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise GivenUpError

    truth = _truth()
    picture = LabelledPicture(
        image=np.zeros((*SHAPE, 3), np.uint8),
        truth=truth,
        plants=PanopticMap.of_components(truth),
        has_ids=False,
    )
    files = [
        LabelledFile(source="s", group=f"s/{n}", name=f"s/{n}", load=lambda: picture)
        for n in range(3)
    ]
    one = LabelledSet(name="s", role="protected", files=files)
    model: Path = shipped_model()
    with pytest.raises(GivenUpError):
        compare_on_sets(model, model, [one], threads=1, tell=tell)
    assert told == [0.0, pytest.approx(1 / 3)]
