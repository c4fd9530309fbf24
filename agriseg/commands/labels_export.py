"""``agriseg labels export``: labels go to other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.commands.labels_import import READ_FORMATS
from agriseg.errors import LabelError

if TYPE_CHECKING:
    from agriseg.datasets.opening import Format

_DESCRIPTION = """\
Write the labels of a label project, or of a data set of another format (--from), for another
program: into a new folder, or into an archive (.zip) as CVAT takes it. Nothing is overwritten.
What each format can hold is in agriseg/datasets/FORMATS.md."""

_EPILOG = """\
examples:
  agriseg labels export my-field --format cvat --out for-cvat.zip --images none
  agriseg labels export my-field --format coco --out coco --state done reviewed "in work"
  agriseg labels export soy --from folder --format yolo --out soy-yolo --images link"""

WRITTEN_FORMATS = (
    "folder",
    "coco",
    "coco-panoptic",
    "cvat",
    "cvat-masks",
    "labelme",
    "voc",
    "yolo",
)
"""As in `agriseg.datasets.writing`, which takes too long to import for a list of options."""


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg labels``."""
    parser = actions.add_parser(
        "export",
        help="labels of a project for other programs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", type=Path, metavar="PROJECT", help="label project or data set")
    parser.add_argument("--format", choices=WRITTEN_FORMATS, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR|FILE.zip")
    parser.add_argument(
        "--images",
        choices=("copy", "link", "none"),
        default="copy",
        help="copy the pictures (default), link to them, or leave them out",
    )
    parser.add_argument(
        "--state",
        nargs="+",
        choices=("to do", "in work", "done", "reviewed"),
        default=("done", "reviewed"),
        help="which pictures of a project (default: done and reviewed)",
    )
    parser.add_argument(
        "--from",
        dest="source_format",
        choices=READ_FORMATS,
        help="PROJECT is a data set of this format",
    )
    parser.add_argument(
        "--class",
        action="append",
        default=[],
        dest="classes",
        metavar="NAME=MEANING",
        help="with --from: what a class means (soil, crop, weed, ignore)",
    )
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export, and say where it is; return the exit status."""
    from agriseg.commands.labels_progress import shown_progress
    from agriseg.labelling.exporting import export_labels
    from agriseg.labelling.pictures import PictureState
    from agriseg.labelling.project import LabelProject

    with shown_progress("exporting") as progress:
        if args.source_format:
            count = _convert(args, progress)
        else:
            written = export_labels(
                LabelProject.look(args.project),
                args.format,
                args.out,
                states={PictureState(state) for state in args.state},
                images=args.images,
                on_progress=progress,
            )
            count = len(written)
    print(f"{count:,} pictures written to {args.out} as {args.format}")
    return 0


def _convert(args: argparse.Namespace, progress: Callable[[int, int], None]) -> int:
    from agriseg.datasets.annotated import DataSource
    from agriseg.datasets.converting import convert

    kind: Format = args.source_format
    source = DataSource(
        name=args.project.name,
        directory=args.project,
        classes=dict(_pairs(args.classes)),
        empty_images="soil",
    )
    return convert(source, kind, args.format, args.out, args.images, progress)


def _pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, sign, meaning = text.rpartition("=")
        if not sign or not name.strip():
            raise LabelError(f'--class is {text!r}; expected NAME=MEANING, such as "maize=crop"')
        pairs.append((name.strip(), meaning.strip()))
    return pairs
