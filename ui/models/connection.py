"""The sprayer controller's connection in words: what can be chosen, and how it stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agriseg.alarms import sentence
from agriseg.config import ControllerConfig
from agriseg.messages import (
    ControllerCapabilities,
    ControllerState,
    EngineSnapshot,
    EngineState,
)
from agriseg.serial_ports import SerialPort, permission_help
from ui.models.status import Level, LinkView, StopPhase
from ui.units import age_text

ControllerKind = Literal["agriseg", "pgn239", "pgn229"]
SIMULATED_PORT = "sim"
NETWORK_PREFIX = "udp://"
KINDS: dict[ControllerKind, str] = {
    "agriseg": "AgriSeg",
    "pgn239": "Relays, 16",
    "pgn229": "Relays, 64",
}
"""What a controller understands, and the word on its key."""
KIND_NOTES: dict[ControllerKind, str] = {
    "agriseg": "Runs this project's firmware: pulses timed by the controller, each one confirmed.",
    "pgn239": "A board that sets up to 16 outputs (PGN 239). It confirms nothing: pulses are timed"
    " here and longer, margins around crop wider.",
    "pgn229": "A board that sets up to 64 outputs (PGN 229). It confirms nothing: pulses are timed"
    " here and longer, margins around crop wider.",
}
NO_ANSWER_AFTER_S = 5.0
"""A controller answers the handshake within a second; a board that restarts takes two."""
_TROUBLE = {"link-lost": "Not connected", "controller-refused": "Refused"}
_STATE_WORDS = {
    ControllerState.SAFE: "safe: valves closed, not armed",
    ControllerState.ARMED: "armed",
    ControllerState.ESTOP: "stopped, latched",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerChoice:
    """A controller that can be chosen.

    ``port`` is what the configuration would say (``sim``, or what to open), ``name`` what people
    call it, ``kind`` what it understands.
    """

    port: str
    name: str
    kind: ControllerKind = "agriseg"

    @property
    def is_simulated(self) -> bool:
        """Whether it is the controller that is built in."""
        return self.port == SIMULATED_PORT


SIMULATED = ControllerChoice(port=SIMULATED_PORT, name="Simulated controller")


def configured_choice(controller: ControllerConfig) -> ControllerChoice:
    """Return the choice that a configuration makes."""
    port = controller.port
    name = SIMULATED.name if port == SIMULATED_PORT else port
    return ControllerChoice(port=port, name=name, kind=controller.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortEntry:
    """One line of the list.

    ``is_there`` is false for a port that was chosen and is not plugged in; ``port`` is None for
    it, for the simulated controller, and for a path that the system does not list.
    """

    choice: ControllerChoice
    detail: str
    is_there: bool = True
    port: SerialPort | None = None

    @property
    def is_permitted(self) -> bool:
        """Whether this user may open it, as far as can be told without opening it."""
        return self.port is None or self.port.permitted


def port_entries(
    ports: Sequence[SerialPort],
    keep: Sequence[ControllerChoice],
    exists: Callable[[str], bool] = lambda path: Path(path).exists(),
) -> tuple[PortEntry, ...]:
    """Return the list: the simulator, the ports, then what of ``keep`` is not among them.

    ``keep`` holds the choice in force and the operator's selection: they stay in the list when
    their port goes.
    """
    entries = [PortEntry(choice=SIMULATED, detail="Built in. No real valve moves.")]
    entries.extend(_listed(port) for port in ports)
    for choice in keep:
        known = any(
            entry.choice.port == choice.port
            or (entry.port is not None and entry.port.answers_to(choice.port))
            for entry in entries
        )
        if not known:
            entries.append(_unlisted(choice, exists(choice.port)))
    return tuple(entries)


def _listed(port: SerialPort) -> PortEntry:
    parts = [port.device] if port.name != port.device else []
    if port.usb_id:
        parts.append(f"USB {port.usb_id}")
    if port.serial_number:
        parts.append(f"no. {port.serial_number}")
    detail = " · ".join(parts) or "Serial port of this computer"
    if not port.permitted:
        detail = f"No permission · {detail}"
    return PortEntry(
        choice=ControllerChoice(port=port.path or port.device, name=port.name),
        detail=detail,
        port=port,
    )


def _unlisted(choice: ControllerChoice, is_there: bool) -> PortEntry:
    where = f" · {choice.port}" if choice.port != choice.name else ""
    if choice.port.startswith(NETWORK_PREFIX):
        return PortEntry(choice=choice, detail=f"Over the network{where}")
    found = "Named by its path" if is_there else "Not plugged in"
    return PortEntry(choice=choice, detail=f"{found}{where}", is_there=is_there)


def entry_of(entries: Sequence[PortEntry], choice: ControllerChoice) -> PortEntry | None:
    """Return the line that stands for ``choice``."""
    for entry in entries:
        if entry.choice.port == choice.port:
            return entry
        if entry.port is not None and entry.port.answers_to(choice.port):
            return entry
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """How the connection in force stands: a word, a sentence, and facts below."""

    level: Level
    title: str
    detail: str
    facts: tuple[str, ...] = ()


def connection_view(
    choice: ControllerChoice,
    snapshot: EngineSnapshot | None,
    link: LinkView,
    waited_s: float,
) -> ConnectionView:
    """Say how the connection to ``choice`` stands.

    ``waited_s`` is how long the controller has been asked without an answer.
    """
    if not link.talking and not link.starting:
        return ConnectionView(
            level=Level.DANGER,
            title="Not known",
            detail=f"The field engine has been silent for {age_text(link.silent_s)}; it holds the"
            " connection.",
        )
    if snapshot is None:
        return ConnectionView(
            level=Level.WAIT,
            title="Starting",
            detail=link.message or f"The field engine starts and will ask {choice.name}.",
        )
    status = snapshot.controller
    if snapshot.capabilities is not None and status.state is not ControllerState.DISCONNECTED:
        return _connected(snapshot, snapshot.capabilities)
    cause = sentence(status.cause)
    for alarm in snapshot.alarms:
        if alarm.active and alarm.code in _TROUBLE:
            return ConnectionView(
                level=Level.DANGER,
                title=_TROUBLE[alarm.code],
                detail=cause or alarm.text,
                facts=("It is tried again every few seconds.",)
                if alarm.code == "link-lost"
                else (alarm.remedy,),
            )
    if waited_s > NO_ANSWER_AFTER_S:
        return ConnectionView(
            level=Level.WARNING,
            title="No answer",
            detail=f"{choice.name} has been asked for {waited_s:.0f} s and does not answer as a"
            " sprayer controller. Check that it is the right device, has power, and runs the"
            " controller's firmware at the configured baud rate.",
        )
    return ConnectionView(
        level=Level.WAIT,
        title="Handshake",
        detail=f"{choice.name} is asked who it is. {cause}".strip(),
    )


def _connected(snapshot: EngineSnapshot, found: ControllerCapabilities) -> ConnectionView:
    status = snapshot.controller
    sensors = [
        word
        for word, there in (
            ("wheel encoder", found.has_encoder),
            ("pressure", found.has_pressure),
            ("flow", found.has_flow),
            ("tank level", found.has_tank),
        )
        if there
    ]
    link = status.link
    facts = [
        f"State: {_STATE_WORDS.get(status.state, status.state.value)}",
        f"Measures {', '.join(sensors)}" if sensors else "It measures nothing",
    ]
    if math.isfinite(link.rtt_ms) and link.sent_frames:
        facts.append(
            f"Round trip {link.rtt_ms:.1f} ms, {link.resent_frames} sent again,"
            f" {link.checksum_errors} damaged"
        )
    if found.is_simulated:
        facts.append("Simulated: no real valve moves.")
    return ConnectionView(
        level=Level.OK,
        title="Connected",
        detail=f"{found.name}, firmware {found.firmware_version}, {found.valve_count} valves,"
        f" protocol {found.protocol_version}",
        facts=tuple(facts),
    )


def is_asking(snapshot: EngineSnapshot | None, link: LinkView) -> bool:
    """Return whether the controller is being asked and has not answered."""
    return (
        link.talking
        and snapshot is not None
        and (
            snapshot.capabilities is None
            or snapshot.controller.state is ControllerState.DISCONNECTED
        )
    )


def refusal(snapshot: EngineSnapshot | None, link: LinkView, stop: StopPhase) -> str:
    """Return why the connection cannot be changed now; empty when it can."""
    if stop in (StopPhase.ASKED, StopPhase.UNCONFIRMED):
        return "A stop has been asked for and is not confirmed yet."
    if snapshot is None or snapshot.state is not EngineState.SPRAYING:
        return ""
    if link.talking:
        return "Spraying is on. Pause or stop first: the nozzles must be closed."
    return (
        "Spraying was on when the field engine fell silent. Start the engine again first, and look"
        " at the nozzles."
    )


def selection_help(entry: PortEntry) -> str:
    """Say what keeps a selected line from being connected; empty when nothing is known to."""
    if not entry.is_there:
        return (
            f"{entry.choice.name} is not plugged in. Plug it in: it is connected as soon as it is"
            " there. Or choose the simulated controller to go on without it."
        )
    if entry.port is not None and not entry.port.permitted:
        device, group = entry.port.device, entry.port.group
        return (
            f"You are not permitted to use {device}: it belongs to the group {group}. In a"
            f" terminal: {permission_help(group)}."
        )
    return ""
