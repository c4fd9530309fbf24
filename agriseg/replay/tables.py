"""Replays as a table and as curves over the setting, for other programs and for reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agriseg.errors import RecordingError
from agriseg.recording.charts import BLUE, GREY, ORANGE, VERMILLION
from agriseg.replay.judging import ReplayFigures

Row = tuple[str, float | None, ReplayFigures]

_CURVES = (
    ("weeds_missed", "weeds missed", VERMILLION),
    ("crop_sprayed_m2", "crop sprayed, m²", ORANGE),
    ("litres", "litres commanded", BLUE),
)


def write_tables(folder: Path, rows: Sequence[Row], curve: str) -> None:
    """Write ``replay.csv`` and, where there is a curve, ``curves.svg``.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    rows : sequence of (words, value, figures)
        The original first; value is None where the row is no point of the curve.
    curve : str
        Name of the setting; empty where there is no curve.

    Raises
    ------
    RecordingError
        The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "replay.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for index, (words, value, figures) in enumerate(rows):
                if index == 0:
                    writer.writerow(["setting", "value", *asdict(figures)])
                writer.writerow([words, "" if value is None else value, *asdict(figures).values()])
        if curve:
            (folder / "curves.svg").write_bytes(curves_svg(rows, curve))
    except OSError as error:
        raise RecordingError(
            f"{folder}: the tables cannot be written ({error.strerror or error}); choose another"
            " folder with --out"
        ) from error


def curves_svg(rows: Sequence[Row], curve: str) -> bytes:
    """Return missed weeds, sprayed crop and litres over the setting as SVG; original dashed."""
    points = [(value, figures) for _, value, figures in rows if value is not None]
    original = rows[0][2]
    x = np.array([value for value, _ in points], np.float64)
    figure = Figure(figsize=(9.0, 2.8), layout="constrained")
    for axes, (name, label, colour) in zip(figure.subplots(1, 3), _CURVES, strict=True):
        y = np.array([getattr(figures, name) for _, figures in points], np.float64)
        axes.plot(x, y, color=colour, linewidth=1.5, marker="o", markersize=3)
        axes.axhline(getattr(original, name), color=GREY, linestyle="--", linewidth=1.0)
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel(curve)
        axes.set_title(label, fontsize=9)
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
