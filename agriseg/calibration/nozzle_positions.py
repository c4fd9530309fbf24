"""Where each nozzle really sprays: wet spots on dry ground, seen by the camera.

The machine looks at dry ground, drives over it, sprays a spot with every nozzle while it stands
(so that no latency counts), and reverses until the camera has seen the spots. A spot lies where
its nozzle was, by the same wheel, ground plane and poses that spraying uses: an error that they
share cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.ground_survey import GroundPicture
from agriseg.calibration.steps import StepResult
from agriseg.calibration.strip_survey import WALK_M_S, TwoSurveys, way_to_boom_m
from agriseg.calibration.wet_ground import WetGround, WetSpot, find_spots, wet_ground
from agriseg.calibration.yard import Yard
from agriseg.errors import CalibrationError
from agriseg.messages import Float64Array
from agriseg.spraying.boom import Boom

STOPS_M = 0.4
"""Between two stops; a boom that is off by less than half of it is told apart."""

_SPRAY_S = 0.3
_CLEAR_M = 0.02
_LEAST_STOPS = 8
_LARGEST_MOVE_M = 0.15
_READING_STD_M = 0.001
_UNKNOWN_STD_M = 0.003
"""Spread of a spot where each nozzle has but one; measured on the simulated yard."""
_SIZE_SHARES = (0.4, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop: which nozzles sprayed, and where base_link stood by the odometer."""

    nozzles: tuple[int, ...]
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzlePosition:
    """Where a nozzle is in base_link, and how sure that is; metres."""

    nozzle: int
    x_m: float
    y_m: float
    x_std_m: float
    y_std_m: float
    spots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NozzlePositions:
    """What the spots say.

    Attributes
    ----------
    positions : tuple of NozzlePosition
        Of the nozzles whose spots were seen.
    unseen : tuple of int
        Nozzles whose spots were not.
    along_m, across_m : float
        Size of a spot, median.
    """

    positions: tuple[NozzlePosition, ...]
    unseen: tuple[int, ...]
    along_m: float
    across_m: float


def spraying_groups(boom: Boom) -> tuple[tuple[int, ...], ...]:
    """Return nozzles that may spray at once so that their spots stay apart."""
    order = np.argsort(-boom.y_m)
    pitch_m = float(np.median(-np.diff(boom.y_m[order]))) if len(boom) > 1 else math.inf
    needed = math.ceil((boom.config.footprint_across_m + _CLEAR_M) / pitch_m)
    count = max(1, min(needed, len(boom)))
    return tuple(tuple(int(n) for n in order[first::count]) for first in range(count))


def measure_nozzle_positions(yard: Yard, *, stops: int = _LEAST_STOPS) -> StepResult:
    """Drive, spray, reverse and look; return where the nozzles are.

    Parameters
    ----------
    yard : Yard
        On dry, even ground.
    stops : int
        How many times to stop and spray; raised to a multiple of the groups.

    Raises
    ------
    CalibrationError
        The test was interrupted, no spot was seen, or spots cannot be told apart.
    """
    boom = Boom(yard.config.boom)
    yard.connect()
    yard.require_reports()
    groups = spraying_groups(boom)
    stops = len(groups) * math.ceil(stops / len(groups))
    first_m = way_to_boom_m(yard, boom)
    surveys = TwoSurveys(yard, first_m + (stops - 1) * STOPS_M)
    surveys.look_dry()
    yard.drive("Drive forward slowly and straight.", first_m, WALK_M_S, (0.0, 0.2))
    made: list[Stop] = []
    yard.arm()
    try:
        for index in range(stops):
            yard.say("Stand still: water is sprayed.", 0.2 + 0.4 * index / stops)
            made.append(_spray(yard, groups[index % len(groups)]))
            if index + 1 < stops:
                share = (0.2 + 0.4 * index / stops, 0.2 + 0.4 * (index + 1) / stops)
                text = f"Drive {100.0 * STOPS_M:.0f} cm forward and stop."
                yard.drive(text, STOPS_M, WALK_M_S, share)
    finally:
        yard.disarm()
    surveys.look_wet()
    surveys.reverse((0.6, 0.95))
    surveys.look_away()
    yard.say("Looking for the wet spots.", 0.96)
    found = nozzle_positions(boom, made, *surveys.pictures())
    return position_result(boom, found, stops=stops)


def nozzle_positions(
    boom: Boom, stops: Sequence[Stop], dry: GroundPicture, wet: GroundPicture
) -> NozzlePositions:
    """Work out the nozzles' positions from two surveys of the ground.

    Parameters
    ----------
    boom : Boom
        As it is believed to be.
    stops : sequence of Stop
        In the order of the drive.
    dry, wet : GroundPicture
        Before and after spraying.

    Raises
    ------
    CalibrationError
        No wet spot was seen, or fewer than sprayed and not clear which.
    """
    water = wet_ground(dry, wet)
    spots = [
        spot
        for spot in find_spots(water)
        if _has_size(boom, spot) and _is_near_stop(boom, stops, spot)
    ]
    if not spots:
        raise CalibrationError(
            "no wet spot was seen: check that water came out and that the ground was dry and not"
            " in glaring light, then measure again; the old positions are kept"
        )
    shift_m = _along_shift_m(boom, stops, spots)
    seen: dict[int, list[tuple[float, float]]] = {}
    sizes: list[tuple[float, float]] = []
    for stop in stops:
        for nozzle, spot in _matched(boom, stop, spots, shift_m, water):
            seen.setdefault(nozzle, []).append((spot.s_m - stop.distance_m, spot.y_m))
            sizes.append((spot.s_max_m - spot.s_min_m, spot.y_max_m - spot.y_min_m))
    if not seen:
        raise CalibrationError(
            f"{len(spots)} wet spots were seen, but none where a nozzle may be: use ground without"
            " old puddles, enter the boom's rough position first, then measure again; the old"
            " positions are kept"
        )
    spread = _pooled_spread(list(seen.values()))
    positions = tuple(_position(nozzle, seen[nozzle], spread) for nozzle in sorted(seen))
    sprayed = {nozzle for stop in stops for nozzle in stop.nozzles}
    along_m, across_m = np.median(np.array(sizes), axis=0)
    return NozzlePositions(
        positions=positions,
        unseen=tuple(sorted(sprayed - set(seen))),
        along_m=float(along_m),
        across_m=float(across_m),
    )


def position_result(boom: Boom, found: NozzlePositions, *, stops: int) -> StepResult:
    """Return what is proposed to the operator."""
    values: list[MeasuredValue] = []
    moved: list[float] = []
    for place in found.positions:
        key = f"boom.nozzles.{place.nozzle}"
        values.append(MeasuredValue(key=f"{key}.x_m", value=place.x_m, std=place.x_std_m))
        values.append(MeasuredValue(key=f"{key}.y_m", value=place.y_m, std=place.y_std_m))
        nozzle = boom.nozzles[place.nozzle]
        moved.append(math.hypot(place.x_m - nozzle.x_m, place.y_m - nozzle.y_m))
    warnings: list[str] = []
    if found.unseen:
        names = ", ".join(str(n + 1) for n in found.unseen)
        warnings.append(
            f"No spot of nozzle {names} was seen: it is blocked, or outside of the picture; its"
            " old position is kept."
        )
    if max(moved) > _LARGEST_MOVE_M:
        warnings.append(
            f"A nozzle is {1e3 * max(moved):.0f} mm from where it was believed to be; check with a"
            " tape."
        )
    worst_mm = 1e3 * max(max(p.x_std_m, p.y_std_m) for p in found.positions)
    count = len(found.positions)
    return StepResult(
        values=tuple(values),
        method=f"wet spots, standing, {stops} stops",
        observations=sum(place.spots for place in found.positions),
        summary=f"{count} of {len(boom)} nozzles were found, each to {worst_mm:.1f} mm; they are"
        f" up to {1e3 * max(moved):.0f} mm from where they were believed to be.",
        warnings=tuple(warnings),
        facts={
            "spot_along_mm": round(1e3 * found.along_m, 1),
            "spot_across_mm": round(1e3 * found.across_m, 1),
            "moved_mm": [round(1e3 * value, 1) for value in moved],
            "unseen_nozzles": list(found.unseen),
        },
    )


def _spray(yard: Yard, nozzles: tuple[int, ...]) -> Stop:
    reports = yard.spray_standing(nozzles, _SPRAY_S)
    if not reports:
        raise CalibrationError(
            "the controller opened no valve; check it with `agriseg controller test`, then measure"
            " again; the old positions are kept"
        )
    begun_s = min(report.t_open_s for report in reports)
    ended_s = max(report.t_close_s for report in reports)
    moved_m = yard.odometer.span_m(begun_s, ended_s)
    if abs(moved_m) > 0.002:
        raise CalibrationError(
            f"the machine rolled {1e3 * abs(moved_m):.0f} mm while it sprayed; hold it with the"
            " brake and measure again; the old positions are kept"
        )
    return Stop(
        nozzles=tuple(report.nozzle_id for report in reports),
        distance_m=yard.odometer.distance_at(ended_s),
    )


def _has_size(boom: Boom, spot: WetSpot) -> bool:
    """Return whether a wet patch may be one nozzle's, by its size."""
    low, high = _SIZE_SHARES
    along = (spot.s_max_m - spot.s_min_m) / boom.config.footprint_along_m
    across = (spot.y_max_m - spot.y_min_m) / boom.config.footprint_across_m
    return low <= along <= high and low <= across <= high


def _is_near_stop(boom: Boom, stops: Sequence[Stop], spot: WetSpot) -> bool:
    places = np.array([stop.distance_m for stop in stops]) + float(boom.x_m.mean())
    return float(np.abs(places - spot.s_m).min()) <= 0.5 * STOPS_M


def _along_shift_m(boom: Boom, stops: Sequence[Stop], spots: Sequence[WetSpot]) -> float:
    """Return how far forward of where they were expected the spots lie, roughly."""
    expected = np.array([stop.distance_m for stop in stops]) + float(boom.x_m.mean())
    offsets = np.array([spot.s_m for spot in spots])[:, None] - expected[None]
    nearest = offsets[np.arange(len(spots)), np.abs(offsets).argmin(axis=1)]
    return float(np.median(nearest))


def _matched(
    boom: Boom,
    stop: Stop,
    spots: Sequence[WetSpot],
    shift_m: float,
    water: WetGround,
) -> list[tuple[int, WetSpot]]:
    """Return which spot is which nozzle's, at one stop.

    Where all are seen their order tells; where some are not, the nearest to where they were
    expected, shifted by what fits best, and only if the shift leaves no doubt.
    """
    reach_m = 0.45 * STOPS_M
    row = [
        spot
        for spot in spots
        if abs(spot.s_m - stop.distance_m - float(boom.x_m.mean()) - shift_m) < reach_m
    ]
    row.sort(key=lambda spot: -spot.y_m)
    seen_y = _seen_y_m(water, stop.distance_m + float(boom.x_m.mean()) + shift_m)
    nozzles = sorted(stop.nozzles, key=lambda n: -boom.y_m[n])
    if len(row) == len(nozzles):
        return list(zip(nozzles, row, strict=True))
    within = [n for n in nozzles if seen_y[0] < boom.y_m[n] < seen_y[1]]
    gap_m = _least_gap_m(boom, nozzles)
    return _nearest(boom, within, row, 0.25 * gap_m)


def _nearest(
    boom: Boom, nozzles: Sequence[int], row: Sequence[WetSpot], allowed_m: float
) -> list[tuple[int, WetSpot]]:
    if not row or not nozzles:
        return []
    offsets = np.array([[spot.y_m - boom.y_m[n] for n in nozzles] for spot in row])
    nearest = np.abs(offsets).argmin(axis=1)
    shift_m = float(np.median(offsets[np.arange(len(row)), nearest]))
    pairs = []
    for spot, index in zip(row, nearest, strict=True):
        if abs(spot.y_m - boom.y_m[nozzles[index]] - shift_m) < allowed_m:
            pairs.append((nozzles[index], spot))
    return pairs


def _least_gap_m(boom: Boom, nozzles: Sequence[int]) -> float:
    y_m = np.sort(boom.y_m[list(nozzles)])
    return float(np.diff(y_m).min()) if len(y_m) > 1 else 2.0 * _LARGEST_MOVE_M


def _seen_y_m(water: WetGround, s_m: float) -> tuple[float, float]:
    column = round((s_m - water.s0_m) / water.cell_m)
    column = min(max(column, 0), water.known.shape[1] - 1)
    rows = np.flatnonzero(water.known[:, column])
    if len(rows) == 0:
        return (0.0, 0.0)
    return (
        water.y0_m + float(rows[0]) * water.cell_m,
        water.y0_m + float(rows[-1]) * water.cell_m,
    )


def _pooled_spread(groups: Sequence[Sequence[tuple[float, float]]]) -> Float64Array:
    """Return the spread (2,) of one spot about its nozzle's mean, over all nozzles."""
    squares, freedom = np.zeros(2), 0
    for group in groups:
        points = np.array(group)
        squares += ((points - points.mean(axis=0)) ** 2).sum(axis=0)
        freedom += len(points) - 1
    if freedom == 0:
        return np.full(2, _UNKNOWN_STD_M)
    spread: Float64Array = np.sqrt(squares / freedom)
    return spread


def _position(
    nozzle: int, points: Sequence[tuple[float, float]], spread: Float64Array
) -> NozzlePosition:
    x_m, y_m = np.mean(np.array(points), axis=0)
    std = np.hypot(spread / math.sqrt(len(points)), _READING_STD_M)
    return NozzlePosition(
        nozzle=nozzle,
        x_m=float(x_m),
        y_m=float(y_m),
        x_std_m=float(std[0]),
        y_std_m=float(std[1]),
        spots=len(points),
    )
