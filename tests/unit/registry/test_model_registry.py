"""Versions of models: added whole, deployed when proven, rolled back, never overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from registered_models import Calendar, proof, provenance, ref_of, write_bundle

from agriseg.errors import ModelFileError, RegistryError
from agriseg.models.bundle import SHIPPED_NAME, shipped_model
from agriseg.models.deployed import default_model
from agriseg.registry.provenance import read_provenance
from agriseg.registry.store import ModelRegistry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    """Return an empty registry in the place where engines look for it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return ModelRegistry(now=Calendar())


SHIPPED = ["field-lite0", "field-lite0-small"]


def _add(registry: ModelRegistry, tmp_path: Path, version: str, name: str = "maize") -> str:
    bundle = write_bundle(tmp_path / f"bundle-{name}-{version}", name, version)
    return registry.add(bundle, provenance(int(version.split(".")[-1])))


def _prove(registry: ModelRegistry, model_id: str, *, offered: bool = True) -> None:
    old = ref_of(registry, registry.deployed_id() or SHIPPED_NAME)
    registry.put_proof(model_id, proof(old, ref_of(registry, model_id), offered=offered))


def test_without_anything_deployed_the_shipped_model_works(registry: ModelRegistry) -> None:
    assert default_model() == shipped_model()
    shipped = registry.models()
    assert [one.model_id for one in shipped] == SHIPPED
    assert all(one.is_shipped for one in shipped)
    assert [one.model_id for one in shipped if one.is_deployed] == [SHIPPED_NAME]


def test_the_small_shipped_model_is_deployed_without_a_proof(registry: ModelRegistry) -> None:
    small = registry.deploy("field-lite0-small")

    assert (small.is_shipped, small.is_deployed) == (True, True)
    assert default_model() == shipped_model().parent / "field-lite0-small"
    with pytest.raises(RegistryError, match="is the deployed model already"):
        registry.deploy("field-lite0-small")
    with pytest.raises(RegistryError, match="comes with the program"):
        registry.delete("field-lite0-small")
    assert registry.roll_back().model_id == SHIPPED_NAME
    assert default_model() == shipped_model()


def test_a_proven_model_is_deployed_and_rolled_back_step_by_step(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    first, second = (_add(registry, tmp_path, version) for version in ("1.1", "1.2"))
    for model_id in (first, second):
        _prove(registry, model_id)
        assert registry.deploy(model_id).is_deployed
        assert default_model() == registry.root / model_id
    assert [one.model_id for one in registry.models()] == [second, first, *SHIPPED]
    assert registry.roll_back().model_id == first
    assert default_model() == registry.root / first
    assert registry.roll_back().model_id == SHIPPED_NAME
    assert default_model() == shipped_model()
    with pytest.raises(RegistryError, match="nothing to go back to"):
        registry.roll_back()
    log = registry.log()
    assert [entry.how for entry in log] == ["deploy", "deploy", "rollback", "rollback"]
    assert log[0].at == "2026-11-01T08:01:00+00:00"


def test_what_was_not_shown_to_be_no_worse_is_not_deployed(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    with pytest.raises(RegistryError, match=r"was not compared.*learn prove maize-1\.1"):
        registry.deploy(model_id)
    _prove(registry, model_id, offered=False)
    with pytest.raises(RegistryError, match=r"Mean IoU on soy fell by 0\.050"):
        registry.deploy(model_id)
    assert default_model() == shipped_model()
    registry.deploy(model_id, unproven=True)
    assert [entry.how for entry in registry.log()] == ["unproven"]


def test_a_proof_against_another_model_than_the_one_in_use_does_not_count(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    first, second = (_add(registry, tmp_path, version) for version in ("1.1", "1.2"))
    for model_id in (first, second):
        _prove(registry, model_id)
    registry.deploy(first)
    with pytest.raises(RegistryError, match=r"compared with field-lite0.*in use is maize 1\.1"):
        registry.deploy(second)


def test_what_worked_before_needs_no_new_proof(registry: ModelRegistry, tmp_path: Path) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    _prove(registry, model_id)
    registry.deploy(model_id)
    registry.deploy(SHIPPED_NAME)
    assert default_model() == shipped_model()
    registry.deploy(model_id)
    with pytest.raises(RegistryError, match="is the deployed model already"):
        registry.deploy(model_id)


def test_a_proof_of_other_weights_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    first, second = (_add(registry, tmp_path, version) for version in ("1.1", "1.2"))
    wrong = proof(ref_of(registry, SHIPPED_NAME), ref_of(registry, second))
    with pytest.raises(RegistryError, match="the proof is that of weights"):
        registry.put_proof(first, wrong)


def test_a_model_is_never_overwritten(registry: ModelRegistry, tmp_path: Path) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    same = write_bundle(tmp_path / "same", "maize", "1.1")
    assert registry.add(same, provenance()) == model_id
    other = write_bundle(tmp_path / "other", "maize", "1.1", weights=b"something else")
    with pytest.raises(RegistryError, match="not overwritten"):
        registry.add(other, provenance())
    assert (registry.root / model_id / "model.safetensors").read_bytes() == b"maize 1.1"


def test_versions_are_counted_up_beyond_those_that_there_are(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    _add(registry, tmp_path, "1.2")
    assert registry.next_version("maize", "1.1") == "1.3"
    assert registry.next_version("soy", "1.1") == "1.2"
    assert registry.next_version("soy", "3") == "4"
    assert registry.next_version("soy", "rc") == "rc.1"


def test_a_damaged_bundle_is_not_taken_and_leaves_nothing(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "bundle", "maize", "1.1")
    (bundle / "model.bin").write_bytes(b"short")
    with pytest.raises(ModelFileError, match="cut short"):
        registry.add(bundle, provenance())
    assert not registry.root.exists() or not list(registry.root.iterdir())


def test_a_deployed_model_that_is_gone_is_an_error_not_another_model(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    _prove(registry, model_id)
    registry.deploy(model_id)
    (registry.root / model_id).rename(tmp_path / "away")
    with pytest.raises(ModelFileError, match="the deployed model is missing"):
        default_model()
    write_bundle(registry.root / model_id, "maize", "1.1", weights=b"exchanged")
    with pytest.raises(ModelFileError, match=r"holds weights .* deployed were"):
        default_model()
    registry.roll_back()
    assert default_model() == shipped_model()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ('{"format": "other"}', "expected format"),
        ('{"format": "agriseg-deployment", "format_version": 9}', "format version 9"),
        ('{"format": "agriseg-deployment", "format_version": 1}', "lists in_use and log"),
        (
            '{"format": "agriseg-deployment", "format_version": 1, "in_use": [1], "log": []}',
            "expected model and weights_sha256",
        ),
    ],
)
def test_a_damaged_word_on_what_is_deployed_is_told(
    registry: ModelRegistry, text: str, words: str
) -> None:
    registry.root.mkdir(parents=True)
    (registry.root / "deployed.json").write_text(text)
    with pytest.raises(ModelFileError, match=words):
        default_model()


def test_what_is_deployed_or_on_the_way_back_is_not_deleted(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    first, second, third = (_add(registry, tmp_path, v) for v in ("1.1", "1.2", "1.3"))
    for model_id in (first, second):
        _prove(registry, model_id)
        registry.deploy(model_id)
    for model_id in (first, second):
        with pytest.raises(RegistryError, match="is deployed, or"):
            registry.delete(model_id)
    registry.delete(third)
    with pytest.raises(RegistryError, match="comes with the program"):
        registry.delete(SHIPPED_NAME)
    assert {path.name for path in registry.root.iterdir() if path.is_dir()} == {first, second}


@pytest.mark.parametrize("model_id", ["nothing", "../data", ".lock", "a/b"])
def test_names_that_are_none_are_refused(registry: ModelRegistry, model_id: str) -> None:
    with pytest.raises(RegistryError, match="no such model"):
        registry.deploy(model_id)


def test_a_broken_model_is_listed_with_what_is_wrong(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    (registry.root / model_id / "provenance.json").write_text('{"made_at": "yesterday"}')
    shown = registry.models()[0]
    assert shown.model_id == model_id
    assert "made_at" in shown.problem


def test_provenance_comes_back_as_it_was_written(registry: ModelRegistry, tmp_path: Path) -> None:
    model_id = _add(registry, tmp_path, "1.1")
    assert read_provenance(registry.root / model_id) == provenance(1)
    data = json.loads((registry.root / model_id / "provenance.json").read_text())
    assert data["format"] == "agriseg-provenance"
