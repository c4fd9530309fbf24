"""One frame through the stages: picture to map, map to wanted ground, ground to pulses.

No threads and no input or output; the engine calls `integrate` for each segmented frame
and `plan` at least as often as it can send pulses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

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
from agriseg.opencv import cv2
from agriseg.pipeline_journal import (
    BarredGround,
    FramePatch,
    MapPatch,
    MapState,
    PipelineState,
    PipelineStep,
    StepJournal,
    StepKind,
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
        self._journal: StepJournal | None = None
        self._visual: VisualOdometry | None = None
        self._newest: VehicleState | None = None
        self._planned_frame = -1
        self._frame_id = -1
        self._resets = self.odometry.resets
        self._capabilities: ControllerCapabilities | None = None
        self._unseen_note = ""
        self._barred: tuple[BarredGround, ...] | None = None
        self._sensitivity = config.spray.sensitivity
        self.limits: SprayLimits | None = None
        self.unsure = False
        self._holds_when_unsure = config.perception.when_unsure == "hold"

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
        self._note(PipelineStep(kind=StepKind.MODE, mode=mode))
        self._planner.mode = mode
        self._planned_frame = -1

    @property
    def sensitivity(self) -> float:
        """How readily something is taken for weed, 0 to 1."""
        return self._sensitivity

    @sensitivity.setter
    def sensitivity(self, sensitivity: float) -> None:
        self._note(PipelineStep(kind=StepKind.SENSITIVITY, sensitivity=sensitivity))
        self._sensitivity = sensitivity

    @property
    def capabilities(self) -> ControllerCapabilities | None:
        """What the controller said of itself."""
        return self._capabilities

    @capabilities.setter
    def capabilities(self, capabilities: ControllerCapabilities | None) -> None:
        has_controller = capabilities is not None
        self._note(PipelineStep(kind=StepKind.CAPABILITIES, has_controller=has_controller))
        self._capabilities = capabilities

    @property
    def journal(self) -> StepJournal | None:
        """Where each step is noted; None (the default) where none are."""
        return self._journal

    @journal.setter
    def journal(self, journal: StepJournal | None) -> None:
        self._journal = self.odometry.journal = journal

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
        """Add a segmented frame to the map; a preview is looked at, and not mapped.

        Raises
        ------
        CalibrationError
            The frame's size is not the one that the ground is mapped for.
        """
        sample = self._measure_speed(frame) if self._uses_visual_odometry() else None
        if frame.is_preview:
            return self._result(segmentation, self.odometry.state_at(frame.t_capture_s), sample)
        trusted = not self.unsure and not (segmentation.doubt and self._holds_when_unsure)
        vehicle, unseen_m = self._take_frame(
            frame.frame_id,
            frame.t_capture_s,
            lambda pose: self._map.look(segmentation, pose) if trusted else None,
        )
        return self._result(segmentation, vehicle, sample, unseen_m)

    def integrate_patch(
        self,
        frame_id: int,
        t_capture_s: float,
        patch: MapPatch | None,
        seen_from: VehicleState | None = None,
    ) -> None:
        """Add a frame's evidence as it was once noted, instead of the frame.

        Parameters
        ----------
        frame_id : int
        t_capture_s : float
        patch : MapPatch, optional
            None where it was lost: the frame then counts, and shows nothing.
        seen_from : VehicleState, optional
            The pose that the patch was made for; by default what odometry says now.

        Raises
        ------
        ValueError
            The patch is of another camera or another map.
        """
        self._take_frame(frame_id, t_capture_s, lambda _: patch, seen_from)

    def patch_of(self, segmentation: Segmentation, seen_from: VehicleState) -> MapPatch | None:
        """Return what a segmented frame shows of the ground from a pose; changes no decision."""
        return self._map.look(segmentation, seen_from)

    @property
    def passed_s_m(self) -> float | None:
        """Along-track coordinate of the rear edge of the newest view; None before the first."""
        return None if self._newest is None else self._newest.distance_m + self._ground.near_x_m

    def ground_between(self, s_min_m: float, s_max_m: float) -> TrackEvidence | None:
        """Return the map along the track, as wide as the view; None before the first frame."""
        if self._newest is None:
            return None
        seen_y = self._ground.view_polygon_m[:, 1]
        at_m = self._newest.distance_m
        across = (float(seen_y.min()), float(seen_y.max()))
        return self._map.along_track(self._newest, across, (s_min_m - at_m, s_max_m - at_m))

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
        barred, self._barred = self._barred, None
        if self._journal is not None:
            self._journal.note(
                PipelineStep(kind=StepKind.PLAN, t_s=now_s, hold=hold or None, barred=barred)
            )
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
        self._note(PipelineStep(kind=StepKind.RESTART, t_s=now_s))
        self._planned_frame = -1
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

    def state(self) -> tuple[PipelineState, MapState]:
        """Return where the pipeline stands, as far as `restart` does not begin anew."""
        next_plant_id = next(self._plant_ids)
        self._plant_ids = count(next_plant_id)
        state = PipelineState(
            odometry=self.odometry.state(),
            ledger=self._planner.state(),
            mode=self.mode,
            sensitivity=self.sensitivity,
            frame_id=self._frame_id,
            next_plant_id=next_plant_id,
            newest=self._newest,
        )
        return state, self._map.state()

    def restore(self, state: PipelineState, content: MapState) -> None:
        """Go on from a state; spraying begins with `restart`.

        Raises
        ------
        ValueError
            The state is of another camera or another map.
        """
        self._map.restore(content)
        self.odometry.restore(state.odometry)
        self._resets = self.odometry.resets
        self._planner.restore(state.ledger)
        self.mode, self.sensitivity = state.mode, state.sensitivity
        self._frame_id, self._newest = state.frame_id, state.newest
        self._plant_ids = count(state.next_plant_id)

    @staticmethod
    def _result(
        seen: Segmentation,
        vehicle: VehicleState | None,
        sample: OdometrySample | None,
        unseen_m: float = 0.0,
    ) -> PipelineResult:
        return PipelineResult(
            vehicle=vehicle,
            weed_cover=_share(seen.labels, ClassId.WEED),
            crop_cover=_share(seen.labels, ClassId.CROP),
            unseen_m=unseen_m,
            visual_odometry=sample,
        )

    def _note(self, step: PipelineStep) -> None:
        if self._journal is not None:
            self._journal.note(step)

    def _take_frame(
        self,
        frame_id: int,
        t_capture_s: float,
        look: Callable[[VehicleState], MapPatch | None],
        seen_from: VehicleState | None = None,
    ) -> tuple[VehicleState | None, float]:
        """Fuse a frame's evidence; return the pose and the ground passed unseen, m."""
        self._note(PipelineStep(kind=StepKind.FRAME, t_s=t_capture_s, frame_id=frame_id))
        self._forget_after_jump()
        vehicle = seen_from or self.odometry.state_at(t_capture_s)
        if vehicle is None or vehicle.age_s > 1e-3 * self._config.spray.stale_after_ms:
            return vehicle, 0.0
        unseen_m = self._unseen_m(vehicle)
        patch = look(vehicle)
        if patch is not None:
            self._map.fuse(patch, vehicle)
            if self._journal is not None:
                self._journal.note_patch(
                    FramePatch(frame_id=frame_id, t_capture_s=t_capture_s, patch=patch)
                )
        self._newest = vehicle
        self._frame_id = frame_id
        self._planned_frame = -1
        return vehicle, unseen_m

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
            self._barred = tuple(
                BarredGround(nozzle_id=nozzle, s_min_m=a, s_max_m=b)
                for nozzle, ground in enumerate(barred)
                for a, b in ground
            )
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
        if self.unsure:
            return "unsure"
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
