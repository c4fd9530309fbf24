"""How long each valve takes to open and to close: wet strips at two speeds.

A strip begins where spray first reached the ground. Between the coil's switching on (which the
controller confirms, with the odometer's reading at that moment) and there, the machine drove for
the valve's delay and the droplets' fall: at speed v the strip begins v times that delay further
on. Strips at two speeds give the delay as a slope, whatever the nozzle's position; closing
likewise. Both speeds leave their strips in turn on the same stretch, and what the wheel slips
there is found along with the delays, as all strips of a row share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.ground_survey import GroundPicture
from agriseg.calibration.nozzle_positions import spraying_groups
from agriseg.calibration.steps import StepResult
from agriseg.calibration.strip_survey import WALK_M_S, TwoSurveys, way_to_boom_m
from agriseg.calibration.wet_ground import WetGround, WetSpot, spot_within, wet_ground
from agriseg.calibration.yard import OdometerLog, Yard
from agriseg.errors import CalibrationError
from agriseg.messages import Float64Array, PulseReport, ValveEvent
from agriseg.spraying.boom import Boom

SLOT_M = 0.22
"""Between the beginnings of two strips of one nozzle or its neighbours."""

STRIP_M = 0.11
"""Wet length of a strip, as commanded."""

SLOW_M_S = 0.5
FAST_M_S = 2.0
_REPEATS = 4
_RUN_UP_M = 2.4
_ACCEPTED_SPEED_SHARE = 0.08
_LEAST_SPEED_RATIO = 1.6
_EDGE_STD_M = 0.001
_LEAST_SPREAD = 0.5
_SLIP_STD_M = 0.001
_ROW_GAP_S = 0.06
_LEAST_LATENCY_MS = 1.0
_LARGEST_STD_MS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One strip: how fast the machine was, and its edges from where the coil was switched.

    ``row`` counts the strips that were laid at the same moment; ``begin_m`` is where the strip
    begins less the odometer's reading when the coil went on, ``end_m`` where it ends less the
    reading when it went off.
    """

    nozzle: int
    row: int
    open_speed_m_s: float
    close_speed_m_s: float
    begin_m: float
    end_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ValveLatency:
    """A valve's delays from coil to ground, and their standard uncertainty; seconds."""

    nozzle: int
    open_s: float
    close_s: float
    open_std_s: float
    close_std_s: float
    strips: int


def measure_valve_latency(
    yard: Yard,
    *,
    slow_m_s: float = SLOW_M_S,
    fast_m_s: float = FAST_M_S,
    repeats: int = _REPEATS,
) -> StepResult:
    """Drive over dry ground twice at two speeds, spraying strips; reverse and look.

    Parameters
    ----------
    yard : Yard
        On dry, even ground.
    slow_m_s, fast_m_s : float
    repeats : int
        Strips of each nozzle at each speed.

    Raises
    ------
    CalibrationError
        The test was interrupted, the speeds do not differ, or no strip was seen.
    """
    if fast_m_s < _LEAST_SPEED_RATIO * slow_m_s:
        raise CalibrationError(
            f"the two speeds {slow_m_s:g} and {fast_m_s:g} m/s are too close together to tell the"
            f" delays; choose a fast speed of at least {_LEAST_SPEED_RATIO * slow_m_s:.1f} m/s"
        )
    boom = Boom(yard.config.boom)
    yard.connect()
    yard.require_reports()
    groups = spraying_groups(boom)
    lane_m = 2.0 * len(groups) * repeats * SLOT_M
    first_m = max(way_to_boom_m(yard, boom), _RUN_UP_M)
    drive_m = first_m + lane_m + _RUN_UP_M
    surveys = TwoSurveys(yard, drive_m)
    surveys.look_dry()
    text = "Drive forward slowly and straight over dry ground."
    yard.drive(text, first_m + lane_m, WALK_M_S, (0.0, 0.2))
    surveys.look_away()
    surveys.reverse((0.2, 0.35))
    lane_from_m = surveys.start_m + first_m
    reports: list[PulseReport] = []
    for turn, speed_m_s in enumerate((slow_m_s, fast_m_s)):
        share = 0.35 + 0.25 * turn
        events = _strips(yard, groups, lane_from_m, turn, repeats)
        reports += _spray_pass(yard, events, drive_m, speed_m_s, (share, share + 0.12))
        if turn == 1:
            surveys.look_wet()
        surveys.reverse((share + 0.12, share + 0.25))
    surveys.look_away()
    yard.say("Looking for the wet strips.", 0.96)
    strips = find_strips(boom, reports, yard.odometer, *surveys.pictures())
    method = f"wet strips at {slow_m_s:g} and {fast_m_s:g} m/s"
    return latency_result(boom, fit_latencies(strips), method=method)


def find_strips(
    boom: Boom,
    reports: Sequence[PulseReport],
    odometer: OdometerLog,
    dry: GroundPicture,
    wet: GroundPicture,
) -> list[Strip]:
    """Return the strips that were seen, of pulses that were confirmed.

    Raises
    ------
    CalibrationError
        No strip was seen.
    """
    water = wet_ground(dry, wet)
    rows = _rows_by_time(reports)
    found = (_strip(boom, report, odometer, water, rows[report.event_id]) for report in reports)
    strips = [strip for strip in found if strip is not None]
    if not strips:
        raise CalibrationError(
            "no wet strip was seen: check that water came out and that the ground was dry, and"
            " calibrate the nozzles' positions first; the old delays are kept"
        )
    return strips


def fit_latencies(strips: Sequence[Strip]) -> tuple[ValveLatency, ...]:
    """Return each valve's delays by least squares over the speeds.

    A strip of nozzle n in row r begins at ``x_n - half + delay * speed + shift_r`` and ends at
    ``x_n + half + delay * speed + shift_r``: ``half`` is common to all nozzles, the shift of a
    row (slip of the wheel) is expected to be about a millimetre. What is left over says how
    sure the delays are.

    Raises
    ------
    CalibrationError
        No nozzle has strips at two speeds.
    """
    by_nozzle: dict[int, list[Strip]] = {}
    for strip in strips:
        by_nozzle.setdefault(strip.nozzle, []).append(strip)
    usable = {n: group for n, group in sorted(by_nozzle.items()) if _has_two_speeds(group)}
    if not usable:
        raise CalibrationError(
            "no nozzle left strips at two different speeds; keep the speed steady over the wet"
            " stretch and drive clearly faster the second time; the old delays are kept"
        )
    used = [strip for group in usable.values() for strip in group]
    matrix, right = _equations(used, list(usable))
    normal = np.linalg.inv(matrix.T @ matrix)
    solution = normal @ (matrix.T @ right)
    left = right - matrix @ solution
    freedom = 2 * len(used) - 3 * len(usable) - 1
    spread = math.sqrt(float(left @ left) / max(freedom, 1))
    std = max(spread, _LEAST_SPREAD) * np.sqrt(np.diag(normal))
    return tuple(
        ValveLatency(
            nozzle=nozzle,
            open_s=float(solution[3 * i]),
            close_s=float(solution[3 * i + 1]),
            open_std_s=float(std[3 * i]),
            close_std_s=float(std[3 * i + 1]),
            strips=len(usable[nozzle]),
        )
        for i, nozzle in enumerate(usable)
    )


def latency_result(boom: Boom, found: Sequence[ValveLatency], *, method: str) -> StepResult:
    """Return what is proposed to the operator; the droplets' fall stays as configured.

    The test sees a valve's delay and the fall together. Where the fall as configured leaves
    less than a millisecond for the valve, the fall is lowered.
    """
    least_s = min(min(v.open_s, v.close_s) for v in found)
    fall_s = 1e-3 * boom.config.fall_ms
    room_s = least_s - 1e-3 * _LEAST_LATENCY_MS
    values: list[MeasuredValue] = []
    warnings: list[str] = []
    if room_s < 0.0:
        raise CalibrationError(
            f"a valve seems to react {-1e3 * least_s:.0f} ms before its coil is switched: calibrate"
            " wheel and nozzle positions first, then measure again; the old delays are kept"
        )
    if fall_s > room_s:
        fall_s = math.floor(1e3 * room_s) * 1e-3
        values.append(MeasuredValue(key="boom.fall_ms", value=1e3 * fall_s))
        warnings.append(
            f"Spray is on the ground sooner than the droplets' fall of {boom.config.fall_ms:g} ms"
            f" allows; it is taken as {1e3 * fall_s:.0f} ms."
        )
    for valve in found:
        key = f"boom.nozzles.{valve.nozzle}"
        for name, value_s, std_s in (
            ("open_latency_ms", valve.open_s - fall_s, valve.open_std_s),
            ("close_latency_ms", valve.close_s - fall_s, valve.close_std_s),
        ):
            values.append(MeasuredValue(key=f"{key}.{name}", value=1e3 * value_s, std=1e3 * std_s))
    unseen = sorted(set(range(len(boom))) - {valve.nozzle for valve in found})
    if unseen:
        names = ", ".join(str(n + 1) for n in unseen)
        warnings.append(
            f"No strips of nozzle {names} were seen: it is blocked, or outside of the picture; its"
            " old delays are kept."
        )
    opening = np.array([1e3 * (v.open_s - fall_s) for v in found])
    closing = np.array([1e3 * (v.close_s - fall_s) for v in found])
    worst_ms = 1e3 * max(max(v.open_std_s, v.close_std_s) for v in found)
    if worst_ms > _LARGEST_STD_MS:
        warnings.append(
            f"The delays are known to {worst_ms:.1f} ms only; measure again with a larger"
            " difference between the speeds."
        )
    return StepResult(
        values=tuple(values),
        method=method,
        observations=sum(valve.strips for valve in found),
        summary=f"Valves open after {opening.mean():.1f} ms (spread {opening.std():.1f}) and close"
        f" after {closing.mean():.1f} ms (spread {closing.std():.1f}), each known to"
        f" {worst_ms:.1f} ms; {len(found)} of {len(boom)} valves were measured.",
        warnings=tuple(warnings),
        facts={
            "fall_ms": round(1e3 * fall_s, 1),
            "open_ms": {
                "mean": round(float(opening.mean()), 2),
                "spread": round(float(opening.std()), 2),
            },
            "close_ms": {
                "mean": round(float(closing.mean()), 2),
                "spread": round(float(closing.std()), 2),
            },
            "unseen_nozzles": unseen,
        },
    )


def dead_time_s(coil_on_s: Float64Array, volume_l: Float64Array) -> tuple[float, float]:
    """Return where the line of volume over coil time begins, and how sure that is; seconds.

    A pulse lets through flow times (coil time less dead time): over whole pulses this is opening
    less closing delay, over a valve that is open still it is the opening delay.

    Parameters
    ----------
    coil_on_s, volume_l : (N,) float64
        Of at least two times.
    """
    line = _line(np.asarray(coil_on_s, np.float64), np.asarray(volume_l, np.float64))
    dead = -line.constant / line.slope
    times = np.asarray(coil_on_s, np.float64)
    spread = math.sqrt(line.squares / max(line.freedom, 1)) / line.slope
    away = (dead - float(times.mean())) * line.lever
    return float(dead), spread * math.hypot(1.0 / math.sqrt(len(times)), away)


def _strips(
    yard: Yard,
    groups: Sequence[tuple[int, ...]],
    lane_from_m: float,
    turn: int,
    repeats: int,
) -> list[ValveEvent]:
    """Return the pulses of one pass: slow and fast strips, group by group, take turns."""
    events: list[ValveEvent] = []
    for repeat in range(repeats):
        for index, group in enumerate(groups):
            slot = (repeat * len(groups) + index) * 2 + turn
            from_m = lane_from_m + slot * SLOT_M
            half_m = 0.5 * yard.config.boom.footprint_along_m
            to_m = from_m + max(STRIP_M - 2.0 * half_m, 0.03)
            events += [yard.pulse_at(nozzle, from_m, to_m) for nozzle in group]
    return events


def _spray_pass(
    yard: Yard,
    events: Sequence[ValveEvent],
    drive_m: float,
    speed_m_s: float,
    share: tuple[float, float],
) -> list[PulseReport]:
    yard.arm()
    try:
        yard.command(events)
        text = f"Drive forward steadily at {3.6 * speed_m_s:.0f} km/h ({speed_m_s:g} m/s)."
        yard.drive(text, drive_m, speed_m_s, share)
        return yard.reports_of(events, 0.0)
    finally:
        yard.disarm()


def _strip(
    boom: Boom, report: PulseReport, odometer: OdometerLog, water: WetGround, row: int
) -> Strip | None:
    nozzle = boom.nozzles[report.nozzle_id]
    on_m, off_m = odometer.distance_at(report.t_open_s), odometer.distance_at(report.t_close_s)
    believed_s = nozzle.open_latency_s + nozzle.fall_s, nozzle.close_latency_s + nozzle.fall_s
    speeds = (
        odometer.mean_speed_m_s(report.t_open_s, report.t_open_s + believed_s[0]),
        odometer.mean_speed_m_s(report.t_close_s, report.t_close_s + believed_s[1]),
    )
    steady = abs(speeds[0] - speeds[1]) <= _ACCEPTED_SPEED_SHARE * abs(speeds[1])
    if not (math.isfinite(on_m) and math.isfinite(off_m) and steady):
        return None
    middle_m = 0.5 * (on_m + off_m) + nozzle.x_m + 0.5 * sum(believed_s) * speeds[0]
    spot = _spot_at(boom, nozzle.nozzle_id, middle_m, water)
    if spot is None:
        return None
    return Strip(
        nozzle=report.nozzle_id,
        row=row,
        open_speed_m_s=speeds[0],
        close_speed_m_s=speeds[1],
        begin_m=spot.s_min_m - on_m,
        end_m=spot.s_max_m - off_m,
    )


def _spot_at(boom: Boom, nozzle: int, middle_m: float, water: WetGround) -> WetSpot | None:
    """Return the strip around an expected place; None where none or more than one may be it."""
    mates = next(group for group in spraying_groups(boom) if nozzle in group)
    apart_m = np.abs(boom.y_m[list(mates)] - boom.y_m[nozzle])
    nearest_m = float(np.min(apart_m[apart_m > 0.0], initial=4.0 * boom.config.footprint_across_m))
    y_m, half_m = float(boom.y_m[nozzle]), 0.5 * nearest_m
    reach_m = SLOT_M - 0.5 * STRIP_M
    spot = spot_within(
        water, (middle_m - reach_m, middle_m + reach_m), (y_m - half_m, y_m + half_m)
    )
    if spot is None or abs(spot.s_m - middle_m) > 0.5 * SLOT_M:
        return None
    return spot


def _has_two_speeds(strips: Sequence[Strip]) -> bool:
    speeds = [strip.open_speed_m_s for strip in strips]
    return len(strips) >= 3 and max(speeds) >= _LEAST_SPEED_RATIO * min(speeds)


def _equations(
    strips: Sequence[Strip], nozzles: Sequence[int]
) -> tuple[Float64Array, Float64Array]:
    """Return matrix and right side, in units of an edge's spread.

    Unknowns: opening delay, closing delay and position of each nozzle, half a footprint, the
    shift of each row.
    """
    rows = sorted({strip.row for strip in strips})
    half = 3 * len(nozzles)
    matrix = np.zeros((2 * len(strips) + len(rows), half + 1 + len(rows)))
    right = np.zeros(len(matrix))
    for i, strip in enumerate(strips):
        own, row = 3 * nozzles.index(strip.nozzle), half + 1 + rows.index(strip.row)
        matrix[2 * i, [own, own + 2, half, row]] = strip.open_speed_m_s, 1.0, -1.0, 1.0
        matrix[2 * i + 1, [own + 1, own + 2, half, row]] = strip.close_speed_m_s, 1.0, 1.0, 1.0
        right[2 * i : 2 * i + 2] = strip.begin_m, strip.end_m
    matrix[: 2 * len(strips)] /= _EDGE_STD_M
    right /= _EDGE_STD_M
    for i in range(len(rows)):
        matrix[2 * len(strips) + i, half + 1 + i] = 1.0 / _SLIP_STD_M
    return matrix, right


def _rows_by_time(reports: Sequence[PulseReport]) -> dict[int, int]:
    """Return the row of each pulse by its event: those that began together."""
    row, last_s, rows = -1, -math.inf, {}
    for report in sorted(reports, key=lambda report: report.t_open_s):
        if report.t_open_s - last_s > _ROW_GAP_S:
            row += 1
        last_s = report.t_open_s
        rows[report.event_id] = row
    return rows


@dataclass(frozen=True, slots=True)
class _Line:
    """A fitted line: what it says, what is left, and how strongly a residual turns it."""

    constant: float
    slope: float
    squares: float
    freedom: int
    lever: float


def _line(at: Float64Array, value: Float64Array) -> _Line:
    middle = at - at.mean()
    lever = 1.0 / math.sqrt(float(middle @ middle))
    slope = float(middle @ value) * lever * lever
    constant = float(value.mean()) - slope * float(at.mean())
    left = value - constant - slope * at
    return _Line(constant, slope, float(left @ left), len(at) - 2, lever)
