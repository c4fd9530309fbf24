"""The alarms of a run: raised while a cause lasts, kept until the operator has seen them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agriseg.messages import Alarm, AlarmPriority


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKind:
    """What one kind of alarm is called and what it does."""

    code: str
    priority: AlarmPriority
    remedy: str
    stops_spraying: bool = False


WHEEL_WRONG = AlarmKind(
    code="wheel-wrong",
    priority=AlarmPriority.DANGER,
    remedy="Check the wheel sensor, its cable and whether the wheel slips; clean the lens. Then"
    " press Start.",
    stops_spraying=True,
)
WHEEL_DOUBTFUL = AlarmKind(
    code="wheel-doubtful",
    priority=AlarmPriority.WARNING,
    remedy="Check wheel.counts_per_m, the wheel's slip and the height that camera.pose has.",
)
CAMERA_LOST = AlarmKind(
    code="camera-lost",
    priority=AlarmPriority.DANGER,
    remedy="Check the camera's plug and power. It is looked for again by itself; then press Start.",
    stops_spraying=True,
)
CAMERA_FAILED = AlarmKind(
    code="camera-failed",
    priority=AlarmPriority.DANGER,
    remedy="Choose another camera, file or folder, then start AgriSeg again.",
    stops_spraying=True,
)
CAMERA_MOVED = AlarmKind(
    code="camera-moved",
    priority=AlarmPriority.DANGER,
    remedy="Tighten the camera's mount, then do the step Ground on the page Calibrate.",
    stops_spraying=True,
)
CAMERA_DOUBTFUL = AlarmKind(
    code="camera-doubtful",
    priority=AlarmPriority.WARNING,
    remedy="Look at the camera's mount, the boom's height and whether the wheel slips; then do the"
    " steps Ground and Wheel on the page Calibrate.",
)
MARKS_MOVED = AlarmKind(
    code="marks-moved",
    priority=AlarmPriority.DANGER,
    remedy="Put the camera back as it was, or tighten its mount and do the step Ground on the page"
    " Calibrate.",
    stops_spraying=True,
)
MARKS_DOUBTFUL = AlarmKind(
    code="marks-doubtful",
    priority=AlarmPriority.WARNING,
    remedy="Clean the lens and the marks and look whether one is bent or covered. If the machine"
    " was changed there, do the step Ground again.",
)
FRAMES_STALE = AlarmKind(
    code="frames-stale",
    priority=AlarmPriority.DANGER,
    remedy="The computer or the camera cannot keep up: close other programs, or choose a smaller"
    " picture or model. Then press Start.",
    stops_spraying=True,
)
ODOMETRY_STALE = AlarmKind(
    code="odometry-stale",
    priority=AlarmPriority.DANGER,
    remedy="Check the wheel sensor and its cable, then press Start.",
    stops_spraying=True,
)
LINK_LOST = AlarmKind(
    code="link-lost",
    priority=AlarmPriority.DANGER,
    remedy="Check the controller's cable and power. It is connected again by itself; then press"
    " Start.",
    stops_spraying=True,
)
CONTROLLER_LEFT = AlarmKind(
    code="controller-stopped",
    priority=AlarmPriority.DANGER,
    remedy="Mend the cause, acknowledge, then press Start.",
    stops_spraying=True,
)
CONTROLLER_REFUSED = AlarmKind(
    code="controller-refused",
    priority=AlarmPriority.DANGER,
    remedy="Follow what the message says, then start AgriSeg again.",
    stops_spraying=True,
)
MODEL_FAILED = AlarmKind(
    code="model-failed",
    priority=AlarmPriority.DANGER,
    remedy="Choose another model in the configuration, or run `agriseg doctor`.",
    stops_spraying=True,
)
CALIBRATION_WRONG = AlarmKind(
    code="calibration-wrong",
    priority=AlarmPriority.DANGER,
    remedy="Enter the camera's picture size and calibration for the camera in use, then start"
    " AgriSeg again.",
    stops_spraying=True,
)
VALVE_FAULT = AlarmKind(
    code="valve-fault",
    priority=AlarmPriority.WARNING,
    remedy="Look at the nozzles marked with a cross: valve, coil and plug.",
)
WEEDS_LATE = AlarmKind(
    code="weeds-late",
    priority=AlarmPriority.WARNING,
    remedy="Drive slower, or move the camera further ahead of the boom.",
)
PULSES_FAILED = AlarmKind(
    code="pulses-failed",
    priority=AlarmPriority.WARNING,
    remedy="The controller did not do all that was commanded; the report lists each pulse.",
)
TOO_FAST = AlarmKind(
    code="too-fast",
    priority=AlarmPriority.WARNING,
    remedy="Drive slower: above the limit nothing is sprayed.",
)
PLANNER_LIMIT = AlarmKind(
    code="planner-limit",
    priority=AlarmPriority.WARNING,
    remedy="Drive slower or lower the sensitivity; what was not sprayed is counted as missed.",
)
MODEL_UNSURE = AlarmKind(
    code="model-unsure",
    priority=AlarmPriority.WARNING,
    remedy="Clean the lens, look at light and focus. If this crop or ground is new to the model,"
    " label some frames of it (page Label) and let it learn them (page Learn)."
    " perception.when_unsure says what happens meanwhile.",
)
POSITION_LOST = AlarmKind(
    code="position-lost",
    priority=AlarmPriority.WARNING,
    remedy="Check the satellite receiver, its antenna and its corrections; wait for a fix.",
)
BOUNDARY_CLOSES = AlarmKind(
    code="boundary-closes",
    priority=AlarmPriority.NOTICE,
    remedy="Nothing needs to be done: they open again behind it.",
)
RECORDING_PROBLEM = AlarmKind(
    code="recording-problem",
    priority=AlarmPriority.WARNING,
    remedy="Spraying goes on. Free disk space or choose another folder to record again.",
)
RECORDING_REFUSED = AlarmKind(
    code="recording-refused",
    priority=AlarmPriority.WARNING,
    remedy="Nothing is sprayed that is not recorded. Make room or choose another folder with"
    " recording.directory, then start again.",
    stops_spraying=True,
)
OPERATOR_STOP = AlarmKind(
    code="operator-stop",
    priority=AlarmPriority.NOTICE,
    remedy="Acknowledge, then press and hold Start to go on.",
    stops_spraying=True,
)


class AlarmBook:
    """Raises, clears and acknowledges alarms; one entry for each code.

    An alarm leaves the book when its cause has gone *and* it was acknowledged.
    """

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}

    def raise_alarm(self, kind: AlarmKind, text: str, t_s: float) -> bool:
        """Raise or renew an alarm; return whether it is new (or came back)."""
        known = self._alarms.get(kind.code)
        if known is not None and known.active:
            self._alarms[kind.code] = replace(known, text=text)
            return False
        self._alarms[kind.code] = Alarm(
            code=kind.code,
            priority=kind.priority,
            text=text,
            remedy=kind.remedy,
            t_s=t_s,
            stops_spraying=kind.stops_spraying,
        )
        return True

    def clear(self, kind: AlarmKind) -> None:
        """Note that the cause has gone; the entry stays until acknowledged."""
        known = self._alarms.get(kind.code)
        if known is None:
            return
        if known.acknowledged:
            del self._alarms[kind.code]
        else:
            self._alarms[kind.code] = replace(known, active=False)

    def acknowledge(self, code: str) -> None:
        """Note that the operator has seen it; an entry whose cause has gone leaves."""
        known = self._alarms.get(code)
        if known is None:
            return
        if known.active:
            self._alarms[code] = replace(known, acknowledged=True)
        else:
            del self._alarms[code]

    def list(self) -> tuple[Alarm, ...]:
        """Return all entries, most urgent first, then newest first."""
        return tuple(sorted(self._alarms.values(), key=lambda alarm: (-alarm.priority, -alarm.t_s)))

    def unacknowledged_stops(self) -> tuple[Alarm, ...]:
        """Return the stops that the operator has not acknowledged."""
        return tuple(a for a in self.list() if a.stops_spraying and not a.acknowledged)


def sentence(text: str) -> str:
    """Return ``text`` as a sentence: a full stop at its end, a capital where a word begins it.

    What begins with a path or a name that is written small keeps it.

    Examples
    --------
    >>> sentence("the link is gone")
    'The link is gone.'
    >>> sentence("usb:7: there is no camera")
    'usb:7: there is no camera.'
    """
    first = text.split(" ", 1)[0]
    if first.isalpha():
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?", "…")) or not text else ".")
