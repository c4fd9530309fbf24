"""The report's drawings, as pictures that sit in the page itself."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from agriseg.messages import ClassId, Float64Array, Plant, PulseOutcome
from agriseg.recording.ground import SprayedExtents
from agriseg.recording.history import RunHistory
from agriseg.spraying.boom import Boom

BLUE = "#0072B2"
GREEN = "#009E73"
VERMILLION = "#D55E00"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
GREY = "#6b7280"
SILVER = "#a9b0bb"
PALE = "#eceef1"
BLACK = "#111827"

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": "#c9ced6",
    "axes.labelcolor": "#374151",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8ebef",
    "grid.linewidth": 0.7,
    "xtick.color": "#6b7280",
    "ytick.color": "#6b7280",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "agriseg",
}

_SWITCHES = {"spraying": True, "pause": False, "stop": False, "end": False, "finished": False}
"""Events that begin and end spraying."""

_MAP_SECTION_M = 12.0
_MAP_SECTIONS = 4
_MOST_POINTS = 1500

_TALLY = {PulseOutcome.DONE: "confirmed", PulseOutcome.SENT: "sent"}

_STAGES = (
    ("capture_ms", "capture", SKY),
    ("queue_ms", "queue", GREY),
    ("segment_ms", "segment", BLUE),
    ("handover_ms", "hand-over", PURPLE),
    ("project_ms", "project", GREEN),
    ("plan_ms", "plan", ORANGE),
    ("link_ms", "link", VERMILLION),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing and the words that belong to it; ``uri`` is a ``data:`` address."""

    uri: str
    alt: str
    note: str = ""


def speed_chart(history: RunHistory) -> Chart | None:
    """Draw speed over time with stops marked; None without odometry."""
    columns = history.odometry_columns()
    if len(columns) < 2:
        return None
    t_s, speed = thin(columns[:, 0] - history.start_s, columns[:, 2])

    def draw(axes: Axes) -> None:
        axes.plot(t_s, speed, color=BLUE, linewidth=1.4)
        axes.fill_between(t_s, speed, color=BLUE, alpha=0.10, linewidth=0)
        axes.set_ylim(bottom=min(0.0, float(speed.min())))
        axes.set_ylabel("speed, m/s")
        _mark_stops(axes, history)
        _time_axis(axes, history)

    return svg_chart(draw, "Speed over time", height=1.9)


def cover_chart(history: RunHistory) -> Chart | None:
    """Draw the share of weed and crop in the pictures over time; None without frames."""
    t_s = np.array(history.frame_t_s) - history.start_s
    weed = np.array([100.0 * record.weed_cover for record in history.frames])
    crop = np.array([100.0 * record.crop_cover for record in history.frames])
    if np.isfinite(weed).sum() < 2:
        return None

    def draw(axes: Axes) -> None:
        axes.plot(*thin(t_s, crop), color=SKY, linewidth=1.3, label="crop")
        axes.plot(*thin(t_s, weed), color=VERMILLION, linewidth=1.3, label="weed")
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel("share of picture, %")
        axes.legend(loc="upper right", ncols=2)
        _time_axis(axes, history)

    return svg_chart(draw, "Weed and crop cover over time", height=1.9)


def latency_chart(history: RunHistory) -> Chart | None:
    """Draw each frame's way from exposure to the wire, stage upon stage; None without frames."""
    rows = [
        [t_s - history.start_s, *(getattr(record.stage, name) for name, _, _ in _STAGES)]
        for t_s, record in zip(history.frame_t_s, history.frames, strict=True)
        if record.stage is not None
    ]
    if len(rows) < 2:
        return None
    table = np.array(rows, np.float64)
    picks = np.unique(np.linspace(0, len(table) - 1, 400).astype(np.int64))
    table = np.nan_to_num(table[picks])

    def draw(axes: Axes) -> None:
        axes.stackplot(
            table[:, 0],
            table[:, 1:].T,
            labels=[label for _, label, _ in _STAGES],
            colors=[colour for _, _, colour in _STAGES],
            linewidth=0,
        )
        axes.set_ylim(0.0, 1.35 * float(table[:, 1:].sum(axis=1).max()) + 1.0)
        axes.set_ylabel("ms")
        axes.legend(loc="upper right", ncols=7, columnspacing=1.0, handlelength=1.0)
        _time_axis(axes, history)

    note = "" if len(rows) <= len(table) else f"{len(table)} of {len(rows)} frames are drawn."
    return svg_chart(draw, "Time of each stage over the run", height=2.0, note=note)


def nozzle_chart(history: RunHistory) -> Chart:
    """Draw confirmed and failed pulses of each nozzle, from the left of the boom."""
    count = history.config.boom.nozzle_count
    tallies = {name: np.zeros(count, np.int64) for name in ("confirmed", "failed", "sent")}
    confirmed, failed, sent = tallies.values()
    for pulse in history.pulses:
        if 0 <= pulse.nozzle_id < count:
            counts = tallies[_TALLY.get(pulse.outcome, "failed")]
            counts[pulse.nozzle_id] += 1

    def draw(axes: Axes) -> None:
        nozzle = np.arange(count) + 1
        axes.bar(nozzle, confirmed, width=0.75, color=BLUE, label="confirmed")
        if sent.any():
            axes.bar(nozzle, sent, width=0.75, color=GREY, label="sent, nothing confirms")
        if failed.any():
            axes.bar(
                nozzle,
                failed,
                0.75,
                bottom=confirmed + sent,
                color=VERMILLION,
                label="failed",
                hatch="//",
            )
        axes.set_xlim(0.3, count + 0.7)
        axes.set_ylim(0, max(1.0, 1.25 * float((confirmed + failed + sent).max())))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_xlabel("nozzle, 1 is the left end of the boom")
        axes.set_ylabel("pulses")
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper right", ncols=2)

    return svg_chart(draw, "Confirmed pulses of each nozzle", height=2.0)


def strip_map(history: RunHistory, extents: SprayedExtents) -> Chart | None:
    """Draw weeds, crop and sprayed ground seen from above; None where there is neither.

    Long runs show the sections with the most weeds, and say which.
    """
    ends = [(plant.s_min_m, plant.s_max_m) for plant in history.plants.values()]
    spans = np.array([*ends, *extents.s_m], np.float64).reshape(-1, 2)
    if not len(spans):
        return None
    strip = _Strip(history, extents)
    weeds = [plant.s_m for plant in history.plants.values() if plant.class_id is ClassId.WEED]
    edges = _section_edges(spans)
    counts, _ = np.histogram(weeds, edges)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:_MAP_SECTIONS])
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.6, 1.15 + 1.28 * len(chosen)), layout="constrained")
        grid = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
        for axes, index in zip(grid, chosen, strict=True):
            strip.draw(axes, float(edges[index]), float(edges[index + 1]))
        grid[-1].set_xlabel("along the track, m   (driving to the right)")
        figure.supylabel("across, m", fontsize=8.5, color="#374151")
        figure.legend(
            handles=_map_legend(),
            loc="outside upper center",
            ncols=7,
            columnspacing=1.1,
            handlelength=1.2,
            handletextpad=0.5,
        )
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=170)
    total = len(edges) - 1
    note = ""
    if len(chosen) < total:
        note = (
            f"{len(chosen)} of {total} sections of {edges[1] - edges[0]:.1f} m are drawn, those"
            " with the most weeds."
        )
    return Chart(uri=data_uri("image/png", out.getvalue()), alt="Map of weeds and spray", note=note)


def thin(x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return a curve of at most 1500 points that keeps every peak and dip."""
    if len(x) <= _MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), _MOST_POINTS // 2 + 1).astype(np.int64)
    picks: list[int] = []
    for first, last in pairwise(edges):
        part = np.nan_to_num(y[first:last])
        picks += sorted({first + int(part.argmin()), first + int(part.argmax())})
    return x[picks], y[picks]


def _section_edges(spans: Float64Array) -> Float64Array:
    """Return the ends of equal sections of about twelve metres that hold all spans."""
    first, last = float(spans.min()) - 0.05, float(spans.max()) + 0.05
    count = max(1, math.ceil((last - first) / _MAP_SECTION_M))
    return np.linspace(first, last, count + 1)


class _Strip:
    """Draws sections of the driven ground."""

    def __init__(self, history: RunHistory, extents: SprayedExtents) -> None:
        boom = Boom(history.config.boom)
        odometer_m = history.odometry_columns()[:, 1]
        self._history = history
        self._extents = extents
        self._zone_y_m = boom.zone_y_m.mean(axis=1)
        self._y_m = float(boom.footprint_y_m.min()), float(boom.footprint_y_m.max())
        passed = (odometer_m.min(), odometer_m.max()) if len(odometer_m) else (0.0, 0.0)
        self._off_s_m = _stretches_off(history, float(boom.x_m.mean()))
        self._passed_s_m = passed[0] + boom.x_m.max(), passed[1] + boom.x_m.min()

    def draw(self, axes: Axes, start_m: float, end_m: float) -> None:
        """Draw the section from ``start_m`` to ``end_m``."""
        inside = (self._extents.s_m[:, 1] > start_m) & (self._extents.s_m[:, 0] < end_m)
        s_m, y_m = self._extents.s_m[inside], self._extents.y_m[inside]
        plants = [
            plant
            for plant in self._history.plants.values()
            if plant.s_max_m > start_m and plant.s_min_m < end_m
        ]
        for low_m, high_m in self._off_s_m:
            axes.axvspan(low_m, high_m, color=PALE, linewidth=0)
        crop = [_oval(plant) for plant in plants if plant.class_id is ClassId.CROP]
        _add(axes, crop, GREEN, 0.35)
        _add(axes, [_box(*s, *y) for s, y in zip(s_m, y_m, strict=True)], SKY, 0.75)
        weeds: dict[str, list[Rectangle]] = {BLUE: [], VERMILLION: [], SILVER: []}
        for plant in plants:
            if plant.class_id is ClassId.WEED:
                box = _box(plant.s_min_m, plant.s_max_m, plant.y_min_m, plant.y_max_m)
                weeds[self._weed_colour(plant, s_m, y_m)].append(box)
        for colour, boxes in weeds.items():
            _add(axes, boxes, colour, 0.95)
        self._draw_given_up(axes, start_m, end_m)
        for edge_m in self._y_m:
            axes.axhline(edge_m, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        margin_m = 0.12 * (self._y_m[1] - self._y_m[0])
        axes.set_xlim(start_m, end_m)
        axes.set_ylim(self._y_m[0] - margin_m, self._y_m[1] + margin_m)

    def _weed_colour(self, plant: Plant, s_m: Float64Array, y_m: Float64Array) -> str:
        """Return blue where confirmed spray met the weed, grey where the boom did not pass."""
        along = (s_m[:, 0] < plant.s_max_m) & (s_m[:, 1] > plant.s_min_m)
        across = (y_m[:, 0] < plant.y_max_m) & (y_m[:, 1] > plant.y_min_m)
        if bool((along & across).any()):
            return BLUE
        beside = plant.y_m < self._y_m[0] or plant.y_m > self._y_m[1]
        not_passed = plant.s_max_m > self._passed_s_m[1] or plant.s_min_m < self._passed_s_m[0]
        return SILVER if beside or not_passed else VERMILLION

    def _draw_given_up(self, axes: Axes, start_m: float, end_m: float) -> None:
        for entry in self._history.missed:
            missed = entry.missed
            known = 0 <= missed.nozzle_id < len(self._zone_y_m)
            if known and missed.s_max_m > start_m and missed.s_min_m < end_m:
                y_m = self._zone_y_m[missed.nozzle_id]
                axes.plot([missed.s_min_m, missed.s_max_m], [y_m, y_m], color=BLACK, linewidth=1.1)


def _stretches_off(history: RunHistory, boom_x_m: float) -> list[tuple[float, float]]:
    """Return the ground that the boom passed while nothing was to be sprayed, (first, last) s."""
    columns = history.odometry_columns()
    if not len(columns):
        return []
    switched = [(columns[0, 0], False)]
    for event in history.events:
        if event.kind in _SWITCHES:
            switched.append((event.t_s, _SWITCHES[event.kind]))
    switched.append((columns[-1, 0], True))
    at_m = np.interp([t_s for t_s, _ in switched], columns[:, 0], columns[:, 1]) + boom_x_m
    return [
        (float(low_m), float(high_m))
        for (_, on), low_m, high_m in zip(switched[:-1], at_m[:-1], at_m[1:], strict=True)
        if not on and high_m > low_m
    ]


def _add(axes: Axes, patches: Sequence[Patch], colour: str, alpha: float) -> None:
    axes.add_collection(
        PatchCollection(patches, facecolor=colour, edgecolor="none", alpha=alpha, linewidth=0)
    )


def _box(s_min_m: float, s_max_m: float, y_min_m: float, y_max_m: float) -> Rectangle:
    return Rectangle((s_min_m, y_min_m), s_max_m - s_min_m, y_max_m - y_min_m)


def _oval(plant: Plant) -> Ellipse:
    centre = 0.5 * (plant.s_min_m + plant.s_max_m), 0.5 * (plant.y_min_m + plant.y_max_m)
    return Ellipse(centre, plant.s_max_m - plant.s_min_m, plant.y_max_m - plant.y_min_m)


def _map_legend() -> list[Patch | Line2D]:
    return [
        Patch(facecolor=SKY, alpha=0.75, label="spray"),
        Patch(facecolor=BLUE, label="weed, sprayed"),
        Patch(facecolor=VERMILLION, label="weed, not sprayed"),
        Patch(facecolor=SILVER, label="boom not there"),
        Patch(facecolor=GREEN, alpha=0.35, label="crop"),
        Line2D([], [], color=BLACK, linewidth=1.1, label="given up"),
        Patch(facecolor=PALE, label="spraying off"),
    ]


def _mark_stops(axes: Axes, history: RunHistory) -> None:
    for event in history.events:
        if event.kind == "stop":
            axes.axvline(event.t_s - history.start_s, color=VERMILLION, linewidth=1.0, alpha=0.8)


def _time_axis(axes: Axes, history: RunHistory) -> None:
    axes.set_xlabel("time since the run began, s")
    axes.margins(x=0.0)
    ends = [t - history.start_s for t in history.frame_t_s[-1:]]
    ends += [sample.t_s - history.start_s for sample in history.odometry[-1:]]
    axes.set_xlim(0.0, max(ends, default=1.0))


def svg_chart(
    draw: Callable[[Axes], None], alt: str, height: float, note: str = "", width: float = 7.6
) -> Chart:
    """Return a drawing in the report's style, as wide as the page; sizes in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.subplots())
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return Chart(uri=data_uri("image/svg+xml", out.getvalue()), alt=alt, note=note)


def data_uri(kind: str, data: bytes) -> str:
    """Return bytes of a media type as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
