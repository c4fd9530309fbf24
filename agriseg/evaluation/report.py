"""The page of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agriseg.evaluation.drawings import WorstPicture, reliability_chart, size_chart, size_words
from agriseg.evaluation.pages import render_page
from agriseg.models.bundle import CLASS_NAMES


def evaluation_page(figures: Mapping[str, Any], worst: Sequence[WorstPicture]) -> str:
    """Return the page of ``agriseg evaluate --html``, complete in itself.

    Parameters
    ----------
    figures : mapping
        Of `agriseg.evaluation.figures.evaluation_figures`.
    worst : sequence of WorstPicture
    """
    charts = {
        name: {
            "reliability": reliability_chart(source["calibration"]["bins"]),
            "sizes": size_chart(source["plants"]),
        }
        for name, source in figures["sources"].items()
    }
    return render_page(
        "evaluation.html.jinja",
        figures=figures,
        charts=charts,
        worst=worst,
        classes=CLASS_NAMES,
        size_words=size_words,
    )
