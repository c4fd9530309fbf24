"""When each nozzle opens: pulses committed as their moment nears, each ground once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from agriseg.config import SprayConfig
from agriseg.messages import (
    ControllerCapabilities,
    Float64Array,
    MissedWeed,
    OdometrySource,
    SprayMode,
    ValveEvent,
    VehicleState,
)
from agriseg.pipeline_journal import LedgerState
from agriseg.spraying.boom import Boom
from agriseg.spraying.ledger import NozzleLedger
from agriseg.spraying.targets import NO_TARGETS, Targets

_ACCELERATION_M_S2 = 2.0
"""The strongest change of speed that pulses are committed early enough for."""
_WIRE_S = 0.006
"""From the planner's decision to the controller's queue, when nothing is in the way."""
_LEAST_PIECE_M = 0.002
"""A weed that grows by less than this under its pulse is left to its margin."""
_LEAST_MISS_M = 0.004
"""The outline of a weed may move by this much from one map to the next."""
_MAX_TIMED_PULSE_S = 0.15
"""Without an encoder pulses are short, so that a change of speed shows in the next one."""
_LONGEST_CALL_GAP_S = 0.12
_JUMP_M = 0.5
_MAX_SPEED_M_S = 15.0
_SAME_PLACE_M = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerStatus:
    """What keeps the planner from doing all that is wanted.

    Attributes
    ----------
    withheld : str
        Why no pulse is committed at all (``stale-odometry``, ``slow``, ...); empty when
        pulses are.
    notes : tuple of str
        Limits that cut something, each in a sentence.
    outstanding : int
        Pulses commanded whose end has not come.
    """

    withheld: str = ""
    notes: tuple[str, ...] = ()
    outstanding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moment:
    """What can be done about each nozzle now; readings are the odometer's, in metres."""

    now_s: float
    distance_m: float
    speed_m_s: float
    earliest_m: Float64Array
    """(N,) the first reading at which a valve told now can have spray on the ground."""
    commit_m: Float64Array
    """(N,) openings up to this reading must be told now."""


class SprayPlanner:
    """Turns wanted ground into valve pulses.

    A pulse is committed when its moment nears: a little before the commit lead, the
    valve's delay and the droplets' fall would be used up, should the robot accelerate.
    Ground that was commanded, or can no longer be reached, is behind its nozzle's frontier
    and never commanded again. A pulse that ends where the next of its nozzle begins
    (``close_at`` equals ``open_at``) keeps the valve open. Where the controller takes rows
    (``row_step_m``), pulses begin and end on its grid: they are widened to it, at most by one
    step at each end, but never towards crop.

    Parameters
    ----------
    boom : Boom
    config : SprayConfig
    """

    def __init__(self, boom: Boom, config: SprayConfig) -> None:
        self._boom = boom
        self._config = config
        self._ledger = NozzleLedger(len(boom))
        self._targets = NO_TARGETS
        self._status = PlannerStatus()
        self._last_call: tuple[float, float] | None = None
        self._call_gap_s = 0.05
        self._cut_by: dict[int, str] = {}
        self._targets_are_new = False
        self.mode = config.mode

    @property
    def status(self) -> PlannerStatus:
        """What the last `commit` had to leave, and why."""
        return self._status

    def observe(self, targets: Targets) -> None:
        """Take what the newest map wants; it replaces what was wanted before."""
        self._targets = targets
        self._targets_are_new = True

    def restart(self, now_s: float, distance_m: float) -> None:
        """Begin spraying anew after a stop: the controller's queue is empty."""
        self._ledger.restart(now_s, distance_m)
        self._last_call = None
        self._cut_by.clear()

    def state(self) -> LedgerState:
        """Return a copy of the books."""
        return self._ledger.state(self._call_gap_s)

    def restore(self, state: LedgerState) -> None:
        """Go on from a state, up to what `restart` forgets."""
        self._ledger.restore(state)
        self._call_gap_s = state.call_gap_s

    def commit(
        self,
        vehicle: VehicleState | None,
        now_s: float,
        capabilities: ControllerCapabilities | None,
        frame_age_s: float,
        hold: str = "",
    ) -> tuple[tuple[ValveEvent, ...], tuple[MissedWeed, ...]]:
        """Return the pulses whose moment nears, and weeds that are now out of reach.

        Parameters
        ----------
        vehicle : VehicleState, optional
            The pose at ``now_s``; None when nothing is known of it.
        now_s : float
        capabilities : ControllerCapabilities, optional
            None while no controller has answered.
        frame_age_s : float
            Age of the newest frame that the targets come from.
        hold : str
            Why nothing may be sprayed at all (``no-position``); empty where it may.
        """
        if vehicle is None:
            self._status = PlannerStatus(withheld="no-odometry")
            return (), ()
        first_call = self._note_call(vehicle, now_s)
        wheel = vehicle.source is OdometrySource.WHEEL
        self._ledger.use_domain(bool(capabilities and capabilities.has_encoder and wheel))
        self._ledger.forget_closed(now_s, vehicle.distance_m)
        withheld = self._withheld(vehicle, capabilities, frame_age_s) or hold
        moment = self._moment(vehicle, now_s, capabilities)
        missed = self._give_up(moment, withheld, first_call)
        events: list[ValveEvent] = []
        notes = list(self._targets.notes)
        if not withheld and capabilities is not None:
            batch = _Batch(self._boom, self._ledger, self._targets, moment, capabilities)
            batch.run("weed" if self.mode is SprayMode.SPOT else self.mode.value)
            events, notes = batch.events, notes + batch.notes
            missed += batch.missed + self._left_standing(moment)
            self._cut_by = batch.cut_by
        self._status = PlannerStatus(
            withheld=withheld, notes=tuple(notes), outstanding=self._ledger.outstanding
        )
        return tuple(events), tuple(missed)

    def commanded_at(self, t_s: float, distance_m: float) -> tuple[bool, ...]:
        """Return for each nozzle whether a commanded pulse sprays at this moment.

        Parameters
        ----------
        t_s : float
            Host time.
        distance_m : float
            Odometer reading at that time.
        """
        return self._ledger.commanded_at(t_s, distance_m)

    def _note_call(self, vehicle: VehicleState, now_s: float) -> bool:
        """Learn how far apart calls come; return whether this is the first after a restart.

        A pulse must be told now if the next call may come too late for it. An odometer that
        has jumped makes all along-track coordinates void.
        """
        last, self._last_call = self._last_call, (now_s, vehicle.distance_m)
        if last is None:
            return True
        gap_s = max(now_s - last[0], 0.0)
        if abs(vehicle.distance_m - last[1]) > _JUMP_M + _MAX_SPEED_M_S * gap_s:
            self._ledger.reset()
            self._targets = NO_TARGETS
            return True
        self._call_gap_s = max(min(gap_s, _LONGEST_CALL_GAP_S), 0.9 * self._call_gap_s)
        return False

    def _withheld(
        self,
        vehicle: VehicleState,
        capabilities: ControllerCapabilities | None,
        frame_age_s: float,
    ) -> str:
        stale_s = 1e-3 * self._config.stale_after_ms
        checks = (
            (self.mode is SprayMode.OFF, "off"),
            (capabilities is None, "no-controller"),
            (not vehicle.age_s <= stale_s, "stale-odometry"),
            (not frame_age_s <= stale_s, "stale-frame"),
            (vehicle.speed_m_s < 0.0, "reversing"),
            (not vehicle.speed_m_s >= self._config.min_speed_m_s, "slow"),
            (vehicle.speed_m_s > self._config.max_speed_m_s, "fast"),
        )
        return next((reason for holds, reason in checks if holds), "")

    def _moment(
        self, vehicle: VehicleState, now_s: float, capabilities: ControllerCapabilities | None
    ) -> _Moment:
        boom, speed = self._boom, max(0.0, vehicle.speed_m_s)
        told_s = 1e-3 * (capabilities.min_lead_ms if capabilities else 0.0) + _WIRE_S
        horizon_s = 0.9e-3 * (capabilities.horizon_ms if capabilities else math.inf)
        delay_s = np.maximum(boom.open_delay_s, boom.close_delay_s)
        lead_s = max(1e-3 * self._config.commit_lead_ms + _WIRE_S, told_s)
        ahead_s = delay_s + lead_s + self._call_gap_s
        ahead_m = ahead_s * (speed + 0.5 * _ACCELERATION_M_S2 * ahead_s)
        return _Moment(
            now_s=now_s,
            distance_m=vehicle.distance_m,
            speed_m_s=vehicle.speed_m_s,
            earliest_m=vehicle.distance_m + speed * (boom.open_delay_s + told_s),
            commit_m=vehicle.distance_m + np.minimum(ahead_m, speed * horizon_s),
        )

    def _ground_m(self, openings_m: Float64Array) -> Float64Array:
        """Return (N,) the first ground wetted when each nozzle opens at its reading."""
        ground: Float64Array = openings_m + self._boom.x_m - self._boom.half_footprint_m
        return ground

    def _give_up(self, moment: _Moment, withheld: str, first_call: bool) -> list[MissedWeed]:
        """Move on past ground out of reach, and return the weeds on it that got no pulse.

        A weed is looked at once, when no more of it can be reached; one that a new map
        shows on ground already passed is looked at then.
        """
        targets, ledger, before = self._targets, self._ledger, self._ledger.passed_m
        passed = np.maximum(before, self._ground_m(moment.earliest_m))
        ledger.passed_m = passed
        ledger.frontier_m = np.maximum(ledger.frontier_m, passed)
        is_new, self._targets_are_new = self._targets_are_new, False
        if withheld == "off" or first_call:
            for nozzle in range(len(self._boom)):
                begun = -np.inf if first_call else float(before[nozzle])
                ledger.answer(nozzle, begun, float(passed[nozzle]))
            return []
        end = targets.weed_s_max_m
        gone = (end <= passed[targets.weed_nozzle]) & (is_new | (end > before[targets.weed_nozzle]))
        missed: list[MissedWeed] = []
        for index in np.flatnonzero(gone):
            nozzle = int(targets.weed_nozzle[index])
            weed = (float(targets.weed_s_min_m[index]), float(end[index]))
            for a, b in ledger.unanswered(nozzle, *weed):
                if b - a > _LEAST_MISS_M:
                    missed.append(_missed(nozzle, a, b, withheld or self._why(nozzle)))
                    ledger.answer(nozzle, a, b)
        return missed

    def _why(self, nozzle: int) -> str:
        return self._cut_by.get(nozzle, "late")

    def _left_standing(self, moment: _Moment) -> list[MissedWeed]:
        """Return the parts of weeds, now at the boom, that may not be sprayed.

        They are left for the crop's sake, or because the ground is barred.
        """
        targets, ledger = self._targets, self._ledger
        told = ledger.crop_told_m
        due = np.maximum(told, self._ground_m(moment.commit_m))
        ledger.crop_told_m = due
        left: list[MissedWeed] = []
        for reason, nozzles, start, end in (
            ("crop", targets.crop_nozzle, targets.crop_s_min_m, targets.crop_s_max_m),
            ("boundary", targets.barred_nozzle, targets.barred_s_min_m, targets.barred_s_max_m),
        ):
            for index in np.flatnonzero((end > told[nozzles]) & (end <= due[nozzles])):
                nozzle = int(nozzles[index])
                for a, b in ledger.unanswered(nozzle, float(start[index]), float(end[index])):
                    if b - a > _LEAST_MISS_M:
                        left.append(_missed(nozzle, a, b, reason))
                        ledger.answer(nozzle, a, b)
        return left


class _Batch:
    """One round of committing, when nothing withholds it. All positions along the track."""

    def __init__(
        self,
        boom: Boom,
        ledger: NozzleLedger,
        targets: Targets,
        moment: _Moment,
        capabilities: ControllerCapabilities,
    ) -> None:
        self.events: list[ValveEvent] = []
        self.missed: list[MissedWeed] = []
        self.notes: list[str] = []
        self.cut_by: dict[int, str] = {}
        self._boom = boom
        self._ledger = ledger
        self._targets = targets
        self._moment = moment
        self._capabilities = capabilities
        ahead_s = float((moment.commit_m - moment.distance_m).max()) / moment.speed_m_s
        fastest_m_s = moment.speed_m_s + _ACCELERATION_M_S2 * min(ahead_s, 0.5)
        least_ms = max(boom.config.min_open_ms, capabilities.min_open_ms)
        gap_ms = max(boom.config.min_gap_ms, capabilities.min_open_ms)
        self._least_travel_m = fastest_m_s * 1e-3 * least_ms
        self._least_gap_m = fastest_m_s * 1e-3 * gap_ms
        self._most_travel_m = moment.speed_m_s * self._longest_pulse_s()
        self._play_m = 1e-3 * capabilities.jitter_ms * _rounded_up_m_s(fastest_m_s)
        self._step_m = capabilities.row_step_m if ledger.by_distance else 0.0

    def run(self, reason: str) -> None:
        """Commit what is near, nozzle by nozzle, in the order along the track."""
        targets = self._targets
        self._check_limits()
        reachable = self._moment.commit_m + self._boom.x_m - self._boom.half_footprint_m
        near = targets.s_min_m - self._play_m - self._step_m <= reachable[targets.nozzle]
        open_ended = targets.s_max_m > self._ledger.frontier_m[targets.nozzle]
        for index in np.flatnonzero(near & open_ended):
            nozzle = int(targets.nozzle[index])
            if self._boom.channels[nozzle] >= self._capabilities.valve_count:
                self.cut_by[nozzle] = "no-valve"
                continue
            piece = self._with_play(
                _Piece(
                    nozzle,
                    float(targets.s_min_m[index]),
                    float(targets.s_max_m[index]),
                    float(targets.floor_m[index]),
                    float(targets.ceiling_m[index]),
                    reason,
                )
            )
            if piece is not None and self._step_m > 0.0:
                piece = self._on_rows(piece)
            while piece is not None and self._commit_next(piece):
                pass

    def _with_play(self, piece: _Piece) -> _Piece | None:
        """Widen a piece by what the controller's timing may be off, and its distance to crop.

        A piece that crop leaves no room for is given up.
        """
        play_m = self._play_m
        if play_m == 0.0:
            return piece
        floor_m, ceiling_m = piece.floor_m + play_m, piece.ceiling_m - play_m
        start_m = max(piece.s_min_m - play_m, floor_m)
        end_m = min(piece.s_max_m + play_m, ceiling_m)
        if end_m <= start_m:
            self._leave(piece, piece.s_min_m, piece.s_max_m, "crop")
            return None
        return replace(piece, s_min_m=start_m, s_max_m=end_m, floor_m=floor_m, ceiling_m=ceiling_m)

    def _on_rows(self, piece: _Piece) -> _Piece | None:
        """Widen a piece to the grid of rows, and its distance to crop.

        A piece that crop leaves no room for is given up; one that has grown by less than is
        worth a pulse has been sprayed.
        """
        nozzle, frontier_m = piece.nozzle, float(self._ledger.frontier_m[piece.nozzle])
        if piece.s_min_m < frontier_m and piece.s_max_m - frontier_m <= _LEAST_PIECE_M:
            return None
        floor_m = self._ground_from(nozzle, self._up(self._opening_at(nozzle, piece.floor_m)))
        ceiling_m = self._ground_to(nozzle, self._down(self._closing_at(nozzle, piece.ceiling_m)))
        start_m = self._ground_from(nozzle, self._down(self._opening_at(nozzle, piece.s_min_m)))
        end_m = self._ground_to(nozzle, self._up(self._closing_at(nozzle, piece.s_max_m)))
        start_m, end_m = max(start_m, floor_m), min(end_m, ceiling_m)
        if end_m <= start_m:
            self._leave(piece, piece.s_min_m, piece.s_max_m, "crop")
            return None
        return replace(piece, s_min_m=start_m, s_max_m=end_m, floor_m=floor_m, ceiling_m=ceiling_m)

    def _up(self, reading_m: float) -> float:
        """Return the first row at or behind a reading; the reading itself without rows."""
        return self._row(reading_m, math.ceil, -_SAME_PLACE_M)

    def _down(self, reading_m: float) -> float:
        """Return the last row at or before a reading; the reading itself without rows."""
        return self._row(reading_m, math.floor, _SAME_PLACE_M)

    def _row(self, reading_m: float, rounding: Callable[[float], int], slack_m: float) -> float:
        if self._step_m == 0.0 or not math.isfinite(reading_m):
            return reading_m
        return self._step_m * rounding((reading_m + slack_m) / self._step_m)

    def _longest_pulse_s(self) -> float:
        """Return a length that stays below the open-time limit even at half the speed."""
        allowed_ms = min(self._boom.config.max_open_ms, self._capabilities.max_open_ms)
        if self._ledger.by_distance:
            return 0.5e-3 * allowed_ms
        longest_s = max(_MAX_TIMED_PULSE_S, 1.5e-3 * self._capabilities.min_open_ms)
        return min(0.9e-3 * allowed_ms, longest_s)

    def _check_limits(self) -> None:
        capabilities = self._capabilities
        missing = int((self._boom.channels >= capabilities.valve_count).sum())
        if missing:
            self.notes.append(
                f"{missing} of {len(self._boom)} nozzles cannot spray: the controller has"
                f" {capabilities.valve_count} valves."
            )
        needed_ms = 1e3 * float(self._boom.open_delay_s.max()) + capabilities.min_lead_ms
        if 0.9 * capabilities.horizon_ms < needed_ms:
            self.notes.append(
                f"Pulses come late: the controller takes them {capabilities.horizon_ms:g} ms ahead,"
                f" valve and fall alone need {needed_ms:.0f} ms."
            )

    def _commit_next(self, piece: _Piece) -> bool:
        """Command the next pulse of a piece, if it is due; return whether more may be."""
        nozzle = piece.nozzle
        start = max(piece.s_min_m, float(self._ledger.frontier_m[nozzle]))
        grown = start > piece.s_min_m
        if piece.s_max_m - start <= (_LEAST_PIECE_M if grown else 0.0):
            return False
        opening, joined = self._opening(piece, start)
        if opening > self._moment.commit_m[nozzle] or not self._has_room(nozzle):
            return False
        if joined:
            furthest = self._up(opening + self._most_travel_m)
            end = min(piece.s_max_m, self._ground_to(nozzle, furthest))
        else:
            begun = self._ground_from(nozzle, opening)
            if begun > start + _SAME_PLACE_M:
                self._leave(piece, start, begun, "valve-gap")
            longest = self._most_travel_m + 2.0 * self._boom.half_footprint_m
            fitted = self._fitted(piece, begun, min(piece.s_max_m, begun + longest))
            if fitted is None:
                self._leave(piece, begun, piece.s_max_m, "crop")
                return False
            begun, end = fitted
            opening = self._opening_at(nozzle, begun)
        self._command(piece, start, end, opening, joined)
        return True

    def _opening(self, piece: _Piece, start: float) -> tuple[float, bool]:
        """Return the reading to open at, and whether that continues the nozzle's last pulse.

        It does where the weed has turned out longer than the pulse, and where the valve
        could not close and open again in between; never across protected crop.
        """
        nozzle = piece.nozzle
        wanted, last = self._opening_at(nozzle, start), self._last_close_m(nozzle)
        sprayed_to = self._ground_to(nozzle, last)
        earliest = float(self._moment.earliest_m[nozzle])
        too_soon = wanted < last + self._least_gap_m
        follows = start <= sprayed_to + _SAME_PLACE_M or piece.s_min_m < start
        still_open = last >= earliest and piece.floor_m <= sprayed_to + _SAME_PLACE_M
        if (too_soon or follows) and still_open:
            return last, True
        floor = self._opening_at(nozzle, piece.floor_m)
        soonest = self._up(max(earliest, last + self._least_gap_m, floor))
        return max(self._down(wanted), soonest), False

    def _fitted(self, piece: _Piece, start: float, end: float) -> tuple[float, float] | None:
        """Lengthen a pulse to the shortest that the valve can make, without touching crop.

        The end moves first, then the beginning; None where crop leaves no room.
        """
        nozzle = piece.nozzle
        missing = 2.0 * self._boom.half_footprint_m + self._least_travel_m - (end - start)
        if missing <= 0.0:
            return self._between_rows(nozzle, start, end)
        later = min(missing, piece.ceiling_m - end)
        soonest = self._up(
            max(
                float(self._moment.earliest_m[nozzle]),
                self._last_close_m(nozzle) + self._least_gap_m,
            )
        )
        lowest = max(piece.floor_m, self._ground_from(nozzle, soonest))
        earlier = max(0.0, min(missing - later, start - lowest))
        if missing - later - earlier > _SAME_PLACE_M:
            return None
        return self._between_rows(nozzle, start - earlier, end + later)

    def _between_rows(self, nozzle: int, start: float, end: float) -> tuple[float, float]:
        """Widen ground to what pulses on the grid wet; a piece's limits lie on it already."""
        if self._step_m == 0.0:
            return start, end
        opening = self._down(self._opening_at(nozzle, start))
        closing = self._up(self._closing_at(nozzle, end))
        return self._ground_from(nozzle, opening), self._ground_to(nozzle, closing)

    def _command(
        self, piece: _Piece, start: float, end: float, opening: float, joined: bool
    ) -> None:
        nozzle, ledger = piece.nozzle, self._ledger
        closing = self._closing_at(nozzle, end)
        ledger.frontier_m[nozzle] = max(float(ledger.frontier_m[nozzle]), end)
        ledger.answer(nozzle, start, end)
        if closing <= opening + _SAME_PLACE_M:
            return
        open_at = float(ledger.last_close[nozzle]) if joined else self._stamp(opening)
        wanted = (max(start, piece.s_min_m), min(end, piece.s_max_m))
        event = ledger.new_event(nozzle, open_at, self._stamp(closing), wanted, piece.reason)
        self.events.append(event)

    def _leave(self, piece: _Piece, start: float, end: float, reason: str) -> None:
        """Give up ground of a piece, and name the weeds on it."""
        nozzle, targets = piece.nozzle, self._targets
        self._ledger.frontier_m[nozzle] = max(float(self._ledger.frontier_m[nozzle]), end)
        self._ledger.answer(nozzle, start, end)
        for index in np.flatnonzero(targets.weed_nozzle == nozzle):
            a = max(start, float(targets.weed_s_min_m[index]))
            b = min(end, float(targets.weed_s_max_m[index]))
            if b - a > _LEAST_MISS_M:
                self.missed.append(_missed(nozzle, a, b, reason))

    def _has_room(self, nozzle: int) -> bool:
        if self._ledger.outstanding < self._capabilities.queue_depth:
            return True
        if not self.cut_by:
            self.notes.append(
                f"More pulses are wanted than the controller's queue of"
                f" {self._capabilities.queue_depth} holds; drive more slowly or spray coarser."
            )
        self.cut_by[nozzle] = "queue"
        return False

    def _stamp(self, reading_m: float) -> float:
        """Return a reading as the controller is to be told: as it is, or as host time."""
        if self._ledger.by_distance:
            return reading_m
        moment = self._moment
        return moment.now_s + (reading_m - moment.distance_m) / moment.speed_m_s

    def _last_close_m(self, nozzle: int) -> float:
        """Return the reading at which the nozzle's last pulse ends."""
        last = float(self._ledger.last_close[nozzle])
        if self._ledger.by_distance:
            return last
        moment = self._moment
        return moment.distance_m + (last - moment.now_s) * moment.speed_m_s

    def _opening_at(self, nozzle: int, s_m: float) -> float:
        """Return the reading at which the footprint's rear stands on ``s_m``."""
        return s_m - float(self._boom.x_m[nozzle]) + self._boom.half_footprint_m

    def _closing_at(self, nozzle: int, s_m: float) -> float:
        """Return the reading at which the footprint's front stands on ``s_m``."""
        return s_m - float(self._boom.x_m[nozzle]) - self._boom.half_footprint_m

    def _ground_from(self, nozzle: int, opening_m: float) -> float:
        """Return the first ground wetted by opening at a reading."""
        return opening_m + float(self._boom.x_m[nozzle]) - self._boom.half_footprint_m

    def _ground_to(self, nozzle: int, closing_m: float) -> float:
        """Return the last ground wetted by closing at a reading."""
        return closing_m + float(self._boom.x_m[nozzle]) + self._boom.half_footprint_m


@dataclass(frozen=True, slots=True)
class _Piece:
    """Ground wanted of one nozzle, and the free space between the crops around it."""

    nozzle: int
    s_min_m: float
    s_max_m: float
    floor_m: float
    ceiling_m: float
    reason: str


def _rounded_up_m_s(speed_m_s: float) -> float:
    """Return the next half metre a second: margins made of it do not flicker with the speed."""
    return 0.5 * math.ceil(2.0 * speed_m_s)


def _missed(nozzle: int, s_min_m: float, s_max_m: float, reason: str) -> MissedWeed:
    return MissedWeed(
        nozzle_id=nozzle, s_min_m=float(s_min_m), s_max_m=float(s_max_m), reason=reason
    )
