"""Shows a controller's live state: a table on a terminal, lines elsewhere, or JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import TextIO

from agriseg.controller_tools.board_link import BoardLink
from agriseg.controller_tools.board_state import (
    BoardState,
    board_state,
    identity_line,
    state_rows,
    valve_strip,
)
from firmware_bridge.frames import Status
from firmware_bridge.link import Disconnected, LinkPhase, Refused

TABLE_PERIOD_S = 0.25
LINE_PERIOD_S = 1.0
JSON_PERIOD_S = 0.25

Show = Callable[[BoardState], None]


class Monitor:
    """Watches one connected controller.

    Parameters
    ----------
    board : BoardLink
        Connected.
    counts_per_m : float
        Of the wheel encoder.
    """

    def __init__(self, board: BoardLink, counts_per_m: float) -> None:
        self._board = board
        self._counts_per_m = counts_per_m

    def run(self, seconds: float | None, show: Show, say: Callable[[str], None]) -> None:
        """Show every report until the time is over; ``say`` takes what happens in between.

        Raises
        ------
        ControllerError
            The port went away, or the device turned into something else.
        """
        end_s = math.inf if seconds is None else self._board.now_s + seconds
        while self._board.now_s < end_s:
            newest: Status | None = None
            for event in self._board.serve():
                if isinstance(event, Status):
                    newest = event
                elif isinstance(event, Disconnected):
                    say(f"disconnected: {event.reason}")
                elif isinstance(event, Refused):
                    say(f"{event.command} was refused: {event.words}")
            if newest is not None and self._board.link.phase is LinkPhase.READY:
                show(
                    board_state(newest, self._board.link, self._board.identity, self._counts_per_m)
                )


def show_json(board: BoardLink, monitor: Monitor, seconds: float | None, out: TextIO) -> None:
    """Write one JSON object a line, four times a second; notes go under ``note``."""
    write = _Paced(board, JSON_PERIOD_S, lambda state: _write(out, json.dumps(state.as_json())))
    monitor.run(seconds, write, lambda text: _write(out, json.dumps({"note": text})))


def show_lines(board: BoardLink, monitor: Monitor, seconds: float | None, out: TextIO) -> None:
    """Write a line a second, and one for each change of state."""
    _write(out, identity_line(board.identity))
    write = _Paced(board, LINE_PERIOD_S, lambda state: _write(out, state_line(state)))
    monitor.run(seconds, write, lambda text: _write(out, text))


def state_line(state: BoardState) -> str:
    """Return a report in one line."""
    rows = dict(state_rows(state))
    return (
        f"{rows['state']} | valves {valve_strip(state)} | faulty {rows['faulty']} |"
        f" {rows['pressure']}, {rows['flow']}, tank {rows['tank']} | {rows['wheel']} |"
        f" {rows['pulses']} | {rows['link']}"
    )


def show_table(board: BoardLink, monitor: Monitor, seconds: float | None) -> None:
    """Keep a table on the terminal up to date."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    notes: list[str] = []
    title = f"{board.port}: {identity_line(board.identity)}"

    def render(state: BoardState) -> Group:
        table = Table(show_header=False, box=None, padding=(0, 2))
        for name, text in state_rows(state):
            style = {"SAFE": "", "ARMED": "bold green", "ESTOP": "bold red"}[state.state]
            table.add_row(name, Text(text, style=style if name == "state" else ""))
        lines = [Text(note, style="yellow") for note in notes[-5:]]
        return Group(Text(title, style="bold"), table, *lines, Text("Ctrl-C ends", style="dim"))

    with Live(console=Console(file=sys.stdout), auto_refresh=False, transient=False) as live:
        show = _Paced(board, TABLE_PERIOD_S, lambda state: live.update(render(state), refresh=True))
        monitor.run(seconds, show, notes.append)


class _Paced:
    """Passes on a report when one is due, and every one that brings a new state."""

    def __init__(self, board: BoardLink, period_s: float, show: Show) -> None:
        self._board = board
        self._period_s = period_s
        self._show = show
        self._next_s = -math.inf
        self._last: tuple[object, ...] = ()

    def __call__(self, state: BoardState) -> None:
        news = (state.state, state.cause, state.conditions, state.faulty_valves)
        if self._board.now_s < self._next_s and news == self._last:
            return
        self._last = news
        self._next_s = self._board.now_s + self._period_s
        self._show(state)


def _write(out: TextIO, line: str) -> None:
    out.write(line + "\n")
    out.flush()
