"""Which satellite receivers can be chosen, and what keeps one from being used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agriseg.config import Config
from agriseg.errors import ConfigError
from agriseg.field_config import PositionConfig
from agriseg.positioning.network_wire import is_network, network_address
from agriseg.positioning.opening import AUTO, NONE, SIMULATED
from agriseg.serial_ports import SerialPort, permission_help

SIMULATED_FIELD = "sim"
"""What ``camera.source`` is on the simulated field, the only one with a simulated receiver."""

BAUDS = (4800, 9600, 38400, 115200, 460800)
"""What receivers are usually set to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverChoice:
    """A satellite receiver that can be chosen.

    ``source`` is what the configuration would say (``none``, ``sim``, or a serial port), ``name``
    what people call it, ``baud`` the speed of a serial port.
    """

    source: str
    name: str
    baud: int = PositionConfig().baud

    @property
    def is_port(self) -> bool:
        """Whether it is on a serial port."""
        return self.source not in (NONE, SIMULATED) and not is_network(self.source)


NO_RECEIVER = ReceiverChoice(source=NONE, name="No receiver")
SIMULATED_RECEIVER = ReceiverChoice(source=SIMULATED, name="Simulated receiver")


def configured_receiver(config: Config) -> ReceiverChoice:
    """Return the choice that a configuration makes; ``auto`` is resolved."""
    source, baud = config.position.source, config.position.baud
    if source == AUTO:
        source = SIMULATED if config.camera.source == SIMULATED_FIELD else NONE
    name = {NONE: NO_RECEIVER.name, SIMULATED: SIMULATED_RECEIVER.name}.get(source, source)
    return ReceiverChoice(source=source, name=name, baud=baud)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverEntry:
    """One line of the list; ``why_not`` says what keeps it from being used."""

    choice: ReceiverChoice
    detail: str
    icon: str
    why_not: str = ""


def receiver_entries(
    ports: Sequence[SerialPort],
    keep: Sequence[ReceiverChoice],
    *,
    on_simulated_field: bool,
    controller_port: str,
    exists: Callable[[str], bool] = lambda path: Path(path).exists(),
) -> tuple[ReceiverEntry, ...]:
    """Return the list: none, the simulated one, the ports, then what of ``keep`` is missing.

    Parameters
    ----------
    ports : sequence of SerialPort
        That are there now.
    keep : sequence of ReceiverChoice
        The choice in force and the operator's selection: they stay when their port goes.
    on_simulated_field : bool
        Whether the camera is that of the simulated field.
    controller_port : str
        Where the sprayer controller is: no receiver can be there.
    exists : callable
        Whether there is a device of this name.
    """
    entries = [
        ReceiverEntry(
            choice=NO_RECEIVER,
            detail="No place on maps, no boundary",
            icon="crosshairs-off",
        )
    ]
    if on_simulated_field:
        entries.append(
            ReceiverEntry(
                choice=SIMULATED_RECEIVER,
                detail="Built in, on the simulated field",
                icon="test-tube",
            )
        )
    entries.extend(_of_port(port, controller_port) for port in ports)
    for choice in keep:
        if is_network(choice.source) and receiver_entry_of(entries, choice, ports) is None:
            entries.append(network_entry(choice))
        if choice.is_port and receiver_entry_of(entries, choice, ports) is None:
            is_there = exists(choice.source)
            entries.append(
                ReceiverEntry(
                    choice=choice,
                    detail="Named by its path" if is_there else "Not plugged in",
                    icon="serial-port" if is_there else "power-plug-off-outline",
                    why_not=""
                    if is_there
                    else f"{choice.name} is not plugged in. Plug it in, or choose another.",
                )
            )
    return tuple(entries)


def network_entry(choice: ReceiverChoice) -> ReceiverEntry:
    """Return the line of a receiver in the network; it says where the address is none."""
    why_not = ""
    try:
        network_address(choice.source)
    except ConfigError as error:
        why_not = f"{error}."
    return ReceiverEntry(choice=choice, detail="In the network", icon="lan", why_not=why_not)


def _of_port(port: SerialPort, controller_port: str) -> ReceiverEntry:
    choice = ReceiverChoice(source=port.path or port.device, name=port.name)
    parts = [port.device] if port.name != port.device else []
    if port.usb_id:
        parts.append(f"USB {port.usb_id}")
    detail = " · ".join(parts) or "Serial port of this computer"
    if port.answers_to(controller_port):
        return ReceiverEntry(
            choice=choice,
            detail=f"Sprayer controller · {detail}",
            icon="spray",
            why_not=f"{port.name} is the sprayer controller (page Setup): choose the receiver's"
            " own port.",
        )
    if not port.permitted:
        return ReceiverEntry(
            choice=choice,
            detail=f"No permission · {detail}",
            icon="lock",
            why_not=f"You are not permitted to use {port.device}: it belongs to the group"
            f" {port.group}. In a terminal: {permission_help(port.group)}.",
        )
    return ReceiverEntry(choice=choice, detail=detail, icon="usb" if port.usb_id else "serial-port")


def receiver_entry_of(
    entries: Sequence[ReceiverEntry], choice: ReceiverChoice, ports: Sequence[SerialPort]
) -> ReceiverEntry | None:
    """Return the line that stands for ``choice``, whichever of its names it goes by."""
    for entry in entries:
        if entry.choice.source == choice.source:
            return entry
        for port in ports:
            if port.answers_to(choice.source) and port.answers_to(entry.choice.source):
                return entry
    return None
