"""``agriseg labels list``, ``state`` and ``stats``: what a project holds, and how far it is."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.commands.labels_progress import shown_progress

if TYPE_CHECKING:
    from agriseg.labelling.project import LabelProject
    from agriseg.labelling.statistics import ProjectStatistics

STATES = ("to do", "in work", "done", "reviewed")


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to ``agriseg labels``."""
    listing = actions.add_parser("list", help="its pictures with their states")
    listing.add_argument("project", type=Path, metavar="PROJECT")
    listing.add_argument("--state", choices=STATES, help="of this state only")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=run_list)
    state = actions.add_parser(
        "state",
        help="say how far pictures are",
        description="Set the state of pictures. Training reads those that are done or reviewed.",
    )
    state.add_argument("project", type=Path, metavar="PROJECT")
    state.add_argument("state", choices=STATES)
    state.add_argument("pictures", nargs="*", metavar="PICTURE", help="names, as list has them")
    state.add_argument("--all", action="store_true", help="all pictures of the project")
    state.add_argument("--who", default="", metavar="NAME", help="who says it (default: account)")
    state.set_defaults(run=run_state)
    stats = actions.add_parser("stats", help="ground and plants by class, time of work")
    stats.add_argument("project", type=Path, metavar="PROJECT")
    stats.add_argument("--json", action="store_true", help="as JSON")
    stats.set_defaults(run=run_stats)


def run_list(args: argparse.Namespace) -> int:
    """List the pictures."""
    from agriseg.labelling.project import LabelProject

    project = LabelProject.look(args.project)
    entries = [
        entry for entry in project.pictures.values() if args.state in (None, entry.state.value)
    ]
    if args.json:
        sys.stdout.write(json.dumps([asdict(entry) for entry in entries], indent=1) + "\n")
        return 0
    missing = set(project.missing())
    for entry in entries:
        note = "  file is missing: `agriseg labels relink`" if entry.stem in missing else ""
        sys.stdout.write(
            f"{entry.state.value:9} {entry.width_px:5}x{entry.height_px:<5} "
            f"{_minutes(entry.work_s):>7}  {entry.stem}{note}\n"
        )
    counts = {
        state: sum(e.state.value == state for e in project.pictures.values()) for state in STATES
    }
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    sys.stdout.write(f"{len(project.pictures)} pictures: {summary}\n")
    return 0


def run_state(args: argparse.Namespace) -> int:
    """Set the state of pictures."""
    from agriseg.errors import LabelError
    from agriseg.labelling.pictures import PictureState
    from agriseg.labelling.project import LabelProject

    if bool(args.pictures) == args.all:
        raise LabelError("name the pictures whose state is to be set, or give --all; not both")
    with LabelProject.edit(args.project, who=args.who) as project:
        stems = list(project.pictures) if args.all else args.pictures
        unknown = [stem for stem in stems if stem not in project.pictures]
        if unknown:
            raise LabelError(
                f"{args.project}: there is no picture {unknown[0]!r}; `agriseg labels list "
                f"{args.project}` names them"
            )
        project.set_states(stems, PictureState(args.state))
    sys.stdout.write(f"{len(stems)} pictures are now {args.state}\n")
    return 0


def run_stats(args: argparse.Namespace) -> int:
    """Print the statistics."""
    from agriseg.labelling.project import LabelProject
    from agriseg.labelling.statistics import project_statistics

    project = LabelProject.look(args.project)
    with shown_progress("counting") as show:
        found = project_statistics(project, show)
    if args.json:
        sys.stdout.write(json.dumps(_plain(asdict(found)), indent=1) + "\n")
    else:
        _print_statistics(project, found)
    return 0


def _print_statistics(project: LabelProject, found: ProjectStatistics) -> None:
    states = ", ".join(f"{count} {state.value}" for state, count in found.states.items())
    write = sys.stdout.write
    write(f"{project.name}: {sum(found.states.values())} pictures: {states}\n")
    write(f"labels of {found.counted} pictures that are begun or finished:\n")
    write(f"  {'class':16} {'ground':>9} {'pictures':>9} {'plants':>7} {'median plant':>13}\n")
    for one in found.classes:
        plant = f"{one.median_plant_px:,.0f} px" if one.plants else "-"
        write(
            f"  {one.name:16} {one.share:8.2%} {one.pictures:9} {one.plants or '-':>7} "
            f"{plant:>13}\n"
        )
    write(f"stems: {found.stems}\n")
    each = (
        ""
        if isnan(found.seconds_per_picture)
        else (f", {_minutes(found.seconds_per_picture)} for each finished picture")
    )
    write(f"work: {_minutes(found.work_s)}{each}\n")
    for name, count in found.by_labeller.items():
        write(f"  {name}: {count} pictures finished\n")


def _minutes(seconds: float) -> str:
    return "-" if seconds == 0.0 else f"{int(seconds // 60)}:{int(seconds % 60):02} min"


def _plain(value: Any) -> Any:
    """Return it with None for NaN, and words for states: what JSON can hold."""
    if isinstance(value, dict):
        return {str(getattr(key, "value", key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and isnan(value) else value
