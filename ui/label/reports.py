"""What is counted over a whole project, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agriseg.labelling.agreement import Agreement, PictureAgreement
from agriseg.labelling.statistics import ProjectStatistics
from ui.units import clock_text
from ui.widgets.words import counted

_WORST = 3


def agreement_words(found: Sequence[PictureAgreement]) -> str:
    """Say how far two labellers agree."""
    total = Agreement.empty()
    for one in found:
        total = total + one.agreement
    soil, crop, weed = (_figure(value) for value in total.iou)
    worst = ", ".join(f"{one.stem} ({_figure(one.agreement.mean_iou)})" for one in found[:_WORST])
    return (
        f"Agreement on {counted(len(found), 'picture')}: mean IoU {_figure(total.mean_iou)}"
        f" (soil {soil}, crop {crop}, weed {weed}), kappa {_figure(total.kappa)}."
        f" Least: {worst}."
    )


def statistics_words(found: ProjectStatistics) -> str:
    """Say what a project holds."""
    lines = [f"{counted(found.counted, 'picture')} with labels, {counted(found.stems, 'stem')}."]
    for one in found.classes:
        if one.pixels:
            plants = f", {counted(one.plants, 'plant')}" if one.plants else ""
            lines.append(
                f"{one.name}: {100 * one.share:.2f} % of the ground in"
                f" {counted(one.pictures, 'picture')}{plants}"
            )
    if found.work_s >= 1.0:
        lines.append(f"{clock_text(found.work_s)} of work")
    if found.seconds_per_picture >= 1.0:
        lines.append(f"{clock_text(found.seconds_per_picture)} of work on a finished picture")
    if found.by_labeller:
        names = ", ".join(f"{name} {count}" for name, count in found.by_labeller.items())
        lines.append(f"Finished by {names}")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"
