"""A link to a controller that runs in real time."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from firmware_bridge.codes import State
from firmware_bridge.frames import ValveTiming
from firmware_bridge.link import Connected, HostLink, Limits, LinkPhase, PulseAnswer, PulseCommand

READ_SIZE = 4096


class RealTimeHost:
    """Serves a `HostLink` on two file descriptors, by the computer's clock."""

    def __init__(self, *, read_fd: int, write_fd: int, valves: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._valves = valves
        self.link = HostLink(
            session_id=1,
            valves=dict.fromkeys(range(valves), ValveTiming(0, 0, 0)),
            limits=Limits(max_open_ms=200, standstill_ms=200, reach_subcounts=16 * 20_000),
            baud=0.0,
        )
        self.events: list[object] = []

    def run_until(self, done: Callable[[], bool], limit_s: float) -> None:
        """Serve the link until ``done()``.

        Raises
        ------
        TimeoutError
            The time is over first.
        """
        end_s = time.monotonic() + limit_s
        while not done():
            now_s = time.monotonic()
            if now_s > end_s:
                raise TimeoutError(f"not done after {limit_s} s: {self.link.status}")
            self.link.beat(now_s, camera_alive=True, model_alive=True, planner_alive=True)
            self.link.poll(now_s)
            data = self.link.outgoing(now_s)
            if data:
                os.write(self._write_fd, data)
            if select.select([self._read_fd], [], [], 0.002)[0]:
                self.link.receive(os.read(self._read_fd, READ_SIZE), time.monotonic())
            self.events += self.link.take_events()

    def arm(self) -> Connected:
        """Connect and arm; return what the controller said of itself."""
        link = self.link
        self.run_until(lambda: link.phase is LinkPhase.READY and link.clock.converged, 15.0)
        link.arm(time.monotonic())
        self.run_until(lambda: link.status is not None and link.status.state == State.ARMED, 5.0)
        return next(event for event in self.events if isinstance(event, Connected))

    def spray(self, count: int, *, ahead_s: float = 0.3) -> list[PulseAnswer]:
        """Command pulses of 20 ms, one valve after the other; return their answers."""
        now = round(self.link.clock.tick_at(time.monotonic() + ahead_s))
        self.link.pulses(
            [
                PulseCommand(
                    event_id=i,
                    valve=i % self._valves,
                    by_distance=False,
                    start=now + 2500 * i,
                    length=5000,
                )
                for i in range(count)
            ]
        )
        self.run_until(lambda: len(self.answers()) == count, 10.0)
        return self.answers()

    def answers(self) -> list[PulseAnswer]:
        """Return what became of the pulses so far."""
        return [event for event in self.events if isinstance(event, PulseAnswer)]
