"""``agriseg labels prelabel``: a model's labels as a beginning."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.commands.labels_progress import shown_progress

if TYPE_CHECKING:
    from agriseg.labelling.project import LabelProject
    from agriseg.ports import Segmenter

_DESCRIPTION = """\
Let a model label pictures, with its confidence, so that a person need only look at what is
doubtful. What a person has labelled stays. Pictures that were to do are in work afterwards:
nothing that only a model said is read by training."""


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg labels``."""
    parser = actions.add_parser(
        "prelabel", help="let a model begin the labels", description=_DESCRIPTION
    )
    parser.add_argument("project", type=Path, metavar="PROJECT")
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help="default: those to do")
    parser.add_argument(
        "--model", metavar="MODEL", help="folder or name of a model (default: the one in use)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all but one)")
    parser.set_defaults(run=run_prelabel)


def run_prelabel(args: argparse.Namespace) -> int:
    """Label pictures with a model."""
    from agriseg.labelling.pictures import PictureState
    from agriseg.labelling.project import LabelProject
    from agriseg.models import open_segmenter

    with LabelProject.edit(args.project) as project:
        stems = args.pictures or [
            stem for stem, one in project.pictures.items() if one.state is PictureState.TO_DO
        ]
        if not stems:
            sys.stdout.write("no picture is to do\n")
            return 0
        segmenter = open_segmenter(args.model, threads=args.threads)
        try:
            with shown_progress("labelling") as show:
                for number, stem in enumerate(stems, start=1):
                    _label(project, stem, segmenter)
                    show(number, len(stems))
        finally:
            segmenter.close()
    sys.stdout.write(f"{len(stems)} pictures labelled by {segmenter.name}; look them over\n")
    return 0


def _label(project: LabelProject, stem: str, segmenter: Segmenter) -> None:
    from agriseg.labelling.prelabel import look_carefully, prelabel, proposal_of

    picture = project.open_picture(stem)
    document = picture.document
    seen = look_carefully(segmenter, document.image, stem)
    edit = prelabel(document, proposal_of(seen))
    if edit is not None:
        document.apply(edit)
    picture.close()
