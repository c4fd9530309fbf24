"""One frame through the stages: picture to map, map to wanted ground, ground to pulses.

No threads and no input or output; the engine calls `integrate` for each segmented frame
and `plan` at least as often as it can send pulses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import cv2
import numpy as np

from agriseg.config import Config
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.patches import find_patches
from agriseg.geometry.poses import WheelOdometry
from agriseg.geometry.visual_odometry import VisualOdometry
from agriseg.messages import (
    ClassId,
    ControllerCapabilities,
    Frame,
    OdometrySample,
    Plant,
    Segmentation,
    SprayMode,
    SprayPlan,
    UInt8Array,
    VehicleState,
)
from agriseg.segmentation.instances import PlantWatch
from agriseg.spraying.boom import Boom
from agriseg.spraying.decisions import decided
from agriseg.spraying.planner import PlannerStatus, SprayPlanner
from agriseg.spraying.restricting import SprayLimits, restricted
from agriseg.spraying.targets import CROP_LEVEL, find_targets, find_weeds
from agriseg.spraying.weed_map import TrackEvidence, WeedMap

_MAP_BORDER_M = 0.05
_MIN_CROP_AREA_M2 = 1e-4
_PLANNED_AHEAD_S = 0.5
"""Commit lead, valve, fall and the time to the next frame, with room for slow computers."""
_LONGEST_WEED_M = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineResult:
    """What one frame added.

    Attributes
    ----------
    vehicle : VehicleState, optional
        The pose at the frame's exposure; None when nothing was known of it, and the frame
        could not be mapped.
    weed_cover, crop_cover : float
        Share of the picture, 0 to 1.
    unseen_m : float
        Length of ground between this view and the one before that no frame showed.
    visual_odometry : OdometrySample, optional
        What the frames themselves say of the motion, where the controller has no encoder.
    """

    vehicle: VehicleState | None
    weed_cover: float
    crop_cover: float
    unseen_m: float = 0.0
    visual_odometry: OdometrySample | None = None


class FieldPipeline:
    """Maps frames to the ground and plans the nozzles' pulses.

    Parameters
    ----------
    config : Config
    ground : GroundPlane
    boom : Boom
    odometry : WheelOdometry, optional
        Takes the controller's readings (``pipeline.odometry.add``).

    Attributes
    ----------
    mode : SprayMode
    sensitivity : float
        0 to 1; both may be set while running.
    capabilities : ControllerCapabilities, optional
        What the controller said of itself; without it no pulse is planned.
    limits : SprayLimits, optional
        Where spraying is allowed; None: everywhere.
    """

    def __init__(
        self,
        config: Config,
        ground: GroundPlane,
        boom: Boom,
        odometry: WheelOdometry | None = None,
    ) -> None:
        self._config = config
        self._ground = ground
        self._boom = boom
        self.odometry = odometry or WheelOdometry()
        self._map = WeedMap(ground, config.spray.map_cell_m, boom.rear_x_m - _MAP_BORDER_M)
        self._planner = SprayPlanner(boom, config.spray)
        self._weed_watch = PlantWatch(ClassId.WEED, config.spray.min_weed_area_m2)
        self._crop_watch = PlantWatch(ClassId.CROP, _MIN_CROP_AREA_M2)
        self._plant_ids = count()
        self._visual: VisualOdometry | None = None
        self._newest: VehicleState | None = None
        self._planned_frame = -1
        self._frame_id = -1
        self._resets = self.odometry.resets
        self._capabilities: ControllerCapabilities | None = None
        self._unseen_note = ""
        self.limits: SprayLimits | None = None
        self.sensitivity = config.spray.sensitivity

    @property
    def ground(self) -> GroundPlane:
        """The ground as the camera sees it."""
        return self._ground

    @property
    def mode(self) -> SprayMode:
        """What is sprayed."""
        return self._planner.mode

    @mode.setter
    def mode(self, mode: SprayMode) -> None:
        self._planner.mode = mode
        self._planned_frame = -1

    @property
    def capabilities(self) -> ControllerCapabilities | None:
        """What the controller said of itself."""
        return self._capabilities

    @capabilities.setter
    def capabilities(self, capabilities: ControllerCapabilities | None) -> None:
        self._capabilities = capabilities

    @property
    def status(self) -> PlannerStatus:
        """What the last plan had to leave, and why."""
        return self._planner.status

    @property
    def limit_note(self) -> str:
        """What keeps the machine from doing all that is wanted, in sentences; mostly empty."""
        notes = self._planner.status.notes
        return " ".join((*notes, self._unseen_note) if self._unseen_note else notes)

    def integrate(self, frame: Frame, segmentation: Segmentation) -> PipelineResult:
        """Add a segmented frame to the map.

        Raises
        ------
        CalibrationError
            The frame's size is not the one that the ground is mapped for.
        """
        sample = self._measure_speed(frame) if self._uses_visual_odometry() else None
        self._forget_after_jump()
        vehicle = self.odometry.state_at(frame.t_capture_s)
        usable = vehicle is not None and vehicle.age_s <= 1e-3 * self._config.spray.stale_after_ms
        unseen_m = 0.0
        if vehicle is not None and usable:
            unseen_m = self._unseen_m(vehicle)
            self._map.update(segmentation, vehicle)
            self._newest = vehicle
            self._frame_id = frame.frame_id
            self._planned_frame = -1
        return PipelineResult(
            vehicle=vehicle,
            weed_cover=_share(segmentation.labels, ClassId.WEED),
            crop_cover=_share(segmentation.labels, ClassId.CROP),
            unseen_m=unseen_m,
            visual_odometry=sample,
        )

    def plan(self, now_s: float) -> SprayPlan:
        """Return the pulses to be commanded now.

        The map is looked at once per frame, pulses are committed at every call.
        """
        self._forget_after_jump()
        vehicle = self.odometry.state_at(now_s)
        plants: tuple[Plant, ...] = ()
        if vehicle is not None and self._newest is not None and self._planned_frame < 0:
            plants = self._look(vehicle, self._newest)
            self._planned_frame = self._frame_id
        age_s = math.inf if self._newest is None else now_s - self._newest.t_s
        hold = self._hold(now_s, vehicle)
        events, missed = self._planner.commit(vehicle, now_s, self._capabilities, age_s, hold)
        return SprayPlan(
            frame_id=self._frame_id,
            t_plan_s=now_s,
            events=events,
            missed=missed,
            plants=plants,
        )

    def restart(self, now_s: float) -> None:
        """Begin spraying after a stop: pulses that had not begun are forgotten."""
        vehicle = self.odometry.state_at(now_s)
        if vehicle is None:
            return
        self._planner.restart(now_s, vehicle.distance_m)
        if self._newest is not None:
            near_s_m = self._newest.distance_m + self._ground.near_x_m
            self._weed_watch.restart(near_s_m)
            self._crop_watch.restart(near_s_m)

    def vehicle_at(self, t_s: float) -> VehicleState | None:
        """Return the pose at ``t_s``; None before any odometry."""
        return self.odometry.state_at(t_s)

    def commanded_at(self, t_s: float) -> tuple[bool, ...]:
        """Return for each nozzle whether a commanded pulse sprays at ``t_s``."""
        vehicle = self.odometry.state_at(t_s)
        distance_m = vehicle.distance_m if vehicle is not None else math.nan
        return self._planner.commanded_at(t_s, distance_m)

    def lookahead_s(self, t_s: float) -> float:
        """Return the time from the view to the boom, less the valve's and the spray's delays.

        What segmenting takes must fit in it; infinite while standing, NaN without odometry.
        """
        vehicle = self.odometry.state_at(t_s)
        if vehicle is None:
            return math.nan
        if vehicle.speed_m_s <= 0.0:
            return math.inf
        front_m = float(self._boom.x_m.max()) - self._boom.half_footprint_m
        delay_s = float(self._boom.open_delay_s.max())
        return (self._ground.near_x_m - front_m) / vehicle.speed_m_s - delay_s

    def _look(self, vehicle: VehicleState, newest: VehicleState) -> tuple[Plant, ...]:
        """Bring the map into what the planner wants; return the plants that left the view."""
        spray = self._config.spray
        near_s_m = newest.distance_m + self._ground.near_x_m
        evidence = self._evidence(vehicle, near_s_m)
        weeds = find_weeds(evidence, self.sensitivity, spray.min_weed_area_m2)
        targets = find_targets(evidence, weeds, self._boom, spray, self.mode, self.sensitivity)
        if self.limits is not None:
            ahead_m = self._allowed_ahead_m(vehicle)
            barred = self.limits.barred(vehicle, self._boom.rear_x_m - _MAP_BORDER_M, ahead_m)
            targets = restricted(targets, barred)
        self._planner.observe(targets)
        crops = find_patches(evidence.crop >= CROP_LEVEL, evidence)
        ids = self._plant_ids
        left = (
            *self._weed_watch.leaving(evidence, weeds.patches, evidence.weed, near_s_m, ids),
            *self._crop_watch.leaving(evidence, crops, evidence.crop, near_s_m, ids),
        )
        return tuple(decided(plant, targets, self._boom, self.mode) for plant in left)

    def _hold(self, now_s: float, vehicle: VehicleState | None) -> str:
        """Return the planner's word for why nothing may be sprayed; empty where it may."""
        if self.limits is None or vehicle is None or not self.limits.hold(now_s, vehicle):
            return ""
        return "no-position"

    def _allowed_ahead_m(self, vehicle: VehicleState) -> float:
        """Return up to where in base_link pulses may be committed before the next frame."""
        longest_s = 1e-3 * self._boom.config.max_open_ms + 2.0 * _PLANNED_AHEAD_S
        front_m = max(self._ground.far_x_m, float(self._boom.x_m.max()))
        return front_m + max(0.0, vehicle.speed_m_s) * longest_s

    def _evidence(self, vehicle: VehicleState, near_s_m: float) -> TrackEvidence:
        """Return the map from the boom to what may be commanded before the next frame.

        Late frames show ground behind the boom, which is then looked at for weeds missed.
        """
        boom, seen_y = self._boom, self._ground.view_polygon_m[:, 1]
        near_x_m = near_s_m - vehicle.distance_m
        rear_x_m = min(boom.rear_x_m - _MAP_BORDER_M, near_x_m)
        soon_m = max(0.0, vehicle.speed_m_s) * _PLANNED_AHEAD_S + _LONGEST_WEED_M
        front_x_m = max(near_x_m + _MAP_BORDER_M, float(boom.x_m.max()) + soon_m)
        return self._map.along_track(
            vehicle, (float(seen_y.min()), float(seen_y.max())), (rear_x_m, front_x_m)
        )

    def _uses_visual_odometry(self) -> bool:
        if self._config.controller.relay.constant_speed_m_s is not None:
            return False
        return self._capabilities is not None and not self._capabilities.has_encoder

    def _measure_speed(self, frame: Frame) -> OdometrySample | None:
        """Take odometry from the pictures."""
        if self._visual is None:
            self._visual = VisualOdometry(self._ground)
        breaks = self._visual.breaks
        sample = self._visual.add(frame)
        if self._visual.breaks != breaks:
            self.odometry.break_off()
        if sample is not None:
            self.odometry.add(sample)
        return sample

    def _forget_after_jump(self) -> None:
        """Drop the map when the odometer began anew: it no longer says where things are."""
        if self.odometry.resets != self._resets:
            self._resets = self.odometry.resets
            self._map.reset()
            self._newest = None

    def _unseen_m(self, vehicle: VehicleState) -> float:
        """Return the length of ground that passed between the last view and this one."""
        if self._newest is None:
            return 0.0
        travel_m = vehicle.distance_m - self._newest.distance_m
        unseen_m = max(0.0, travel_m - (self._ground.far_x_m - self._ground.near_x_m))
        self._unseen_note = (
            f"{unseen_m:.2f} m of ground passed between two pictures unseen; drive more slowly."
            if unseen_m > 0.0
            else ""
        )
        return unseen_m


def _share(labels: UInt8Array, class_id: ClassId) -> float:
    matching = cv2.inRange(labels, np.array(int(class_id)), np.array(int(class_id)))
    return cv2.countNonZero(matching) / labels.size
