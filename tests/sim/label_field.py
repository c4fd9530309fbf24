"""A field of labels without a camera model of its own: what the planner's tests drive over.

Weeds and crops are discs and rectangles on the ground in millimetre cells. Label pictures
are cut out of it by the camera's own geometry, probabilities are certain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from agriseg.config import BoomConfig, CameraPoseConfig, Config, IntrinsicsConfig
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import (
    ClassId,
    ControllerCapabilities,
    Frame,
    MissedWeed,
    OdometrySample,
    OdometrySource,
    Plant,
    Segmentation,
    ValveEvent,
)
from agriseg.pipeline import FieldPipeline
from agriseg.spraying.boom import Boom

CELL_M = 0.001
SIZE = (960, 544)


class LabelField:
    """Ground from ``start_m`` to ``end_m`` along the track and 1.6 m wide, (R, C) uint8."""

    def __init__(self, length_m: float, start_m: float = -1.0, half_width_m: float = 0.8) -> None:
        self.start_m = start_m
        self.half_width_m = half_width_m
        rows, columns = round(2 * half_width_m / CELL_M), round((length_m - start_m) / CELL_M)
        self.labels: NDArray[np.uint8] = np.zeros((rows, columns), np.uint8)
        self.weeds: list[tuple[float, float, float]] = []

    def column(self, s_m: float | NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((s_m - self.start_m) / CELL_M - 0.5)

    def row(self, y_m: float | NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((y_m + self.half_width_m) / CELL_M - 0.5)

    def disc(self, class_id: ClassId, s_m: float, y_m: float, radius_m: float) -> None:
        s, y = np.meshgrid(
            self.start_m + CELL_M * (np.arange(self.labels.shape[1]) + 0.5),
            -self.half_width_m + CELL_M * (np.arange(self.labels.shape[0]) + 0.5),
            sparse=True,
        )
        near = np.abs(s[0] - s_m) <= radius_m
        inside = (s[:, near] - s_m) ** 2 + (y - y_m) ** 2 <= radius_m**2
        self.labels[:, near] = np.where(inside, np.uint8(class_id), self.labels[:, near])
        if class_id is ClassId.WEED:
            self.weeds.append((s_m, y_m, radius_m))

    def picture(
        self, ground_m: NDArray[np.float64], pose: tuple[float, float, float]
    ) -> NDArray[np.uint8]:
        """Labels as the camera sees them; ``ground_m`` (H, W, 2) in base_link, pose (x, y, yaw)."""
        x, y, yaw = pose
        s_m = x + np.cos(yaw) * ground_m[:, :, 0] - np.sin(yaw) * ground_m[:, :, 1]
        y_m = y + np.sin(yaw) * ground_m[:, :, 0] + np.cos(yaw) * ground_m[:, :, 1]
        columns = self.column(s_m).astype(np.float32)
        rows = self.row(y_m).astype(np.float32)
        return np.asarray(cv2.remap(self.labels, columns, rows, cv2.INTER_NEAREST), np.uint8)


def capabilities(**changes: object) -> ControllerCapabilities:
    values: dict[str, object] = {
        "name": "test",
        "firmware_version": "1",
        "protocol_version": 1,
        "valve_count": 256,
        "queue_depth": 512,
        "tick_rate_hz": 1e6,
        "boot_id": 1,
        "has_encoder": True,
        "has_pressure": False,
        "has_flow": False,
        "has_tank": False,
        "max_open_ms": 1000.0,
        "min_lead_ms": 1.0,
        "horizon_ms": 4000.0,
    }
    return ControllerCapabilities(**(values | changes))  # type: ignore[arg-type]


def _no_wobble(t: float) -> float:
    return 0.0


def _drop_none(index: int) -> bool:
    return False


@dataclass
class Drive:
    """One drive over a field: what was commanded, and what the ground got."""

    field: LabelField
    config: Config
    speed: Callable[[float], float]
    fps: float = 20.0
    latency_s: float = 0.07
    wobble: Callable[[float], float] = _no_wobble
    drop: Callable[[int], bool] = _drop_none
    capabilities: ControllerCapabilities = field(default_factory=capabilities)
    odometry_silent: tuple[float, float] = (np.inf, np.inf)
    commit_period_s: float = 0.01
    weed_value: int = 255

    def __post_init__(self) -> None:
        camera = self.config.camera
        self.ground = GroundPlane(camera.intrinsics, camera.pose, SIZE)
        self.boom = Boom(self.config.boom)
        self.pipeline = FieldPipeline(self.config, self.ground, self.boom)
        self.pipeline.capabilities = self.capabilities
        grid = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=2)
        self._ground_m = self.ground.ground_from_image(
            grid.reshape(-1, 2).astype(np.float64)
        ).reshape(SIZE[1], SIZE[0], 2)
        self.events: list[ValveEvent] = []
        self.missed: list[MissedWeed] = []
        self.plants: list[Plant] = []
        self.notes: set[str] = set()
        self.withheld: set[str] = set()
        self.sent_s: dict[int, float] = {}

    def run(self, duration_s: float) -> Drive:
        step_s = 0.001
        times = np.arange(0.0, duration_s, step_s)
        speeds = np.array([self.speed(float(t)) for t in times])
        self._times, self._distance = (
            times,
            np.concatenate(([0.0], np.cumsum(speeds)[:-1])) * step_s,
        )
        pending: list[tuple[float, Frame, Segmentation]] = []
        next_frame, next_commit, next_odometry, frame_index = 0.0, 0.0, 0.0, 0
        for t, distance, speed in zip(times, self._distance, speeds, strict=True):
            t = float(t)
            if t >= next_odometry - 1e-9:
                next_odometry += 0.02
                if not self.odometry_silent[0] <= t < self.odometry_silent[1]:
                    self._odometry(t, float(distance), float(speed))
            if t >= next_frame - 1e-9:
                next_frame += 1.0 / self.fps
                if not self.drop(frame_index):
                    pending.append(
                        (t + self.latency_s, *self._see(frame_index, t, float(distance)))
                    )
                frame_index += 1
            while pending and t >= pending[0][0]:
                _, frame, segmentation = pending.pop(0)
                self.pipeline.integrate(frame, segmentation)
            if t >= next_commit - 1e-9:
                next_commit += self.commit_period_s
                self._plan(t)
        return self

    def _odometry(self, t: float, distance: float, speed: float) -> None:
        source = OdometrySource.WHEEL if self.capabilities.has_encoder else OdometrySource.VISUAL
        self.pipeline.odometry.add(
            OdometrySample(t_s=t, distance_m=distance, speed_m_s=speed, source=source)
        )

    def _see(self, index: int, t: float, distance: float) -> tuple[Frame, Segmentation]:
        labels = self.field.picture(self._ground_m, (distance, self.wobble(t), 0.0))
        frame = Frame(frame_id=index, t_capture_s=t, image=_BLACK)
        weed = np.where(labels == ClassId.WEED, np.uint8(self.weed_value), np.uint8(0))
        crop = np.where(labels == ClassId.CROP, np.uint8(255), np.uint8(0))
        segmentation = Segmentation(
            frame_id=index,
            t_capture_s=t,
            labels=labels,
            weed_probability=weed,
            crop_probability=crop,
            forward_ms=0.0,
            segmenter="labels",
        )
        return frame, segmentation

    def _plan(self, t: float) -> None:
        plan = self.pipeline.plan(t)
        self.events += plan.events
        self.missed += plan.missed
        self.plants += plan.plants
        self.sent_s.update({event.event_id: t for event in plan.events})
        self.notes.update(self.pipeline.status.notes)
        self.withheld.add(self.pipeline.status.withheld)

    def distance_at(self, t: float) -> float:
        return float(np.interp(t, self._times, self._distance))

    def time_at(self, distance: float) -> float:
        return float(np.interp(distance, self._distance, self._times))

    def strips(self) -> list[tuple[int, float, float]]:
        """Ground that each pulse wetted: nozzle, from, to, as the true wheel turned."""
        length = self.config.boom.footprint_along_m
        wetted = []
        for event in self.events:
            opening, closing = event.open_at, event.close_at
            if not event.by_distance:
                opening, closing = self.distance_at(opening), self.distance_at(closing)
            if opening >= self._distance[-1]:
                continue
            closing = min(closing, float(self._distance[-1]))
            x_m = self.boom.nozzles[event.nozzle_id].x_m
            wetted.append((event.nozzle_id, opening + x_m - length / 2, closing + x_m + length / 2))
        return wetted

    def wet_ground(self) -> NDArray[np.bool_]:
        """(R, C) of the field: what was sprayed, the robot's wobble included."""
        wet = np.zeros(self.field.labels.shape, bool)
        for nozzle_id, start, end in self.strips():
            nozzle = self.boom.nozzles[nozzle_id]
            columns = np.ceil(self.field.column(np.array([start, end]))).astype(int)
            offset = self.wobble(self.time_at(0.5 * (start + end) - nozzle.x_m))
            rows = np.ceil(
                self.field.row(
                    np.array([nozzle.footprint_min_y_m, nozzle.footprint_max_y_m]) + offset
                )
            ).astype(int)
            wet[max(rows[0], 0) : rows[1], max(columns[0], 0) : columns[1]] = True
        return wet


_BLACK = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def make_config(**sections: object) -> Config:
    return Config.model_validate(sections)


def scattered(length_m: float, seed: int, crops: bool = True) -> LabelField:
    """A field of small weeds and, optionally, two rows of crop plants."""
    rng = np.random.default_rng(seed)
    ground = LabelField(length_m)
    if crops:
        for row_m in (-0.25, 0.25):
            for s_m in np.arange(0.1, length_m - 0.2, 0.2):
                ground.disc(ClassId.CROP, float(s_m), row_m + rng.normal(0, 0.01), 0.035)
    count = int(8 * length_m)
    while len(ground.weeds) < count:
        s_m, y_m = rng.uniform(2.2, length_m - 0.3), rng.uniform(-0.43, 0.43)
        if not crops or abs(abs(y_m) - 0.25) > 0.12:
            ground.disc(ClassId.WEED, float(s_m), float(y_m), float(rng.uniform(0.004, 0.03)))
    return ground


__all__ = [
    "BoomConfig",
    "CameraPoseConfig",
    "Drive",
    "IntrinsicsConfig",
    "LabelField",
    "capabilities",
    "make_config",
    "scattered",
]
