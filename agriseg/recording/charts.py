"""The report's drawings, as pictures that sit in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
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
GREY = "#6b7280"

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

_MAP_SECTION_M = 12.0
_MAP_SECTIONS = 4
_MOST_POINTS = 1500

_STAGES = (
    ("capture_ms", "capture", SKY),
    ("segment_ms", "segment", BLUE),
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

    return _svg(draw, "Speed over time", height=1.9)


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

    return _svg(draw, "Weed and crop cover over time", height=1.9)


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
        axes.legend(loc="upper right", ncols=5, columnspacing=1.0, handlelength=1.0)
        _time_axis(axes, history)

    note = "" if len(rows) <= len(table) else f"{len(table)} of {len(rows)} frames are drawn."
    return _svg(draw, "Time of each stage over the run", height=2.0, note=note)


def nozzle_chart(history: RunHistory) -> Chart:
    """Draw confirmed and failed pulses of each nozzle, from the left of the boom."""
    count = history.config.boom.nozzle_count
    confirmed = np.zeros(count, np.int64)
    failed = np.zeros(count, np.int64)
    for pulse in history.pulses:
        if 0 <= pulse.nozzle_id < count:
            counts = confirmed if pulse.outcome is PulseOutcome.DONE else failed
            counts[pulse.nozzle_id] += 1

    def draw(axes: Axes) -> None:
        nozzle = np.arange(count) + 1
        axes.bar(nozzle, confirmed, width=0.75, color=BLUE, label="confirmed")
        if failed.any():
            axes.bar(
                nozzle, failed, 0.75, bottom=confirmed, color=VERMILLION, label="failed", hatch="//"
            )
        axes.set_xlim(0.3, count + 0.7)
        axes.set_ylim(0, max(1.0, 1.25 * float((confirmed + failed).max())))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_xlabel("nozzle, 1 is the left end of the boom")
        axes.set_ylabel("pulses")
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper right", ncols=2)

    return _svg(draw, "Confirmed pulses of each nozzle", height=2.0)


def strip_map(history: RunHistory, extents: SprayedExtents) -> Chart | None:
    """Draw weeds, crop and sprayed ground seen from above; None where there is neither.

    Long runs show the sections with the most weeds, and say which.
    """
    weeds = [plant for plant in history.plants.values() if plant.class_id is ClassId.WEED]
    s_ends = [*(plant.s_min_m for plant in history.plants.values()), *extents.s_m[:, 0]]
    if not s_ends:
        return None
    sections, total = _sections(np.array(s_ends), np.array([weed.s_m for weed in weeds]))
    boom = Boom(history.config.boom)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.6, 1.05 + 1.28 * len(sections)), layout="constrained")
        grid = figure.subplots(len(sections), 1, squeeze=False)[:, 0]
        for axes, start_m in zip(grid, sections, strict=True):
            _draw_section(axes, start_m, history, extents, boom)
        grid[-1].set_xlabel("along the track, m   (driving to the right)")
        figure.supylabel("across, m", fontsize=8.5, color="#374151")
        figure.legend(handles=_map_legend(), loc="outside upper center", ncols=5)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=170)
    note = ""
    if len(sections) < total:
        note = (
            f"{len(sections)} of {total} sections of {_MAP_SECTION_M:g} m are drawn, those with"
            " the most weeds."
        )
    return Chart(uri=_uri("image/png", out.getvalue()), alt="Map of weeds and spray", note=note)


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


def _sections(s_m: Float64Array, weed_s_m: Float64Array) -> tuple[list[float], int]:
    """Return where the drawn sections start, in order, and how many there are in all."""
    first = float(np.floor(s_m.min()))
    total = max(1, int(np.ceil((s_m.max() - first + 0.2) / _MAP_SECTION_M)))
    edges = first + _MAP_SECTION_M * np.arange(total + 1)
    weeds, _ = np.histogram(weed_s_m, edges)
    chosen = np.sort(np.argsort(-weeds, kind="stable")[:_MAP_SECTIONS])
    return [float(edges[index]) for index in chosen], total


def _draw_section(
    axes: Axes, start_m: float, history: RunHistory, extents: SprayedExtents, boom: Boom
) -> None:
    end_m = start_m + _MAP_SECTION_M
    inside = (extents.s_m[:, 1] > start_m) & (extents.s_m[:, 0] < end_m)
    s_m, y_m = extents.s_m[inside], extents.y_m[inside]
    spray = [_box(*s, *y) for s, y in zip(s_m, y_m, strict=True)]
    axes.add_collection(PatchCollection(spray, facecolor=SKY, alpha=0.55, edgecolor="none"))
    boxes: dict[str, list[Rectangle]] = {GREEN: [], BLUE: [], VERMILLION: []}
    for plant in history.plants.values():
        if plant.s_max_m > start_m and plant.s_min_m < end_m:
            box = _box(plant.s_min_m, plant.s_max_m, plant.y_min_m, plant.y_max_m)
            boxes[_plant_colour(plant, s_m, y_m)].append(box)
    for colour, patches in boxes.items():
        axes.add_collection(PatchCollection(patches, facecolor=colour, edgecolor="none", alpha=0.9))
    _draw_given_up(axes, start_m, end_m, history, boom)
    right_m, left_m = boom.footprint_y_m[:, 0].min(), boom.footprint_y_m[:, 1].max()
    for edge_m in (right_m, left_m):
        axes.axhline(edge_m, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlim(start_m, end_m)
    margin_m = 0.12 * (left_m - right_m)
    axes.set_ylim(right_m - margin_m, left_m + margin_m)


def _draw_given_up(
    axes: Axes, start_m: float, end_m: float, history: RunHistory, boom: Boom
) -> None:
    for entry in history.missed:
        missed = entry.missed
        if missed.s_max_m > start_m and missed.s_min_m < end_m and missed.nozzle_id < len(boom):
            y_m = boom.zone_y_m[missed.nozzle_id].mean()
            along_m = [missed.s_min_m, missed.s_max_m]
            axes.plot(along_m, [y_m, y_m], color="#111827", linewidth=1.1)


def _plant_colour(plant: Plant, s_m: Float64Array, y_m: Float64Array) -> str:
    """Return green for crop, blue for a weed that confirmed spray met, else vermillion."""
    if plant.class_id is ClassId.CROP:
        return GREEN
    along = (s_m[:, 0] < plant.s_max_m) & (s_m[:, 1] > plant.s_min_m)
    across = (y_m[:, 0] < plant.y_max_m) & (y_m[:, 1] > plant.y_min_m)
    return BLUE if bool((along & across).any()) else VERMILLION


def _box(s_min_m: float, s_max_m: float, y_min_m: float, y_max_m: float) -> Rectangle:
    return Rectangle((s_min_m, y_min_m), s_max_m - s_min_m, y_max_m - y_min_m)


def _map_legend() -> list[Patch | Line2D]:
    return [
        Patch(facecolor=SKY, alpha=0.55, label="spray, confirmed"),
        Patch(facecolor=BLUE, label="weed, sprayed"),
        Patch(facecolor=VERMILLION, label="weed, not sprayed"),
        Patch(facecolor=GREEN, label="crop"),
        Line2D([], [], color="#111827", linewidth=1.1, label="given up"),
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


def _svg(draw: Callable[[Axes], None], alt: str, height: float, note: str = "") -> Chart:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.6, height), layout="constrained")
        draw(figure.subplots())
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return Chart(uri=_uri("image/svg+xml", out.getvalue()), alt=alt, note=note)


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
