"""``agriseg calibrate``: measure the machine on the command line, look back, take back."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.commands.calibrate_files import add_files
from agriseg.config import Config, load_config

if TYPE_CHECKING:
    from agriseg.calibration.profiles import Profiles
    from agriseg.calibration.store import CalibrationStore

_DESCRIPTION = """\
Calibrate the machine: lens, camera pose, nozzles, valves, flow, wheel. Every step says what to
do, shows old and new values with their uncertainty (95 %), and changes nothing before you
accept. The window's page Calibrate does the same with large keys and the live picture.

steps: camera, ground, and those that `agriseg calibrate list` names"""

_EPILOG = """\
examples:
  agriseg calibrate board --out board.pdf              print this at 100 %, glue it flat
  agriseg calibrate camera --config robot.toml         live; views are taken by themselves
  agriseg calibrate camera --config robot.toml --images photos/
  agriseg calibrate ground --config robot.toml --set ahead_mm=1450 --set left_mm=0
  agriseg calibrate ground --mark 120,500 --mark 840,500   watch the camera by these parts
  agriseg calibrate latency --set slow_m_s=0.5 --set fast_m_s=2
  agriseg calibrate flow --cups 402,398,-,405          or you are asked cup by cup
  agriseg calibrate boom-file --export boom-3m.toml
  agriseg calibrate certificate --out .                the newest verification, PDF and HTML
  agriseg calibrate list                               what is due
  agriseg calibrate undo ground                        what was in force before is so again
  agriseg calibrate profile new "boom 3m"              another machine or boom

Without --config the simulated machine is calibrated, in a profile of its own. The files are
described in agriseg/calibration/FORMAT.md."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    from agriseg.calibration.catalogue import STEPS

    parser = subparsers.add_parser(
        "calibrate",
        help="measure lens, pose, nozzles, latencies, flow and wheel; history and undo",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions and steps", metavar="STEP", required=True)
    for name, text, function in (
        ("list", "every step with its state", _list),
        ("show", "the values in force, with their uncertainty", _show),
    ):
        _with_config(actions.add_parser(name, help=text)).set_defaults(run=function)
    history = _with_config(actions.add_parser("history", help="all that was ever accepted"))
    history.add_argument("step", nargs="?", metavar="STEP", help="of this step only")
    history.set_defaults(run=_history)
    undo = _with_config(actions.add_parser("undo", help="take the newest of a step back"))
    undo.add_argument("step", metavar="STEP")
    undo.set_defaults(run=_undo)
    _add_profile(actions)
    _add_board(actions)
    add_files(actions)
    for info in STEPS:
        _add_step(actions, info.name, info.purpose)


def _with_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    return parser


def _add_step(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, purpose: str
) -> None:
    step = _with_config(actions.add_parser(name, help=purpose, description=purpose))
    step.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="enter a number or a choice; without any, the step's fields are printed",
    )
    step.add_argument("--accept", action="store_true", help="accept the result without asking")
    step.add_argument("--operator", default="", metavar="NAME", help="who accepts it")
    step.add_argument(
        "--seconds", type=float, default=300.0, metavar="N", help="give up after (default: 300)"
    )
    if name == "camera":
        step.add_argument(
            "--images", type=Path, metavar="DIR", help="photographs of the board instead of live"
        )
    if name == "ground":
        step.add_argument(
            "--corners",
            nargs=4,
            metavar="U,V",
            help="the rectangle in the picture, px: near left, far left, far right, near right",
        )
        step.add_argument(
            "--mark",
            action="append",
            metavar="U,V",
            help="a fixed part of the machine in the picture, px, to watch the camera by at work;"
            " may be given up to 6 times, those of before are looked for by themselves",
        )
    if name == "flow":
        step.add_argument(
            "--cups",
            metavar="ML,...",
            help="what each cup holds, left to right; - leaves one out; else you are asked",
        )
    step.set_defaults(run=_step, step=name, images=None, corners=None, cups=None, mark=None)


def _add_profile(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    profile = actions.add_parser("profile", help="several machines or booms: list, choose, copy")
    does = profile.add_subparsers(metavar="ACTION", required=True)
    _with_config(does.add_parser("list", help="all profiles")).set_defaults(run=_profile_list)
    for name, text, function in (
        ("use", "use this one from now on", _profile_use),
        ("new", "make an empty one", _profile_new),
        ("export", "write one with its history to a file", _profile_export),
        ("import", "take one over from a file", _profile_import),
    ):
        action = _with_config(does.add_parser(name, help=text))
        action.add_argument("name", metavar="NAME")
        if name in ("export", "import"):
            action.add_argument("file", type=Path, metavar="FILE")
        if name == "new":
            action.add_argument("--serial", default="", help="the machine's serial number")
        action.set_defaults(run=function)


def _add_board(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    board = actions.add_parser("board", help="the board for the camera step, as a PDF")
    board.add_argument("--out", type=Path, required=True, metavar="FILE")
    board.add_argument("--paper", choices=("A4", "A3", "A2", "A1"), default="A4")
    board.add_argument("--kind", choices=("charuco", "checkerboard"), default="charuco")
    board.set_defaults(run=_board)


def _configured(args: argparse.Namespace) -> Config:
    return load_config(args.config) if args.config else Config()


def _store(config: Config) -> CalibrationStore:
    from agriseg.calibration.profiles import open_store

    return open_store(config)


def _list(args: argparse.Namespace) -> int:
    from agriseg.calibration.due import step_statuses
    from agriseg.calibration.overlay import calibrated
    from agriseg.calibration.profiles import profile_name

    config = _configured(args)
    store = _store(config)
    statuses = step_statuses(config, calibrated(config, store), store.in_force(), datetime.now(UTC))
    sys.stdout.write(f"profile {profile_name(config)}: {store.path}\n")
    for status in statuses:
        sys.stdout.write(f"{status.info.name:14} {status.state.value:10} {status.text}\n")
    if store.damage:
        sys.stdout.write(f"{store.damage}\n")
    return 0


def _show(args: argparse.Namespace) -> int:
    from agriseg.calibration.overlay import calibrated

    config = _configured(args)
    store = _store(config)
    result = calibrated(config, store)
    for entry in result.applied:
        sys.stdout.write(f"{entry.step}, {entry.accepted_at:%Y-%m-%d}: {entry.method}\n")
        for value in entry.values:
            sure = f" ± {2 * value.std:.4g}" if value.std > 0.0 else ""
            sys.stdout.write(f"  {value.key} = {_number(value.value)}{sure}\n")
    for reason in result.left_out.values():
        sys.stdout.write(f"not in force: {reason}\n")
    if not result.applied:
        sys.stdout.write("nothing is calibrated: the configuration's values are in force\n")
    return 0


def _history(args: argparse.Namespace) -> int:
    store = _store(_configured(args))
    undone = store.undone()
    for entry in store.history(args.step):
        state = "taken back" if entry.entry_id in undone else "accepted"
        sys.stdout.write(
            f"{entry.entry_id:4} {entry.accepted_at.astimezone():%Y-%m-%d %H:%M} {entry.step:14}"
            f" {state:10} {entry.method}, {entry.observations} observations\n"
        )
        for value in entry.values:
            sys.stdout.write(
                f"       {value.key}: {_number(value.before)} -> {_number(value.value)}\n"
            )
    return 0


def _undo(args: argparse.Namespace) -> int:
    entry = _store(_configured(args)).undo(args.step, datetime.now(UTC))
    sys.stdout.write(f"{entry.step} of {entry.accepted_at:%Y-%m-%d %H:%M} UTC is taken back\n")
    return 0


def _profile_list(args: argparse.Namespace) -> int:
    from agriseg.calibration.profiles import profile_name

    config = _configured(args)
    used = profile_name(config)
    for name in sorted({*_profiles(config).names, used}):
        sys.stdout.write(f"{'*' if name == used else ' '} {name}\n")
    return 0


def _profile_use(args: argparse.Namespace) -> int:
    _profiles(_configured(args)).choose(args.name)
    sys.stdout.write(f"{args.name} is used from the next start on\n")
    return 0


def _profile_new(args: argparse.Namespace) -> int:
    store = _profiles(_configured(args)).create(args.name, args.serial)
    sys.stdout.write(f"{store.path}: made; choose it with `agriseg calibrate profile use`\n")
    return 0


def _profile_export(args: argparse.Namespace) -> int:
    _profiles(_configured(args)).export_file(args.name, args.file)
    sys.stdout.write(f"{args.file}: written\n")
    return 0


def _profile_import(args: argparse.Namespace) -> int:
    store = _profiles(_configured(args)).import_file(args.file, args.name)
    sys.stdout.write(f"{store.path}: {len(store.history())} calibrations taken over\n")
    return 0


def _profiles(config: Config) -> Profiles:
    from agriseg.calibration.profiles import Profiles, calibration_folder

    return Profiles(calibration_folder(config))


def _board(args: argparse.Namespace) -> int:
    from agriseg.calibration.board_print import board_for, write_board

    board = board_for(args.paper, args.kind)
    write_board(board, args.out, args.paper)
    sys.stdout.write(
        f"{args.out}: {board.columns} x {board.rows} squares of {board.square_mm:g} mm on"
        f" {args.paper}; print at 100 % and check the ruler\n"
    )
    return 0


def _step(args: argparse.Namespace) -> int:
    from agriseg.commands.calibrate_step import StepRun, run_step

    return run_step(
        StepRun(
            step=args.step,
            configured=_configured(args),
            entries=tuple(args.set),
            images=args.images,
            corners=tuple(args.corners or ()),
            marks=tuple(args.mark or ()),
            cups=tuple(args.cups.split(",")) if args.cups else (),
            accept=args.accept,
            operator=args.operator,
            give_up_s=args.seconds,
        )
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
