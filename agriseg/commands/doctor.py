"""``agriseg doctor``: what is missing on this computer and how to mend it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.config import Config, load_config

if TYPE_CHECKING:
    from agriseg.diagnosis import Finding

EXIT_PROBLEM = 2

_DESCRIPTION = """\
Look at Python, Qt, the display, the model and its runtimes, cameras, serial ports, disk and
configuration; say what was found and how to mend what is wrong. Nothing is changed and no
device is opened.

Exit status: 0 when AgriSeg can run as configured (built in: on the simulated field), 2 when a
problem prevents it. Warnings do not prevent it."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what is missing on this computer and how to mend it",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        dest="doctor_config",
        type=Path,
        metavar="FILE",
        help="judge with this configuration: its camera, port, model and run folder",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; return 2 where a problem was found.

    Raises
    ------
    ConfigError
        The configuration file cannot be used.
    """
    path: Path | None = args.doctor_config
    config = load_config(path) if path is not None else Config()

    from agriseg.diagnosis import Level, diagnose

    findings = diagnose(config, path)
    if args.json:
        print(json.dumps(to_json(findings), indent=2))
    else:
        print_findings(findings)
    return EXIT_PROBLEM if any(f.level is Level.PROBLEM for f in findings) else 0


def to_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return the findings as plain values."""
    return [{**asdict(finding), "level": finding.level.value} for finding in findings]


def print_findings(findings: Sequence[Finding]) -> None:
    """Print one finding a row, what to do below what was found."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        word = finding.level.value
        table.add_row(Text(word, style=styles[word]), finding.subject, Text(finding.found))
        if finding.mend:
            table.add_row("", "", Text(f"→ {finding.mend}", style="italic"))
    console = Console(file=sys.stdout, highlight=False)
    console.print(table)
    console.print(Text(_verdict([finding.level.value for finding in findings])))


def _verdict(levels: Sequence[str]) -> str:
    problems, warnings = levels.count("problem"), levels.count("warning")
    if problems:
        return f"\nProblems that keep AgriSeg from running: {problems}; mend them first."
    if warnings:
        return f"\nAgriSeg can run. Warnings about what it will do without: {warnings}."
    return "\nAll is well."
