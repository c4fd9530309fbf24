"""What a job of learning is to do, as the user chose it; kept as ``job.json``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agriseg.errors import LearningError
from agriseg.models.training_config import SourceConfig
from agriseg.registry.durable import write_json

SPEC_NAME = "job.json"
MODEL_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"

REPLAYED_IMAGES = 60
"""Of each set that was learned before: more costs memory and helps little."""

Role = Literal["new", "replay", "protected"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataChoice(_Section):
    """One set of labelled pictures, and what it is there for.

    Attributes
    ----------
    role : str
        ``new``: to be learned; ``replay``: learned before, mixed in so that it is kept;
        ``protected``: never learned from, must not get worse.
    source : SourceConfig
        Where it lies and in which format; ``directory`` is absolute.
    most_images : int
        Take so many, spread over the groups; 0: all.
    """

    role: Role
    source: SourceConfig
    most_images: Annotated[int, Field(ge=0)] = 0


class RemoteChoice(_Section):
    """Another computer to train on, reached by OpenSSH.

    Attributes
    ----------
    target : str
        As for ``ssh``: a host of the user's configuration, or ``user@host``.
    options : tuple of str
        Further options of ``ssh``.
    command : str
        How AgriSeg is called there.
    folder : str
        Below which the job's folder is made there, relative to the home folder.
    """

    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@:%\[\]-]*$")]
    options: tuple[str, ...] = ()
    command: Annotated[str, Field(min_length=1)] = "agriseg"
    folder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./~-]+$")] = ".cache/agriseg-learning"


class JobSpec(_Section):
    """A job of learning.

    Attributes
    ----------
    name, version : str
        Of the model to be made.
    start : str
        Folder of the model that it begins with.
    data : tuple of DataChoice
    simulated_frames : int
        Frames of the simulated field, which stand in for what is no longer there.
    steps, threads, seed : int
        Threads: 0 takes all cores.
    device : str
    runs : tuple of str
        Recorded runs that the new model is compared on.
    remote : RemoteChoice, optional
        None: this computer.
    """

    format: Literal["agriseg-learning"] = "agriseg-learning"
    format_version: Literal[1] = 1
    made_at: datetime
    name: Annotated[str, Field(pattern=MODEL_NAME_PATTERN)]
    version: str
    start: str
    data: tuple[DataChoice, ...]
    simulated_frames: Annotated[int, Field(ge=0, le=100_000)] = 192
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    seed: Annotated[int, Field(ge=0)] = 1
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runs: tuple[str, ...] = ()
    remote: RemoteChoice | None = None

    def of_role(self, *roles: Role) -> tuple[DataChoice, ...]:
        """Return the data that is there for something."""
        return tuple(choice for choice in self.data if choice.role in roles)


def check_spec(spec: JobSpec) -> None:
    """Refuse a job that cannot be done.

    Raises
    ------
    LearningError
        There is nothing new, names occur twice, or a folder is missing.
    """
    if not spec.of_role("new"):
        raise LearningError("nothing to learn from: choose a folder of labelled pictures")
    names = [choice.source.name for choice in spec.data]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LearningError(
            f"two sets of pictures are called {', '.join(twice)}; give one of them another name"
        )
    for choice in spec.data:
        folder = Path(choice.source.directory)
        if choice.source.kind != "simulation" and not folder.is_dir():
            raise LearningError(f"{folder}: no such folder; choose where {choice.source.name} is")


def write_spec(job: Path, spec: JobSpec) -> None:
    """Write a job's description.

    Raises
    ------
    RegistryError
        It cannot be written.
    """
    write_json(job / SPEC_NAME, spec.model_dump(mode="json"))


def read_spec(job: Path) -> JobSpec:
    """Read a job's description.

    Raises
    ------
    LearningError
        There is none, or it cannot be used.
    """
    path = job / SPEC_NAME
    try:
        return JobSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LearningError(
            f"{job}: no job of learning; `agriseg learn list` shows them all"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise LearningError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise LearningError(f"{path}: {key}: {first['msg']}") from error


def choose_folder(folder: Path, role: Role, *, held_out: tuple[str, ...] = ()) -> DataChoice:
    """Return a folder with ``images/`` and ``masks/`` as a choice, named after itself.

    Of pictures learned before a spread is enough; the others are taken whole.
    """
    directory = folder.expanduser().resolve()
    source = SourceConfig(
        name=directory.name, directory=str(directory), weight=1.0, held_out=held_out
    )
    return DataChoice(
        role=role, source=source, most_images=REPLAYED_IMAGES if role == "replay" else 0
    )


def choose_computer(
    target: str, options: tuple[str, ...] = (), command: str = "agriseg"
) -> RemoteChoice:
    """Return another computer as a choice.

    Raises
    ------
    LearningError
        It is no name of a computer.
    """
    try:
        return RemoteChoice(target=target, options=options, command=command)
    except ValidationError as error:
        raise LearningError(f"{target}: expected a host, or USER@HOST") from error
