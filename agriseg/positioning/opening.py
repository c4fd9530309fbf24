"""Opens the satellite receiver that a configuration names."""

from __future__ import annotations

from agriseg.config import Config
from agriseg.errors import ConfigError
from agriseg.ports import Clock, PositionReceiver
from agriseg.positioning.serial_receiver import NmeaReceiver
from agriseg.positioning.simulated import SimulatedReceiver
from agriseg.simulation.trajectory import Trajectory

NONE, AUTO, SIMULATED = "none", "auto", "sim"


def open_receiver(
    config: Config, clock: Clock, trajectory: Trajectory | None, start_s: float
) -> PositionReceiver | None:
    """Return the receiver; None where there is none.

    Parameters
    ----------
    config : Config
    clock : Clock
    trajectory : Trajectory, optional
        Of the simulated robot, where there is one; ``start_s`` is the host time of its start.

    Raises
    ------
    ConfigError
        A simulated receiver is asked for, and there is no simulated field; or an address in the
        network is none.
    """
    position = config.position
    if position.source == NONE or (position.source == AUTO and trajectory is None):
        return None
    if position.source not in (AUTO, SIMULATED):
        return NmeaReceiver(position.source, position.baud, clock, 1e-3 * position.delay_ms)
    if trajectory is None:
        raise ConfigError(
            f"position.source is {position.source}, but camera.source is {config.camera.source}:"
            " only the simulated field has a simulated receiver; name a serial port, or none"
        )
    return SimulatedReceiver(config.simulation.gnss, position, trajectory, clock, start_s)
