"""The simulated sprayer controller as its own process on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np

from agriseg.config import Config
from agriseg.config_values import true_config
from agriseg.errors import ControllerError
from agriseg.process_names import SIMULATED_CONTROLLER, show_name
from agriseg.scheduling import keep_deadlines
from agriseg.simulated_relay_board import SimulatedRelayBoard, serve_relay_pty
from agriseg.simulation.trajectory import Trajectory
from agriseg.spraying.boom import Boom
from agriseg.spraying.relay_frames import RelayKind
from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 2.0
_KEPT_EDGES = 1000


def encoder(
    config: Config, start_s: float, trajectory: Trajectory | None = None
) -> Callable[[float], int]:
    """Return a wheel encoder on the simulated robot: host time in seconds to counts.

    Parameters
    ----------
    config : Config
        The wheel has as many counts per metre as it truly has (``simulation.truth``).
    start_s : float
        Host time at which the robot begins to drive.
    trajectory : Trajectory, optional
        How it drives; by default as ``config.simulation`` says.
    """
    simulation = config.simulation
    trajectory = trajectory or Trajectory(simulation)
    counts_per_m = true_config(config).wheel.counts_per_m
    fault_s, fraction = simulation.encoder_fault_s, simulation.encoder_fault_fraction

    def count_at(t_s: float) -> int:
        driven_s = t_s - start_s
        distance_m = trajectory.encoder_distance_m(min(driven_s, fault_s))
        if driven_s > fault_s:
            since_m = trajectory.encoder_distance_m(driven_s) - distance_m
            distance_m += fraction * since_m
        return int(np.floor(counts_per_m * distance_m))

    return count_at


def simulator_settings(config: Config) -> SimulatorSettings:
    """Return a simulated controller whose valves behave as they truly do.

    That is as the configuration says but for ``simulation.truth``; the flow that the controller
    expects is the configured one.
    """
    true = true_config(config).boom
    boom, duty = Boom(true), 0.01 * true.pwm_duty_percent
    valves = int(boom.channels.max()) + 1
    opening = np.full(valves, 1e-3 * true.open_latency_ms)
    closing = np.full(valves, 1e-3 * true.close_latency_ms)
    factors = np.ones(valves)
    opening[boom.channels] = [nozzle.open_latency_s for nozzle in boom.nozzles]
    closing[boom.channels] = [nozzle.close_latency_s for nozzle in boom.nozzles]
    expected_l_min = duty * config.boom.flow_l_min
    factors[boom.channels] = [nozzle.flow_l_min / expected_l_min for nozzle in boom.nozzles]
    return SimulatorSettings(
        valves=valves,
        open_latency_s=tuple(float(value) for value in opening),
        close_latency_s=tuple(float(value) for value in closing),
        nozzle_l_min=config.boom.flow_l_min,
        flow_factors=tuple(float(value) for value in factors),
        nominal_kpa=config.boom.nominal_pressure_kpa,
        seed=config.simulation.seed,
    )


def build_simulator(
    config: Config,
    start_s: float,
    *,
    on_s: float,
    baud: float,
    has_wheel: bool = True,
    trajectory: Trajectory | None = None,
    kept_edges: int | None = _KEPT_EDGES,
) -> ControllerSimulator:
    """Return a simulated controller on the simulated robot.

    Parameters
    ----------
    config : Config
    start_s : float
        Host time at which the robot begins to drive.
    on_s : float
        Host time at which the controller is switched on.
    baud : float
        Bits a second that the controller's own bytes take; 0 on a pseudo-terminal, where they
        take no time.
    has_wheel : bool
        False for a controller without an encoder, beside a real camera that moves by itself.
    trajectory : Trajectory, optional
        How the robot drives; by default as ``config.simulation`` says.
    kept_edges : int, optional
        How many of the newest edges are remembered; None remembers all.
    """
    count_at = encoder(config, start_s, trajectory) if has_wheel else None
    settings = replace(simulator_settings(config), baud=baud, kept_edges=kept_edges)
    return ControllerSimulator(settings, count_at=count_at, t_s=on_s)


def build_relay_board(config: Config, t_s: float) -> SimulatedRelayBoard:
    """Return a simulated relay board as the configuration describes it, switched on at ``t_s``."""
    relay = config.controller.relay
    return SimulatedRelayBoard(
        outputs=RelayKind(config.controller.kind).sections,
        loop_s=1e-3 * relay.board_period_ms,
        timeout_s=1e-3 * relay.board_timeout_ms,
        t_s=t_s,
    )


class SimulatedControllerProcess:
    """Starts the process and knows the path of its port.

    Raises
    ------
    ControllerError
        The process could not be started, or the system has no pseudo-terminals.
    """

    def __init__(self, config: Config, start_s: float, *, has_wheel: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(config, start_s, has_wheel, theirs),
            name="agriseg-simulated-controller",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self.port = self._receive_port()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(STOP_TIMEOUT_S)

    def _receive_port(self) -> str:
        failure = "the simulated controller could not be started"
        try:
            if self._connection.poll(START_TIMEOUT_S):
                return str(self._connection.recv())
        except EOFError:
            failure = "the simulated controller ended at its start; see the log"
        self.close()
        raise ControllerError(failure)


def _serve(config: Config, start_s: float, has_wheel: bool, connection: Connection) -> None:
    """Serve until the other end of ``connection`` is closed, in the process of its own."""
    show_name(SIMULATED_CONTROLLER)
    keep_deadlines()  # as a board of its own would
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def has_been_left() -> bool:
        try:
            return connection.poll() and connection.recv() is None
        except (EOFError, OSError):
            return True

    if config.controller.kind != "agriseg":
        board = build_relay_board(config, time.monotonic())
        serve_relay_pty(board, on_ready=connection.send, should_stop=has_been_left)
        return
    with contextlib.suppress(BrokenPipeError):
        serve_pty(
            build_simulator(config, start_s, on_s=time.monotonic(), baud=0.0, has_wheel=has_wheel),
            on_ready=connection.send,
            should_stop=has_been_left,
        )
