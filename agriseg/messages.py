"""Frozen values that pass between the stages, the processes, the recorder and the window.

Frames of reference (REP 103): ``base_link`` is on the ground below the odometer's
reference point, x forward, y left, z up. ``field`` is where base_link was when the run
began. Along-track coordinate ``s_m``: the odometer reading at which base_link
stands at a point, so a ground point ahead of the robot has ``s_m`` greater than the
present reading. Image points are (u, v), u right, v down, pixel centres at .0; arrays
index [v, u]. All ``t_*_s`` are monotonic host time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]


class ClassId(IntEnum):
    """Pixel classes of label masks; 255 is ignored in training and scoring."""

    SOIL = 0
    CROP = 1
    WEED = 2
    IGNORE = 255


class SprayMode(Enum):
    """What the planner does with the ground below the boom."""

    OFF = "off"
    """No nozzle opens."""
    SPOT = "spot"
    """Weeds are sprayed one by one."""
    BAND = "band"
    """Continuous strips: between the crop rows or on them, as the configuration says."""
    BROADCAST = "broadcast"
    """Every nozzle sprays while the robot moves."""


class OdometrySource(Enum):
    """Where position and speed come from."""

    WHEEL = "wheel"
    VISUAL = "visual"
    ASSUMED = "assumed"
    """A constant speed that the configuration names; nothing measures it."""
    NONE = "none"


class FixQuality(Enum):
    """How a satellite receiver came by its position, as NMEA 0183's GGA tells it."""

    NONE = "none"
    """No position."""
    GNSS = "gnss"
    """Satellites alone: metres."""
    DGNSS = "dgnss"
    """With corrections of a region: decimetres to a metre."""
    RTK_FLOAT = "rtk-float"
    """With a base station, not settled: decimetres."""
    RTK_FIXED = "rtk-fixed"
    """With a base station: centimetres."""
    ESTIMATED = "estimated"
    """Dead reckoning of the receiver itself."""
    MANUAL = "manual"
    """Entered by hand."""
    SIMULATED = "simulated"
    """The receiver says that it is being tested."""


class ControllerState(Enum):
    """State of the sprayer controller, as it reports it."""

    DISCONNECTED = "disconnected"
    SAFE = "safe"
    ARMED = "armed"
    ESTOP = "estop"


class PulseOutcome(Enum):
    """What became of a pulse, as the controller reports it."""

    DONE = "done"
    """Opened and closed as asked."""
    CAPPED = "capped"
    """Opened, and closed early by the open-time limit."""
    CUT = "cut"
    """Opened, and closed early because the controller left ARMED."""
    LATE = "late"
    """Not opened: it was asked for after its moment."""
    REJECTED = "rejected"
    """Not opened: refused with a reason."""
    FAILED = "failed"
    """Taken and switched, but the valve did not open: its coil drew no current."""
    FLUSHED = "flushed"
    """Not opened: the queue was emptied first."""
    LOST = "lost"
    """No report came: the link went down, nothing is known."""
    SENT = "sent"
    """Messages to open and close went out in time to a board that confirms nothing."""


class AlarmPriority(IntEnum):
    """Three priorities, as ISO 11783-6 has them."""

    NOTICE = 1
    WARNING = 2
    DANGER = 3


class EngineState(Enum):
    """State of the field engine."""

    STARTING = "starting"
    READY = "ready"
    """Everything works; not spraying."""
    SPRAYING = "spraying"
    PAUSED = "paused"
    STOPPED = "stopped"
    """Latched stop: the cause must be acknowledged first."""
    FAULT = "fault"
    """Something is missing; ``EngineSnapshot.not_ready`` says what and how to mend it."""
    FINISHED = "finished"
    """The source of frames has ended, or the asked time is over."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One camera picture.

    Attributes
    ----------
    frame_id : int
        Counts up from 0 within one source; a gap means dropped frames. Previews count down
        from -1.
    t_capture_s : float
        Monotonic host time at mid-exposure, stamped where the frame is born.
    image : (H, W, 3) uint8, read-only
        BGR.
    dropped_before : int
        Frames that the source discarded since the previous delivered frame.
    name : str
        File name or position in the source, empty for live cameras.
    is_preview : bool
        A recording stands still and shows this picture until it runs: it belongs to no run, and
        nothing has moved since the preview before.
    """

    frame_id: int
    t_capture_s: float
    image: UInt8Array
    dropped_before: int = 0
    name: str = ""
    is_preview: bool = False

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"a frame is (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            )
        self.image.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRule:
    """How plants are read off the maps of a network's plant heads.

    Attributes
    ----------
    least_centre : float
        Likeness to a centre, 0 to 1, from which a peak is one.
    spacing_cells : int
        Peaks nearer than this to a higher one are part of it.
    reach_cells : float
        Vegetation whose offset ends farther than this from any centre belongs to none of them.
    least_cells : float
        Patches of that vegetation from this area on are plants of their own.
    """

    least_centre: float = 0.15
    spacing_cells: int = 3
    reach_cells: float = 12.0
    least_cells: float = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantMaps:
    """What a network with plant heads says of one frame, in cells coarser than its pixels.

    Attributes
    ----------
    centre : (h, w) float32, read-only
        Likeness to a plant's centre, 1 at the centre.
    offset : (2, h, w) float32, read-only
        From each cell to its plant's centre along v and u, in cells.
    rule : GroupingRule
        That goes with the network.
    """

    centre: Float32Array
    offset: Float32Array
    rule: GroupingRule

    def __post_init__(self) -> None:
        if self.centre.ndim != 2 or self.offset.shape != (2, *self.centre.shape):
            raise ValueError(
                f"centre is (h, w) and offset (2, h, w), got {self.centre.shape} and "
                f"{self.offset.shape}"
            )
        self.centre.flags.writeable = False
        self.offset.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantInstance:
    """A plant as it shows in one frame.

    Attributes
    ----------
    plant_id : int
        Counts up from 1 within the frame.
    class_id : ClassId
    stem_px : (u, v)
        Where it stands, as far as one picture tells: the centre of its leaves.
    box_px : (u, v, width, height)
        Upright box around its pixels.
    area_px : int
    confidence : float
        0 to 1: likeness to a centre (1 where plants are connected patches) times the mean
        probability of its class.
    """

    plant_id: int
    class_id: ClassId
    stem_px: tuple[float, float]
    box_px: tuple[int, int, int, int]
    area_px: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """What a segmenter saw in one frame.

    Attributes
    ----------
    frame_id : int
    t_capture_s : float
    labels : (H, W) uint8, read-only
        `ClassId` of every pixel of the frame.
    weed_probability : (H, W) uint8, read-only
        Probability of weed, 0 to 255, at the frame's size.
    crop_probability : (H, W) uint8, read-only
        Probability of crop, 0 to 255, at the frame's size.
    forward_ms : float
        Time of the model alone.
    segmenter : str
        Name of what made it.
    plants : PlantMaps, optional
        From networks with plant heads; `agriseg.segmentation.plant_grouping` reads them.
    unfamiliarity : float
        How unlike the frame is to those that the model knows: doubtful above 1. NaN where the model
        cannot tell.
    doubt : str
        What makes it doubtful, to follow "The picture is"; empty where nothing does.
    """

    frame_id: int
    t_capture_s: float
    labels: UInt8Array
    weed_probability: UInt8Array
    crop_probability: UInt8Array
    forward_ms: float
    segmenter: str
    plants: PlantMaps | None = None
    unfamiliarity: float = float("nan")
    doubt: str = ""

    def __post_init__(self) -> None:
        for name in ("labels", "weed_probability", "crop_probability"):
            array: UInt8Array = getattr(self, name)
            if array.ndim != 2 or array.dtype != np.uint8 or array.shape != self.labels.shape:
                raise ValueError(f"{name} is (H, W) uint8, got {array.shape} {array.dtype}")
            array.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OdometrySample:
    """One odometry reading, by the controller's wheel encoder or from the frames.

    Attributes
    ----------
    t_s : float
        Host time of the reading.
    distance_m : float
        Odometer reading since the link came up; falls when the robot reverses.
    speed_m_s : float
    source : OdometrySource
    yaw_rate_rad_s : float
        Positive to the left; 0.0 where nothing measures it.
    """

    t_s: float
    distance_m: float
    speed_m_s: float
    source: OdometrySource
    yaw_rate_rad_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFix:
    """One position of a satellite receiver: its antenna, in WGS84. NaN where it did not say.

    Attributes
    ----------
    t_s : float
        Host time at which the position held: its arrival less the receiver's delay.
    latitude_deg, longitude_deg : float
        NaN without a position.
    altitude_m : float
        Above mean sea level.
    quality : FixQuality
    satellites : int
    hdop : float
        Horizontal dilution of precision.
    accuracy_m : float
        Standard deviation across the ground: the receiver's own (GST), else by the quality.
    speed_m_s : float
        Over ground, as the receiver measured it.
    course_deg : float
        Direction of motion, clockwise from true north.
    heading_deg : float
        Where base_link's x axis points, clockwise from true north; receivers with two
        antennas only.
    differential_age_s : float
        Age of the corrections.
    utc_s : float
        The receiver's own time, seconds since 1970; NaN until it has told the date.
    """

    t_s: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    quality: FixQuality
    satellites: int = 0
    hdop: float = float("nan")
    accuracy_m: float = float("nan")
    speed_m_s: float = float("nan")
    course_deg: float = float("nan")
    heading_deg: float = float("nan")
    differential_age_s: float = float("nan")
    utc_s: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """Pose and speed of base_link in the field frame at one time.

    ``age_s`` is how old the newest odometry reading was; a consumer refuses a stale state.
    """

    t_s: float
    distance_m: float
    speed_m_s: float
    x_m: float
    y_m: float
    heading_rad: float
    source: OdometrySource
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A plant on the ground, found in the fused map.

    Position and extents are in the along-track / lateral frame (s forward, y left), metres.
    ``decision`` says in words what the planner did with it, and why.
    """

    plant_id: int
    class_id: ClassId
    s_m: float
    y_m: float
    s_min_m: float
    s_max_m: float
    y_min_m: float
    y_max_m: float
    area_m2: float
    confidence: float
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValveEvent:
    """Spray reaches the ground from ``open_at`` to ``close_at``; the controller adds latencies.

    In the distance domain (``by_distance``) the two are odometer readings in metres, in the
    time domain host times in seconds. ``wanted_s_min_m`` / ``wanted_s_max_m`` is the ground
    that the pulse is to cover, along the track.
    """

    event_id: int
    nozzle_id: int
    by_distance: bool
    open_at: float
    close_at: float
    wanted_s_min_m: float
    wanted_s_max_m: float
    reason: str = "weed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedWeed:
    """Wanted ground that will not be sprayed, and why (``late``, ``crop``, ``outside``, ...)."""

    nozzle_id: int
    s_min_m: float
    s_max_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayPlan:
    """What one planning step decided: new pulses, and ground given up since the last step."""

    frame_id: int
    t_plan_s: float
    events: tuple[ValveEvent, ...]
    missed: tuple[MissedWeed, ...] = ()
    plants: tuple[Plant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseReport:
    """What the controller did with one pulse (confirmed, not commanded).

    Times and odometer readings are those of the coil's edges; NaN where the valve never opened.
    Without a wheel encoder the readings are those of the visual odometry at these times.
    ``detail`` is the controller's reason in words for anything but `PulseOutcome.DONE`.
    """

    event_id: int
    nozzle_id: int
    outcome: PulseOutcome
    t_open_s: float
    t_close_s: float
    open_m: float
    close_m: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerCapabilities:
    """What the controller said of itself in the handshake, or what is known of its kind.

    Attributes
    ----------
    confirms : bool
        Whether it reports what its valves did. Without, nothing is ever shown as confirmed.
    min_open_ms : float
        A shorter opening may not happen at all.
    jitter_ms : float
        By how much an opening or closing may be early or late; pulses are made longer by it
        and keep away from crop by it.
    deadman_ms : float
        The valves close by themselves this long after the host has died.
    row_step_m : float
        Pulses in distance that begin and end on multiples of it take fewer bytes; 0: they
        may lie anywhere.
    """

    name: str
    firmware_version: str
    protocol_version: int
    valve_count: int
    queue_depth: int
    tick_rate_hz: float
    boot_id: int
    has_encoder: bool
    has_pressure: bool
    has_flow: bool
    has_tank: bool
    max_open_ms: float
    min_lead_ms: float
    horizon_ms: float
    is_simulated: bool = False
    confirms: bool = True
    min_open_ms: float = 0.0
    jitter_ms: float = 0.0
    deadman_ms: float = 250.0
    row_step_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatistics:
    """Counters of the wire since it came up."""

    sent_frames: int = 0
    received_frames: int = 0
    resent_frames: int = 0
    checksum_errors: int = 0
    rtt_ms: float = float("nan")
    clock_error_ms: float = float("nan")
    bytes_per_s: float = 0.0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerStatus:
    """The controller's state as last reported; physical values are NaN where not measured.

    Attributes
    ----------
    t_s : float
        Host time of the report.
    state : ControllerState
    cause : str
        Why it is not ARMED, in words; empty when armed.
    open_mask : int
        Bit n is set while valve n's coil is on (confirmed).
    fault_mask : int
        Bit n is set when valve n is known not to follow its command.
    queued : int
        Pulses waiting in the controller.
    """

    t_s: float
    state: ControllerState
    cause: str = ""
    open_mask: int = 0
    fault_mask: int = 0
    queued: int = 0
    pressure_kpa: float = float("nan")
    flow_l_min: float = float("nan")
    tank_l: float = float("nan")
    volume_l: float = float("nan")
    link: LinkStatistics = LinkStatistics()


ControllerMessage = OdometrySample | PulseReport | ControllerStatus | ControllerCapabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that the operator must know; stays until acknowledged and mended.

    ``code`` is stable (``camera-lost``); ``text`` says what happened and what was done
    about it, ``remedy`` what to do now. ``active`` is false once the cause has gone.
    """

    code: str
    priority: AlarmPriority
    text: str
    remedy: str
    t_s: float
    active: bool = True
    acknowledged: bool = False
    stops_spraying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run: start, pause, mode change, alarm, note."""

    t_s: float
    kind: str
    text: str
    data: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """Running totals since the run began.

    Commanded and confirmed never mix: ``*_commanded`` counts what was asked of the
    controller, ``*_confirmed`` what it reported done.
    """

    distance_m: float = 0.0
    area_m2: float = 0.0
    """Ground driven over by the boom's width while spraying was on."""
    treated_area_m2: float = 0.0
    """Ground under confirmed open nozzles."""
    pulses_commanded: int = 0
    pulses_confirmed: int = 0
    pulses_failed: int = 0
    pulses_unconfirmed: int = 0
    """Sent in time to a board that confirms nothing: neither confirmed nor failed."""
    weeds_seen: int = 0
    missed_late: int = 0
    """Weeds of which a strip could no longer be reached."""
    missed_late_strips: int = 0
    """The strips: a weed below four nozzles is missed in up to four."""
    withheld_crop: int = 0
    volume_commanded_l: float = 0.0
    volume_confirmed_l: float = 0.0
    volume_measured_l: float = float("nan")
    broadcast_volume_l: float = 0.0
    """What all nozzles open over ``area_m2`` at the same speed would have used: the baseline."""
    frames: int = 0
    frames_dropped: int = 0

    @property
    def saving_fraction(self) -> float:
        """Share of the broadcast baseline not used, by confirmed volume.

        NaN before any area, and where pulses were sprayed that nothing confirms.
        """
        if self.broadcast_volume_l <= 0.0 or self.pulses_unconfirmed:
            return float("nan")
        return 1.0 - self.volume_confirmed_l / self.broadcast_volume_l


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Time of each stage for one frame, milliseconds.

    ``queue_ms`` is the wait between the frame's arrival and the segmenter taking it up,
    ``handover_ms`` that between the segmenter's answer and the engine's loop taking it up; NaN in
    recordings made before they were measured.
    """

    capture_ms: float
    segment_ms: float
    project_ms: float
    plan_ms: float
    link_ms: float
    forward_ms: float
    overhead_ms: float
    """Frame received to pulses written, less the model's forward."""
    queue_ms: float = float("nan")
    handover_ms: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoomView:
    """Where the boom's nozzles appear in the camera picture, for drawing.

    ``nozzle_tracks_px`` is (N, 2, 2) float64: for each nozzle its (u, v) at the near and
    at the far edge of what the camera sees; ``swath_px`` (N, 4, 2) the ground strip that
    the nozzle will cover, clipped to the picture.
    """

    nozzle_tracks_px: Float64Array
    swath_px: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionStatus:
    """What is known of the place on the earth, and what the boundary in use does.

    ``problem`` says in a sentence why there is no usable position, empty where there is;
    ``boundary`` names the boundary in use, ``hold`` says why it keeps all nozzles closed.
    ``barred`` counts nozzles that are over ground where nothing may be sprayed. Latitude and
    longitude are base_link's in WGS84, ``heading_deg`` its direction, clockwise from north.
    """

    receiver: str
    fix: PositionFix | None = None
    problem: str = ""
    latitude_deg: float = float("nan")
    longitude_deg: float = float("nan")
    heading_deg: float = float("nan")
    accuracy_m: float = float("nan")
    jumps: int = 0
    boundary: str = ""
    hold: str = ""
    barred: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSnapshot:
    """All that the window shows besides the picture, about ten times a second."""

    t_s: float
    state: EngineState
    not_ready: tuple[str, ...]
    """Why spraying cannot start, each with how to mend it; empty when it can."""
    mode: SprayMode
    sensitivity: float
    camera_name: str
    camera_fps: float
    frame_age_ms: float
    latency_ms: float
    """Capture to pulses written, last frame."""
    segmenter_name: str
    stage: StageTimes | None
    speed_m_s: float
    odometry: OdometrySource
    weed_cover: float
    """Share of weed pixels in the newest frame, 0 to 1; NaN when unknown."""
    crop_cover: float
    lookahead_s: float
    """Time from the camera's view to the boom at the present speed, less all latencies."""
    nozzle_commanded: tuple[bool, ...]
    """Per nozzle: a pulse was asked for at any time since the snapshot before."""
    controller: ControllerStatus
    """As last reported; its ``open_mask`` counts any time since the snapshot before."""
    capabilities: ControllerCapabilities | None
    totals: RunTotals
    alarms: tuple[Alarm, ...]
    run_directory: str
    recording: bool
    recording_note: str = ""
    run_time_s: float = 0.0
    run_limit_s: float = float("inf")
    position: PositionStatus | None = None
    """None where no receiver is configured."""


class CommandKind(Enum):
    """What the window may ask of the engine."""

    START = "start"
    PAUSE = "pause"
    STOP = "stop"
    CLEAR_STOP = "clear-stop"
    SET_MODE = "set-mode"
    SET_SENSITIVITY = "set-sensitivity"
    ACKNOWLEDGE = "acknowledge"
    SET_CAMERA_CONTROL = "set-camera-control"
    NOTE = "note"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCommand:
    """One order of the operator; ``value`` by kind.

    SET_MODE: `SprayMode`; SET_SENSITIVITY: float 0 to 1; ACKNOWLEDGE: the alarm's code;
    SET_CAMERA_CONTROL: (name, value); NOTE: text.
    """

    kind: CommandKind
    value: SprayMode | float | str | tuple[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """What the window paints: the camera picture and, over it, what the model saw.

    Attributes
    ----------
    frame_id : int
    t_capture_s : float
    image : (H, W, 4) uint8
        BGRA, opaque; Qt's Format_RGB32.
    overlay : (H, W, 4) uint8
        BGRA with premultiplied alpha; Qt's Format_ARGB32_Premultiplied. Crop and weed in
        the colours of `ui`'s legend, the rest transparent.
    boom : BoomView
        In pixels of ``image``.
    """

    frame_id: int
    t_capture_s: float
    image: UInt8Array
    overlay: UInt8Array
    boom: BoomView


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """Whether the engine's process lives and talks, as its owner sees it."""

    alive: bool
    silent_s: float
    message: str
