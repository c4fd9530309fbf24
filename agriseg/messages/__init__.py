"""Frozen values that pass between the stages, the processes, the recorder and the window.

Imported from here, wherever in the package each is written.

Frames of reference (REP 103): ``base_link`` is on the ground below the odometer's
reference point, x forward, y left, z up. ``field`` is where base_link was when the run
began. Along-track coordinate ``s_m``: the odometer reading at which base_link
stands at a point, so a ground point ahead of the robot has ``s_m`` greater than the
present reading. Image points are (u, v), u right, v down, pixel centres at .0; arrays
index [v, u]. All ``t_*_s`` are monotonic host time.
"""

from agriseg.messages.arrays import (
    Float32Array,
    Float64Array,
    UInt8Array,
)
from agriseg.messages.controller import (
    ControllerCapabilities,
    ControllerMessage,
    ControllerState,
    ControllerStatus,
    LinkStatistics,
    PulseOutcome,
    PulseReport,
)
from agriseg.messages.engine import (
    CommandKind,
    EngineCommand,
    EngineHealth,
    EngineSnapshot,
    EngineState,
)
from agriseg.messages.motion import (
    FixQuality,
    OdometrySample,
    OdometrySource,
    PositionFix,
    PositionStatus,
    VehicleState,
)
from agriseg.messages.pictures import (
    BoomView,
    ClassId,
    Frame,
    GroupingRule,
    Picture,
    PlantInstance,
    PlantMaps,
    Segmentation,
)
from agriseg.messages.runs import (
    Alarm,
    AlarmPriority,
    RunEvent,
    RunTotals,
    StageTimes,
)
from agriseg.messages.spraying import (
    MissedWeed,
    Plant,
    SprayMode,
    SprayPlan,
    ValveEvent,
)

__all__ = [
    "Alarm",
    "AlarmPriority",
    "BoomView",
    "ClassId",
    "CommandKind",
    "ControllerCapabilities",
    "ControllerMessage",
    "ControllerState",
    "ControllerStatus",
    "EngineCommand",
    "EngineHealth",
    "EngineSnapshot",
    "EngineState",
    "FixQuality",
    "Float32Array",
    "Float64Array",
    "Frame",
    "GroupingRule",
    "LinkStatistics",
    "MissedWeed",
    "OdometrySample",
    "OdometrySource",
    "Picture",
    "Plant",
    "PlantInstance",
    "PlantMaps",
    "PositionFix",
    "PositionStatus",
    "PulseOutcome",
    "PulseReport",
    "RunEvent",
    "RunTotals",
    "Segmentation",
    "SprayMode",
    "SprayPlan",
    "StageTimes",
    "UInt8Array",
    "ValveEvent",
    "VehicleState",
]
