"""Models as one signed file: carried whole, refused when altered or from a stranger."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from registered_models import Calendar, proof, provenance, ref_of, write_bundle

from agriseg.errors import RegistryError
from agriseg.models.bundle import SHIPPED_NAME
from agriseg.registry.keys import KeyRing
from agriseg.registry.pack import OpenedPack, open_pack, take_pack, write_pack
from agriseg.registry.provenance import read_provenance
from agriseg.registry.store import ModelRegistry


class Robot:
    """A computer with models and a key."""

    def __init__(self, root: Path) -> None:
        self.registry = ModelRegistry(root / "models", Calendar())
        self.keys = KeyRing(root / "keys")

    def pack(self, model_id: str, target: Path) -> OpenedPack:
        return write_pack(model_id, target, self.registry, self.keys, Calendar())

    def take(self, path: Path) -> str:
        return take_pack(open_pack(path), self.registry, self.keys)


@pytest.fixture
def sender(tmp_path: Path) -> Robot:
    robot = Robot(tmp_path / "sender")
    bundle = write_bundle(tmp_path / "bundle", "maize", "1.1")
    model_id = robot.registry.add(bundle, provenance(7))
    own = ref_of(robot.registry, model_id)
    robot.registry.put_proof(model_id, proof(ref_of(robot.registry, SHIPPED_NAME), own))
    return robot


@pytest.fixture
def receiver(tmp_path: Path) -> Robot:
    return Robot(tmp_path / "receiver")


@pytest.fixture
def packed(sender: Robot, tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return sender.pack("maize-1.1", tmp_path / "stick").path


def test_a_trusted_robots_model_arrives_whole_with_its_provenance(
    sender: Robot, receiver: Robot, packed: Path
) -> None:
    assert packed.name == "maize-1.1.agrimodel"
    receiver.keys.trust(sender.keys.own_public_key(), "the old robot")
    assert receiver.take(packed) == "maize-1.1"
    for path in (sender.registry.root / "maize-1.1").iterdir():
        if path.name != "proof.json":
            arrived = receiver.registry.root / "maize-1.1" / path.name
            assert arrived.read_bytes() == path.read_bytes(), path.name
    assert read_provenance(receiver.registry.root / "maize-1.1") == provenance(7)
    assert receiver.registry.models()[0].proof is None, "proofs are the receiver's own affair"
    with pytest.raises(RegistryError, match="was not compared"):
        receiver.registry.deploy("maize-1.1")
    assert receiver.take(packed) == "maize-1.1", "the same again changes nothing"


def test_a_stranger_is_refused_with_the_words_to_trust_it(
    sender: Robot, receiver: Robot, packed: Path
) -> None:
    signer = open_pack(packed).signer
    with pytest.raises(RegistryError, match=f"models trust {signer} --pack"):
        receiver.take(packed)
    assert not receiver.registry.root.exists()


def test_ones_own_model_comes_back_without_asking(sender: Robot, packed: Path) -> None:
    again = Robot(sender.keys.root.parent / "again")
    again.keys = sender.keys
    assert again.take(packed) == "maize-1.1"


def test_the_key_is_readable_by_its_user_alone(sender: Robot) -> None:
    sender.keys.own_public_key()
    assert (sender.keys.root / "signing.key").stat().st_mode & 0o777 == 0o600


def _rewrite(path: Path, changes: dict[str, bytes | None]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, data in changes.items():
        if data is None:
            del members[name]
        else:
            members[name] = data
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files/model.bin": b"\1" * 64}, "model.bin is not what was signed"),
        ({"files/model.bin": b"\0" * 65}, "model.bin is not what was signed"),
        ({"files/model.bin": b"\0" * 10}, "model.bin is not what was signed"),
        ({"files/model.xml": None}, "model.xml is missing"),
        ({"pack.sig": b"\0" * 64}, "the signature does not hold"),
        ({"pack.sig": b"short"}, "the signature does not hold"),
        ({"pack.sig": None}, "not a packed model"),
        ({"pack.json": b"{}"}, "pack.json cannot be used"),
    ],
)
def test_an_altered_pack_is_refused_and_leaves_nothing(
    sender: Robot,
    receiver: Robot,
    packed: Path,
    changes: dict[str, bytes | None],
    words: str,
) -> None:
    receiver.keys.trust(sender.keys.own_public_key(), "")
    _rewrite(packed, changes)
    with pytest.raises(RegistryError, match=words):
        receiver.take(packed)
    root = receiver.registry.root
    assert not root.exists() or not [p for p in root.iterdir() if p.is_dir()]


def test_a_changed_word_in_the_manifest_breaks_the_signature(packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        text = archive.read("pack.json")
    _rewrite(packed, {"pack.json": text.replace(b'"maize-1.1"', b'"maize-9.9"')})
    with pytest.raises(RegistryError, match="the signature does not hold"):
        open_pack(packed)


def test_names_that_lead_elsewhere_are_refused_even_when_signed(
    sender: Robot, receiver: Robot, packed: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(packed) as archive:
        manifest = json.loads(archive.read("pack.json"))
    manifest["files"][0]["name"] = "../../evil"
    text = json.dumps(manifest).encode()
    signature = sender.keys.sign(b"agriseg-model-pack 1\n" + text)
    _rewrite(packed, {"pack.json": text, "pack.sig": signature, "files/../../evil": b"x"})
    receiver.keys.trust(sender.keys.own_public_key(), "")
    with pytest.raises(RegistryError, match=r"pack\.json cannot be used"):
        receiver.take(packed)
    assert not list(tmp_path.rglob("evil"))


def test_a_signature_of_another_key_does_not_hold(packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        text = archive.read("pack.json")
    signature = Ed25519PrivateKey.generate().sign(b"agriseg-model-pack 1\n" + text)
    _rewrite(packed, {"pack.sig": signature})
    with pytest.raises(RegistryError, match="the signature does not hold"):
        open_pack(packed)


def test_files_that_are_no_packs_are_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no such file"):
        open_pack(tmp_path / "nothing.agrimodel")
    (tmp_path / "photo.agrimodel").write_bytes(b"JFIF")
    with pytest.raises(RegistryError, match="not a packed model"):
        open_pack(tmp_path / "photo.agrimodel")


def test_a_pack_is_not_overwritten(sender: Robot, packed: Path) -> None:
    with pytest.raises(RegistryError, match="not overwritten"):
        sender.pack("maize-1.1", packed)
