"""The command line: ``agriseg SUBCOMMAND``; errors are one sentence and exit status 2."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from agriseg.commands import (
    benchmark,
    calibrate,
    compare,
    config,
    controller,
    doctor,
    evaluate,
    export,
    labels,
    learn,
    models,
    replay,
    run,
    runs,
    segment,
    train,
)
from agriseg.errors import AgrisegError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_DESCRIPTION = """\
AgriSeg sees weeds, decides, and times the spray of a field robot.

Without a subcommand the window opens: on the simulated field, or on the camera and
controller that the configuration names."""

_EPILOG = """\
examples:
  agriseg                                          open the window (simulated field)
  agriseg --config robot.toml                      open it on your camera and controller
  agriseg run --world sim --seconds 30 --out demo  a whole run without a window
  agriseg segment photos/ --out labels             label masks for a folder of images
  agriseg controller sim                           a sprayer controller without hardware
  agriseg calibrate camera                         measure the lens; nothing changes unasked
  agriseg doctor                                   what is missing on this computer

Exit status: 0 done, 2 bad input (one sentence says what and how to mend it), 130 interrupted."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="agriseg",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"agriseg {program_version()}")
    parser.add_argument(
        "--config", metavar="FILE", help="configuration for the window (see `agriseg config`)"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="write the program's log to standard error"
    )
    subparsers = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", dest="subcommand")
    for module in (
        run,
        segment,
        runs,
        replay,
        labels,
        train,
        learn,
        evaluate,
        compare,
        export,
        benchmark,
        models,
        controller,
        calibrate,
        config,
        doctor,
    ):
        module.add_parser(subparsers)
    return parser


def program_version() -> str:
    """Return the installed version, ``unknown`` when run without being installed."""
    try:
        return version("agriseg")
    except PackageNotFoundError:
        return "unknown"


def main(argv: Sequence[str]) -> int:
    """Run one subcommand and return the exit status."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.subcommand is None:
        parser.print_help()
        return EXIT_BAD_INPUT
    return run_guarded(arguments)


def run_guarded(arguments: argparse.Namespace) -> int:
    """Run the chosen subcommand; say expected errors in one sentence."""
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        status: int = arguments.run(arguments)
    except AgrisegError as error:
        sys.stderr.write(f"agriseg: {error}\n")
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("agriseg: interrupted\n")
        return EXIT_INTERRUPTED
    return status
