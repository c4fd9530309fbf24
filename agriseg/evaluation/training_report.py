"""The page of a training: its curves, its figures on held-out images, and its worst pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from agriseg.evaluation.drawings import WorstPicture, reliability_chart
from agriseg.evaluation.model_card import TrainedModel, terms, versions
from agriseg.evaluation.pages import render_page
from agriseg.models.bundle import CLASS_NAMES
from agriseg.recording.charts import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Chart,
    svg_chart,
)

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)


def training_page(model: TrainedModel, worst: Sequence[WorstPicture]) -> str:
    """Return the page, complete in itself.

    Parameters
    ----------
    model : TrainedModel
    worst : sequence of WorstPicture
        Of the held-out images.
    """
    sources = {} if model.figures is None else model.figures["sources"]
    return render_page(
        "training.html.jinja",
        config=model.config,
        config_text=model.config_text,
        ending=model.ending,
        segmenter=model.segmenter,
        counts=model.counts,
        terms={source.name: terms(source) for source in model.config.enabled_sources},
        sources=sources,
        reliability={
            name: reliability_chart(source["calibration"]["bins"])
            for name, source in sources.items()
        },
        loss=loss_chart(model.course),
        iou=iou_chart(model.course),
        worst=worst,
        classes=CLASS_NAMES,
        versions=versions(),
    )


def loss_chart(course: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Draw the loss over the steps; None without a log."""
    if not course:
        return None

    def draw(axes: Axes) -> None:
        axes.plot([c["step"] for c in course], [c["loss"] for c in course], color=BLUE, marker=".")
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("step")
        axes.set_ylabel("mean loss")

    return svg_chart(draw, "Loss over the steps", height=2.4, width=3.6)


def iou_chart(course: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Draw every source's mean IoU over the steps; None where nothing was held out."""
    names = sorted({name for line in course for name in line if name.endswith(".miou")})
    if not names:
        return None

    def draw(axes: Axes) -> None:
        for name, colour in zip(names, _COLOURS * len(names), strict=False):
            known = [(c["step"], c[name]) for c in course if c.get(name) is not None]
            label = name.removesuffix(".miou")
            axes.plot(*zip(*known, strict=True), color=colour, marker=".", label=label)
        axes.set_ylim(0.0, 1.0)
        axes.set_xlabel("step")
        axes.set_ylabel("mean IoU")
        axes.legend(loc="lower right")

    return svg_chart(draw, "Mean IoU on held-out images over the steps", height=2.4, width=3.6)
