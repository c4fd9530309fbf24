"""What README and the set-up files promise is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from agriseg.app import build_parser

DOCUMENTS = ("README.md", "CHANGELOG.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(repository: Path, document: str) -> None:
    text = (repository / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (repository / target).exists()] == []


def test_every_command_of_the_readme_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`agriseg ([a-z]+)", text)) | set(
        re.findall(r"^    agriseg ([a-z]+)", text, flags=re.MULTILINE)
    )
    subcommands = build_parser().format_help()
    assert {"run", "segment", "doctor", "config"} <= named
    assert [name for name in named if not re.search(rf"^    {name}\b", subcommands, re.M)] == []


def test_every_make_target_of_the_readme_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", text, flags=re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_every_dependency_is_pinned_once(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = [item for group in project["optional-dependencies"].values() for item in group]
    wanted = {_plain(item) for item in [*project["dependencies"], *extras]}
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    pinned = [_plain(name) for name, _ in pins]
    assert len(pinned) == len(set(pinned))
    assert wanted - set(pinned) == {"torch"}
    assert "torch==2.13.0" in project["dependencies"]


def _plain(requirement: str) -> str:
    """Return a package's normalised name (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower()
