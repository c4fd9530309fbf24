"""`agriseg replay`: decide on recorded runs again, as they were or with other settings."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agriseg.replay.judging import ReplayFigures
    from agriseg.replay.settings import ReplaySettings
    from agriseg.replay.sweep import RunOutcomes

_DESCRIPTION = """\
Decide on recorded runs again. Without changes, every pulse must come out as it did, and whether
it did is said. With --set, --model or --curve: what other settings would have done, against the
weeds and the crop that were seen. Nothing is sprayed and no recording is changed. Figures are by
commanded pulses, also those of the original."""

_EPILOG = """\
examples:
  agriseg replay demo
  agriseg replay demo --set sensitivity=0.7 --set weed_margin_m=0.03
  agriseg replay demo --curve sensitivity=0.1:0.9:0.1 --out curve
  agriseg replay demo --set speed=1.5
  agriseg replay demo --model models/other
  agriseg replay ~/runs/2026* --curve latency_ms=0:200:50 --workers 8
  agriseg replay /farm/runs/* --set nozzle_pitch_m=0.08 --cluster tcp://head:8786

settings: sensitivity, mode, weed_margin_m, crop_margin_m, min_weed_area_m2, nozzle_pitch_m,
speed (a factor), latency_ms (added to what it was), and any key below spray and boom."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="decide on recorded runs again, with other settings",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="directory of a run")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting"
    )
    parser.add_argument(
        "--model",
        default="",
        metavar="M",
        help="a model that looks at the pictures: folder, name or exg",
    )
    parser.add_argument(
        "--curve", metavar="NAME=FROM:TO:STEP", help="replay once for each value of a setting"
    )
    parser.add_argument(
        "--out", type=Path, metavar="D", help="write replay.csv and curves.svg here"
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes (default: as many as there are cores)",
    )
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="a Dask scheduler instead of this computer"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay, print, write; 1 where a run could not be replayed or came out otherwise."""
    from agriseg.commands.progress_line import progress_line
    from agriseg.replay.sweep import sweep
    from agriseg.replay.what_if import ReplayCancelled

    settings = _settings(args)
    try:
        with progress_line() as progress:
            results = sweep(
                args.runs,
                settings,
                workers=args.workers,
                cluster=args.cluster,
                progress=progress,
            )
    except (KeyboardInterrupt, ReplayCancelled):
        print("\nGiven up; nothing was written.", file=sys.stderr)
        return 130
    rows = _rows(results, settings)
    if args.out is not None:
        from agriseg.replay.tables import write_tables

        write_tables(args.out, rows, args.curve.partition("=")[0] if args.curve else "")
        print(f"Written: {args.out}", file=sys.stderr)
    if args.json:
        print(json.dumps([_plain(result) for result in results], indent=2))
    else:
        _print(results, rows)
    failed = any(result.problem for result in results)
    differs = any(result.original and result.original.same_pulses is False for result in results)
    return 1 if failed or differs else 0


def _settings(args: argparse.Namespace) -> list[ReplaySettings]:
    from agriseg.replay.settings import (
        ReplaySettings,
        curve_settings,
        parse_curve,
        parse_setting,
    )

    base = ReplaySettings(model=str(args.model))
    for text in args.set:
        base = parse_setting(base, text)
    if args.curve:
        return curve_settings(base, *parse_curve(args.curve))
    return [] if base.is_unchanged else [base]


Row = tuple[str, float | None, "ReplayFigures"]


def _rows(results: Sequence[RunOutcomes], settings: Sequence[ReplaySettings]) -> list[Row]:
    """Return the original and each setting, summed over the runs: words, curve value, figures."""
    from agriseg.replay.sweep import summed_figures

    good = [result for result in results if result.original is not None]
    if not good:
        return []
    originals = [result.original for result in good if result.original is not None]
    rows: list[Row] = [("as it was", None, summed_figures(originals))]
    for index, setting in enumerate(settings):
        outcomes = [result.outcomes[index] for result in good]
        rows.append((setting.words(), setting.number, summed_figures(outcomes)))
    return rows


def _print(results: Sequence[RunOutcomes], rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for result in results:
        for line in _sentences(result):
            console.print(f"{result.run.name}: {line}", soft_wrap=True, highlight=False)
    if not rows:
        return
    table = Table()
    for name in ("setting", "pulses", "litres", "weeds missed", "of weeds", "crop sprayed", "late"):
        table.add_column(name, justify="left" if name == "setting" else "right")
    for words, _, figures in rows:
        crop = figures.crop_sprayed_m2 / figures.crop_m2 if figures.crop_m2 > 0.0 else 0.0
        table.add_row(
            words,
            f"{figures.pulses:,}",
            f"{figures.litres:.3f}",
            f"{figures.weeds_missed:,}",
            f"{figures.weeds:,}",
            f"{100.0 * crop:.2f} %",
            f"{figures.missed_late:,}",
        )
    console.print(table)


def _sentences(result: RunOutcomes) -> list[str]:
    if result.original is None:
        return [result.problem]
    said = []
    if result.original.same_pulses is not None and not result.original.notes:
        said.append(
            "decided again, every pulse is the same."
            if result.original.same_pulses
            else "decided again, the pulses differ: another version of AgriSeg or of its libraries"
            " decides otherwise."
        )
    return said + [f"not exact: {note}." for note in result.original.notes]


def _plain(result: RunOutcomes) -> dict[str, Any]:
    def outcome(value: Any) -> dict[str, Any]:
        return {
            "settings": value.settings.words(),
            "same_pulses": value.same_pulses,
            "notes": list(value.notes),
            **asdict(value.figures),
        }

    return {
        "run": str(result.run),
        "problem": result.problem,
        "original": None if result.original is None else outcome(result.original),
        "replays": [outcome(value) for value in result.outcomes],
    }
