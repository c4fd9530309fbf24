"""``agriseg labels check`` and ``agree``: what is probably wrong, and where two people differ."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.commands.labels_progress import shown_progress

if TYPE_CHECKING:
    from agriseg.labelling.agreement import Agreement
    from agriseg.labelling.checks import Finding

_MOST_LINES = 12


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to ``agriseg labels``."""
    check = actions.add_parser(
        "check",
        help="holes, specks, forgotten plants, numbers that cannot be",
        description="Look for what is probably wrong in finished pictures. Exit status 1 where "
        "something was found.",
    )
    check.add_argument("project", type=Path, metavar="PROJECT")
    check.add_argument("pictures", nargs="*", metavar="PICTURE", help="these (default: finished)")
    check.add_argument("--json", action="store_true", help="every finding, as JSON")
    check.set_defaults(run=run_check)
    agree = actions.add_parser(
        "agree",
        help="compare two labellers of the same pictures",
        description="Compare two projects that hold the same pictures, found by their content. "
        "Neither is the truth: IoU, kappa and the plants that only one has.",
    )
    agree.add_argument("project", type=Path, metavar="PROJECT")
    agree.add_argument("other", type=Path, metavar="OTHER")
    agree.add_argument("--unfinished", action="store_true", help="also pictures not done by both")
    agree.add_argument("--json", action="store_true", help="as JSON")
    agree.set_defaults(run=run_agree)


def run_check(args: argparse.Namespace) -> int:
    """Check pictures; return 1 where something was found."""
    from agriseg.errors import LabelError
    from agriseg.labelling.checks import check_labels
    from agriseg.labelling.project import LabelProject
    from agriseg.labelling.stored import StoredLabels

    project = LabelProject.look(args.project)
    stems = args.pictures or [s for s, e in project.pictures.items() if e.state.is_finished]
    if not stems:
        raise LabelError(
            f"{args.project}: no picture is finished; name the pictures to check, or set their "
            "state with `agriseg labels state`"
        )
    found: dict[str, tuple[Finding, ...]] = {}
    with shown_progress("checking") as show:
        for number, stem in enumerate(stems, start=1):
            document = project.document(stem)
            labels = StoredLabels.of(document)
            found[stem] = check_labels(document.image, labels, project.classes)
            show(number, len(stems))
    if args.json:
        rows = [_row(stem, finding) for stem, findings in found.items() for finding in findings]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        _print_findings(found)
    return 1 if any(found.values()) else 0


def run_agree(args: argparse.Namespace) -> int:
    """Compare two projects."""
    from agriseg.labelling.agreement import Agreement, compare_projects
    from agriseg.labelling.project import LabelProject

    first, second = LabelProject.look(args.project), LabelProject.look(args.other)
    with shown_progress("comparing") as show:
        pictures = compare_projects(
            first, second, finished_only=not args.unfinished, on_progress=show
        )
    total = Agreement.empty()
    for one in pictures:
        total += one.agreement
    if args.json:
        rows = [
            {"picture": one.stem, "other": one.other_stem, **_figures(one.agreement)}
            for one in pictures
        ]
        text = json.dumps({"all": _figures(total), "pictures": rows}, indent=1)
        sys.stdout.write(text + "\n")
        return 0
    sys.stdout.write(f"{len(pictures)} pictures in common, worst first\n")
    for one in pictures[:_MOST_LINES]:
        sys.stdout.write(f"  {_words(one.agreement)}  {one.stem}\n")
        for dispute in one.disputes[:2]:
            rect = dispute.region.rect
            sys.stdout.write(
                f"      {dispute.first.name.lower()} or {dispute.second.name.lower()}: "
                f"{dispute.region.area_px} px at {rect.u0},{rect.v0}\n"
            )
    sys.stdout.write(f"all: {_words(total)}\n")
    for name, (both, mine, theirs) in total.plant_counts.items():
        if both or mine or theirs:
            sys.stdout.write(
                f"  {name} plants: {both} in both, {mine} in {args.project} only, {theirs} in "
                f"{args.other} only\n"
            )
    return 0


def _print_findings(found: dict[str, tuple[Finding, ...]]) -> None:
    for stem, findings in found.items():
        for finding in findings[:_MOST_LINES]:
            rect = finding.region.rect
            sys.stdout.write(
                f"{stem} at {rect.u0},{rect.v0}: {finding.kind.value}: {finding.words}\n"
            )
        if len(findings) > _MOST_LINES:
            sys.stdout.write(f"{stem}: and {len(findings) - _MOST_LINES} more (--json)\n")
    count = sum(map(len, found.values()))
    clean = sum(not findings for findings in found.values())
    sys.stdout.write(f"{len(found)} pictures checked: {count} findings, {clean} without any\n")


def _row(stem: str, finding: Finding) -> dict[str, Any]:
    rect = finding.region.rect
    return {
        "picture": stem,
        "kind": finding.kind.value,
        "words": finding.words,
        "box_px": [rect.u0, rect.v0, rect.u1, rect.v1],
        "area_px": finding.region.area_px,
        "plant": finding.plant,
    }


def _figures(agreement: Agreement) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return round(value, 4) if value == value else None

    return {
        "iou": {
            name: number(float(value))
            for name, value in zip(("soil", "crop", "weed"), agreement.iou, strict=True)
        },
        "mean_iou": number(agreement.mean_iou),
        "kappa": number(agreement.kappa),
        "plants": agreement.plant_counts,
    }


def _words(agreement: Agreement) -> str:
    values = zip(("soil", "crop", "weed"), agreement.iou, strict=True)
    ious = ", ".join(f"{name} {value:.3f}" for name, value in values if value == value)
    kappa = "" if agreement.kappa != agreement.kappa else f", kappa {agreement.kappa:.3f}"
    return f"IoU {ious}{kappa}"
