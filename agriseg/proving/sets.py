"""Two models on sets of labelled pictures: not worse, or is it not known?

The verdict on a set rests on paired differences with 95 % intervals by bootstrap over groups
(`agriseg.evaluation.bootstrap`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from agriseg.evaluation.bootstrap import LEAST_GROUPS, ComparedModel, Estimate, compare_models
from agriseg.evaluation.labelled import LabelledFile
from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import Judgement, ScoredImage, score_images
from agriseg.models.runtime import open_segmenter
from agriseg.registry.proof import FigureChange, Interval, SetProof, Verdict

WORSE_BY = 0.01
"""Mean IoU that a model may lose and still be called no worse: one point."""
ROOM_FOR_LOSS = 0.03
"""Where the interval reaches below this, the pictures are too few to say."""
CROP_WETTED_BY = 0.005
WEEDS_MISSED_BY = 0.05

_FIGURES = (
    "mean_iou",
    "iou_soil",
    "iou_crop",
    "iou_weed",
    "weed_plants_hit",
    "target_precision",
    "crop_wetted",
)
_OLD, _NEW = "old", "new"

Tell = Callable[[str, float], None]
"""Told what is done and the share of it, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """Labelled pictures to compare two models on.

    Attributes
    ----------
    name : str
    role : str
        ``new``: of what was learned; ``protected``: must not get worse; ``simulated``: the
        program's own field.
    files : sequence of LabelledFile
    sha256 : str
        Of pictures and labels, where it is known.
    """

    name: str
    role: Literal["new", "protected", "simulated"]
    files: Sequence[LabelledFile]
    sha256: str = ""


def compare_on_sets(
    old: Path,
    new: Path,
    sets: Sequence[LabelledSet],
    *,
    threads: int = 0,
    tell: Tell = lambda _, __: None,
) -> list[SetProof]:
    """Judge a new model against an old one, set by set.

    Parameters
    ----------
    old, new : Path
        Folders of bundles.
    sets : sequence of LabelledSet
    threads : int
        CPU threads; 0: the default.
    tell : callable
        May raise, to give up.

    Raises
    ------
    DatasetError, ModelFileError
        A picture or model cannot be read.
    """
    scored = [
        _scored(model, sets, threads, partial(tell, f"the {name} model looks at labelled pictures"))
        for name, model in ((_OLD, old), (_NEW, new))
    ]
    rule = PlantRule.of(None)
    return [
        set_proof(one, scored[0][place], scored[1][place], rule) for place, one in enumerate(sets)
    ]


def set_proof(
    one: LabelledSet, old: Sequence[ScoredImage], new: Sequence[ScoredImage], rule: PlantRule
) -> SetProof:
    """Return both models' figures on one set, and the verdict."""
    groups = {image.file.group for image in old}
    if len(groups) == 1:
        # One group says nothing about others; its pictures are all there is to draw from.
        old, new = ([_alone(image) for image in images] for images in (old, new))
    first, second = compare_models({_OLD: old, _NEW: new}, rule)
    verdict, reason = judge(second, independent=len({image.file.group for image in old}))
    return SetProof(
        name=one.name,
        role=one.role,
        images=len(old),
        groups=len(groups),
        sha256=one.sha256,
        changes=tuple(_change(name, first, second) for name in _FIGURES),
        verdict=verdict,
        reason=reason,
    )


def judge(new: ComparedModel, independent: int) -> tuple[Verdict, str]:
    """Return how a model compares with the one before it, and why, in half a sentence.

    Parameters
    ----------
    new : ComparedModel
        With its differences to the model before it.
    independent : int
        Groups, or pictures, that intervals are drawn from.
    """
    iou = new.differences["mean_iou"]
    wetted, hit = new.differences["crop_wetted"], new.differences["weed_plants_hit"]
    if math.isnan(iou.value):
        return "not shown", "no class of the pictures can be scored"
    if iou.value < -WORSE_BY:
        return "worse", f"mean IoU fell by {-100 * iou.value:.1f} points"
    if wetted.value > CROP_WETTED_BY:
        return "worse", f"crop that would be wetted rose by {100 * wetted.value:.1f} points"
    if hit.value < -WEEDS_MISSED_BY:
        return "worse", f"weed plants hit fell by {-100 * hit.value:.0f} points"
    if iou.value == 0.0 and independent >= LEAST_GROUPS and math.isnan(iou.low):
        return "not worse", "nothing changed"
    if math.isnan(iou.low):
        return "not shown", "there are too few pictures for an interval"
    if iou.low < -ROOM_FOR_LOSS:
        return "not shown", (
            f"mean IoU changed by {100 * iou.value:+.1f} points, but a loss of "
            f"{-100 * iou.low:.1f} is possible: there are too few pictures"
        )
    if iou.low > 0.0:
        return "better", f"mean IoU rose by {100 * iou.value:.1f} points"
    return "not worse", f"mean IoU changed by {100 * iou.value:+.1f} points"


def verdict_on(sets: Sequence[SetProof]) -> tuple[bool, str]:
    """Return whether a model may be offered, and why, in a sentence.

    It must be no worse on any set, be shown to be so on every protected one, and there must be
    one of these.
    """
    worse = [one for one in sets if one.verdict == "worse"]
    if worse:
        said = "; ".join(f"on {one.name} {one.reason}" for one in worse)
        return False, f"It is worse: {said}."
    protected = [one for one in sets if one.role == "protected"]
    if not protected:
        return False, (
            "There are no protected pictures, so what it lost elsewhere is not known: choose "
            "labelled pictures of what must not get worse."
        )
    open_sets = [one for one in protected if one.verdict == "not shown"]
    if open_sets:
        said = "; ".join(f"on {one.name} {one.reason}" for one in open_sets)
        return False, f"It was not shown to be no worse: {said}."
    better = [one.name for one in sets if one.verdict == "better"]
    gain = f", and better on {', '.join(better)}" if better else ""
    return True, f"It is not worse on {', '.join(one.name for one in protected)}{gain}."


def _scored(
    model: Path, sets: Sequence[LabelledSet], threads: int, tell: Callable[[float], None]
) -> list[list[ScoredImage]]:
    total = sum(len(one.files) for one in sets)
    judgement = Judgement(rule=PlantRule.of(None))
    segmenter = open_segmenter(model, runtime="openvino", threads=threads)
    done = 0

    def counted(files: Sequence[LabelledFile]) -> Iterator[LabelledFile]:
        nonlocal done
        for file in files:
            tell(done / max(1, total))
            yield file
            done += 1

    try:
        return [score_images(segmenter, counted(one.files), judgement) for one in sets]
    finally:
        segmenter.close()


def _alone(image: ScoredImage) -> ScoredImage:
    return replace(image, file=replace(image.file, group=image.file.name))


def _change(name: str, old: ComparedModel, new: ComparedModel) -> FigureChange:
    return FigureChange(
        figure=name,
        old=_interval(old.figures[name]),
        new=_interval(new.figures[name]),
        difference=_interval(new.differences[name]),
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(
        value=_known(estimate.value), low=_known(estimate.low), high=_known(estimate.high)
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
