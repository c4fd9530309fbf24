"""A field engine for tests of the window: scripted snapshots, generated pictures, no process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agriseg.config import Config
from agriseg.messages import (
    Alarm,
    AlarmPriority,
    BoomView,
    ControllerCapabilities,
    ControllerState,
    ControllerStatus,
    EngineCommand,
    EngineHealth,
    EngineSnapshot,
    EngineState,
    OdometrySource,
    Picture,
    RunTotals,
    SprayMode,
)

NOZZLES = 24
PICTURE_WIDTH_PX = 960
PICTURE_HEIGHT_PX = 544


def capabilities() -> ControllerCapabilities:
    """Return a controller with every sensor."""
    return ControllerCapabilities(
        name="Simulated controller",
        firmware_version="1.0",
        protocol_version=1,
        valve_count=NOZZLES,
        queue_depth=64,
        tick_rate_hz=16e6,
        boot_id=7,
        has_encoder=True,
        has_pressure=True,
        has_flow=True,
        has_tank=True,
        max_open_ms=1000.0,
        min_lead_ms=5.0,
        horizon_ms=2000.0,
        is_simulated=True,
    )


def make_snapshot(
    *,
    t_s: float = 0.0,
    state: EngineState = EngineState.READY,
    not_ready: tuple[str, ...] = (),
    mode: SprayMode = SprayMode.SPOT,
    sensitivity: float = 0.5,
    commanded: Sequence[int] = (),
    open_nozzles: Sequence[int] = (),
    faults: Sequence[int] = (),
    controller: ControllerState = ControllerState.ARMED,
    alarms: tuple[Alarm, ...] = (),
    speed_m_s: float = 2.0,
    weed_cover: float = 0.042,
    connected: bool = True,
    totals: RunTotals | None = None,
) -> EngineSnapshot:
    """Return a snapshot of a robot at work; nozzles are counted from 0."""
    measured = {"pressure_kpa": 300.0, "flow_l_min": 1.6, "tank_l": 182.0} if connected else {}
    status = ControllerStatus(
        t_s=t_s,
        state=controller if connected else ControllerState.DISCONNECTED,
        open_mask=sum(1 << n for n in open_nozzles),
        fault_mask=sum(1 << n for n in faults),
        **measured,
    )
    return EngineSnapshot(
        t_s=t_s,
        state=state,
        not_ready=not_ready,
        mode=mode,
        sensitivity=sensitivity,
        camera_name="Simulated field",
        camera_fps=20.0,
        frame_age_ms=64.0,
        latency_ms=71.0,
        segmenter_name="field-lite0 · OpenVINO",
        stage=None,
        speed_m_s=speed_m_s,
        odometry=OdometrySource.WHEEL,
        weed_cover=weed_cover,
        crop_cover=0.124,
        lookahead_s=0.5,
        nozzle_commanded=tuple(n in commanded for n in range(NOZZLES)),
        controller=status,
        capabilities=capabilities() if connected else None,
        totals=totals
        or RunTotals(
            distance_m=1250.0,
            area_m2=1200.0,
            treated_area_m2=130.0,
            pulses_commanded=5210,
            pulses_confirmed=5205,
            weeds_seen=5380,
            missed_late=3,
            withheld_crop=12,
            volume_commanded_l=2.1,
            volume_confirmed_l=2.05,
            broadcast_volume_l=19.2,
        ),
        alarms=alarms,
        run_directory="runs/example",
        recording=True,
        run_time_s=754.0,
    )


def make_alarm(
    code: str = "camera-lost",
    priority: AlarmPriority = AlarmPriority.DANGER,
    *,
    t_s: float = 0.0,
    active: bool = True,
    acknowledged: bool = False,
    stops: bool = True,
) -> Alarm:
    """Return an alarm."""
    return Alarm(
        code=code,
        priority=priority,
        text="The camera stopped delivering pictures. All nozzles were closed.",
        remedy="Check the camera's plug and power. It is looked for again by itself.",
        t_s=t_s,
        active=active,
        acknowledged=acknowledged,
        stops_spraying=stops,
    )


def make_picture(*, frame_id: int = 0, t_capture_s: float = 0.0, seed: int = 3) -> Picture:
    """Return brown ground with a row of crop (blue) and some weeds (vermilion)."""
    rng = np.random.default_rng(seed)
    shape = (PICTURE_HEIGHT_PX, PICTURE_WIDTH_PX)
    image = np.zeros((*shape, 4), dtype=np.uint8)
    image[..., :3] = np.array([58, 84, 110]) + rng.integers(-18, 18, (*shape, 1))
    image[..., 3] = 255
    overlay = np.zeros((*shape, 4), dtype=np.uint8)
    v, u = np.mgrid[: shape[0], : shape[1]]
    for index in range(8):
        _disc(image, overlay, u, v, (480 + rng.integers(-20, 20), 40 + 68 * index), 26, True)
    for _ in range(14):
        centre = (rng.integers(20, shape[1] - 20), rng.integers(20, shape[0] - 20))
        _disc(image, overlay, u, v, centre, int(rng.integers(7, 16)), False)
    return Picture(
        frame_id=frame_id,
        t_capture_s=t_capture_s,
        image=image,
        overlay=overlay,
        boom=make_boom(),
    )


def make_boom() -> BoomView:
    """Return straight strips of equal width, the near edge below."""
    edges = np.linspace(30.0, PICTURE_WIDTH_PX - 30.0, NOZZLES + 1)
    left, right = edges[:-1], edges[1:]
    top, bottom = 0.0, PICTURE_HEIGHT_PX - 1.0
    centre = (left + right) / 2
    tracks = np.stack([_points(centre, bottom), _points(centre, top)], axis=1)
    swaths = np.stack(
        [_points(left, bottom), _points(right, bottom), _points(right, top), _points(left, top)],
        axis=1,
    )
    return BoomView(nozzle_tracks_px=tracks, swath_px=swaths)


def _points(u: np.ndarray, v: float) -> np.ndarray:
    return np.stack([u, np.full_like(u, v)], axis=1)


def _disc(
    image: np.ndarray,
    overlay: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    centre: tuple[int, int],
    radius: int,
    crop: bool,
) -> None:
    inside = (u - centre[0]) ** 2 + (v - centre[1]) ** 2 < radius**2
    image[inside, :3] = (52, 132, 70) if crop else (48, 150, 98)
    overlay[inside] = (128, 99, 47, 140) if crop else (0, 33, 126, 140)


class FakeEngineClient:
    """Implements `agriseg.ports.EngineClient` in the test's own process."""

    def __init__(self) -> None:
        self.sent: list[EngineCommand] = []
        self.config = Config()
        self.starts = 0
        self.closes = 0
        self.alive = True
        self.silent_s = 0.0
        self.message = ""
        self.start_error: Exception | None = None
        self.send_error: Exception | None = None
        self._snapshot: EngineSnapshot | None = None
        self._pictures: deque[Picture] = deque(maxlen=2)
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)

    def publish(
        self, snapshot: EngineSnapshot | None = None, picture: Picture | None = None
    ) -> None:
        """Make news available, as the engine's process would."""
        self._snapshot = snapshot or self._snapshot
        if picture is not None:
            self._pictures.append(picture)
        os.write(self._write, b"!")

    def kinds(self) -> list[str]:
        """Return the kinds of the orders received."""
        return [command.kind.value for command in self.sent]

    def configure(self, config: Config) -> None:
        """Keep the configuration."""
        self.config = config

    def start(self) -> None:
        """Count the start."""
        self.starts += 1
        if self.start_error is not None:
            raise self.start_error
        self.alive = True

    def fileno(self) -> int:
        """Return the readable end."""
        return self._read

    def read_snapshot(self) -> EngineSnapshot | None:
        """Return the newest snapshot once."""
        self._drain()
        snapshot, self._snapshot = self._snapshot, None
        return snapshot

    def read_picture(self) -> Picture | None:
        """Return the newest two pictures, one after the other."""
        return self._pictures.popleft() if self._pictures else None

    def send(self, command: EngineCommand) -> None:
        """Keep the order."""
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(command)

    def health(self) -> EngineHealth:
        """Return what the test set; as with a process, what it announced is read for it."""
        self._drain()
        return EngineHealth(alive=self.alive, silent_s=self.silent_s, message=self.message)

    def close(self) -> None:
        """Count the close; the pipe lives on for a restart."""
        self.closes += 1
        self.alive = False

    def dispose(self) -> None:
        """Close the pipe at the end of the test."""
        os.close(self._read)
        os.close(self._write)

    def _drain(self) -> None:
        try:
            while os.read(self._read, 4096):
                pass
        except BlockingIOError:
            return


def acknowledge_all(snapshot: EngineSnapshot) -> EngineSnapshot:
    """Return the snapshot as an engine would send it after every acknowledgement."""
    return replace(snapshot, alarms=tuple(replace(a, acknowledged=True) for a in snapshot.alarms))
