"""simavr_pty.py SHIM ELF [--speed COUNTS_PER_S]: the Mega's binary in simavr, in real time.

As the native controller does, it prints the path of its pseudo-terminal on the first line and
serves it until standard input ends. At its end it prints every switching of an output: seconds,
valve (-1: master valve), 1 or 0.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
import tty
from pathlib import Path

from firmware_machines import AvrMachine, WheelSegment

STEP_S = 0.001
CATCH_UP_S = 0.02
"""What the computer could not do in time is made up for in steps of this length."""
READ_SIZE = 4096


def serve(machine: AvrMachine) -> None:
    """Run the machine by the computer's clock until standard input ends."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    sys.stdout.write(f"{os.ttyname(slave)}\n")
    sys.stdout.flush()
    start_s, now_s = time.monotonic(), 0.0
    stdin = sys.stdin.fileno()
    while True:
        readable, _, _ = select.select([master, stdin], [], [], STEP_S)
        if stdin in readable and not os.read(stdin, READ_SIZE):
            return
        if master in readable:
            machine.write(os.read(master, READ_SIZE), now_s)
        now_s = min(time.monotonic() - start_s, now_s + CATCH_UP_S)
        machine.advance(now_s)
        _send(master, b"".join(frame for _, frame in machine.read()))


def _send(master: int, data: bytes) -> None:
    """Write what the pseudo-terminal takes; the rest is lost, as on a wire nobody hears."""
    try:
        if data:
            os.write(master, data)
    except BlockingIOError:
        return


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shim", type=Path)
    parser.add_argument("elf", type=Path)
    parser.add_argument("--speed", type=float, default=0.0)
    arguments = parser.parse_args()
    machine = AvrMachine(arguments.shim, arguments.elf)
    machine.turn_wheel([WheelSegment(0.0, 0.5, arguments.speed)])
    serve(machine)
    for edge in machine.edges():
        sys.stdout.write(f"{edge.t_s:.6f} {edge.valve} {int(edge.on)}\n")


if __name__ == "__main__":
    main()
