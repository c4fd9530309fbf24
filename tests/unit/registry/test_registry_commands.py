"""`agriseg models deploy`, `rollback`, `log`, `pack`, `unpack`, `key`, `trust` and `delete`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from registered_models import provenance, write_bundle

from agriseg.app import main
from agriseg.registry.store import ModelRegistry


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here"))
    ModelRegistry().add(write_bundle(tmp_path / "bundle", "maize", "1.1"), provenance())


def _said(arguments: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    assert main(["models", *arguments]) == status
    printed = capsys.readouterr()
    return printed.out if status == 0 else printed.err


@pytest.mark.usefixtures("_here")
def test_deploy_and_roll_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert "was not compared" in _said(["deploy", "maize-1.1"], capsys, 2)
    said = _said(["deploy", "maize-1.1", "--unproven"], capsys)
    assert "deployed: maize-1.1; before: the shipped model" in said
    assert ModelRegistry().deployed_id() == "maize-1.1"
    assert "deployed again: field-lite0" in _said(["rollback"], capsys)
    log = json.loads(_said(["log", "--json"], capsys))
    assert [entry["how"] for entry in log] == ["unproven", "rollback"]
    assert "rollback  the shipped model" in _said(["log"], capsys)
    _said(["delete", "maize-1.1"], capsys)
    assert all(one.is_shipped for one in ModelRegistry().models())
    assert "nothing to go back to" in _said(["rollback"], capsys, 2)


@pytest.mark.usefixtures("_here")
def test_a_model_travels_to_another_robot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _said(["pack", "maize-1.1", "--out", str(tmp_path)], capsys)
    pack = tmp_path / "maize-1.1.agrimodel"
    assert str(pack) in said
    signer = said.split("the key ")[1].split(";")[0]
    assert signer in _said(["key"], capsys)

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "there"))
    assert "is not trusted here" in _said(["unpack", str(pack)], capsys, 2)
    wrong = ["trust", "AAAA-BBBB", "--pack", str(pack)]
    assert "nothing was changed" in _said(wrong, capsys, 2)
    _said(["trust", signer.lower(), "--pack", str(pack), "--label", "old robot"], capsys)
    assert f"{signer}  old robot" in _said(["key"], capsys)
    assert "added: maize-1.1" in _said(["unpack", str(pack)], capsys)
    assert "maize-1.1" in [one.model_id for one in ModelRegistry().models()]
