"""What the page Learn says of jobs, models and proofs: words and figures, no widgets."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from agriseg.learning.jobs import JobView
from agriseg.registry.proof import FigureChange, Interval, Proof, RunProof, SetProof
from agriseg.registry.store import RegisteredModel
from ui.units import DASH, Units, clock_text


class DataRole(Enum):
    """What a folder of labelled pictures is there for."""

    NEW = "new"
    REPLAY = "replay"
    PROTECTED = "protected"
    OFF = "off"

    @property
    def word(self) -> str:
        """What its key says."""
        return _ROLE_WORDS[self][0]

    @property
    def hint(self) -> str:
        """What that means, in a line."""
        return _ROLE_WORDS[self][1]

    @property
    def next(self) -> DataRole:
        """The one after it, when its key is touched."""
        roles = list(DataRole)
        return roles[(roles.index(self) + 1) % len(roles)]


_ROLE_WORDS = {
    DataRole.NEW: ("Learn", "new: learned from"),
    DataRole.REPLAY: ("Keep", "known: mixed in, so that it stays known"),
    DataRole.PROTECTED: ("Protect", "never learned from, must not get worse"),
    DataRole.OFF: ("Leave out", "not used this time"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthChoice:
    """How long to learn."""

    word: str
    steps: int
    hint: str


LENGTHS = (
    LengthChoice(word="Short", steps=150, hint="a first look"),
    LengthChoice(word="Normal", steps=300, hint="20 to 50 pictures"),
    LengthChoice(word="Long", steps=900, hint="hundreds of pictures"),
)

_STATES = {
    "new": "not begun",
    "prepare": "getting ready",
    "train": "learning",
    "paused": "paused",
    "finish": "writing the model",
    "prove": "comparing with the model in use",
    "done": "done",
    "cancelled": "cancelled",
    "failed": "failed",
    "interrupted": "interrupted",
    "broken": "cannot be read",
}
_SIGNS = {"done": "✓", "failed": "✗", "broken": "✗", "cancelled": "–", "interrupted": "!"}
_VERDICTS = {
    "better": "✓ better",
    "not worse": "✓ not worse",
    "worse": "✗ worse",
    "not shown": "? not shown",
}
_ROLES = {"new": "new", "protected": "protected", "simulated": "simulated field"}
_FIGURES = {
    "mean_iou": "mean IoU",
    "iou_crop": "IoU crop",
    "iou_weed": "IoU weed",
    "weed_plants_hit": "weeds hit",
    "crop_wetted": "crop wetted",
}


def state_words(view: JobView) -> str:
    """Return how a job is, with a sign where it stands still."""
    words = _STATES[view.state]
    sign = _SIGNS.get(view.state, "")
    return f"{sign} {words}".strip()


def job_title(view: JobView) -> str:
    """Return what a job is called in the list."""
    if view.spec is None:
        return view.job_id
    made = view.spec.made_at.astimezone()
    return f"{view.spec.name} {view.spec.version}, {made:%d %b %H:%M}"


def job_sentence(view: JobView) -> str:
    """Return what a job does, or why it stands still, for its panel."""
    if view.problem:
        return view.problem
    course = view.course
    if course.link:
        return f"! {course.link}"
    if view.state == "train":
        left = course.remaining_s
        more = f", about {clock_text(left + 0.999)} left" if math.isfinite(left) else ""
        return f"Step {course.step} of {course.steps}{more}, then it is compared."
    if view.state == "interrupted":
        return "Nobody works on it: the computer or its process ended. Continue takes it up again."
    if view.state == "new":
        return "It has not begun. Continue begins it."
    words = course.words
    return f"{words[:1].upper()}{words[1:]}"


def job_share(view: JobView) -> float:
    """Return the share of the present part that is done; 0 where that is not known."""
    share = view.course.share
    return share if math.isfinite(share) and view.is_at_work else 0.0


def job_facts(view: JobView) -> tuple[tuple[str, str], ...]:
    """Return what a job learns from, and where."""
    spec = view.spec
    if spec is None:
        return ()
    rows = []
    for role in (DataRole.NEW, DataRole.REPLAY, DataRole.PROTECTED):
        names = [choice.source.name for choice in spec.data if choice.role == role.value]
        if names:
            rows.append((role.word, ", ".join(names)))
    rows.append(("Begins with", Path(spec.start).name))
    rows.append(("Where", spec.remote.target if spec.remote else "this computer"))
    return tuple(rows)


def validation_curves(view: JobView) -> Mapping[str, tuple[list[int], list[float]]]:
    """Return mean IoU on held-out pictures over the steps, by set, in per cent."""
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for one in view.course.validations:
        for name, value in one.miou.items():
            if math.isfinite(value):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(one.step)
                values.append(100.0 * value)
    return curves


def sample_pictures(view: JobView) -> list[Path]:
    """Return the pictures that a job draws as it learns: truth above what the model says."""
    return sorted((view.directory / "training" / "samples").glob("*.jpg"))


def model_title(model: RegisteredModel) -> str:
    """Return what a model is called in the list."""
    return f"{model.name} {model.version}".strip() or model.model_id


def model_hint(model: RegisteredModel) -> str:
    """Return the line below it."""
    if model.problem:
        return "✗ cannot be used"
    words = ["in use" if model.is_deployed else "", "shipped" if model.is_shipped else ""]
    if not model.is_shipped:
        words.append(proof_word(model.proof))
    return ", ".join(word for word in words if word)


def proof_word(proof: Proof | None) -> str:
    """Return what a proof says in a word or two."""
    if proof is None:
        return "not compared yet"
    return "✓ not worse" if proof.is_offered else "✗ not offered"


def model_facts(model: RegisteredModel) -> tuple[tuple[str, str], ...]:
    """Return where a model comes from."""
    if model.problem:
        return (("Problem", model.problem),)
    rows = [("Network", model.architecture), ("Licence", model.licence)]
    origin = model.provenance
    if origin is not None:
        rows.insert(0, ("Made", f"{origin.made_at.astimezone():%d %B %Y, %H:%M}"))
        if origin.parent is not None:
            rows.append(("Began with", f"{origin.parent.name} {origin.parent.version}"))
        for record in origin.data:
            if record.trained:
                rows.append((_learned(record.role), f"{record.name}, {record.trained} pictures"))
        if origin.note:
            rows.append(("Note", origin.note))
    rows.append(("Weights", model.weights_sha256[:16]))
    return tuple(rows)


def _learned(role: str) -> str:
    return {"new": "Learned", "replay": "Kept", "simulation": "Simulated"}.get(role, "From")


def proof_table(proof: Proof) -> tuple[tuple[str, ...], ...]:
    """Return a heading and a row for each set: figures of mean IoU with their interval."""
    heading = ("Pictures", "", "Before", "Now", "Points (95 %)", "")
    return (heading, *(_set_row(one) for one in proof.sets))


def figure_table(one: SetProof) -> tuple[tuple[str, ...], ...]:
    """Return a heading and a row for each figure of one set."""
    heading = (f"{one.name}, {one.images} pictures", "Before", "Now", "Points (95 %)")
    rows = [
        (_FIGURES[change.figure], _per_cent(change.old), _per_cent(change.new), _points(change))
        for change in one.changes
        if change.figure in _FIGURES
    ]
    return (heading, *rows)


def _set_row(one: SetProof) -> tuple[str, ...]:
    change = next(change for change in one.changes if change.figure == "mean_iou")
    return (
        one.name,
        f"{_ROLES[one.role]}, {one.images}",
        _per_cent(change.old),
        _per_cent(change.new),
        _points(change),
        _VERDICTS[one.verdict],
    )


def _per_cent(interval: Interval) -> str:
    return DASH if interval.value is None else f"{100.0 * interval.value:.1f} %"


def _points(change: FigureChange) -> str:
    found = change.difference
    if found.value is None:
        return DASH
    text = f"{100.0 * found.value:+.1f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100.0 * found.low:+.1f} to {100.0 * found.high:+.1f})"


def run_words(run: RunProof, units: Units) -> str:
    """Return what would have been sprayed otherwise on a run."""
    name = Path(run.run).name
    if run.problem:
        return f"Run {name}: {run.problem}"
    old, new = units.volume(run.old_litres), units.volume(run.new_litres)
    if not run.places:
        return f"Run {name}: {old} before, {new} now; sprayed at the same places."
    return (
        f"Run {name}: {old} before, {new} now. {run.places} places differ: "
        f"{1e4 * run.only_new_m2:.0f} cm² newly sprayed, of which {1e4 * run.crop_risk_m2:.0f} cm² "
        f"are crop to the model of the run; {1e4 * run.only_old_m2:.0f} cm² no longer."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlace:
    """A place where the models differ: its picture, and what it is."""

    picture: Path
    words: str


_KINDS = {
    "crop newly sprayed": "✗ Crop newly sprayed",
    "weed no longer sprayed": "! Weed no longer sprayed",
    "newly sprayed": "Newly sprayed",
    "no longer sprayed": "No longer sprayed",
}


def shown_places(model: RegisteredModel) -> Sequence[ShownPlace]:
    """Return the places where a model differs from the one before it, worst first."""
    places = []
    for run in model.proof.runs if model.proof is not None else ():
        folder = model.directory / "places" / Path(run.run).name
        try:
            listed = json.loads((folder / "places.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        places += [
            ShownPlace(
                picture=folder / one["picture"],
                words=f"{_KINDS.get(one['kind'], one['kind'])}, {1e4 * one['area_m2']:.0f} cm²",
            )
            for one in listed
        ]
    return places


def begin_refusal(roles: Sequence[DataRole]) -> str:
    """Return why learning cannot begin; empty when it can."""
    if not any(role is DataRole.NEW for role in roles):
        return "Choose at least one set of pictures to learn from."
    return ""


def begin_warning(roles: Sequence[DataRole]) -> str:
    """Return what will be lacking at the end, before it begins."""
    if not any(role in (DataRole.PROTECTED, DataRole.REPLAY) for role in roles):
        return (
            "No pictures are protected or kept: what is lost elsewhere will not be known, and the"
            " model will not be offered. The simulated field and the old model as teacher stand in"
            " for the old pictures."
        )
    return ""
