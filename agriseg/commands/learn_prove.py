"""``agriseg learn prove``: a model side by side with the one in use."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agriseg.registry.proof import Proof


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg learn``."""
    prove = actions.add_parser(
        "prove",
        help="compare a model with the one in use",
        description="Compare a model with the one in use on labelled pictures and recorded runs, "
        "and keep what was found with it. Jobs do this at their end.",
    )
    prove.add_argument("model", metavar="MODEL", help="as in `agriseg models list`")
    prove.add_argument(
        "--protect",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="labelled pictures that must not get worse",
    )
    prove.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="labelled pictures of what is new, which it did not learn from",
    )
    prove.add_argument(
        "--run",
        dest="runs",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="recorded run",
    )
    prove.add_argument("--threads", type=int, default=0, help="CPU threads")
    prove.add_argument("--json", action="store_true", help="what was found, as JSON")
    prove.set_defaults(run=run_prove)


def run_prove(args: argparse.Namespace) -> int:
    """Compare a model with the one in use and keep the proof; 1 where it is not offered."""
    from agriseg.models.deployed import default_model
    from agriseg.proving.prove import PLACES_NAME, prove
    from agriseg.registry.store import ModelRegistry

    registry = ModelRegistry()
    folder = registry.folder(args.model)
    sets = [_labelled(path, "protected") for path in args.protect]
    sets += [_labelled(path, "new") for path in args.data]
    proof = prove(
        default_model(),
        folder,
        sets,
        args.runs,
        folder / PLACES_NAME,
        threads=args.threads,
        tell=_draw_progress(),
    )
    registry.put_proof(args.model, proof)
    if args.json:
        print(proof.model_dump_json(indent=2))
    else:
        _print_proof(proof)
    return 0 if proof.is_offered else 1


def _labelled(path: Path, role: Any) -> Any:
    from agriseg.evaluation.labelled import list_labelled
    from agriseg.proving.sets import LabelledSet

    name = path.resolve().name
    return LabelledSet(name=name, role=role, files=list_labelled(path, Path()))


def _draw_progress() -> Any:
    if not sys.stderr.isatty():
        return lambda _, __: None
    return lambda words, share: print(
        f"\r\x1b[K{words}: {100 * share:.0f} %", end="", file=sys.stderr, flush=True
    )


def _print_proof(proof: Proof) -> None:
    from agriseg.evaluation.tables import table

    rows = []
    for one in proof.sets:
        change = next(c for c in one.changes if c.figure == "mean_iou")
        rows.append(
            [
                one.name,
                one.role,
                one.images,
                _iou(change.old.value),
                _iou(change.new.value),
                _points(change.difference),
                one.verdict,
            ]
        )
    print(f"{proof.new.name} {proof.new.version} against {proof.old.name} {proof.old.version}\n")
    if rows:
        names = ["pictures", "are", "images", "old", "new", "mean IoU, points", "verdict"]
        print(table(names, rows))
    for run in proof.runs:
        print(f"\n{run.run}: {run.problem or _run_words(run)}")
    print(f"\n{proof.sentence}")


def _run_words(run: Any) -> str:
    return (
        f"{run.old_litres:.3f} l before, {run.new_litres:.3f} l now; "
        f"{1e4 * run.only_new_m2:.0f} cm² newly sprayed, "
        f"of which {1e4 * run.crop_risk_m2:.0f} cm² crop; "
        f"{1e4 * run.only_old_m2:.0f} cm² no longer; {run.places} places"
    )


def _iou(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _points(change: Any) -> str:
    if change.value is None:
        return "-"
    text = f"{100 * change.value:+.1f}"
    if change.low is None or change.high is None:
        return text
    return f"{text} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"
