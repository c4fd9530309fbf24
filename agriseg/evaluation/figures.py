"""Scores as plain figures for JSON and tables; what has no value is None."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from agriseg.evaluation.plants import PlantRule, PlantScores
from agriseg.evaluation.scores import Judgement, ScoredImage, Scores, by_source, total
from agriseg.messages import ClassId
from agriseg.models.bundle import CLASS_NAMES
from agriseg.segmentation.metrics import CLASSES
from agriseg.segmentation.panoptic import PanopticScores
from agriseg.segmentation.reliability import Reliability, ReliabilityBins

SCHEMA = "agriseg-evaluation"
SCHEMA_VERSION = 1
ALL_SOURCES = "all"
WORST_IMAGES = 20

_PLANT_CLASSES = (ClassId.CROP, ClassId.WEED)
_CM2_PER_M2 = 1e4


def evaluation_figures(
    model: str, data: str, scored: Sequence[ScoredImage], judgement: Judgement
) -> dict[str, Any]:
    """Return everything that ``agriseg evaluate --json`` writes; see ``SCORES.md``."""
    sources = {
        name: _source_figures(images, judgement) for name, images in by_source(scored).items()
    }
    if len(sources) > 1:
        sources[ALL_SOURCES] = _source_figures(scored, judgement)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "data": data,
        "judged_by": judgement_figures(judgement),
        "sources": sources,
        "worst": [
            {
                "image": image.file.name,
                "group": image.file.group,
                "mean_iou": plain(image.scores.pixels.mean_iou),
            }
            for image in worst_images(scored)
        ],
    }


def worst_images(scored: Iterable[ScoredImage]) -> list[ScoredImage]:
    """Return the 20 images of the lowest mean IoU, the worst first."""
    return sorted(scored, key=lambda image: image.scores.pixels.mean_iou)[:WORST_IMAGES]


def score_figures(scores: Scores, judgement: Judgement) -> dict[str, Any]:
    """Return the figures of one set of images."""
    pixels = scores.pixels
    return {
        "images": scores.images,
        "mean_iou": plain(pixels.mean_iou),
        "iou": _by_class(pixels.iou),
        "precision": _by_class(pixels.precision),
        "recall": _by_class(pixels.recall),
        "confusion": pixels.confusion.tolist(),
        "boundary_f": _by_class(scores.boundary.f_score),
        "calibration": _calibration(scores.reliability),
        "plants": plant_figures(scores.plants, judgement.rule),
        "panoptic": _panoptic(scores),
    }


def plant_figures(plants: PlantScores, rule: PlantRule) -> dict[str, Any]:
    """Return weed plants found by size, and false targets."""
    low = rule.sizes_m2
    sizes = [_size_figures(plants, rule, a, b) for a, b in pairwise((*low, math.inf))]
    unit = _CM2_PER_M2 if rule.has_scale else 1.0
    from_m2 = rule.table_size_m2
    share = plants.targets - plants.false_targets
    return {
        "unit": "cm2" if rule.has_scale else "px",
        "from_size": plain(from_m2 * unit),
        "recall": _share(plants.recall(from_m2).hit, plants.recall(from_m2).plants),
        "plants": plants.recall(from_m2).plants,
        "recall_of_all": _share(plants.recall(low[0]).hit, plants.recall(low[0]).plants),
        "by_size": sizes,
        "targets": plants.targets,
        "false_targets": plants.false_targets,
        "target_precision": _share(share, plants.targets),
        "ground_m2": plain(plants.ground_m2) if rule.has_scale else None,
        "false_targets_per_m2": _share(plants.false_targets, plants.ground_m2)
        if rule.has_scale
        else None,
        "crop_wetted": _share(plants.crop_wetted_m2, plants.crop_m2),
    }


def judgement_figures(judgement: Judgement) -> dict[str, Any]:
    """Return by which rule images were judged."""
    rule = judgement.rule
    return {
        "boundary_tolerance_px": judgement.boundary_px,
        "gsd_mm": plain(1e3 * rule.cell_m) if rule.has_scale else None,
        "sensitivity": rule.sensitivity,
        "weed_margin_mm": plain(1e3 * rule.weed_margin_m),
        "crop_margin_mm": plain(1e3 * rule.crop_margin_m),
    }


def plain(value: float) -> float | None:
    """Return a number as JSON knows it: None where there is none."""
    return float(value) if math.isfinite(value) else None


def _source_figures(scored: Sequence[ScoredImage], judgement: Judgement) -> dict[str, Any]:
    groups = {image.file.group for image in scored}
    return {"groups": len(groups), **score_figures(total(scored), judgement)}


def _by_class(values: Iterable[float]) -> dict[str, float | None]:
    return {name: plain(float(v)) for name, v in zip(CLASS_NAMES, values, strict=True)}


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _size_figures(plants: PlantScores, rule: PlantRule, low: float, high: float) -> dict[str, Any]:
    unit = _CM2_PER_M2 if rule.has_scale else 1.0
    counted = plants.recall(low, high)
    return {
        "from": plain(low * unit),
        "to": plain(high * unit),
        "plants": counted.plants,
        "hit": counted.hit,
        "seen": counted.seen,
        "withheld": counted.withheld,
        "recall": _share(counted.hit, counted.plants),
    }


def _calibration(reliability: Reliability) -> dict[str, Any]:
    return {
        "ece": plain(reliability.bins().error),
        "ece_by_called_class": _by_class(reliability.bins(c).error for c in CLASSES),
        "bins": _diagram(reliability.bins()),
        "bins_by_called_class": {
            name: _diagram(reliability.bins(c))
            for name, c in zip(CLASS_NAMES, CLASSES, strict=True)
        },
    }


def _diagram(bins: ReliabilityBins) -> list[dict[str, float | int | None]]:
    edges = np.linspace(0.0, 1.0, bins.pixels.size + 1)
    return [
        {
            "from": float(edges[m]),
            "to": float(edges[m + 1]),
            "pixels": int(bins.pixels[m]),
            "confidence": plain(float(bins.confidence[m])),
            "accuracy": plain(float(bins.accuracy[m])),
        }
        for m in range(bins.pixels.size)
    ]


def _panoptic(scores: Scores) -> dict[str, Any]:
    truth = {0: "connected patches", scores.images: "plant ids"}.get(scores.with_ids, "mixed")
    has_heads = scores.with_heads > 0
    return {
        "truth": truth,
        "called": "plant heads" if has_heads else "connected patches",
        **_quality(scores.panoptic),
        "patches": _quality(scores.patches) if has_heads else None,
    }


def _quality(panoptic: PanopticScores) -> dict[str, Any]:
    plants = [int(c) for c in _PLANT_CLASSES]
    return {
        "pq_plants": plain(_mean(panoptic.panoptic_quality[plants])),
        "pq": _by_class(panoptic.panoptic_quality),
        "sq": _by_class(panoptic.segmentation_quality),
        "rq": _by_class(panoptic.recognition_quality),
        "matched": _counts(panoptic.matched),
        "false": _counts(panoptic.false),
        "missed": _counts(panoptic.missed),
    }


def _counts(values: Iterable[int]) -> Mapping[str, int]:
    return {name: int(v) for name, v in zip(CLASS_NAMES, values, strict=True)}


def _mean(values: Iterable[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return sum(known) / len(known) if known else float("nan")
