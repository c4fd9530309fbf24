"""Figures as tables of text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agriseg.models.bundle import CLASS_NAMES

NOT_KNOWN = "-"

_TOLD_APART_HEAD = (
    "source",
    "plants by",
    *(f"{c} {q}" for q in ("PQ", "SQ", "RQ") for c in CLASS_NAMES[1:]),
)


def evaluation_tables(figures: Mapping[str, Any]) -> str:
    """Return the tables that ``agriseg evaluate`` prints."""
    sources = figures["sources"]
    unit = "cm²" if figures["judged_by"]["gsd_mm"] is not None else "px"
    pixel = [
        [name, s["images"], *(value(s["iou"][c]) for c in CLASS_NAMES), value(s["mean_iou"])]
        for name, s in sources.items()
    ]
    quality = [
        [
            name,
            *(f"{value(s['precision'][c])} / {value(s['recall'][c])}" for c in CLASS_NAMES[1:]),
            *(value(s["boundary_f"][c]) for c in CLASS_NAMES[1:]),
            value(s["calibration"]["ece"]),
            *(value(s["panoptic"]["pq"][c]) for c in CLASS_NAMES[1:]),
        ]
        for name, s in sources.items()
    ]
    told_apart = [
        [name, words, *(value(q[k][c]) for k in ("pq", "sq", "rq") for c in CLASS_NAMES[1:])]
        for name, s in sources.items()
        if s["panoptic"]["patches"] is not None
        for words, q in (
            (s["panoptic"]["called"], s["panoptic"]),
            ("connected patches", s["panoptic"]["patches"]),
        )
    ]
    plants = [
        [
            name,
            s["plants"]["plants"],
            share(s["plants"]["recall"]),
            share(s["plants"]["recall_of_all"]),
            f"{s['plants']['false_targets']} of {s['plants']['targets']}",
            value(s["plants"]["false_targets_per_m2"], 2),
            share(s["plants"]["crop_wetted"]),
        ]
        for name, s in sources.items()
    ]
    from_size = next(iter(sources.values()))["plants"]["from_size"]
    return "\n\n".join(
        (
            table(["source", "images", "soil", "crop", "weed", "mean IoU"], pixel),
            table(
                [
                    "source",
                    *("crop P / R", "weed P / R"),
                    *("crop BF", "weed BF", "ECE", "crop PQ", "weed PQ"),
                ],
                quality,
            ),
            *([table(_TOLD_APART_HEAD, told_apart)] if told_apart else []),
            table(
                [
                    "source",
                    *(f"weeds from {from_size:g} {unit}", "hit", "hit, any size"),
                    *("false targets", "per m²", "crop wetted"),
                ],
                plants,
            ),
        )
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def value(number: float | None, decimals: int = 3) -> str:
    """Return a number, a dash where there is none."""
    return NOT_KNOWN if number is None else f"{number:.{decimals}f}"


def share(number: float | None) -> str:
    """Return a share as percent, a dash where there is none."""
    return NOT_KNOWN if number is None else f"{100.0 * number:.1f} %"
