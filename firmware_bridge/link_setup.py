"""What a controller is told at the beginning of a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firmware_bridge.codes import Capability
from firmware_bridge.errors import ProtocolMismatchError
from firmware_bridge.frames import (
    MAX_DUTIES,
    MAX_VALVES_IN_FRAME,
    ConfigLimits,
    ConfigPwm,
    ConfigValves,
    HelloReply,
    ValveTiming,
)
from firmware_bridge.link_values import Limits, Pwm

ConfigFrame = ConfigLimits | ConfigValves | ConfigPwm


def configuration(
    identity: HelloReply,
    known: Mapping[int, ValveTiming],
    valves: Mapping[int, ValveTiming],
    limits: Limits,
    pwm: Pwm,
) -> Iterator[ConfigFrame]:
    """Yield the frames that bring a controller to what the host wants.

    Parameters
    ----------
    identity : HelloReply
    known : mapping of valve number to its latencies
        What the controller has, of all its valves.
    valves : mapping of valve number to its latencies
        What it shall have, of those that the host uses.
    limits : Limits
    pwm : Pwm

    Raises
    ------
    ProtocolMismatchError
        The controller cannot do what is asked.
    """
    yield ConfigLimits(
        max_open_ms=min(limits.max_open_ms, identity.max_open_ms),
        standstill_ms=limits.standstill_ms,
        odometry_ms=limits.odometry_ms,
        status_ms=limits.status_ms,
        reach=limits.reach_subcounts,
        nozzle_ml_min=limits.nozzle_ml_min,
        nominal_kpa=limits.nominal_kpa,
    )
    wanted = dict(known) | {
        valve: timing for valve, timing in valves.items() if valve < identity.valves
    }
    changed = wanted != dict(known)
    for first in range(0, identity.valves if changed else 0, MAX_VALVES_IN_FRAME):
        last = min(first + MAX_VALVES_IN_FRAME, identity.valves)
        yield ConfigValves(first, tuple(wanted[v] for v in range(first, last)))
    yield from _duties(identity, pwm)


def _duties(identity: HelloReply, pwm: Pwm) -> Iterator[ConfigPwm]:
    """Yield the duty of every valve: what an earlier host has set is still there."""
    duties = pwm.duty_percent
    if not identity.capabilities & Capability.PWM:
        if any(duty != 100 for duty in duties.values()):
            raise ProtocolMismatchError(
                f"the controller {identity.name!r} cannot switch its valves on and off while"
                " they are open (PWM), which the configuration asks for: set every duty to"
                " 100 percent, or connect a controller that can"
            )
        return
    for first in range(0, identity.valves, MAX_DUTIES):
        valves = range(first, min(first + MAX_DUTIES, identity.valves))
        percent = tuple(duties.get(valve, 100) for valve in valves)
        yield ConfigPwm(pwm.period_ms, first, percent)
