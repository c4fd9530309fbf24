"""`agriseg runs star`, `unstar`, `delete` and `clean`: which recordings stay on the disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from agriseg.config import Config, load_config

_CLEAN = """\
Delete the oldest runs until the rest fits the disk budget (recording.max_disk_gb). Starred runs
stay, and so does a run that was written to within the last two minutes. Recording does the same
by itself."""


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to `agriseg runs`."""
    star = actions.add_parser("star", help="keep a run whatever the disk budget says")
    _add_directories(star)
    star.add_argument("--remove", action="store_true", help="take the star away")
    star.set_defaults(run=star_runs)
    unstar = actions.add_parser("unstar", help="let the disk budget decide on a run again")
    _add_directories(unstar)
    unstar.set_defaults(run=star_runs, remove=True)
    delete = actions.add_parser("delete", help="delete runs that are not starred, for good")
    _add_directories(delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=delete_runs)
    clean = actions.add_parser("clean", help="delete the oldest runs", description=_CLEAN)
    clean.add_argument(
        "--dir", type=Path, metavar="D", help="folder of runs (default: the configured one)"
    )
    clean.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    clean.add_argument(
        "--max-gb", type=float, metavar="GB", help="instead of the configured budget"
    )
    clean.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    clean.set_defaults(run=clean_runs)


def _add_directories(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directories", type=Path, nargs="+", metavar="DIR", help="directories of runs"
    )


def star_runs(arguments: argparse.Namespace) -> int:
    """Star runs, or take their stars away."""
    from agriseg.recording.run_directories import set_starred

    for directory in arguments.directories:
        set_starred(directory, not arguments.remove)
    return 0


def delete_runs(arguments: argparse.Namespace) -> int:
    """Delete runs, after a question."""
    from agriseg.recording.run_directories import delete_run, size_of

    if not arguments.yes:
        size = sum(size_of(directory) for directory in arguments.directories)
        names = ", ".join(directory.name for directory in arguments.directories)
        try:
            answer = input(f"Delete {names} ({size / 1e6:,.1f} MB) for good? [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    for directory in arguments.directories:
        freed = delete_run(directory)
        print(f"Deleted {directory}: {freed / 1e6:,.1f} MB")
    return 0


def clean_runs(arguments: argparse.Namespace) -> int:
    """Bring the runs within the disk budget; 1 where that is not possible."""
    from agriseg.recording.run_directories import DiskBudget, runs_directory, size_of

    config = load_config(arguments.config) if arguments.config else Config()
    max_gb = config.recording.max_disk_gb if arguments.max_gb is None else arguments.max_gb
    root: Path = arguments.dir or runs_directory(config)
    budget = DiskBudget(root=root, max_bytes=round(max_gb * 1e9))
    leaving, excess = budget.plan()
    verb = "Would delete" if arguments.dry_run else "Delete"
    for run in leaving:
        print(f"{verb} {run}: {size_of(run) / 1e6:,.1f} MB")
    if not arguments.dry_run:
        _, excess = budget.clean_up(keep=[])
    if not leaving and not excess:
        print(f"The runs in {root} are within {max_gb:g} GB.")
    if excess:
        print(
            f"{excess / 1e9:.2f} GB more than {max_gb:g} GB are left, in starred or recent runs:"
            " unstar some with `agriseg runs unstar`, or raise recording.max_disk_gb."
        )
    return 1 if excess else 0
