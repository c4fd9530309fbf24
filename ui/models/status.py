"""The state chip and what the operator can do now, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agriseg.alarms import sentence
from agriseg.messages import (
    CommandKind,
    ControllerState,
    EngineSnapshot,
    EngineState,
    SprayMode,
)
from ui.models.figures import STALE_AFTER_S
from ui.units import age_text

MODE_WORDS = {
    SprayMode.SPOT: "Spot",
    SprayMode.BAND: "Band",
    SprayMode.BROADCAST: "Broadcast",
    SprayMode.OFF: "Off",
}
SENSITIVITY_WORDS = (
    "Only certain weeds",
    "Mostly certain weeds",
    "Balanced",
    "Doubtful ones too",
    "Everything doubtful",
)


class Level(Enum):
    """How a state is to look; each has its own icon and word, never a colour alone."""

    OK = "ok"
    ACTIVE = "active"
    WAIT = "wait"
    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """How the engine's process stands, as the bridge sees it.

    Attributes
    ----------
    talking : bool
        Snapshots arrive.
    starting : bool
        Its process has been started and has not spoken yet.
    alive : bool
        Its process runs.
    silent_s : float
        Since the last sign of life.
    message : str
        What is known about the cause.
    restarts : int
        How often the process was started again by itself.
    """

    talking: bool
    starting: bool
    alive: bool
    silent_s: float
    message: str = ""
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The state chip: a word, a sentence, and all reasons when there are several."""

    level: Level
    title: str
    detail: str
    reasons: tuple[str, ...] = ()


def engine_words(link: LinkView) -> str:
    """Return why the engine does not talk: its own last words, or how long it has been silent."""
    if link.message and not link.alive:
        return sentence(link.message)
    silence = f"The field engine has been silent for {age_text(link.silent_s)}."
    return f"{silence} {sentence(link.message)}".strip()


def status_view(snapshot: EngineSnapshot | None, link: LinkView) -> StatusView:
    """Return what the state chip says."""
    if not link.talking and not link.starting:
        return StatusView(
            level=Level.DANGER,
            title="ENGINE SILENT" if link.alive else "ENGINE ENDED",
            detail=engine_words(link),
        )
    if snapshot is None or link.starting:
        return StatusView(
            level=Level.WAIT, title="STARTING", detail=link.message or "Starting the field engine …"
        )
    return _engine_view(snapshot)


def _engine_view(snapshot: EngineSnapshot) -> StatusView:
    reasons = snapshot.not_ready
    first = reasons[0] if reasons else ""
    mode = MODE_WORDS[snapshot.mode]
    match snapshot.state:
        case EngineState.STARTING:
            return StatusView(
                level=Level.WAIT,
                title="STARTING",
                detail=first or "Preparing camera, model and controller …",
                reasons=reasons,
            )
        case EngineState.READY if reasons:
            return StatusView(level=Level.WARNING, title="NOT READY", detail=first, reasons=reasons)
        case EngineState.READY:
            return StatusView(
                level=Level.OK,
                title="READY",
                detail=f"{mode} spraying. Hold Start to begin; no nozzle opens before.",
            )
        case EngineState.SPRAYING:
            return StatusView(level=Level.ACTIVE, title="SPRAYING", detail=_spraying(snapshot))
        case EngineState.PAUSED:
            return StatusView(
                level=Level.WAIT,
                title="PAUSED",
                detail=first or "All nozzles stay closed. Hold Start to go on.",
                reasons=reasons,
            )
        case EngineState.STOPPED:
            return _stopped(snapshot)
        case EngineState.FAULT:
            return StatusView(
                level=Level.DANGER,
                title="NOT READY",
                detail=first or "Something is missing; see the alarms.",
                reasons=reasons,
            )
        case EngineState.FINISHED:
            return StatusView(
                level=Level.OK, title="FINISHED", detail="The pictures have ended; nothing sprays."
            )


def _spraying(snapshot: EngineSnapshot) -> str:
    if snapshot.mode is SprayMode.OFF:
        return "Mode is Off: no nozzle opens. Choose Spot to spray weeds."
    if snapshot.mode is SprayMode.BROADCAST:
        return "Broadcast: every nozzle sprays while the robot moves."
    if snapshot.mode is SprayMode.BAND:
        return "Band: continuous strips along the rows."
    words = sensitivity_words(snapshot.sensitivity).lower()
    return f"Weeds are sprayed one by one. Sensitivity: {words}."


def _stopped(snapshot: EngineSnapshot) -> StatusView:
    alarms = [a for a in snapshot.alarms if a.stops_spraying and not a.acknowledged]
    if alarms:
        detail = f"{sentence(alarms[0].text)} Acknowledge the alarm, then release the stop."
    else:
        detail = "Release the stop, then hold Start. It never starts again by itself."
    return StatusView(
        level=Level.DANGER, title="STOPPED", detail=detail, reasons=snapshot.not_ready
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryAction:
    """What the large left key does now; ``command`` is None when it can do nothing."""

    label: str
    hint: str
    command: CommandKind | None
    hold: bool = False


def primary_action(snapshot: EngineSnapshot | None, link: LinkView) -> PrimaryAction:
    """Return what the start key means in this state."""
    if snapshot is None or not link.talking:
        return PrimaryAction(label="START", hint="Waits for the field engine", command=None)
    match snapshot.state:
        case EngineState.READY if not snapshot.not_ready:
            return PrimaryAction(
                label="HOLD TO START",
                hint=f"{MODE_WORDS[snapshot.mode]} spraying",
                command=CommandKind.START,
                hold=True,
            )
        case EngineState.PAUSED if not snapshot.not_ready:
            return PrimaryAction(
                label="HOLD TO RESUME",
                hint=f"{MODE_WORDS[snapshot.mode]} spraying",
                command=CommandKind.START,
                hold=True,
            )
        case EngineState.STOPPED:
            if any(a.stops_spraying and not a.acknowledged for a in snapshot.alarms):
                return PrimaryAction(
                    label="RELEASE STOP", hint="Acknowledge the alarm first", command=None
                )
            return PrimaryAction(
                label="RELEASE STOP", hint="Does not start", command=CommandKind.CLEAR_STOP
            )
        case EngineState.SPRAYING:
            return PrimaryAction(label="SPRAYING", hint="Pause or stop to end", command=None)
        case EngineState.FINISHED:
            return PrimaryAction(label="FINISHED", hint="The pictures have ended", command=None)
        case _:
            return PrimaryAction(label="START", hint="See why above", command=None)


def sensitivity_words(sensitivity: float) -> str:
    """Return the operator's words for a sensitivity of 0 to 1."""
    last = len(SENSITIVITY_WORDS) - 1
    return SENSITIVITY_WORDS[round(min(max(sensitivity, 0.0), 1.0) * last)]


class StopPhase(Enum):
    """Where an asked stop stands."""

    IDLE = "idle"
    ASKED = "asked"
    UNCONFIRMED = "unconfirmed"
    """Asked, and not confirmed within the time that a stop may take."""
    CONFIRMED = "confirmed"


STOP_CONFIRMED_WITHIN_S = 0.7


class StopWatch:
    """Follows a stop from the key to its confirmation by the engine and the controller."""

    def __init__(self) -> None:
        self._asked_at_s: float | None = None
        self._phase = StopPhase.IDLE

    @property
    def phase(self) -> StopPhase:
        """Where the last stop stands."""
        return self._phase

    @property
    def pending(self) -> bool:
        """Whether the stop has to be sent again."""
        return self._phase in (StopPhase.ASKED, StopPhase.UNCONFIRMED)

    def asked(self, now_s: float) -> None:
        """Note that the operator stops."""
        if not self.pending:
            self._asked_at_s = now_s
            self._phase = StopPhase.ASKED

    def tick(self, snapshot: EngineSnapshot | None, now_s: float) -> StopPhase:
        """Judge the stop by the newest snapshot at ``now_s``; return the phase."""
        if self._asked_at_s is None:
            return self._phase
        if self.pending and snapshot is not None and self._is_confirmed(snapshot, now_s):
            self._phase = StopPhase.CONFIRMED
        elif self.pending and now_s - self._asked_at_s > STOP_CONFIRMED_WITHIN_S:
            self._phase = StopPhase.UNCONFIRMED
        elif (
            self._phase is StopPhase.CONFIRMED
            and snapshot is not None
            and snapshot.state is not EngineState.STOPPED
        ):
            self._phase = StopPhase.IDLE
            self._asked_at_s = None
        return self._phase

    def _is_confirmed(self, snapshot: EngineSnapshot, now_s: float) -> bool:
        assert self._asked_at_s is not None
        if snapshot.t_s < self._asked_at_s or now_s - snapshot.t_s > STALE_AFTER_S:
            return False
        ended = snapshot.state in (
            EngineState.STOPPED,
            EngineState.FAULT,
            EngineState.FINISHED,
            EngineState.STARTING,
        )
        return ended and nozzles_confirmed_closed(snapshot)


def nozzles_confirmed_closed(snapshot: EngineSnapshot) -> bool:
    """Return whether nothing can be open: reported closed, or no controller was ever there.

    A relay board reports nothing, so there nothing is ever confirmed.
    """
    status, capabilities = snapshot.controller, snapshot.capabilities
    if status.state is ControllerState.DISCONNECTED:
        return capabilities is None
    return status.open_mask == 0 and (capabilities is None or capabilities.confirms)


def stop_words(phase: StopPhase, *, talking: bool) -> str:
    """Return what the banner says about an asked stop; empty when nothing needs saying."""
    if phase is StopPhase.ASKED:
        return "STOP asked. Waiting for the nozzles to be confirmed closed …"
    if phase is not StopPhase.UNCONFIRMED:
        return ""
    if talking:
        return (
            "STOP IS NOT CONFIRMED. It is sent again and again."
            " If spray goes on, use the machine's emergency stop."
        )
    return (
        "STOP IS NOT CONFIRMED: the engine does not answer. It is sent again and again; without"
        " the engine the controller closes the nozzles by itself."
        " If spray goes on, use the machine's emergency stop."
    )
