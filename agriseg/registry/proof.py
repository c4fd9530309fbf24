"""What was found when a new model was compared with the one in use; kept beside the model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agriseg.errors import RegistryError
from agriseg.registry.provenance import ModelRef

PROOF_NAME = "proof.json"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Section):
    """A figure and its 95 % interval; None where there is none."""

    value: float | None
    low: float | None
    high: float | None


class FigureChange(_Section):
    """One figure of the old and the new model, and their paired difference."""

    figure: str
    old: Interval
    new: Interval
    difference: Interval


Verdict = Literal["better", "not worse", "worse", "not shown"]


class SetProof(_Section):
    """Both models on one set of labelled pictures.

    Attributes
    ----------
    name : str
    role : str
        ``new``: held-out frames of what was learned; ``protected``: must not get worse;
        ``simulated``: the program's own field.
    images, groups : int
        Groups are what intervals are drawn from: near duplicates count once.
    sha256 : str
        Of pictures and labels, by `samples_sha256`; empty for simulated fields.
    changes : tuple of FigureChange
    verdict : str
    reason : str
        Why, in a sentence.
    """

    name: str
    role: Literal["new", "protected", "simulated"]
    images: int
    groups: int
    sha256: str = ""
    changes: tuple[FigureChange, ...]
    verdict: Verdict
    reason: str


class RunProof(_Section):
    """What the new model would have sprayed otherwise on a recorded run; m² and litres."""

    run: str
    old_litres: float
    new_litres: float
    only_old_m2: float
    only_new_m2: float
    both_m2: float
    crop_risk_m2: float
    places: int
    notes: tuple[str, ...] = ()
    problem: str = ""


class Proof(_Section):
    """Two models side by side.

    Attributes
    ----------
    made_at : datetime
    old, new : ModelRef
    sets : tuple of SetProof
    runs : tuple of RunProof
    is_offered : bool
        Whether the new one may be deployed: not worse on every protected set.
    sentence : str
        Why or why not.
    """

    format: Literal["agriseg-proof"] = "agriseg-proof"
    format_version: Literal[1] = 1
    made_at: datetime
    old: ModelRef
    new: ModelRef
    sets: tuple[SetProof, ...] = ()
    runs: tuple[RunProof, ...] = ()
    is_offered: bool
    sentence: str


def read_proof(bundle: Path) -> Proof | None:
    """Read what was found about a model; None where it was compared with none.

    Raises
    ------
    RegistryError
        The file cannot be read.
    """
    path = bundle / PROOF_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path}: cannot be read ({error})") from error
    try:
        return Proof.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RegistryError(f"{path}: {key}: {first['msg']}; prove the model again") from error
