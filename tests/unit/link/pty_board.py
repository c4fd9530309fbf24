"""A simulated controller as its own process on a pseudo-terminal, for tests in real time."""

from __future__ import annotations

import math
import multiprocessing
import time
from multiprocessing.connection import Connection

from firmware_bridge.pty_controller import serve_pty
from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings

COUNTS_PER_M = 2000.0


def serve_board(connection: Connection, start_s: float, speed_m_s: float, boot_id: int) -> None:
    """Body of the board's process; at the end it tells what its valves did."""

    def count_at(t_s: float) -> int:
        return math.floor(max(t_s - start_s, 0.0) * speed_m_s * COUNTS_PER_M)

    settings = SimulatorSettings(valves=8, baud=0.0, boot_id=boot_id)
    simulator = ControllerSimulator(settings, count_at, time.monotonic())
    serve_pty(simulator, connection.send, should_stop=connection.poll)
    edges = [(edge.valve, edge.t_s, edge.is_open) for edge in simulator.valve_edges]
    connection.send((edges, simulator.state.name))


class Board:
    """Handle on such a process."""

    def __init__(self, *, speed_m_s: float = 1.0, boot_id: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.speed_m_s = speed_m_s
        self.start_s = time.monotonic()
        self._process = context.Process(
            target=serve_board, args=(theirs, self.start_s, speed_m_s, boot_id), daemon=True
        )
        self._process.start()
        assert self._connection.poll(60.0), "the simulated board did not start"
        self.path: str = self._connection.recv()
        self.edges: list[tuple[int, float, bool]] = []
        self.state = ""

    def distance_m(self, t_s: float) -> float:
        return (t_s - self.start_s) * self.speed_m_s

    def stop(self) -> None:
        if not self._process.is_alive():
            return
        self._connection.send("stop")
        self.edges, self.state = self._connection.recv()
        self._process.join(10.0)
