"""``agriseg learn work``: the process of one job, from pictures to a registered model."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import AgrisegError, LearningError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agriseg.learning.spec import JobSpec
    from agriseg.learning.staging import StagedSet
    from agriseg.learning.work import Desk
    from agriseg.proving.sets import LabelledSet
    from agriseg.registry.proof import Proof
    from agriseg.registry.provenance import Provenance
    from agriseg.registry.store import ModelRegistry

log = logging.getLogger(__name__)

_STOPPED = 130


def run_work(args: argparse.Namespace) -> int:
    """Do a job; return the exit status. What happens is told on standard output, as JSON."""
    from agriseg.learning.course import job_line
    from agriseg.learning.jobs import working
    from agriseg.learning.spec import read_spec
    from agriseg.learning.work import Cancelled, Desk
    from agriseg.replay.what_if import ReplayCancelled
    from agriseg.scheduling import step_back

    step_back()
    job: Path = args.job
    spec = read_spec(job)
    desk = Desk(job, _write)
    try:
        with nullcontext() if args.held else working(job, local=spec.remote is None):
            model_id, sentence = _work(job, spec, desk)
            _write(job_line("done", sentence, model_id=model_id, share=1.0))
            return 0
    except (Cancelled, ReplayCancelled, KeyboardInterrupt):
        _write(job_line("cancelled", "cancelled; it can be continued"))
        return _STOPPED
    except (AgrisegError, OSError) as error:
        _write(job_line("failed", str(error)))
        return 2
    except Exception as error:  # the job's only voice is its course
        log.exception("the job broke")
        _write(job_line("failed", f"It broke off ({type(error).__name__}: {error})."))
        return 2


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _work(job: Path, spec: JobSpec, desk: Desk) -> tuple[str, str]:
    """Return the new model's id, and what was found about it."""
    from agriseg.learning.jobs import TRAINING_NAME
    from agriseg.learning.work import prepare, tidy
    from agriseg.registry.store import ModelRegistry

    staged = prepare(job, spec, desk)
    bundle = job / TRAINING_NAME / "bundle"
    if not bundle.is_dir():
        _train(job, spec, desk)
    registry = ModelRegistry()
    model_id = registry.add(bundle, _provenance(job, spec, staged))
    desk.begin("prove")
    proof = prove_job(job, spec, staged, registry, model_id, desk)
    registry.put_proof(model_id, proof)
    tidy(job)
    return model_id, proof.sentence


def _train(job: Path, spec: JobSpec, desk: Desk) -> None:
    from agriseg.learning.work import Cancelled

    finished = _train_here(job, spec) if spec.remote is None else _train_there(job, spec, desk)
    if not finished:
        raise Cancelled


def _train_here(job: Path, spec: JobSpec) -> bool:
    from agriseg.commands import train
    from agriseg.learning.jobs import TRAINING_NAME
    from agriseg.learning.work import training_arguments

    has_begun = (job / TRAINING_NAME / "checkpoint.pt").is_file()
    words = [*training_arguments(spec, job), *(["--resume"] if has_begun else [])]
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    status = train.run(parser.parse_args(words))
    if status not in (0, _STOPPED):
        raise LearningError(f"the training ended with status {status}; log.txt in {job} says more")
    return status == 0


def _train_there(job: Path, spec: JobSpec, desk: Desk) -> bool:
    from agriseg.learning.course import link_line
    from agriseg.learning.remote import RemoteComputer
    from agriseg.learning.remote_training import RemoteTraining
    from agriseg.learning.work import NEEDED_THERE, training_arguments

    assert spec.remote is not None
    desk.tell(f"pictures are copied to {spec.remote.target}", 0.0)
    training = RemoteTraining(
        RemoteComputer(spec.remote, job.name),
        job,
        hear=lambda data: _write(data.decode(errors="replace").rstrip("\n")),
        lost=lambda message: _write(link_line(message)),
        wish=desk.wish,
        wait=desk.wait,
    )
    return training.run(NEEDED_THERE, training_arguments(spec, None))


def _provenance(job: Path, spec: JobSpec, staged: Sequence[StagedSet]) -> Provenance:
    import hashlib

    from agriseg.evaluation.model_card import versions
    from agriseg.learning.recipe import CONFIG_NAME, SIMULATION, START_NAME
    from agriseg.models.bundle import open_bundle
    from agriseg.registry.provenance import DataRecord, Provenance, code_sha256, model_ref

    data = [
        DataRecord(
            name=one.name,
            kind="folder",
            directory=one.directory,
            role=one.role,
            trained=one.trained,
            held_out=one.held_out,
            sha256=one.sha256,
            licence=one.licence,
            attribution=one.attribution,
        )
        for one in staged
    ]
    if spec.simulated_frames:
        data.append(
            DataRecord(
                name=SIMULATION, kind=SIMULATION, role="simulation", trained=spec.simulated_frames
            )
        )
    return Provenance(
        made_at=datetime.now(UTC),
        parent=model_ref(open_bundle(job / START_NAME)),
        data=tuple(data),
        config_sha256=hashlib.sha256((job / CONFIG_NAME).read_bytes()).hexdigest(),
        code_sha256=code_sha256(),
        versions=versions(),
        note=f"trained on {spec.remote.target}" if spec.remote is not None else "",
    )


def prove_job(
    job: Path,
    spec: JobSpec,
    staged: Sequence[StagedSet],
    registry: ModelRegistry,
    model_id: str,
    desk: Desk,
) -> Proof:
    """Compare a job's model with the one in use, on what the job held out and protects."""
    from agriseg.models.deployed import default_model
    from agriseg.proving.prove import PLACES_NAME, prove

    folder = registry.folder(model_id)
    return prove(
        default_model(),
        folder,
        _sets(job, spec, staged),
        [Path(run) for run in spec.runs],
        folder / PLACES_NAME,
        threads=spec.threads,
        tell=desk.tell,
        cancelled=lambda: desk.wish() == "stop",
    )


def _sets(job: Path, spec: JobSpec, staged: Sequence[StagedSet]) -> list[LabelledSet]:
    """Return what new and old model are compared on: all that training never saw."""
    from agriseg.datasets.folder import list_folder
    from agriseg.evaluation.labelled import labelled_files
    from agriseg.learning.recipe import SIMULATION
    from agriseg.learning.staging import DATA_NAME
    from agriseg.models.training_config import SourceConfig
    from agriseg.models.training_sources import list_held_out
    from agriseg.proving.sets import LabelledSet

    sets = []
    for one in staged:
        samples = list_folder(job / DATA_NAME / one.name, one.name)
        held_out = [sample for sample in samples if sample.group in one.held_out_groups]
        if held_out:
            sets.append(
                LabelledSet(
                    name=one.name,
                    role="new" if one.role == "new" else "protected",
                    files=labelled_files({one.name: held_out}),
                    sha256=one.sha256,
                )
            )
    if spec.simulated_frames:
        source = SourceConfig(
            name=SIMULATION, kind="simulation", weight=1.0, frames=spec.simulated_frames
        )
        found = list_held_out([source], Path(), spec.seed)
        sets.append(LabelledSet(name=SIMULATION, role="simulated", files=labelled_files(found)))
    return sets
