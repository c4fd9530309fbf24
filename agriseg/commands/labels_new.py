"""``agriseg labels new``, ``add`` and ``relink``: pictures come into a label project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.commands.labels_progress import shown_progress

if TYPE_CHECKING:
    from agriseg.labelling.project import LabelProject


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to ``agriseg labels``."""
    new = actions.add_parser(
        "new",
        help="make a project of a folder",
        description="Make a label project. A folder that has images/ and masks/ already becomes "
        "one as it is: its labelled pictures count as done.",
    )
    new.add_argument("project", type=Path, metavar="PROJECT", help="its folder")
    new.add_argument("--name", default="", help="its name (default: the folder's)")
    _add_pictures(new, "--images")
    new.set_defaults(run=run_new)
    add = actions.add_parser("add", help="add pictures to a project")
    add.add_argument("project", type=Path, metavar="PROJECT")
    _add_pictures(add, "images")
    add.set_defaults(run=run_add)
    relink = actions.add_parser(
        "relink",
        help="find pictures that moved",
        description="Look below a folder for the pictures that are missing in the project, by "
        "their content, and copy them back (or link to them).",
    )
    relink.add_argument("project", type=Path, metavar="PROJECT")
    relink.add_argument("folder", type=Path, metavar="DIR", help="where to look")
    relink.add_argument("--link", action="store_true", help="link to them, do not copy")
    relink.set_defaults(run=run_relink)


def run_new(args: argparse.Namespace) -> int:
    """Make a project."""
    from agriseg.labelling.project import LabelProject

    paths = _image_files(args.images)
    with LabelProject.create(args.project, name=args.name) as project:
        sys.stdout.write(f"{project.directory}: new label project {project.name!r}\n")
        _say_pictures(project)
        _add(project, paths, args)
    return 0


def run_add(args: argparse.Namespace) -> int:
    """Add pictures."""
    from agriseg.labelling.project import LabelProject

    paths = _image_files(args.images)
    with LabelProject.edit(args.project) as project:
        _add(project, paths, args)
    return 0


def run_relink(args: argparse.Namespace) -> int:
    """Find pictures that moved."""
    from agriseg.labelling.project import LabelProject

    with LabelProject.edit(args.project) as project:
        missing = project.missing()
        if not missing:
            sys.stdout.write("no picture is missing\n")
            return 0
        with shown_progress("looking") as show:
            found = project.find_moved(args.folder, show)
        for stem, path in found.items():
            project.relink(stem, path, link=args.link)
            sys.stdout.write(f"{stem}: found as {path}\n")
        for stem in sorted(set(missing) - set(found)):
            sys.stdout.write(f"{stem}: not below {args.folder}\n")
    return 0 if len(found) == len(missing) else 1


def _add_pictures(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        name,
        nargs="+",
        default=[],
        metavar="IMAGES",
        help="image files, folders of images, or patterns",
    )
    parser.add_argument(
        "--group",
        default="",
        metavar="NAME",
        help="what belongs together and is never split into training and held out (default: the "
        "name of each picture's folder)",
    )
    parser.add_argument("--link", action="store_true", help="link to the files, do not copy them")


def _image_files(arguments: list[str]) -> list[Path]:
    from agriseg.commands.segment import find_image_files

    return find_image_files(arguments)


def _add(project: LabelProject, paths: list[Path], args: argparse.Namespace) -> None:
    if not paths:
        return
    with shown_progress("adding") as show:
        added = project.add_pictures(paths, group=args.group, link=args.link, on_progress=show)
    words = f"{len(added.stems)} pictures added"
    if added.known:
        words += f", {len(added.known)} left out: they are in the project already"
    sys.stdout.write(f"{words}; {len(project.pictures)} in all\n")


def _say_pictures(project: LabelProject) -> None:
    if project.pictures:
        done = sum(entry.state.is_finished for entry in project.pictures.values())
        sys.stdout.write(f"{len(project.pictures)} pictures were there, {done} with labels\n")
