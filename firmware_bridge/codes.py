"""Numbers of the protocol with their meaning in words."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class State(IntEnum):
    """States of the controller."""

    SAFE = 0
    ARMED = 1
    ESTOP = 2


class Alive(IntFlag):
    """What the host says is alive; the controller stays armed only while all are."""

    APPLICATION = 1
    CAMERA = 2
    MODEL = 4
    PLANNER = 8
    ALL = 15


class Capability(IntFlag):
    """What the controller has."""

    ENCODER = 1
    PRESSURE = 2
    FLOW = 4
    TANK = 8
    COIL_CURRENT = 16
    STROBE = 32
    MASTER_VALVE = 64
    ESTOP_INPUT = 128
    SIMULATED = 256
    PWM = 512
    ROWS = 1024
    SPEED_CHECK = 2048


class StatusFlag(IntFlag):
    """Conditions in STATUS that are no state of their own."""

    ESTOP_PRESSED = 1
    FLOW_SHORT = 2
    LEAK = 4
    TANK_EMPTY = 8


class Result(IntEnum):
    """Answer to a sequenced frame, carried in ACK."""

    OK = 0
    UNKNOWN_TYPE = 1
    BAD_LENGTH = 2
    WRONG_STATE = 3
    QUEUE_FULL = 4
    NO_BEAT = 5
    ESTOP_PRESSED = 6
    ESTOP_LATCHED = 7
    WRONG_BOOT = 8
    BAD_VALUE = 9
    CLOCK_NOT_CONVERGED = 10
    LEAK = 11
    NONE = 255
    """No frame with this sequence number in this session."""


RESULT_WORDS: dict[int, str] = {
    Result.OK: "done",
    Result.UNKNOWN_TYPE: "the controller does not know this command",
    Result.BAD_LENGTH: "the command has the wrong length",
    Result.WRONG_STATE: "the controller's state does not allow this command",
    Result.QUEUE_FULL: "the controller's queue is full",
    Result.NO_BEAT: "the controller hears no heartbeat of camera, model and planner",
    Result.ESTOP_PRESSED: "the emergency stop is still pressed",
    Result.ESTOP_LATCHED: "the emergency stop is latched and must be cleared first",
    Result.WRONG_BOOT: "the controller has restarted since",
    Result.BAD_VALUE: "a value is outside what the controller allows",
    Result.CLOCK_NOT_CONVERGED: "the clocks of computer and controller do not agree yet",
    Result.LEAK: "a valve leaks while all are shut",
    Result.NONE: "the controller does not remember the command",
}


class Outcome(IntEnum):
    """What became of a pulse: below 0x10 the coil was switched on, from there on never."""

    DONE = 0x00
    CAPPED = 0x01
    CUT = 0x02
    STANDSTILL = 0x03
    NO_CURRENT = 0x04
    LATE = 0x10
    FLUSHED = 0x11
    BAD_VALVE = 0x20
    TOO_FAR = 0x21
    TOO_LONG = 0x22
    OVERLAP = 0x23
    QUEUE_FULL = 0x24
    NOT_ARMED = 0x25
    EMPTY = 0x26
    NO_ENCODER = 0x27
    REFUSED = 0xFE
    """Never on the wire: the host's word for a pulse whose whole command was refused."""
    LOST = 0xFF
    """Never on the wire: the host's word for a pulse whose report cannot come any more."""


OUTCOME_WORDS: dict[int, str] = {
    Outcome.DONE: "",
    Outcome.CAPPED: "closed early by the open-time limit",
    Outcome.CUT: "closed early because the controller left ARMED",
    Outcome.STANDSTILL: "closed early because the wheel stood still under the open valve",
    Outcome.NO_CURRENT: "the coil drew no current, so the valve did not open",
    Outcome.LATE: "it arrived after its moment, so it was not sprayed",
    Outcome.FLUSHED: "the queue was emptied before its moment",
    Outcome.BAD_VALVE: "the controller has no such valve",
    Outcome.TOO_FAR: "it lies further ahead than the controller plans",
    Outcome.TOO_LONG: "it is longer than the open-time limit",
    Outcome.OVERLAP: "it overlaps an earlier pulse of the same valve",
    Outcome.QUEUE_FULL: "no room was left to queue it",
    Outcome.NOT_ARMED: "the controller was not armed",
    Outcome.EMPTY: "it ends where it begins",
    Outcome.NO_ENCODER: "the controller has no wheel encoder",
    Outcome.REFUSED: "the controller refused the command that it came with",
    Outcome.LOST: "the link went down, nothing is known of it",
}


class Cause(IntEnum):
    """Why the controller is not ARMED."""

    NONE = 0
    BOOT = 1
    DEADMAN = 2
    NO_APPLICATION = 3
    NO_CAMERA = 4
    NO_MODEL = 5
    NO_PLANNER = 6
    COMMAND = 7
    NEW_SESSION = 8
    ESTOP_COMMAND = 9
    ESTOP_INPUT = 10
    WATCHDOG = 11
    BROWN_OUT = 12
    ENCODER = 13
    WRONG_SESSION = 14
    LEAK = 15
    CLEARED = 16


CAUSE_WORDS: dict[int, str] = {
    Cause.NONE: "",
    Cause.BOOT: "the controller has just started",
    Cause.DEADMAN: "no heartbeat of the computer for 250 ms",
    Cause.NO_APPLICATION: "the application said that it is not ready to spray",
    Cause.NO_CAMERA: "the camera stopped delivering",
    Cause.NO_MODEL: "the model stopped answering",
    Cause.NO_PLANNER: "the planner stopped answering",
    Cause.COMMAND: "disarmed by command",
    Cause.NEW_SESSION: "a new connection was made",
    Cause.ESTOP_COMMAND: "emergency stop from the computer",
    Cause.ESTOP_INPUT: "emergency stop at the machine",
    Cause.WATCHDOG: "the controller's watchdog restarted it",
    Cause.BROWN_OUT: "the controller's supply voltage failed",
    Cause.ENCODER: "the wheel encoder gives no edges while the machine moves",
    Cause.WRONG_SESSION: "a heartbeat of another connection arrived",
    Cause.LEAK: "liquid flows while all valves are shut",
    Cause.CLEARED: "the emergency stop was cleared",
}
