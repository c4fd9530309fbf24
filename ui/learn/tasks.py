"""What the page Learn has done beside the window: in a thread, or in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agriseg.learning.jobs import Jobs
from agriseg.learning.spec import DataChoice, JobSpec, choose_computer, choose_folder
from agriseg.models.bundle import open_bundle
from agriseg.models.deployed import default_model
from agriseg.registry.store import ModelRegistry
from ui.learn.data_view import Wanted
from ui.models.learning import DataRole
from ui.review.process_job import Tell


def start_words() -> str:
    """Return which model a job begins with: the one in use.

    Raises
    ------
    ModelFileError
        It is missing or damaged.
    """
    manifest = open_bundle(default_model()).manifest
    return f"{manifest.name} {manifest.version}, the model in use"


def begin(jobs: Jobs, registry: ModelRegistry, wanted: Wanted) -> str:
    """Make a job and begin it; return its id.

    Raises
    ------
    LearningError, RegistryError, ModelFileError
        It cannot be begun.
    """
    start = default_model()
    manifest = open_bundle(start).manifest
    spec = JobSpec(
        made_at=datetime.now(UTC),
        name=manifest.name,
        version=registry.next_version(manifest.name, manifest.version),
        start=str(start),
        data=_choices(wanted.folders),
        steps=wanted.length.steps,
        runs=tuple(str(run) for run in wanted.runs),
        remote=choose_computer(wanted.computer) if wanted.computer else None,
    )
    job = jobs.create(spec)
    jobs.launch(job)
    return job.name


def prove_again(tell: Tell, model_id: str, folders: Sequence[Path], runs: Sequence[Path]) -> str:
    """In a process: compare a model with the one in use; return what was found.

    Raises
    ------
    AgrisegError
        A model or picture cannot be read.
    """
    from agriseg.evaluation.labelled import list_labelled
    from agriseg.proving.prove import PLACES_NAME, prove
    from agriseg.proving.sets import LabelledSet

    registry = ModelRegistry()
    folder = registry.folder(model_id)
    sets = [
        LabelledSet(name=path.name, role="protected", files=list_labelled(path, Path()))
        for path in folders
    ]
    proof = prove(default_model(), folder, sets, runs, folder / PLACES_NAME, tell=tell)
    registry.put_proof(model_id, proof)
    return proof.sentence


def folder_problem(folder: Path) -> str:
    """Return why a folder holds no labelled pictures that can be learned from."""
    if not folder.is_dir():
        return "There is no such folder."
    if not (folder / "images").is_dir() or not (folder / "masks").is_dir():
        return "Expected a folder with images/ and masks/ inside, or a label project."
    return ""


def _choices(folders: Sequence[tuple[Path, DataRole]]) -> tuple[DataChoice, ...]:
    roles = {
        DataRole.NEW: "new",
        DataRole.REPLAY: "replay",
        DataRole.PROTECTED: "protected",
    }
    return tuple(
        choose_folder(path, roles[role])  # type: ignore[arg-type]
        for path, role in folders
        if role in roles
    )
