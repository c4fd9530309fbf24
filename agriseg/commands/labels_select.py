"""``agriseg labels select``: which frames to label."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import LabelError

if TYPE_CHECKING:
    from agriseg.labelling.project import LabelProject
    from agriseg.messages import UInt8Array
    from agriseg.ports import Segmenter
    from agriseg.selection.candidates import CandidateSource
    from agriseg.selection.selecting import Selection

_DESCRIPTION = """\
Find the frames of recorded runs, folders of images and videos from which a model learns most: those
of which it is unsure, unlike what it was trained on, marked by the operator, or where weeds were
given up; varied, without near duplicates of each other or of what is labelled. How they are chosen
and what the expected gain means is in agriseg/selection/SELECTION.md.

Prints them with the reason of each; --project adds them to a label project (made where there is
none), --out writes them into a new folder."""

_EPILOG = """\
examples:
  agriseg labels select ~/.local/share/agriseg/runs/20260714-091502 --budget 20
  agriseg labels select runs/* photos drive.mp4 --budget 40 --project my-field
  agriseg labels select photos --model none --budget 10 --out to-label"""


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg labels``."""
    parser = actions.add_parser(
        "select",
        help="which frames to label",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "places", type=Path, nargs="+", metavar="PLACE", help="run, folder of images, or video"
    )
    parser.add_argument("--budget", type=int, default=20, metavar="N", help="frames (default: 20)")
    parser.add_argument(
        "--model", default="", help="model that is to learn; `none`: variety and marks alone"
    )
    parser.add_argument("--project", type=Path, metavar="DIR", help="label project to add them to")
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder to write them to")
    parser.add_argument(
        "--most", type=int, default=500, metavar="N", help="frames to look at (default: 500)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the model")
    parser.set_defaults(run=run_select)


def run_select(args: argparse.Namespace) -> int:
    """Select, say which and why, and put them where they are wanted; return the exit status."""
    from agriseg.commands.labels_progress import shown_progress
    from agriseg.labelling.files import ProjectPaths
    from agriseg.labelling.project import LabelProject
    from agriseg.selection.candidates import open_candidates
    from agriseg.selection.keeping import write_choices
    from agriseg.selection.selecting import select_frames

    if args.out is not None and args.out.exists():
        raise LabelError(f"{args.out}: is there already; nothing is overwritten, name a new folder")
    is_project = args.project is not None and ProjectPaths(args.project).project.is_file()
    with ExitStack() as stack:
        sources = []
        for place in args.places:
            source = open_candidates(place)
            stack.callback(source.close)
            sources.append(source)
        segmenter = _segmenter(args.model, args.threads)
        if segmenter is not None:
            stack.callback(segmenter.close)
        known = _labelled(LabelProject.look(args.project)) if is_project else iter(())
        with shown_progress("looking") as progress:
            selection = select_frames(
                sources,
                args.budget,
                segmenter=segmenter,
                labelled=known,
                most=args.most,
                on_progress=progress,
            )
        _say(selection)
        if args.out is not None:
            written = write_choices(selection, sources, args.out)
            print(f"{len(written)} frames written to {args.out}")
        if args.project is not None:
            _add(selection, sources, args.project, is_new=not is_project)
    return 0


def _segmenter(model: str, threads: int) -> Segmenter | None:
    if model == "none":
        return None
    from agriseg.models.runtime import open_segmenter

    return open_segmenter(model, threads=threads)


def _labelled(project: LabelProject) -> Iterator[UInt8Array]:
    """Yield the pictures of a project that are there, whatever their state."""
    from agriseg.datasets.labels import read_image

    missing = set(project.missing())
    for stem in project.pictures:
        if stem not in missing:
            yield read_image(project.image_path(stem))


def _say(selection: Selection) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(selection.choices)} frames to label", title_justify="left")
    for name in ("frame", "of", "stands with those above for", "because"):
        table.add_column(name)
    for choice in selection.choices:
        one = choice.candidate
        table.add_row(one.name, one.group, f"{choice.coverage:.0%}", "; ".join(choice.reasons))
    Console(soft_wrap=True).print(table)
    print(
        f"looked at {selection.looked_at:,} frames, {selection.duplicates:,} of them near "
        "duplicates of others or of labelled ones"
    )
    for name, reason in list(selection.unreadable.items())[:5]:
        print(f"{name} cannot be read: {reason}")
    before = selection.coverage_before
    print(
        f"together they stand for {selection.coverage:.0%} of what is to be learnt there"
        + (f", what is labelled already for {before:.0%}" if before else "")
    )
    if not math.isnan(selection.expected_gain):
        print(
            f"the model expects {selection.expected_error:.2%} of the pixels to be wrong; labels "
            f"of these may mend up to {selection.expected_gain:.2%} (its own estimate; only a "
            "training tells)"
        )


def _add(
    selection: Selection, sources: Sequence[CandidateSource], directory: Path, *, is_new: bool
) -> None:
    import tempfile

    from agriseg.labelling.project import LabelProject
    from agriseg.selection.keeping import write_choices

    project = LabelProject.create(directory) if is_new else LabelProject.edit(directory)
    with project, tempfile.TemporaryDirectory(prefix="agriseg-selected-") as name:
        written = write_choices(selection, sources, Path(name) / "frames")
        added = 0
        for path, choice in zip(written, selection.choices, strict=True):
            added += len(project.add_pictures([path], group=choice.candidate.group).stems)
    print(f"{added} frames added to {directory}")
