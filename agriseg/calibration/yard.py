"""The machine in the yard: camera, wheel and valves while a calibration step measures.

Nothing here decides where to spray: a step commands pulses, the operator (or the simulated
robot) drives, and what comes back is kept. Valves open through the same controller port as in the
field, armed and with heartbeats, for as long as a test takes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np

from agriseg.config import Config
from agriseg.errors import CalibrationError, CameraLostError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    Frame,
    OdometrySample,
    PulseOutcome,
    PulseReport,
    ValveEvent,
)
from agriseg.ports import Camera, Clock, PositionReceiver, SprayController

CONNECT_S = 20.0
ARM_S = 5.0
REPORT_S = 5.0
STANDING_M_S = 0.01
_STANDING_FOR_S = 0.5
_LEG_PATIENCE_S = 180.0
_STALL_S = 60.0
_LEAD_S = 0.35
_PIECE_S = 0.5
_SAYS_S = 0.2
_GLANCE_S = 0.3
"""Nobody looks at the pictures: one now and then shows that the camera lives."""


class StoppedByOperatorError(CalibrationError):
    """The operator ended a test; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Somewhere that the machine is to be driven.

    ``by_m`` is how far from where it stands now, negative in reverse; ``speed_m_s`` the speed
    asked for, positive; ``text`` what the operator is told. ``to_mark`` says that marks on the
    ground tell how far it is, whatever the odometer shows.
    """

    text: str
    by_m: float
    speed_m_s: float
    to_mark: bool = False


class Guide(Protocol):
    """Who drives, and who is told how the test goes on."""

    def drive(self, leg: Leg) -> None:
        """Ask for a leg to be driven; returns at once."""
        ...

    def say(self, text: str, fraction: float) -> None:
        """Say what happens now, and how much of the test is done, 0 to 1."""
        ...

    def stopped(self) -> bool:
        """Return whether the operator has asked to end the test."""
        ...

    def confirmed(self) -> bool:
        """Return, once for each time, whether the operator said that the machine is there."""
        ...


class OdometerLog:
    """All odometer readings of a test, to be looked up by time."""

    def __init__(self) -> None:
        self._samples: list[OdometrySample] = []
        self._t_s: list[float] = []
        self._distance_m: list[float] = []
        self._speed_m_s: list[float] = []

    def add(self, sample: OdometrySample) -> None:
        """Take a reading; one that is not newer than the last is left out."""
        if not self._t_s or sample.t_s > self._t_s[-1]:
            self._samples.append(sample)
            self._t_s.append(sample.t_s)
            self._distance_m.append(sample.distance_m)
            self._speed_m_s.append(sample.speed_m_s)

    @property
    def newest_s(self) -> float:
        """Time of the newest reading; minus infinity before any."""
        return self._t_s[-1] if self._t_s else -math.inf

    @property
    def distance_m(self) -> float:
        """Newest reading; NaN before any."""
        return self._distance_m[-1] if self._distance_m else math.nan

    @property
    def speed_m_s(self) -> float:
        """Newest speed; NaN before any."""
        return self._speed_m_s[-1] if self._speed_m_s else math.nan

    def distance_at(self, t_s: float) -> float:
        """Return the reading at a time, interpolated; NaN outside of what was recorded."""
        if not self._t_s or not self._t_s[0] <= t_s <= self._t_s[-1]:
            return math.nan
        return float(np.interp(t_s, self._t_s, self._distance_m))

    def span_m(self, from_s: float, to_s: float) -> float:
        """Return by how much the reading changed; NaN where it was not recorded."""
        return self.distance_at(to_s) - self.distance_at(from_s)

    def mean_speed_m_s(self, from_s: float, to_s: float) -> float:
        """Return the speed between two times."""
        return self.span_m(from_s, to_s) / (to_s - from_s)

    def samples_after(self, t_s: float) -> Sequence[OdometrySample]:
        """Return the readings that are newer than a time, oldest first."""
        return self._samples[bisect_right(self._t_s, t_s) :]


class Yard:
    """One test's hold on the machine.

    Parameters
    ----------
    config : Config
        In force.
    camera : Camera
    controller : SprayController
    clock : Clock
    wait : callable
        Lets a little time pass, until there may be something new.
    guide : Guide
    receiver : PositionReceiver, optional
        For a test that compares with it; nothing else asks it.
    """

    def __init__(
        self,
        config: Config,
        camera: Camera,
        controller: SprayController,
        clock: Clock,
        wait: Callable[[], None],
        guide: Guide,
        receiver: PositionReceiver | None = None,
    ) -> None:
        size = (config.camera.width_px, config.camera.height_px)
        self.config = config
        self.ground = GroundPlane(config.camera.intrinsics, config.camera.pose, size)
        self.clock = clock
        self.guide = guide
        self.receiver = receiver
        self.odometer = OdometerLog()
        self.capabilities: ControllerCapabilities | None = None
        self.status: ControllerStatus | None = None
        self.reports: dict[int, PulseReport] = {}
        self.on_frame: Callable[[Frame], None] | None = None
        """Takes every frame while it is set."""
        self.on_tick: Callable[[], None] | None = None
        """Is called at every step while it is set."""
        self.newest_frame: Frame | None = None
        self._camera = camera
        self._controller = controller
        self._wait = wait
        self._visual: VisualOdometry | None = None
        self._ids = count(1)
        self._frame_s = -math.inf
        self._armed = False
        self._said = ""
        self._said_s = -math.inf

    # Time

    def step(self) -> None:
        """Let a little time pass and take what has come.

        Raises
        ------
        StoppedByOperatorError
            The operator asked to end the test.
        CalibrationError
            The camera, the controller or an armed state was lost.
        """
        self._wait()
        self._take_frame()
        for message in self._controller.poll():
            self._take(message)
        alive = self.clock.now_s() - self._frame_s <= self.config.camera.lost_after_s
        # No model and no planner take part: whoever commands the pulses is alive if this runs.
        self._controller.beat(camera_alive=alive, model_alive=True, planner_alive=True)
        if self.on_tick is not None:
            self.on_tick()
        self._check()

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        end_s = self.clock.now_s() + seconds
        self.run_until(lambda: self.clock.now_s() >= end_s, seconds + 1.0, "")

    def run_until(self, done: Callable[[], bool], patience_s: float, why_not: str) -> None:
        """Let time pass until something has come true.

        Raises
        ------
        CalibrationError
            It has not after ``patience_s``; ``why_not`` is the sentence.
        """
        end_s = self.clock.now_s() + patience_s
        while not done():
            if self.clock.now_s() > end_s:
                raise CalibrationError(why_not)
            self.step()

    def say(self, text: str, fraction: float) -> None:
        """Tell the operator how the test goes on, a few times a second."""
        now_s = self.clock.now_s()
        if text != self._said or now_s - self._said_s >= _SAYS_S:
            self._said, self._said_s = text, now_s
            self.guide.say(text, min(1.0, max(0.0, fraction)))

    # Controller

    def connect(self) -> ControllerCapabilities:
        """Wait for camera, controller and odometer; return what the controller is.

        Raises
        ------
        CalibrationError
            One of them does not answer.
        """
        self.run_until(
            lambda: self.capabilities is not None and self.status is not None,
            CONNECT_S,
            f"the controller on {self.config.controller.port} does not answer; switch it on, check"
            " the cable, then measure again",
        )
        self.run_until(
            lambda: self.newest_frame is not None,
            CONNECT_S,
            "the camera gives no picture; check its cable, then measure again",
        )
        capabilities = self.capabilities
        assert capabilities is not None
        if capabilities.has_encoder:
            self.run_until(
                lambda: math.isfinite(self.odometer.distance_m),
                CONNECT_S,
                "the controller sends no wheel readings; check the wheel encoder, then measure"
                " again",
            )
        return capabilities

    def require_reports(self) -> None:
        """Refuse a controller that does not say what its valves did.

        Raises
        ------
        CalibrationError
        """
        if self.capabilities is not None and not self.capabilities.confirms:
            raise CalibrationError(
                "this relay board does not report when it switches a valve, so this test cannot be"
                " measured with it; enter the values by hand, or use an AgriSeg controller"
            )

    def arm(self) -> None:
        """Arm the controller.

        Raises
        ------
        CalibrationError
            It refuses, with its reason.
        """
        end_s = self.clock.now_s() + ARM_S
        asked_s = -math.inf
        while self._controller.state is not ControllerState.ARMED:
            now_s = self.clock.now_s()
            if now_s > end_s:
                cause = self.status.cause if self.status else "it does not answer"
                raise CalibrationError(
                    f"the controller did not arm ({cause}); nothing was sprayed, nothing was"
                    " changed"
                )
            if now_s - asked_s > 0.5:
                self._controller.arm()
                asked_s = now_s
            self.step()
        self._armed = True

    def disarm(self) -> None:
        """Close all valves; also where something else has gone wrong."""
        self._armed = False
        self._controller.disarm()

    # Driving

    def drive(self, text: str, by_m: float, speed_m_s: float, share: tuple[float, float]) -> None:
        """Have the machine driven and wait until it stands there.

        Parameters
        ----------
        text : str
            What the operator is asked to do.
        by_m : float
            From where it stands now; negative in reverse.
        speed_m_s : float
            Positive.
        share : (float, float)
            Progress of the test at the beginning and at the end of this leg.

        Raises
        ------
        CalibrationError
            The machine was not driven, or drove the other way.
        """
        start_m = self.odometer.distance_m
        self.guide.drive(Leg(text=text, by_m=by_m, speed_m_s=speed_m_s))
        standing_since_s = math.inf
        moved_s = self.clock.now_s()
        furthest = 0.0
        slack_m = max(0.03, 0.01 * abs(by_m))
        end_s = self.clock.now_s() + _LEG_PATIENCE_S + 5.0 * abs(by_m) / speed_m_s
        while True:
            self.step()
            now_s = self.clock.now_s()
            done = (self.odometer.distance_m - start_m) / by_m
            if done > furthest + 0.005:
                furthest, moved_s = done, now_s
            if done * abs(by_m) < -0.3:
                raise CalibrationError(
                    "the machine was driven the other way; drive as asked, or check the direction"
                    " of the wheel encoder; nothing was changed"
                )
            if (now_s - moved_s > _STALL_S and furthest < 1.0) or now_s > end_s:
                raise CalibrationError(
                    "the wheel has not turned as asked; drive on when the test asks for it, or"
                    " check the wheel encoder; nothing was changed"
                )
            self.say(text, share[0] + (share[1] - share[0]) * done)
            moving = not abs(self.odometer.speed_m_s) <= STANDING_M_S
            standing_since_s = math.inf if moving else min(standing_since_s, now_s)
            there = done * abs(by_m) >= abs(by_m) - slack_m
            if there and now_s - standing_since_s >= _STANDING_FOR_S:
                return

    def drive_to_mark(self, distance_m: float, share: tuple[float, float]) -> None:
        """Have the machine driven to a mark on the ground; the operator says when it is there.

        Raises
        ------
        CalibrationError
            Nobody said so, or the machine still moves then.
        """
        text = f"Drive {distance_m:g} m forward to the second mark, stop, and press There."
        self.guide.drive(Leg(text=text, by_m=distance_m, speed_m_s=1.0, to_mark=True))
        begun_m = self.odometer.distance_m
        end_s = self.clock.now_s() + _LEG_PATIENCE_S + 5.0 * distance_m
        while not self.guide.confirmed():
            self.step()
            done = (self.odometer.distance_m - begun_m) / distance_m
            self.say(text, share[0] + (share[1] - share[0]) * min(max(done, 0.0), 1.0))
            if self.clock.now_s() > end_s:
                raise CalibrationError(
                    "nobody said that the machine has reached the second mark; drive again;"
                    " nothing was changed"
                )
        self.run_for(0.3)
        if not self.is_standing:
            raise CalibrationError(
                "the machine still moves; stop at the mark first, then press There; drive again;"
                " nothing was changed"
            )

    @property
    def is_standing(self) -> bool:
        """Whether the wheel does not turn."""
        return abs(self.odometer.speed_m_s) <= STANDING_M_S

    # Spraying

    def pulse_at(self, nozzle: int, from_m: float, to_m: float) -> ValveEvent:
        """Return a pulse over a stretch of ground, by odometer readings of base_link."""
        return ValveEvent(
            event_id=next(self._ids),
            nozzle_id=nozzle,
            by_distance=True,
            open_at=from_m,
            close_at=to_m,
            wanted_s_min_m=from_m,
            wanted_s_max_m=to_m,
            reason="calibration",
        )

    def pulse_now(self, nozzle: int, at_s: float, seconds: float) -> ValveEvent:
        """Return a pulse of spray on the ground from a host time on."""
        return ValveEvent(
            event_id=next(self._ids),
            nozzle_id=nozzle,
            by_distance=False,
            open_at=at_s,
            close_at=at_s + seconds,
            wanted_s_min_m=math.nan,
            wanted_s_max_m=math.nan,
            reason="calibration",
        )

    def command(self, events: Sequence[ValveEvent]) -> None:
        """Command pulses; their reports come to `reports`."""
        self._controller.queue(events)

    def spray_standing(self, nozzles: Sequence[int], seconds: float) -> list[PulseReport]:
        """Spray one spot with each of some nozzles while the machine stands.

        Returns
        -------
        list of PulseReport
            Of the pulses that were done, in the order of ``nozzles``; a nozzle whose pulse
            was not is left out.
        """
        at_s = self.clock.now_s() + _LEAD_S
        events = [self.pulse_now(nozzle, at_s, seconds) for nozzle in nozzles]
        self.command(events)
        return self.reports_of(events, seconds)

    def reports_of(self, events: Sequence[ValveEvent], seconds: float) -> list[PulseReport]:
        """Wait for what became of pulses; return those that were done.

        Raises
        ------
        CalibrationError
            No report came.
        """
        ids = [event.event_id for event in events]
        self.run_until(
            lambda: all(i in self.reports for i in ids),
            seconds + REPORT_S,
            "the controller did not report what its valves did; check the link, then measure"
            " again; nothing was changed",
        )
        reports = [self.reports[i] for i in ids]
        done = [report for report in reports if report.outcome is PulseOutcome.DONE]
        last_s = max((report.t_close_s for report in done), default=-math.inf)
        self.run_until(
            lambda: self.odometer.newest_s >= last_s,
            REPORT_S,
            "the wheel readings have stopped; check the link, then measure again; nothing was"
            " changed",
        )
        return done

    def hold_open(
        self, nozzles: Sequence[int], seconds: float, told: Callable[[float], None]
    ) -> tuple[list[PulseReport], float, float]:
        """Keep valves open for a time, by pulses that follow on each other.

        Parameters
        ----------
        nozzles : sequence of int
        seconds : float
        told : callable
            Hears the seconds sprayed.

        Returns
        -------
        reports : list of PulseReport
            Of all pulses.
        pressure_kpa : float
            Mean while spraying; NaN where none is measured.
        volume_l : float
            Measured by the flow meter; NaN where there is none.
        """
        pieces = max(1, math.ceil(seconds / _PIECE_S))
        at_s = self.clock.now_s() + _LEAD_S
        edges_s = at_s + np.linspace(0.0, seconds, pieces + 1)
        begun_l = self.status.volume_l if self.status else math.nan
        commanded: list[ValveEvent] = []
        pressures: list[float] = []
        sent = 0
        while self.clock.now_s() < edges_s[-1]:
            now_s = self.clock.now_s()
            if sent < pieces and edges_s[sent] - now_s < 1.2:
                piece_s = float(edges_s[sent + 1] - edges_s[sent])
                events = [self.pulse_now(n, float(edges_s[sent]), piece_s) for n in nozzles]
                self.command(events)
                commanded += events
                sent += 1
            if self.status is not None and now_s > at_s + 0.5:
                pressures.append(self.status.pressure_kpa)
            told(max(0.0, now_s - at_s))
            self.step()
        self.run_for(0.6)
        self.reports_of(commanded, 0.0)
        ended_l = self.status.volume_l if self.status else math.nan
        return (
            [self.reports[event.event_id] for event in commanded],
            float(np.mean(pressures)) if pressures else math.nan,
            ended_l - begun_l,
        )

    def _take_frame(self) -> None:
        seen_s = self.clock.now_s() - self._frame_s
        if self.on_frame is None and self._visual is None and seen_s < _GLANCE_S:
            return
        try:
            frame = self._camera.read(0.0)
        except CameraLostError as error:
            raise CalibrationError(f"{error} Nothing was changed.") from error
        except EOFError as error:
            raise CalibrationError(
                "the pictures have ended; use a live camera for this test"
            ) from error
        if frame is None:
            return
        self.newest_frame, self._frame_s = frame, self.clock.now_s()
        if self.capabilities is not None and not self.capabilities.has_encoder:
            self._visual = self._visual or VisualOdometry(self.ground)
            sample = self._visual.add(frame)
            if sample is not None:
                self.odometer.add(sample)
        if self.on_frame is not None:
            self.on_frame(frame)

    def _take(self, message: ControllerMessage) -> None:
        if isinstance(message, OdometrySample):
            self.odometer.add(message)
        elif isinstance(message, PulseReport):
            self.reports[message.event_id] = message
        elif isinstance(message, ControllerStatus):
            self.status = message
        else:
            self.capabilities = message

    def _check(self) -> None:
        if self.guide.stopped():
            raise StoppedByOperatorError("the test was ended; nothing was changed")
        status = self.status
        if self._armed and status is not None and status.state is not ControllerState.ARMED:
            self._armed = False
            raise CalibrationError(
                f"the controller closed its valves during the test ({status.cause}); nothing was"
                " changed: mend the cause, then measure again"
            )
