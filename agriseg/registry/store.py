"""The user's models: added, never overwritten; one deployed, and the way back."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agriseg.errors import AgrisegError, RegistryError
from agriseg.models.bundle import SHIPPED_NAME, ModelBundle, open_bundle, shipped_model
from agriseg.models.deployed import (
    DEPLOYED_FORMAT,
    DEPLOYED_NAME,
    DEPLOYED_VERSION,
    read_deployed,
)
from agriseg.models.naming import shipped_models, user_models_directory
from agriseg.registry.durable import locked, sync_folder, write_json
from agriseg.registry.proof import PROOF_NAME, Proof, read_proof
from agriseg.registry.provenance import (
    PROVENANCE_NAME,
    Provenance,
    model_ref,
    read_provenance,
)

_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ROOM_BYTES = 50_000_000
"""What is to stay free on the disk beside a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """One model, as the list shows it.

    Attributes
    ----------
    model_id : str
        Name of its folder, and what commands call it.
    directory : Path
    is_shipped, is_deployed : bool
    problem : str
        Why it cannot be used; empty when it can.
    name, version, architecture, licence, weights_sha256 : str
        From its manifest, empty where that cannot be read.
    provenance : Provenance, optional
    proof : Proof, optional
        How it did against the model before it.
    """

    model_id: str
    directory: Path
    is_shipped: bool
    is_deployed: bool
    problem: str = ""
    name: str = ""
    version: str = ""
    architecture: str = ""
    licence: str = ""
    weights_sha256: str = ""
    provenance: Provenance | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A change of the model in use.

    Attributes
    ----------
    model_id : str
        Empty for the shipped model.
    weights_sha256 : str
    at : str
        ISO 8601, UTC.
    how : str
        ``deploy``, ``unproven`` or ``rollback``.
    """

    model_id: str
    weights_sha256: str
    at: str
    how: str


def _now() -> datetime:
    return datetime.now(UTC)


class ModelRegistry:
    """Keeps models in a folder, and says which one is used where none is named.

    Parameters
    ----------
    root : Path, optional
        The user's folder of models by default.
    now : callable
        Returns the time, with its zone.
    """

    def __init__(self, root: Path | None = None, now: Callable[[], datetime] = _now) -> None:
        self.root = user_models_directory() if root is None else root
        self._now = now

    def models(self) -> list[RegisteredModel]:
        """Return the user's models, newest first, then the shipped ones; damaged ones say why.

        Raises
        ------
        ModelFileError
            It cannot be read which model is deployed.
        """
        deployed = self.deployed_id() or SHIPPED_NAME
        folders = self._folders()
        mine = [self._listed(p.name, p, is_deployed=p.name == deployed) for p in folders]
        own = {path.name for path in folders}
        shipped = [
            self._listed(name, path, is_deployed=name == deployed)
            for name, path in shipped_models().items()
            if name not in own
        ]
        return [*sorted(mine, key=_made_at, reverse=True), *shipped]

    def deployed_id(self) -> str:
        """Return the deployed model's id; empty for the shipped default.

        Raises
        ------
        ModelFileError
            ``deployed.json`` cannot be read.
        """
        in_use = read_deployed(self._deployed_path)["in_use"]
        return str(in_use[-1]["model"]) if in_use else ""

    def log(self) -> list[Deployment]:
        """Return every change of the model in use, oldest first."""
        return [
            Deployment(
                model_id=str(entry["model"]),
                weights_sha256=str(entry["weights_sha256"]),
                at=str(entry["at"]),
                how=str(entry["how"]),
            )
            for entry in read_deployed(self._deployed_path)["log"]
        ]

    def folder(self, model_id: str) -> Path:
        """Return a model's folder; an empty id means the shipped default.

        Raises
        ------
        RegistryError
            There is no such model here.
        """
        if not model_id:
            return shipped_model()
        folder = self.root / model_id
        shipped = shipped_models()
        if model_id in shipped and not folder.is_dir():
            return shipped[model_id]
        if not _PLAIN_ID.fullmatch(model_id) or not folder.is_dir():
            known = ", ".join(path.name for path in self._folders()) or "none"
            raise RegistryError(
                f"{model_id}: no such model in {self.root}; there are: {known}. "
                "`agriseg models list` shows them all"
            )
        return folder

    def next_version(self, name: str, parent_version: str) -> str:
        """Return a version that no model of this name has: the last number counted up.

        Examples
        --------
        >>> ModelRegistry(Path("/nowhere")).next_version("maize", "1.1")
        '1.2'
        """
        head, _, tail = parent_version.rpartition(".")
        number = int(tail) if tail.isdecimal() else 0
        prefix = f"{head}." if head else ("" if tail.isdecimal() else f"{parent_version}.")
        while True:
            number += 1
            version = f"{prefix}{number}"
            if not (self.root / f"{name}-{version}").exists():
                return version

    def add(self, bundle: Path, provenance: Provenance, proof: Proof | None = None) -> str:
        """Copy a bundle into the registry as ``NAME-VERSION``; return its id.

        It appears whole or not at all. The same model again changes nothing.

        Raises
        ------
        ModelFileError
            It is no whole bundle.
        RegistryError
            Another model has the id already, or it cannot be written.
        """
        found = open_bundle(bundle)
        model_id = f"{found.manifest.name}-{found.manifest.version}"
        if not _PLAIN_ID.fullmatch(model_id):
            raise RegistryError(f"{bundle}: {model_id!r} is no name for a folder; rename the model")
        target = self.root / model_id
        with locked(self.root / ".lock"):
            if target.exists():
                self._check_same(target, found)
                return model_id
            self._copy(found, target, provenance, proof)
        return model_id

    def put_proof(self, model_id: str, proof: Proof) -> None:
        """Keep with a model how it did against another.

        Raises
        ------
        RegistryError
            There is no such model, or the proof is another one's.
        """
        folder = self.folder(model_id)
        weights = open_bundle(folder).manifest.files.weights.sha256
        if proof.new.weights_sha256 != weights:
            raise RegistryError(
                f"{model_id}: the proof is that of weights {proof.new.weights_sha256[:12]}..., the "
                f"model has {weights[:12]}...; prove it again"
            )
        write_json(folder / PROOF_NAME, proof.model_dump(mode="json"))

    def deploy(self, model_id: str, *, unproven: bool = False) -> RegisteredModel:
        """Use a model from now on, where none is named: engines load it when they start next.

        Parameters
        ----------
        model_id : str
            Empty means the shipped default. The shipped models need no proof.
        unproven : bool
            Deploy although it was not shown to be no worse than the model in use.

        Raises
        ------
        ModelFileError
            It is damaged.
        RegistryError
            There is no such model, or it was not shown to be no worse.
        """
        with locked(self.root / ".lock"):
            folder = self.folder(model_id)
            bundle = open_bundle(folder)
            own_id = "" if folder == shipped_model() else model_id
            state = read_deployed(self._deployed_path)
            if self._is_in_use(state, own_id, bundle):
                raise RegistryError(f"{model_id or SHIPPED_NAME}: is the deployed model already")
            is_good = _is_shipped(folder) or self._is_known_good(state, own_id, bundle)
            how = "deploy" if is_good else ""
            if not how and unproven:
                how = "unproven"
            if not how:
                self._refuse_unproven(model_id, bundle)
                how = "deploy"
            self._push(state, own_id, bundle, how)
        return self._listed(own_id, folder, is_deployed=True)

    def roll_back(self) -> RegisteredModel:
        """Return to the model that was in use before the present one.

        Raises
        ------
        ModelFileError
            That model is damaged.
        RegistryError
            There is none before, or it was deleted.
        """
        with locked(self.root / ".lock"):
            state = read_deployed(self._deployed_path)
            if not state["in_use"]:
                raise RegistryError(
                    "the shipped model is in use and none was deployed before it; there is nothing "
                    "to go back to"
                )
            in_use = state["in_use"][:-1]
            before = str(in_use[-1]["model"]) if in_use else ""
            folder = self.folder(before)
            bundle = open_bundle(folder)
            self._write(in_use, state["log"], before, bundle, "rollback")
        return self._listed(before, folder, is_deployed=True)

    def delete(self, model_id: str) -> None:
        """Delete one of the user's models.

        Raises
        ------
        RegistryError
            It is the shipped one, is in use, is on the way back, or cannot be deleted.
        """
        with locked(self.root / ".lock"):
            folder = self.folder(model_id)
            if _is_shipped(folder):
                raise RegistryError(f"{model_id}: comes with the program and is not deleted")
            in_use = [str(entry["model"]) for entry in read_deployed(self._deployed_path)["in_use"]]
            if model_id in in_use:
                raise RegistryError(
                    f"{model_id}: is deployed, or `agriseg models rollback` would return to it; "
                    "roll back or deploy another model first"
                )
            gone = self.root / f".{model_id}.deleted"
            try:
                folder.rename(gone)
                shutil.rmtree(gone)
            except OSError as error:
                raise RegistryError(f"{folder}: cannot be deleted ({error.strerror})") from error

    @property
    def _deployed_path(self) -> Path:
        return self.root / DEPLOYED_NAME

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted(p for p in self.root.iterdir() if p.is_dir() and p.name[0] != ".")

    def _listed(self, model_id: str, directory: Path, *, is_deployed: bool) -> RegisteredModel:
        own = {
            "model_id": model_id or SHIPPED_NAME,
            "directory": directory,
            "is_shipped": _is_shipped(directory),
            "is_deployed": is_deployed,
        }
        try:
            bundle = open_bundle(directory)
            manifest = bundle.manifest
            return RegisteredModel(
                **own,  # type: ignore[arg-type]
                name=manifest.name,
                version=manifest.version,
                architecture=manifest.architecture,
                licence=manifest.licence,
                weights_sha256=manifest.files.weights.sha256,
                provenance=read_provenance(directory),
                proof=read_proof(directory),
            )
        except AgrisegError as error:
            return RegisteredModel(**own, problem=str(error))  # type: ignore[arg-type]

    def _check_same(self, target: Path, found: ModelBundle) -> None:
        weights = open_bundle(target).manifest.files.weights.sha256
        if weights != found.manifest.files.weights.sha256:
            raise RegistryError(
                f"{target}: another model is there under this name and version; it is not "
                "overwritten: give the new one another version"
            )

    def _copy(
        self, found: ModelBundle, target: Path, provenance: Provenance, proof: Proof | None
    ) -> None:
        size = sum(path.stat().st_size for path in found.directory.iterdir() if path.is_file())
        check_room(self.root, size, f"the model {target.name}")
        partial = self.root / f".{target.name}.part"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            for path in sorted(found.directory.iterdir()):
                if path.is_file():
                    _copy_durably(path, partial / path.name)
            write_json(partial / PROVENANCE_NAME, provenance.model_dump(mode="json"))
            if proof is not None:
                write_json(partial / PROOF_NAME, proof.model_dump(mode="json"))
            open_bundle(partial)
            partial.rename(target)
            sync_folder(self.root)
        except OSError as error:
            raise RegistryError(f"{target}: cannot be written ({error.strerror})") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _is_in_use(self, state: dict[str, Any], own_id: str, bundle: ModelBundle) -> bool:
        if not state["in_use"]:
            return not own_id
        last = state["in_use"][-1]
        weights = bundle.manifest.files.weights.sha256
        return bool(last["model"] == own_id and last["weights_sha256"] == weights)

    def _is_known_good(self, state: dict[str, Any], own_id: str, bundle: ModelBundle) -> bool:
        """Return whether just these weights were deployed before, and not as unproven."""
        weights = bundle.manifest.files.weights.sha256
        return any(
            entry["model"] == own_id
            and entry["weights_sha256"] == weights
            and entry["how"] == "deploy"
            for entry in state["log"]
        )

    def _refuse_unproven(self, model_id: str, bundle: ModelBundle) -> None:
        """Refuse a model that was not shown to be no worse than the one in use."""
        proof = read_proof(bundle.directory)
        how = f"run `agriseg learn prove {model_id}`, or deploy it all the same with --unproven"
        if proof is None or proof.new.weights_sha256 != bundle.manifest.files.weights.sha256:
            raise RegistryError(f"{model_id}: was not compared with the model in use; {how}")
        present = open_bundle(self.folder(self.deployed_id()))
        if proof.old.weights_sha256 != model_ref(present).weights_sha256:
            raise RegistryError(
                f"{model_id}: was compared with {proof.old.name} {proof.old.version}, in use is "
                f"{present.manifest.name} {present.manifest.version}; {how}"
            )
        if not proof.is_offered:
            raise RegistryError(
                f"{model_id}: {proof.sentence} To deploy it all the same: --unproven"
            )

    def _push(self, state: dict[str, Any], own_id: str, bundle: ModelBundle, how: str) -> None:
        entry = {"model": own_id, "weights_sha256": bundle.manifest.files.weights.sha256}
        self._write([*state["in_use"], entry], state["log"], own_id, bundle, how)

    def _write(
        self,
        in_use: list[dict[str, Any]],
        log: list[dict[str, Any]],
        model_id: str,
        bundle: ModelBundle,
        how: str,
    ) -> None:
        entry = {
            "model": model_id,
            "weights_sha256": bundle.manifest.files.weights.sha256,
            "at": self._now().astimezone(UTC).isoformat(timespec="seconds"),
            "how": how,
        }
        data = {
            "format": DEPLOYED_FORMAT,
            "format_version": DEPLOYED_VERSION,
            "in_use": in_use,
            "log": [*log, entry],
        }
        write_json(self._deployed_path, data)


def check_room(folder: Path, needed_bytes: int, what: str) -> None:
    """Refuse to write where the disk has not the room.

    Raises
    ------
    RegistryError
        Saying how much is there and how much is needed.
    """
    place = folder
    while not place.exists():
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise RegistryError(f"{place}: cannot be asked for its room ({error.strerror})") from error
    if free < needed_bytes + _ROOM_BYTES:
        raise RegistryError(
            f"{place}: {free / 1e6:.0f} MB are free, {what} needs "
            f"{(needed_bytes + _ROOM_BYTES) / 1e6:.0f} MB; free some space"
        )


def _copy_durably(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fsync(writer.fileno())
    target.chmod(0o644)


def _is_shipped(folder: Path) -> bool:
    return folder in shipped_models().values()


def _made_at(model: RegisteredModel) -> tuple[float, str]:
    if model.provenance is not None:
        return model.provenance.made_at.timestamp(), model.model_id
    try:
        return model.directory.stat().st_mtime, model.model_id
    except OSError:
        return 0.0, model.model_id
