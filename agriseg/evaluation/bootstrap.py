"""Confidence intervals of scores by resampling groups of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import ScoredImage, Scores, total
from agriseg.messages import Float64Array
from agriseg.models.bundle import CLASS_NAMES
from agriseg.segmentation.metrics import CLASSES

RESAMPLES = 2000
LEAST_GROUPS = 2
ROUGH_BELOW_GROUPS = 8
LOW_PERCENTILE, HIGH_PERCENTILE = 2.5, 97.5

_SEED = 20
_COUNT = len(CLASSES)

Metrics = dict[str, Float64Array]
"""By name, one value per resample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, and the interval that holds it with 95 %; NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """Figures of one model, and their differences to the first model (none for itself)."""

    name: str
    figures: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]


def compare_models(
    scored: Mapping[str, Sequence[ScoredImage]], rule: PlantRule
) -> list[ComparedModel]:
    """Compare models that were scored on the same images, the first one being the reference.

    Parameters
    ----------
    scored : mapping of model to its scored images
        The same images in the same order for every model.
    rule : PlantRule

    Raises
    ------
    ValueError
        The models were not scored on the same images.
    """
    names = [[image.file.name for image in images] for images in scored.values()]
    if any(other != names[0] for other in names):
        raise ValueError("models can only be compared on the same images")
    weights = group_weights([image.file.source for image in _first_of_groups(scored)])
    everything = np.ones((1, weights.shape[1]))
    points, draws = {}, {}
    for model, images in scored.items():
        counts = np.stack([_counts(group, rule) for group in _groups(images).values()])
        points[model] = _metrics(everything @ counts)
        draws[model] = _metrics(weights @ counts)
    first = next(iter(scored))
    return [
        ComparedModel(
            name=model,
            figures={m: _estimate(points[model][m], draws[model][m]) for m in points[model]},
            differences={}
            if model == first
            else {
                m: _estimate(points[model][m] - points[first][m], draws[model][m] - draws[first][m])
                for m in points[model]
            },
        )
        for model in scored
    ]


def group_weights(sources: Sequence[str], resamples: int = RESAMPLES) -> Float64Array:
    """Draw how often each group occurs in each resample, ``(resamples, groups) float64``.

    Groups are drawn with replacement within their source (stratified), so that a source keeps
    its share.

    Parameters
    ----------
    sources : sequence of str
        Source of each group.
    resamples : int
    """
    rng = np.random.default_rng(_SEED)
    weights = np.zeros((resamples, len(sources)))
    for source in dict.fromkeys(sources):
        columns = [index for index, name in enumerate(sources) if name == source]
        shares = np.full(len(columns), 1.0 / len(columns))
        weights[:, columns] = rng.multinomial(len(columns), shares, size=resamples)
    return weights


def _groups(images: Sequence[ScoredImage]) -> dict[str, Scores]:
    members: dict[str, list[ScoredImage]] = {}
    for image in images:
        members.setdefault(image.file.group, []).append(image)
    return {group: total(of_group) for group, of_group in members.items()}


def _first_of_groups(scored: Mapping[str, Sequence[ScoredImage]]) -> list[ScoredImage]:
    images: dict[str, ScoredImage] = {}
    for image in next(iter(scored.values())):
        images.setdefault(image.file.group, image)
    return list(images.values())


def _counts(scores: Scores, rule: PlantRule) -> Float64Array:
    """Return everything that adds up over groups as one vector."""
    plants, panoptic = scores.plants, scores.panoptic
    recall = plants.recall(rule.table_size_m2)
    bins = scores.reliability.bins()
    claimed = np.nan_to_num(bins.confidence) * bins.pixels
    right = np.nan_to_num(bins.accuracy) * bins.pixels
    parts = (
        scores.pixels.confusion.ravel(),
        scores.boundary.f_sum,
        scores.boundary.images,
        panoptic.iou_sum,
        panoptic.matched + 0.5 * panoptic.false + 0.5 * panoptic.missed,
        (recall.hit, recall.plants, plants.targets - plants.false_targets, plants.targets),
        (plants.crop_wetted_m2, plants.crop_m2),
        claimed - right,
        (bins.pixels.sum(),),
    )
    return np.concatenate([np.asarray(part, np.float64) for part in parts])


def _metrics(counts: Float64Array) -> Metrics:
    """Turn sums of `_counts`, ``(R, K)``, into figures, ``(R,)`` each."""
    ends = np.cumsum([_COUNT**2, _COUNT, _COUNT, _COUNT, _COUNT, 4, 2])
    cells, f_sum, images, iou_sum, segments, plants, crop, gaps = np.split(counts, ends, axis=1)
    confusion = cells.reshape(-1, _COUNT, _COUNT)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    union = confusion.sum(axis=1) + confusion.sum(axis=2) - hits
    iou, boundary, panoptic = _ratio(hits, union), _ratio(f_sum, images), _ratio(iou_sum, segments)
    metrics = {"mean_iou": _mean_of_known(iou)}
    for class_id, name in zip(CLASSES, CLASS_NAMES, strict=True):
        metrics[f"iou_{name}"] = iou[:, class_id]
    metrics["weed_plants_hit"] = _ratio(plants[:, 0], plants[:, 1])
    metrics["target_precision"] = _ratio(plants[:, 2], plants[:, 3])
    metrics["crop_wetted"] = _ratio(crop[:, 0], crop[:, 1])
    for class_id, name in list(zip(CLASSES, CLASS_NAMES, strict=True))[1:]:
        metrics[f"boundary_f_{name}"] = boundary[:, class_id]
        metrics[f"pq_{name}"] = panoptic[:, class_id]
    metrics["ece"] = _ratio(np.abs(gaps[:, :-1]).sum(axis=1), gaps[:, -1])
    return metrics


def _estimate(point: Float64Array, draws: Float64Array) -> Estimate:
    known = draws[np.isfinite(draws)]
    # All resamples alike: a single group per source, of which nothing can be drawn.
    if known.size < draws.size // 2 or float(np.ptp(known)) == 0.0:
        return Estimate(value=float(point[0]), low=math.nan, high=math.nan)
    low, high = np.percentile(known, [LOW_PERCENTILE, HIGH_PERCENTILE])
    return Estimate(value=float(point[0]), low=float(low), high=float(high))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> Float64Array:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _mean_of_known(values: Float64Array) -> Float64Array:
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))
