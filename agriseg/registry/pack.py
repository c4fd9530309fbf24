"""A model as one signed file, to be carried to another robot; ``PACK.md`` describes it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agriseg.errors import RegistryError
from agriseg.models.bundle import open_bundle
from agriseg.registry.keys import KeyRing, fingerprint, is_signed
from agriseg.registry.provenance import ModelRef, Provenance, model_ref, read_provenance
from agriseg.registry.store import ModelRegistry, check_room

PACK_SUFFIX = ".agrimodel"
PACK_MANIFEST = "pack.json"
PACK_SIGNATURE = "pack.sig"
_FOLDER = "files/"
_PREFIX = b"agriseg-model-pack 1\n"
_MANIFEST_LIMIT_BYTES = 1_000_000
_FILES_LIMIT = 50
_BYTES_LIMIT = 4_000_000_000
_CHUNK_BYTES = 1 << 20
_PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_LEFT_OUT = frozenset({"proof.json"})
"""A proof holds against the sender's own protected pictures; the receiver proves anew."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackedFile(_Section):
    """One file of the model."""

    name: Annotated[str, Field(pattern=_PLAIN_NAME)]
    bytes: Annotated[int, Field(ge=0, le=_BYTES_LIMIT)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PackManifest(_Section):
    """What ``pack.json`` says; the signature is over its bytes."""

    format: Literal["agriseg-model-pack"]
    format_version: Literal[1]
    model_id: Annotated[str, Field(pattern=_PLAIN_NAME)]
    model: ModelRef
    made_at: datetime
    public_key: str
    files: Annotated[tuple[PackedFile, ...], Field(min_length=1, max_length=_FILES_LIMIT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPack:
    """A pack whose signature holds.

    Attributes
    ----------
    path : Path
    manifest : PackManifest
    public_key : bytes
        Whose signature it is, 32 bytes.
    """

    path: Path
    manifest: PackManifest
    public_key: bytes

    @property
    def signer(self) -> str:
        """The signer's key, for people."""
        return fingerprint(self.public_key)


def write_pack(
    model_id: str, target: Path, registry: ModelRegistry, keys: KeyRing, now: Callable[[], datetime]
) -> OpenedPack:
    """Write a model as one signed file.

    Parameters
    ----------
    model_id : str
    target : Path
        The file, or an existing folder in which it is named after the model.
    registry : ModelRegistry
    keys : KeyRing
        Its own key signs.
    now : callable

    Raises
    ------
    RegistryError
        There is no such model, the file is there already, or it cannot be written.
    ModelFileError
        The model is damaged.
    """
    bundle = open_bundle(registry.folder(model_id))
    ref = model_ref(bundle)
    own_id = f"{ref.name}-{ref.version}"
    path = target / f"{own_id}{PACK_SUFFIX}" if target.is_dir() else target
    if path.exists():
        raise RegistryError(f"{path}: is there already and is not overwritten; choose another name")
    sources = [p for p in sorted(bundle.directory.iterdir()) if _is_packed(p)]
    check_room(path.parent, sum(p.stat().st_size for p in sources), "the packed model")
    public_key = keys.own_public_key()
    manifest = PackManifest(
        format="agriseg-model-pack",
        format_version=1,
        model_id=own_id,
        model=ref,
        made_at=now().astimezone(UTC),
        public_key=base64.b64encode(public_key).decode(),
        files=tuple(_described(source) for source in sources),
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=2).encode()
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(PACK_MANIFEST, text)
            archive.writestr(PACK_SIGNATURE, keys.sign(_PREFIX + text))
            for source in sources:
                archive.write(source, f"{_FOLDER}{source.name}")
        partial.replace(path)
    except OSError as error:
        raise RegistryError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return OpenedPack(path=path, manifest=manifest, public_key=public_key)


def open_pack(path: Path) -> OpenedPack:
    """Read what a pack holds, and check its signature; whose it is, is the caller's to judge.

    Raises
    ------
    RegistryError
        It is no pack, is damaged, or the signature does not hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            text = _read_small(archive, PACK_MANIFEST)
            signature = _read_small(archive, PACK_SIGNATURE)
    except FileNotFoundError as error:
        raise RegistryError(f"{path}: no such file; expected a model as one file") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError) as error:
        raise RegistryError(
            f"{path}: not a packed model ({error}); expected a file by `agriseg models pack`"
        ) from error
    try:
        manifest = PackManifest.model_validate_json(text)
        public_key = base64.b64decode(manifest.public_key, validate=True)
    except (ValidationError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise RegistryError(
            f"{path}: {PACK_MANIFEST} cannot be used ({first}); it may be of another version"
        ) from error
    if not is_signed(public_key, signature, _PREFIX + text):
        raise RegistryError(
            f"{path}: the signature does not hold; the file was altered after it was signed, or "
            "cut short. Copy it again from the robot that packed it"
        )
    return OpenedPack(path=path, manifest=manifest, public_key=public_key)


def take_pack(opened: OpenedPack, registry: ModelRegistry, keys: KeyRing) -> str:
    """Take a packed model into the registry; return its id there. It is not deployed by that.

    Raises
    ------
    RegistryError
        The signer is not trusted, the pack is damaged, or another model has its id.
    ModelFileError
        What is packed is no whole model.
    """
    path, manifest = opened.path, opened.manifest
    if not keys.is_trusted(opened.public_key):
        raise RegistryError(
            f"{path}: signed with the key {opened.signer}, which is not trusted here. Compare it "
            "with `agriseg models key` on the robot that packed it; if they agree: "
            f"`agriseg models trust {opened.signer} --pack {path}`"
        )
    check_room(registry.root, 2 * sum(one.bytes for one in manifest.files), "the packed model")
    try:
        registry.root.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".unpack-", dir=registry.root))
    except OSError as error:
        raise RegistryError(f"{registry.root}: cannot be written ({error.strerror})") from error
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in manifest.files:
                _extract(archive, entry, scratch, path)
        if model_ref(open_bundle(scratch)) != manifest.model:
            raise RegistryError(f"{path}: holds another model than {PACK_MANIFEST} says")
        provenance = read_provenance(scratch) or Provenance(made_at=manifest.made_at)
        return registry.add(scratch, provenance)
    except (OSError, zipfile.BadZipFile) as error:
        raise RegistryError(f"{path}: cannot be unpacked ({error})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_packed(path: Path) -> bool:
    return path.is_file() and path.name[0] != "." and path.name not in _LEFT_OUT


def _described(path: Path) -> PackedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PackedFile(name=path.name, bytes=path.stat().st_size, sha256=digest)


def _read_small(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > _MANIFEST_LIMIT_BYTES:
        raise ValueError(f"{name} is larger than any")
    return archive.read(info)


def _extract(archive: zipfile.ZipFile, entry: PackedFile, folder: Path, path: Path) -> None:
    """Write one file, never more of it than the signed manifest says."""
    digest, left = hashlib.sha256(), entry.bytes
    try:
        member: IO[bytes] = archive.open(f"{_FOLDER}{entry.name}")
    except KeyError as error:
        raise RegistryError(f"{path}: {entry.name} is missing in it; copy it again") from error
    with member, (folder / entry.name).open("xb") as target:
        while chunk := member.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            target.write(chunk)
    if left != 0 or digest.hexdigest() != entry.sha256:
        raise RegistryError(
            f"{path}: {entry.name} is not what was signed; the file was altered or cut short"
        )
