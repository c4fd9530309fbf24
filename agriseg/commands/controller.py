"""`agriseg controller`: try, flash, watch and test a sprayer controller."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from agriseg.config import WheelConfig
from agriseg.controller_tools.board_link import BAUDS, DEFAULT_BAUD, BoardLink
from agriseg.errors import ControllerError

if TYPE_CHECKING:
    from firmware_bridge.link import Limits

EXIT_FAULT = 1
COUNTS_PER_M = WheelConfig().counts_per_m

_DESCRIPTION = """\
Try, flash, watch and test the sprayer controller that opens the valves.

An AgriSeg controller is a board with the firmware in firmware_bridge/firmware; the reference is
an Arduino Mega 2560. Without one, `agriseg controller sim` runs the same firmware on this
computer behind a pseudo-terminal, which every other command takes as a port."""

_EPILOG = """\
examples:
  agriseg controller sim                          a controller without hardware
  agriseg controller flash --port /dev/ttyACM0    put the firmware on an Arduino Mega 2560
  agriseg controller monitor --port /dev/ttyACM0  watch its live state
  agriseg controller test --port /dev/ttyACM0     open the valves one by one, with water

`agriseg doctor` lists the serial ports and says which of them you may use.
Exit status: 0 done, 1 a valve failed its test, 2 bad input (one sentence says what and how to
mend it), 130 interrupted."""

_SIM = """\
Run a sprayer controller without hardware. The firmware that boards run is built for this
computer and started on a pseudo-terminal, whose path is printed on the first line: give it as
--port to the other commands, or as controller.port to `agriseg run`. Valves, flow and pressure
are ideal; the wheel turns at a steady speed.

Where make or a C compiler is missing, the reference controller in Python runs instead (a line
on standard error says so); it speaks the same protocol.

--kind pgn239 or pgn229 runs a relay board instead, as agriseg/spraying/RELAY_BOARDS.md describes
it, on a pseudo-terminal or with --udp on a network port of this computer. Each output that it
switches is printed."""

_FLASH = """\
Put the controller firmware on an Arduino Mega 2560 with avrdude, and ask the board afterwards
who it is. Without --hex the firmware is built first (Debian packages gcc-avr and avr-libc).

Switch the valves' supply off before: while a board is being written, its outputs float."""

_MONITOR = """\
Show a controller's live state: SAFE, ARMED or ESTOP and why, which valves are confirmed open or
known to be faulty, pressure, flow, tank, the wheel, refused pulses and the link's figures.

Nothing is commanded. But the controller serves one program at a time, and a new connection ends
spraying: this is not for watching a machine at work. On a terminal a table is kept up to date,
elsewhere a line is written each second."""

_TEST = """\
Open the valves one by one for a moment and compare what was commanded with what the controller
confirms: coil time, coil current, flow.

Fill the tank with WATER and keep clear of the boom. Each valve opens only after you have
answered y; n leaves it out, q or Ctrl-C ends. Between two valves the controller is disarmed.
Whatever ends the test (q, Ctrl-C, a pulled plug, a fault) closes all valves first; a controller
that is out of reach closes them by itself within 0.25 s. While a valve is tested you stand in
for camera, model and planner: the heartbeat says that they live.

Exit status: 0 all tested valves are good, 1 a valve failed, 2 the test could not be done."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command group to the command line."""
    parser = subparsers.add_parser(
        "controller",
        help="try, flash, watch and test a sprayer controller",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_sim(actions)
    _add_flash(actions)
    _add_monitor(actions)
    _add_test(actions)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    return actions.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_sim(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _action(actions, "sim", "run a controller without hardware", _SIM)
    _add_seconds(parser, "end after this time (default: at Ctrl-C)")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=0.0,
        metavar="M_S",
        help=f"speed of the wheel in m/s, at {COUNTS_PER_M:g} counts per metre (default: 0)",
    )
    parser.add_argument(
        "--python", action="store_true", help="run the Python reference controller in any case"
    )
    parser.add_argument(
        "--kind",
        choices=("agriseg", "pgn239", "pgn229"),
        default="agriseg",
        help="an AgriSeg controller (default), or a relay board",
    )
    parser.add_argument(
        "--udp", type=_udp_port, metavar="PORT", help="relay board: listen on this UDP port"
    )
    parser.add_argument(
        "--board-period-ms",
        type=float,
        default=200.0,
        metavar="MS",
        help="relay board: its own loop (default: 200, as stock boards have it; 0: none)",
    )
    parser.set_defaults(run=run_sim)


def _add_flash(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _action(actions, "flash", "put the firmware on an Arduino Mega 2560", _FLASH)
    _add_port(parser)
    parser.add_argument(
        "--hex", type=Path, metavar="FILE", help="a built firmware (Intel HEX) instead of our own"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commands, touch neither board nor disk"
    )
    parser.set_defaults(run=run_flash)


def _add_monitor(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _action(actions, "monitor", "watch a controller's live state", _MONITOR)
    _add_port(parser)
    _add_seconds(parser, "end after this time (default: at Ctrl-C)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, four a second")
    parser.add_argument(
        "--counts-per-m",
        type=_positive,
        default=COUNTS_PER_M,
        metavar="N",
        help=f"wheel encoder counts per metre (default: {COUNTS_PER_M:g})",
    )
    parser.set_defaults(run=run_monitor)


def _add_test(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _action(actions, "test", "open the valves one by one, with your consent", _TEST)
    _add_port(parser)
    parser.add_argument(
        "--valves", metavar="LIST", help="such as 1-4,7 (default: all, from 1)", default=""
    )
    parser.add_argument(
        "--pulse-ms",
        type=_pulse_ms,
        default=100.0,
        metavar="MS",
        help="how long each valve sprays, 20 to 1000 ms (default: 100)",
    )
    parser.add_argument(
        "--flow-l-min",
        type=_positive,
        metavar="F",
        help="what a nozzle gives at 300 kPa; the controller then also judges the flow",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask: refused unless the controller says that it is simulated",
    )
    parser.set_defaults(run=run_test)


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", required=True, metavar="P", help="serial port, such as /dev/ttyACM0"
    )
    parser.add_argument(
        "--baud",
        type=int,
        choices=BAUDS,
        default=DEFAULT_BAUD,
        metavar="N",
        help=f"the firmware's baud rate (default: {DEFAULT_BAUD})",
    )


def _add_seconds(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--seconds", type=_positive, metavar="N", help=text)


def run_sim(args: argparse.Namespace) -> int:
    """Run a controller without hardware until interrupted.

    Raises
    ------
    ControllerError
        It could not be built or started.
    """
    from agriseg.controller_tools.native_firmware import build_native, missing_for_native
    from agriseg.controller_tools.simulated_board import can_build, run_native, run_reference

    def on_ready(path: str) -> None:
        print(path, flush=True)
        print(
            f"try: agriseg controller monitor --port {path}     (Ctrl-C here ends the controller)",
            file=sys.stderr,
        )

    if args.kind != "agriseg":
        return _run_relay(args)
    if args.udp is not None:
        raise ControllerError("--udp is for relay boards only: give --kind pgn239 or pgn229 too")
    counts_per_s = args.speed * COUNTS_PER_M
    missing = "asked for by --python" if args.python else missing_for_native()
    if not args.python and not can_build():
        missing = f"the native firmware does not run on {sys.platform}"
    _end_by_interrupt()
    if missing:
        print(f"the Python reference controller runs here ({missing})", file=sys.stderr)
        run_reference(16, counts_per_s, args.seconds, on_ready)
    else:
        run_native(build_native(), counts_per_s, args.seconds, on_ready)
    return 0


def _run_relay(args: argparse.Namespace) -> int:
    from agriseg.controller_tools.simulated_board import run_relay_board
    from agriseg.spraying.relay_frames import RelayKind

    _end_by_interrupt()
    run_relay_board(
        RelayKind(args.kind).sections,
        args.board_period_ms,
        udp_port=args.udp,
        seconds=args.seconds,
        say=lambda line: print(line, flush=True),
    )
    return 0


def run_flash(args: argparse.Namespace) -> int:
    """Write the firmware and check that the board answers.

    Raises
    ------
    ControllerError
        avrdude or the compiler is missing, the port cannot be used, or the board does not
        answer afterwards.
    """
    from agriseg.clock import MonotonicClock
    from agriseg.controller_tools import flashing
    from agriseg.controller_tools.board_state import identity_line
    from agriseg.controller_tools.native_firmware import build_hex, hex_path, make_command

    chosen: Path | None = args.hex
    if args.dry_run:
        if chosen is None:
            print(shlex.join(make_command("mega2560")))
        print(shlex.join(flashing.avrdude_command(chosen or hex_path(), args.port)))
        return 0
    if chosen is not None:
        flashing.check_hex(chosen)
    flashing.check_avrdude()
    flashing.check_port(args.port)
    hex_file = build_hex() if chosen is None else chosen
    flashing.check_hex(hex_file)
    print(f"writing {hex_file} to {args.port} ...", flush=True)
    flashing.flash(hex_file, args.port)
    identity = flashing.verify(args.port, args.baud, MonotonicClock())
    print(f"the board answers: {identity_line(identity)}")
    return 0


def run_monitor(args: argparse.Namespace) -> int:
    """Show the live state until interrupted.

    Raises
    ------
    ControllerError
        The port cannot be used, or no AgriSeg controller answers on it.
    """
    from agriseg.controller_tools import monitor

    _end_by_interrupt()
    board = _connected(args)
    try:
        watch = monitor.Monitor(board, args.counts_per_m)
        if args.json:
            monitor.show_json(board, watch, args.seconds, sys.stdout)
        elif sys.stdout.isatty():
            monitor.show_table(board, watch, args.seconds)
        else:
            monitor.show_lines(board, watch, args.seconds, sys.stdout)
    finally:
        board.close()
    return 0


def run_test(args: argparse.Namespace) -> int:
    """Walk the valves; return 1 where one failed.

    Raises
    ------
    ControllerError
        The test could not be done.
    """
    from agriseg.controller_tools import valve_test
    from agriseg.controller_tools.board_state import identity_line

    _end_by_interrupt()
    limits = valve_test.limits_of_a_test(args.baud, args.pulse_ms, args.flow_l_min)
    board = _connected(args, limits)
    try:
        identity = board.identity
        if args.yes and not valve_test.is_simulated(board):
            raise ControllerError(
                f"--yes is refused: {identity.name!r} on {args.port} is a real controller; leave"
                " --yes out and answer for each valve"
            )
        if args.pulse_ms > identity.max_open_ms:
            raise ControllerError(
                f"--pulse-ms is {args.pulse_ms:g}, but the controller opens a valve for at most"
                f" {identity.max_open_ms} ms"
            )
        listed = args.valves or f"1-{identity.valves}"
        valves = valve_test.parse_valves(listed, identity.valves)
        print(identity_line(identity), flush=True)
        board.compare_clocks()
        operator = valve_test.Operator(board, sys.stdin.fileno(), sys.stdout)
        ask = (lambda _: "y") if args.yes else operator.ask
        results = valve_test.ValveTest(board, args.pulse_ms).walk(
            valves, ask, lambda line: print(line, flush=True)
        )
    finally:
        board.close()
    failed = [str(result.valve + 1) for result in results if not result.is_good]
    print(
        f"tested {len(results)} of {len(valves)} valves: "
        + (f"failed: {', '.join(failed)}" if failed else "no fault found")
    )
    return EXIT_FAULT if failed else 0


def _connected(args: argparse.Namespace, limits: Limits | None = None) -> BoardLink:
    from agriseg.clock import MonotonicClock

    board = BoardLink(args.port, args.baud, MonotonicClock(), limits)
    try:
        board.connect()
    except BaseException:
        board.close()
        raise
    return board


def _end_by_interrupt() -> None:
    """Let Ctrl-C and a polite kill end the command through what closes the valves.

    A shell lets its background jobs ignore interrupts; here one is never ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
    return value


def _speed(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 20.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 20 m/s")
    return value


def _udp_port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port between 0 and 65535")
    return value


def _pulse_ms(text: str) -> float:
    value = float(text)
    if not 20.0 <= value <= 1000.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 20 and 1000 ms")
    return value
