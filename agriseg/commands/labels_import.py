"""``agriseg labels import``: labels of other programs come into a label project."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import LabelError

if TYPE_CHECKING:
    from agriseg.datasets.annotated import Survey
    from agriseg.labelling.classes import ClassList
    from agriseg.labelling.importing import Imported, Incoming
    from agriseg.labelling.project import LabelProject

_DESCRIPTION = """\
Bring pictures and labels of CVAT, COCO, LabelMe, Pascal VOC, YOLO, PNG masks or a data folder into
a label project, which is made where there is none. Archives (.zip) are taken as they are. Pictures
that the project has already are recognised by their content. Nothing is replaced unless
--over-labels says so. What each format can hold is in agriseg/datasets/FORMATS.md."""

_EPILOG = """\
examples:
  agriseg labels import task_7_cvat.zip my-field --images photos
  agriseg labels import coco/annotations/instances_default.json my-field
  agriseg labels import voc my-field --class "pottedplant=crop"
  agriseg labels import yolo my-field --own "Cirsium arvense=weed"

--class says which class of the project a name means, --own adds the name as a class of its own that
counts for soil, crop, weed or ignore. In a terminal, names of unknown meaning are asked for."""

READ_FORMATS = ("folder", "coco", "coco-panoptic", "cvat", "labelme", "voc", "yolo", "png")
"""As in `agriseg.datasets.opening`, which takes too long to import for a list of options."""


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg labels``."""
    parser = actions.add_parser(
        "import",
        help="labels of other programs into a project",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", type=Path, metavar="LABELS", help="folder, file or .zip")
    parser.add_argument("project", type=Path, metavar="PROJECT", help="folder of a label project")
    parser.add_argument("--format", choices=READ_FORMATS, help="default: found out")
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the pictures lie")
    for flag, what in (("--class", "which class it means"), ("--own", "a class of its own")):
        parser.add_argument(
            flag,
            action="append",
            default=[],
            dest=flag.strip("-").replace("class", "classes"),
            metavar="NAME=MEANING",
            help=f"{what}; as often as needed",
        )
    parser.add_argument(
        "--state",
        choices=("to do", "in work", "done", "reviewed"),
        default="done",
        help="of the pictures that get labels (default: done)",
    )
    parser.add_argument(
        "--empty",
        choices=("skip", "soil"),
        default="skip",
        help="pictures on which nothing is drawn: leave them out (default), or bare soil",
    )
    parser.add_argument("--over-labels", action="store_true", help="replace labels that are there")
    parser.add_argument("--link", action="store_true", help="link to pictures, do not copy them")
    parser.add_argument(
        "--drop-outside",
        action="store_true",
        help="go on where shapes lie wholly outside their picture, without them",
    )
    parser.set_defaults(run=run_import)


def run_import(args: argparse.Namespace) -> int:
    """Import, and say what came in; return the exit status."""
    from agriseg.commands.labels_progress import shown_progress
    from agriseg.datasets.guessing import guess_format, unpacked
    from agriseg.labelling.importing import Incoming, import_labels
    from agriseg.labelling.pictures import PictureState

    with unpacked(args.labels) as place:
        kind = args.format or guess_format(place)
        incoming = Incoming(
            place=place,
            kind=kind,
            images=args.images,
            meanings=dict(_pair(text, "--class") for text in args.classes),
            empty=args.empty,
        )
        with _project(args.project) as project:
            _add_own(project, [_pair(text, "--own") for text in args.own])
            incoming = _settled(incoming, project, drop_outside=args.drop_outside)
            with shown_progress("importing") as progress:
                found = import_labels(
                    project,
                    incoming,
                    state=PictureState(args.state),
                    over_labels=args.over_labels,
                    link=args.link and place == args.labels,
                    on_progress=progress,
                )
    _say(found, args.project, kind)
    return 0


def ask_meanings(
    names: Iterable[str], classes: Sequence[str], ask: Callable[[str], str]
) -> dict[str, str]:
    """Ask what names mean until each answer is a class.

    Parameters
    ----------
    names : iterable of str
    classes : sequence of str
        What may be answered.
    ask : callable
        Shows a question and returns the answer, such as `input`.
    """
    found = {}
    for name in names:
        answer = ""
        while answer not in classes:
            answer = ask(f"What does {name!r} mean ({', '.join(classes)})? ").strip()
        found[name] = answer
    return found


def _project(directory: Path) -> LabelProject:
    from agriseg.labelling.files import ProjectPaths
    from agriseg.labelling.project import LabelProject

    if ProjectPaths(directory).project.is_file():
        return LabelProject.edit(directory)
    return LabelProject.create(directory)


def _settled(incoming: Incoming, project: LabelProject, *, drop_outside: bool) -> Incoming:
    """Say what there is, and ask for what is unknown; return what can be imported.

    Raises
    ------
    LabelError
        Nobody can be asked.
    """
    from agriseg.labelling.importing import look_into

    found = look_into(incoming, project.classes)
    _describe(found.survey, incoming.empty)
    is_terminal = sys.stdin.isatty()
    if found.unknown:
        if not is_terminal:
            raise LabelError(_unknown_words(found.unknown, project.classes))
        words = [one.name for one in project.classes]
        meanings = {**incoming.meanings, **ask_meanings(found.unknown, words, input)}
        incoming = replace(incoming, meanings=meanings)
    if found.survey.outside and not drop_outside:
        listed = ", ".join(found.survey.outside[:5])
        raise LabelError(
            f"{incoming.place}: {len(found.survey.outside)} shapes lie wholly outside their "
            f"picture and cannot be kept: {listed}; mend them, or go on without them with "
            "--drop-outside"
        )
    return incoming


def _describe(survey: Survey, empty: str) -> None:
    names = ", ".join(f"{name} {count:,}" for name, count in sorted(survey.names.items()))
    print(f"{survey.pictures:,} pictures; {names or 'no labels'}")
    if survey.empty:
        what = "count as bare soil" if empty == "soil" else "are left out (--empty soil takes them)"
        print(f"{len(survey.empty):,} pictures on which nothing is drawn {what}")
    if survey.cut:
        print(
            f"{len(survey.cut):,} shapes reach beyond their picture and are cut at its border: "
            f"{', '.join(survey.cut[:5])}{', ...' if len(survey.cut) > 5 else ''}"
        )


def _unknown_words(unknown: Sequence[str], classes: ClassList) -> str:
    flags = " ".join(f'--class "{name}=weed"' for name in unknown)
    return (
        f"nothing says what the classes {', '.join(map(repr, unknown))} mean; add {flags}, each "
        f"with one of {', '.join(one.name for one in classes)}, or --own to keep a class apart"
    )


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, sign, meaning = text.rpartition("=")
    if not sign or not name.strip() or not meaning.strip():
        raise LabelError(f'{flag} is {text!r}; expected NAME=MEANING, such as "Zea mays=crop"')
    return name.strip(), meaning.strip()


def _add_own(project: LabelProject, pairs: Sequence[tuple[str, str]]) -> None:
    from agriseg.datasets.classes import CLASS_WORDS
    from agriseg.labelling.importing import with_new_classes

    for name, meaning in pairs:
        if meaning not in CLASS_WORDS:
            raise LabelError(
                f"--own {name!r} is to count for {meaning!r}; expected {', '.join(CLASS_WORDS)}"
            )
    if pairs:
        meanings = {name: CLASS_WORDS[meaning] for name, meaning in pairs}
        project.set_classes(with_new_classes(project.classes, meanings))


def _say(found: Imported, project: Path, kind: str) -> None:
    print(
        f"{len(found.labelled):,} pictures labelled in {project} from {kind}, "
        f"{len(found.new):,} of them new"
    )
    if found.kept:
        print(
            f"{len(found.kept):,} had labels already, which were kept: "
            f"{', '.join(found.kept[:5])}{', ...' if len(found.kept) > 5 else ''}; "
            "--over-labels replaces them"
        )
