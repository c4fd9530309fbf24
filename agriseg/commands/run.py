"""`agriseg run`: a whole run, from the camera to the valves, with or without a window."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.config import Config, load_config, parse_config
from agriseg.errors import ConfigError

if TYPE_CHECKING:
    from agriseg.headless import HeadlessResult

_DESCRIPTION = """\
Run the field engine from camera to valves and write a report.

On the simulated field time is virtual unless --realtime is given: the run is deterministic and
as fast as this computer allows, and the simulated controller takes the same protocol bytes as a
real one. With --realtime the simulated controller runs as its own process on a pseudo-terminal;
with --port pulses go to the controller on that serial port."""

_EPILOG = """\
examples:
  agriseg run --world sim --seconds 30 --headless --out demo
  agriseg run --world photos/ --speed 1 --seconds 60 --headless --out demo
  agriseg run --world sim --segmenter truth --speed 6 --seconds 30 --headless --out demo
  agriseg run --config robot.toml --port /dev/ttyACM0 --seconds 600 --headless --out run-7

DIR/summary.json holds the figures, DIR/report.html the report; what each figure means is in
agriseg/recording/SUMMARY.md."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="run from camera to valves, with a report",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--world",
        metavar="sim|PATH",
        help="ground below the simulated robot: the procedural field, or a folder with images/"
        " and masks/ that is laid out as ground",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=30.0, metavar="N", help="length (default: 30)"
    )
    parser.add_argument(
        "--speed", type=float, metavar="M_S", help="speed of the simulated robot in m/s"
    )
    parser.add_argument(
        "--profile",
        type=_speed_profile,
        metavar="T:V,...",
        help="speed profile: from T seconds on, reach V m/s at 1.5 m/s², e.g. 0:1,4:3,8:1",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the simulated field")
    parser.add_argument(
        "--segmenter",
        choices=("network", "exg", "truth"),
        help="what finds weeds: the network, the colour index, or the field's true labels",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--camera", metavar="SOURCE", help="a real camera, video or folder")
    parser.add_argument("--port", metavar="PORT", help="serial port of a real controller")
    parser.add_argument(
        "--realtime", action="store_true", help="real time, controller in its own process"
    )
    parser.add_argument(
        "--boundary",
        metavar="FILE",
        help="spray inside this field boundary and outside its no-spray zones only: GeoJSON,"
        " GeoPackage, shapefile, KML, or ISOXML task data",
    )
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="directory of the run (default: a new one)"
    )
    parser.set_defaults(run=run)


def config_from_arguments(arguments: argparse.Namespace) -> Config:
    """Return the configuration file's values with the command line's on top.

    Raises
    ------
    ConfigError
        A value cannot be used, or two options contradict each other.
    """
    config = load_config(arguments.config) if arguments.config else Config()
    data = config.model_dump(mode="json", exclude_defaults=True)
    if arguments.camera and arguments.world:
        raise ConfigError("--camera and --world exclude each other: give one of them")
    _set(data, "simulation", "world", arguments.world)
    _set(data, "simulation", "speed_m_s", arguments.speed)
    _set(data, "simulation", "speed_profile", arguments.profile)
    _set(data, "simulation", "seed", arguments.seed)
    _set(data, "model", "method", arguments.segmenter)
    _set(data, "controller", "port", arguments.port)
    _set(data, "boundary", "file", arguments.boundary)
    _set(data, "camera", "source", "sim" if arguments.world else arguments.camera)
    return parse_config(data, source="command line")


def run(arguments: argparse.Namespace) -> int:
    """Run headless and print what came out."""
    from agriseg.headless import run_headless

    config = config_from_arguments(arguments)
    result = run_headless(
        config, seconds=arguments.seconds, out=arguments.out, realtime=arguments.realtime
    )
    _print_result(result)
    return 0


def _set(data: dict[str, Any], section: str, key: str, value: object) -> None:
    if value is not None:
        data.setdefault(section, {})[key] = value


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value <= 86400.0:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 86400 seconds")
    return value


def _speed_profile(text: str) -> list[dict[str, float]]:
    steps = []
    for part in text.split(","):
        time_text, _, speed_text = part.partition(":")
        try:
            steps.append({"t_s": float(time_text), "speed_m_s": float(speed_text)})
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} is not TIME:SPEED, such as 4:2.5") from None
    return steps


def _print_result(result: HeadlessResult) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="What the run did", show_header=False, title_justify="left")
    for name, value in result.figures():
        table.add_row(name, value)
    console = Console()
    console.print(table)
    console.print(f"Report: {result.report_path}", soft_wrap=True)
    console.print(f"Figures: {result.summary_path}", soft_wrap=True)
