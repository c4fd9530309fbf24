"""A recorded run whose ground is known by hand: straight east, then back beside it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.messages import (
    ClassId,
    ControllerState,
    ControllerStatus,
    FixQuality,
    Frame,
    MissedWeed,
    OdometrySample,
    OdometrySource,
    Plant,
    PositionFix,
    PulseOutcome,
    PulseReport,
    RunEvent,
    Segmentation,
    SprayPlan,
    StageTimes,
    ValveEvent,
    VehicleState,
)
from agriseg.positioning.local_frame import LocalFrame
from agriseg.recording.recorder import RunDescription, RunRecorder

START_S = 100.0
START_NS = 1_780_000_000_000_000_000
SPEED_M_S = 1.0
LENGTH_M = 20.0
PITCH_M, NOZZLES = 0.25, 4
PULSE_M = 0.5
FRAME = LocalFrame(48.0, 11.0)

VALUES: dict[str, Any] = {
    "camera": {"width_px": 64, "height_px": 64, "pose": {"x_m": 1.0, "z_m": 1.0},
               "intrinsics": {"width_px": 64, "height_px": 64, "fx_px": 64.0, "fy_px": 64.0,
                              "cx_px": 31.5, "cy_px": 31.5}},
    "boom": {"nozzle_count": NOZZLES, "pitch_m": PITCH_M, "footprint_across_m": PITCH_M,
             "footprint_along_m": 0.04, "open_latency_ms": 10.0, "close_latency_ms": 10.0,
             "fall_ms": 20.0, "flow_l_min": 0.6},
    "record": {"operator": "Operator", "product": "Mix", "product_l_per_l": 0.01},
}  # fmt: skip


def config(**sections: Any) -> Config:
    """Return the run's configuration with some sections replaced."""
    return parse_config({**VALUES, **sections}, source="test")


class Drive:
    """Records straight passes at 1 m/s."""

    def __init__(self, directory: Path, asked: Config, *, with_fixes: bool = True) -> None:
        self.clock = VirtualClock(START_S)
        self._with_fixes = with_fixes
        self.recorder = RunRecorder(
            directory,
            asked,
            RunDescription(versions={"agriseg": "0.1.0"}, model={"name": "test"}),
            clock=self.clock,
            wall_ns=lambda: START_NS + round((self.clock.now_s() - START_S) * 1e9),
            wait_for_room=True,
        )
        self.distance_m = 0.0
        self._id = 0
        self.event("spraying")

    def event(self, kind: str) -> None:
        self.recorder.event(RunEvent(t_s=self.clock.now_s(), kind=kind, text=""))

    def advance(self, t_s: float, east_m: float, north_m: float, course_deg: float) -> None:
        """Go to a place that is 0.1 m on, with a reading and a fix."""
        self.clock.sleep_until(t_s)
        self.distance_m = SPEED_M_S * (t_s - START_S)
        self.recorder.controller(
            OdometrySample(
                t_s=t_s,
                distance_m=self.distance_m,
                speed_m_s=SPEED_M_S,
                source=OdometrySource.WHEEL,
            )
        )
        if self._with_fixes:
            latitude, longitude = FRAME.geographic([[east_m, north_m]])[0]
            self.recorder.position(
                PositionFix(
                    t_s=t_s,
                    latitude_deg=float(latitude),
                    longitude_deg=float(longitude),
                    altitude_m=500.0,
                    quality=FixQuality.RTK_FIXED,
                    satellites=18,
                    accuracy_m=0.01,
                    speed_m_s=SPEED_M_S,
                    course_deg=course_deg,
                )
            )

    def look(self) -> None:
        """Take a picture here."""
        t_s = self.clock.now_s()
        frame = Frame(
            frame_id=round(10 * (t_s - START_S)),
            t_capture_s=t_s,
            image=np.zeros((64, 64, 3), np.uint8),
        )
        empty = np.zeros((64, 64), np.uint8)
        seen = Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=t_s,
            labels=empty,
            weed_probability=empty.copy(),
            crop_probability=empty.copy(),
            forward_ms=1.0,
            segmenter="test",
        )
        vehicle = VehicleState(
            t_s=t_s,
            distance_m=self.distance_m,
            speed_m_s=SPEED_M_S,
            x_m=self.distance_m,
            y_m=0.0,
            heading_rad=0.0,
            source=OdometrySource.WHEEL,
            age_s=0.0,
        )
        stage = StageTimes(
            capture_ms=1, segment_ms=1, project_ms=1, plan_ms=1, link_ms=1, forward_ms=1,
            overhead_ms=1,
        )  # fmt: skip
        self.recorder.frame(frame, seen, vehicle, stage)

    def spray(self, nozzle: int, outcome: PulseOutcome = PulseOutcome.DONE) -> None:
        """Command half a metre here, and confirm it (or not)."""
        s_m, t_s = self.distance_m, self.clock.now_s()
        event = ValveEvent(
            event_id=self._id,
            nozzle_id=nozzle,
            by_distance=True,
            open_at=s_m,
            close_at=s_m + PULSE_M,
            wanted_s_min_m=s_m,
            wanted_s_max_m=s_m + PULSE_M,
        )
        self._id += 1
        self.recorder.plan(SprayPlan(frame_id=0, t_plan_s=t_s, events=(event,)))
        opened = outcome in (PulseOutcome.DONE, PulseOutcome.CUT)
        nan = math.nan
        self.recorder.controller(
            PulseReport(
                event_id=event.event_id,
                nozzle_id=nozzle,
                outcome=outcome,
                t_open_s=t_s if opened else nan,
                t_close_s=t_s + PULSE_M / SPEED_M_S if opened else nan,
                open_m=s_m if opened else nan,
                close_m=s_m + PULSE_M if opened else nan,
            )
        )

    def plant(self, class_id: ClassId, y_m: float) -> None:
        """Decide on a plant here."""
        s_m = self.distance_m
        plant = Plant(
            plant_id=self._id,
            class_id=class_id,
            s_m=s_m,
            y_m=y_m,
            s_min_m=s_m - 0.01,
            s_max_m=s_m + 0.01,
            y_min_m=y_m - 0.01,
            y_max_m=y_m + 0.01,
            area_m2=0.0004,
            confidence=0.9,
            decision="to be sprayed",
        )
        self._id += 1
        self.recorder.plan(
            SprayPlan(frame_id=0, t_plan_s=self.clock.now_s(), events=(), plants=(plant,))
        )

    def miss(self, nozzle: int, reason: str) -> None:
        """Give up 10 cm here."""
        s_m = self.distance_m
        missed = MissedWeed(nozzle_id=nozzle, s_min_m=s_m, s_max_m=s_m + 0.1, reason=reason)
        self.recorder.plan(
            SprayPlan(frame_id=0, t_plan_s=self.clock.now_s(), events=(), missed=(missed,))
        )

    def status(self, volume_l: float) -> None:
        """Report the flow meter."""
        self.recorder.controller(
            ControllerStatus(t_s=self.clock.now_s(), state=ControllerState.ARMED, volume_l=volume_l)
        )

    def close(self) -> None:
        self.event("end")
        self.recorder.close()


def record_straight(directory: Path, *, with_fixes: bool = True, **sections: Any) -> Path:
    """Record 20 m to the east, with eight pulses, crops in one row, weeds and misses."""
    drive = Drive(directory, config(**sections), with_fixes=with_fixes)
    drive.status(10.0)
    for tick in range(round(10 * LENGTH_M / SPEED_M_S) + 1):
        s_m = 0.1 * tick
        drive.advance(START_S + s_m / SPEED_M_S, s_m, 0.0, 90.0)
        if tick % 10 == 0:
            drive.look()
        if tick % 20 == 10 and tick <= 150:
            drive.spray((tick // 20) % NOZZLES)
            drive.plant(ClassId.WEED, 0.2)
        if tick % 2 == 0 and tick not in (60, 62, 64):
            drive.plant(ClassId.CROP, -0.1)
        if tick in (40, 41):
            drive.miss(1, "late")
        if tick == 90:
            drive.miss(2, "crop")
        if tick == 170:
            drive.spray(3, PulseOutcome.REJECTED)
    drive.status(10.05)
    drive.close()
    return directory


def record_there_and_back(directory: Path) -> Path:
    """Record 10 m to the east and 10 m back on the same ground, spraying the same places."""
    drive = Drive(directory, config())
    for tick in range(101):
        drive.advance(START_S + 0.1 * tick, 0.1 * tick, 0.0, 90.0)
        if tick in (20, 60):
            drive.spray(0)
    for tick in range(60):  # a turn on a circle of 1.9 m, nothing sprayed on it
        turned = math.pi * (tick + 1) / 60.0
        east, north = 10.0 + 1.9 * math.sin(turned), 1.9 - 1.9 * math.cos(turned)
        drive.advance(
            START_S + 10.0 + 0.1 * (tick + 1), east, north, (90.0 - math.degrees(turned)) % 360.0
        )
    for tick in range(60):  # and another one back onto the first pass
        turned = math.pi * (tick + 1) / 60.0
        east, north = 10.0 - 1.9 * math.sin(turned), 1.9 + 1.9 * math.cos(turned)
        drive.advance(
            START_S + 16.0 + 0.1 * (tick + 1), east, north, (270.0 - math.degrees(turned)) % 360.0
        )
    drive.close()
    return directory
