"""Models side by side: figures, table and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from agriseg.evaluation.bootstrap import (
    LEAST_GROUPS,
    RESAMPLES,
    ROUGH_BELOW_GROUPS,
    ComparedModel,
    Estimate,
    compare_models,
)
from agriseg.evaluation.figures import SCHEMA_VERSION, judgement_figures, plain
from agriseg.evaluation.pages import render_page
from agriseg.evaluation.scores import Judgement, ScoredImage
from agriseg.evaluation.tables import NOT_KNOWN, table
from agriseg.recording.charts import BLUE, GREY, Chart, svg_chart

SCHEMA = "agriseg-comparison"

NAMES = {
    "mean_iou": "mean IoU",
    "iou_soil": "IoU soil",
    "iou_crop": "IoU crop",
    "iou_weed": "IoU weed",
    "weed_plants_hit": "weed plants hit",
    "target_precision": "targets on weeds",
    "crop_wetted": "crop wetted",
    "boundary_f_crop": "boundary F crop",
    "boundary_f_weed": "boundary F weed",
    "pq_crop": "PQ crop",
    "pq_weed": "PQ weed",
    "ece": "calibration error",
}


def comparison_figures(
    scored: Mapping[str, Sequence[ScoredImage]], data: str, judgement: Judgement
) -> dict[str, Any]:
    """Return everything that ``agriseg compare --json`` writes; see ``SCORES.md``."""
    images = next(iter(scored.values()))
    groups = len({image.file.group for image in images})
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "data": data,
        "images": len(images),
        "groups": groups,
        "resamples": RESAMPLES,
        "note": _note(groups),
        "judged_by": judgement_figures(judgement),
        "reference": next(iter(scored)),
        "models": {
            model.name: _model_figures(model) for model in compare_models(scored, judgement.rule)
        },
    }


def comparison_table(figures: Mapping[str, Any]) -> str:
    """Return the table that ``agriseg compare`` prints: a row per figure, a column per model."""
    models = figures["models"]
    rows = [
        [words, *(_cell(models[name], metric) for name in models)]
        for metric, words in NAMES.items()
    ]
    return table(["figure", *models], rows)


def comparison_page(figures: Mapping[str, Any]) -> str:
    """Return the page of ``agriseg compare --html``, complete in itself."""
    return render_page(
        "comparison.html.jinja",
        figures=figures,
        names=NAMES,
        chart=_chart(figures),
        interval=_interval,
    )


def _note(groups: int) -> str:
    if groups < LEAST_GROUPS:
        return "There is a single group of images: no interval can be given."
    if groups < ROUGH_BELOW_GROUPS:
        return f"There are only {groups} groups of images: the intervals are rough."
    return ""


def _model_figures(model: ComparedModel) -> dict[str, Any]:
    return {
        "figures": {name: _estimate(e) for name, e in model.figures.items()},
        "differences": {
            name: {**_estimate(e), "excludes_zero": e.excludes_zero}
            for name, e in model.differences.items()
        },
    }


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {
        "value": plain(estimate.value),
        "low": plain(estimate.low),
        "high": plain(estimate.high),
    }


def _cell(model: Mapping[str, Any], metric: str) -> str:
    text = _interval(model["figures"][metric])
    difference = model["differences"].get(metric)
    if difference is None or difference["value"] is None:
        return text
    mark = " *" if difference["excludes_zero"] else ""
    return f"{text}, {_interval(difference, signed=True)}{mark}"


def _interval(estimate: Mapping[str, float | None], signed: bool = False) -> str:
    """Return a figure with its interval in words."""
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None:
        return NOT_KNOWN
    sign = "+" if signed else ""
    text = f"{value:{sign}.3f}"
    if low is None or high is None:
        return text
    return f"{text} ({low:{sign}.3f} to {high:{sign}.3f})"


def _chart(figures: Mapping[str, Any]) -> Chart:
    models = figures["models"]

    def draw(axes: Axes) -> None:
        for row, (name, model) in enumerate(models.items()):
            estimate = model["figures"]["mean_iou"]
            axes.plot([estimate["value"]], [row], "o", color=BLUE)
            if estimate["low"] is not None:
                axes.plot([estimate["low"], estimate["high"]], [row, row], color=BLUE)
            axes.annotate(
                name,
                (estimate["value"], row),
                (0, 7),
                color=GREY,
                ha="center",
                textcoords="offset points",
            )
        axes.set_yticks([])
        axes.set_ylim(len(models) - 0.4, -0.7)
        axes.margins(x=0.25)
        axes.set_xlabel("mean IoU")

    return svg_chart(draw, "Mean IoU of each model", height=0.8 + 0.45 * len(models))
