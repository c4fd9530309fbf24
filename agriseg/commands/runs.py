"""`agriseg runs`: list recorded runs, look into one, write its report again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.commands import runs_disk, runs_maps
from agriseg.config import Config, load_config

if TYPE_CHECKING:
    from rich.table import Table

_DESCRIPTION = """\
Look at recorded runs. A run that was cut off (a killed program, a dead battery) opens like any
other, and what was recovered is said. Looking changes nothing on the disk."""

_EPILOG = """\
examples:
  agriseg runs list
  agriseg runs show ~/.local/share/agriseg/runs/20260714-091502
  agriseg runs show demo --json
  agriseg runs report demo
  agriseg runs star demo
  agriseg runs clean --dry-run
  agriseg runs export demo --format recording --no-position --out demo-to-share
  agriseg runs export demo --format gpkg --out demo.gpkg
  agriseg runs export demo --format taskdata --out demo.zip
  agriseg runs plan demo --tank 20

What each figure means is in agriseg/recording/SUMMARY.md, what the files hold in FORMAT.md
beside it. The .mcap files open in Foxglove and Lichtblick as they are."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "runs",
        help="list and open recorded runs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_list(actions)
    _add_show(actions)
    _add_report(actions)
    runs_disk.add_actions(actions)
    runs_maps.add_actions(actions)


def _add_list(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("list", help="all runs, oldest first")
    parser.add_argument(
        "--dir", type=Path, metavar="D", help="folder of runs (default: the configured one)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    parser.set_defaults(run=list_runs)


def _add_show(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "show", help="the figures of one run, recomputed from its recording"
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of the run")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.set_defaults(run=show_run)


def _add_report(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("report", help="write summary.json and report.html of a run again")
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of the run")
    parser.set_defaults(run=report_run)


def list_runs(arguments: argparse.Namespace) -> int:
    """Print a table of all runs."""
    from rich.console import Console
    from rich.table import Table

    from agriseg.recording.run_directories import find_runs, runs_directory

    config = load_config(arguments.config) if arguments.config else Config()
    root: Path = arguments.dir or runs_directory(config)
    runs = find_runs(root)
    console = Console()
    if not runs:
        console.print(
            f"There are no runs in {root}; `agriseg run --headless` records one.", soft_wrap=True
        )
        return 0
    table = Table(title=f"Runs in {root}", title_justify="left")
    for name in ("run", "started", "length", "pictures", "size", "state"):
        table.add_column(
            name, justify="right" if name in ("length", "pictures", "size") else "left"
        )
    for run in runs:
        table.add_row(*_list_row(run))
    console.print(table)
    return 0


def _list_row(directory: Path) -> tuple[str, ...]:
    from agriseg.errors import RecordingError
    from agriseg.recording.reader import open_run
    from agriseg.recording.run_directories import size_of

    size = f"{size_of(directory) / 1e6:,.1f} MB"
    try:
        with open_run(directory) as run:
            state = "whole" if run.recovery.is_whole else "cut off"
            return (
                directory.name + (" *" if run.starred else ""),
                run.info.started_at.astimezone().strftime("%Y-%m-%d %H:%M"),
                f"{run.duration_s:,.1f} s",
                f"{run.frame_count:,}",
                size,
                state,
            )
    except RecordingError as error:
        return (directory.name, "", "", "", size, f"cannot be opened: {error}")


def show_run(arguments: argparse.Namespace) -> int:
    """Print the figures of one run."""
    from rich.console import Console

    from agriseg.recording.report import read_summary

    summary, _ = read_summary(arguments.directory)
    if arguments.json:
        print(json.dumps(summary, indent=2))
        return 0
    console = Console()
    console.print(_summary_table(summary))
    console.print(summary["recording"]["sentence"], soft_wrap=True)
    for problem in summary["recording"]["problems"]:
        console.print(problem, soft_wrap=True)
    return 0


def report_run(arguments: argparse.Namespace) -> int:
    """Write summary and report of one run."""
    from agriseg.recording.report import write_report

    report = write_report(arguments.directory)
    print(report.summary["recording"]["sentence"])
    print(f"Report: {report.report_path}")
    print(f"Figures: {report.summary_path}")
    return 0


def _summary_table(summary: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title=f"Run {summary['run']}", title_justify="left", show_header=False)
    for name, value in _rows(summary):
        table.add_row(name, value)
    return table


def _rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    from agriseg.recording.report import number, percent
    from agriseg.recording.words import MISSED_REASONS

    litres, pulses, stages = summary["litres"], summary["pulses"], summary["stage_ms"]
    rows = [
        ("started", summary["started_at"]),
        ("length", f"{number(summary['duration_s'], 1)} s"),
        ("driven", f"{number(summary['distance_m'], 1)} m, {number(summary['area_m2'], 1)} m²"),
        ("ground sprayed", percent(summary["sprayed_area_fraction"], 2)),
        (
            "litres",
            f"commanded {number(litres['commanded'], 4)}, confirmed"
            f" {number(litres['confirmed'], 4)}, measured {number(litres['measured'], 4)}",
        ),
        (
            "saved",
            f"{percent(summary['saving_fraction'])} of {number(litres['baseline'], 3)} l:"
            f" {summary['saving_baseline']}",
        ),
        (
            "pulses",
            f"commanded {number(pulses['commanded'])}, confirmed {number(pulses['confirmed'])},"
            f" failed {number(pulses['failed'])}, unanswered {number(pulses['unanswered'])}",
        ),
        ("weeds found", number(summary["weeds_seen"])),
    ]
    if summary["truth_score"] is not None:
        rows += _truth_rows(summary)
    rows += [
        (f"missed: {reason}", f"{number(count)} ({MISSED_REASONS.get(reason, reason)})")
        for reason, count in summary["missed"].items()
    ]
    rows += [
        ("frames", f"{number(summary['frames'])}, {number(summary['frames_dropped'])} dropped"),
        ("overhead p50, p95", _ms(summary["overhead_ms"])),
        *((f"stage {name} p50, p95", _ms(times)) for name, times in stages.items()),
        ("alarms and stops", number(len(summary["alarms"]))),
        ("segmenter", summary["segmenter"] or "none"),
    ]
    return rows


def _truth_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    from agriseg.recording.report import number, percent

    error = summary["position_error_mm"] or {}
    return [
        (
            "weeds hit",
            f"{percent(summary['weeds_hit_fraction'], 2)} ({number(summary['weeds_hit'])} of"
            f" {number(summary['weeds_reachable'])} reachable, {number(summary['weeds_total'])}"
            " in all)",
        ),
        ("crop area sprayed", percent(summary["crop_area_sprayed_fraction"], 3)),
        (
            "position error p50, p95, p99",
            ", ".join(number(error.get(name), 1) for name in ("p50", "p95", "p99")) + " mm",
        ),
    ]


def _ms(times: dict[str, float | None]) -> str:
    from agriseg.recording.report import number

    return f"{number(times['p50'], 2)}, {number(times['p95'], 2)} ms"
