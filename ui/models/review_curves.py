"""How a run went along its way, in steps of ground: to be laid over another run's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agriseg.messages import Float64Array
from ui.models.review_ground import PlantKind, Strips
from ui.models.review_open import OpenedRun

_STEPS = 60
_LEAST_STEP_M = 0.5
_WEEDS = (PlantKind.SPRAYED, PlantKind.MISSED, PlantKind.LEFT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunCurves:
    """Means over steps of ground, from where the run's track begins.

    Attributes
    ----------
    way_m : (N,) float64
        Middle of each step.
    weeds_per_m, missed_per_m : (N,) float64
    sprayed_share : (N,) float64
        Of the ground below the boom, confirmed, overlaps counted twice; 0 to 1.
    speed_m_s : (N,) float64
        NaN where no reading was taken.
    """

    way_m: Float64Array
    weeds_per_m: Float64Array
    missed_per_m: Float64Array
    sprayed_share: Float64Array
    speed_m_s: Float64Array


def way_of(run: OpenedRun) -> tuple[float, float]:
    """Return the odometer's first and last reading of a run's track; equal where it has none."""
    track = run.map.track
    return (float(track[0, 0]), float(track[-1, 0])) if len(track) else (0.0, 0.0)


def run_curves(run: OpenedRun) -> RunCurves:
    """Return a run's curves; empty where it did not move."""
    first, last = way_of(run)
    step_m = max(_LEAST_STEP_M, (last - first) / _STEPS)
    edges = np.arange(first, last + 1e-9, step_m)
    width = np.diff(edges)
    weeds = np.concatenate([run.map.plants[kind].s_m for kind in _WEEDS])
    missed = run.map.plants[PlantKind.MISSED].s_m
    readings = run.story.history.odometry_columns()
    return RunCurves(
        way_m=edges[:-1] + 0.5 * width - first,
        weeds_per_m=np.histogram(weeds, edges)[0] / width,
        missed_per_m=np.histogram(missed, edges)[0] / width,
        sprayed_share=_covered_m(run.chart.confirmed, edges) / width / run.chart.nozzle_count,
        speed_m_s=_means(readings[:, 1], readings[:, 2], edges),
    )


def _covered_m(strips: Strips, edges: Float64Array) -> Float64Array:
    """Return how many metres of strips lie in each step."""
    if not len(strips.s_m):
        return np.zeros(len(edges) - 1, np.float64)
    starts, ends = np.sort(strips.s_m[:, 0]), np.sort(strips.s_m[:, 1])

    def before(edge: float) -> float:
        """Return the metres of all strips before an edge."""
        begun = starts[starts < edge]
        over = ends[ends < edge]
        return float((edge - begun).sum() - (edge - over).sum())

    return np.diff(np.array([before(edge) for edge in edges], np.float64))


def _means(places: Float64Array, values: Float64Array, edges: Float64Array) -> Float64Array:
    counts = np.histogram(places, edges)[0].astype(np.float64)
    sums = np.histogram(places, edges, weights=values)[0]
    means: Float64Array = np.full(len(counts), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0.0)
    return means
