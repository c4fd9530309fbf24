"""A window on a scripted engine in virtual time; a recorded run to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from rig_ui import WindowRig

from agriseg.config import parse_config
from agriseg.headless import run_headless
from agriseg.recording.reader import open_run
from ui.models.review_open import OpenedRun, open_story

RECORDED_S = 3.0


@pytest.fixture
def rig(qapp: QApplication, tmp_path: Path) -> Iterator[WindowRig]:
    """Return a window of 1280x800 that shows a scripted engine."""
    made = WindowRig(QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat))
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run over the simulated field, recorded once; copy it before changing it."""
    data = {"model": {"method": "truth"}, "simulation": {"speed_m_s": 2.0}}
    directory = tmp_path_factory.mktemp("recorded") / "20260714-091500"
    run_headless(
        parse_config(data, source="test"), seconds=RECORDED_S, out=directory, realtime=False
    )
    return directory


@pytest.fixture(scope="session")
def opened_run(recorded_run: Path) -> OpenedRun:
    """Return the recorded run, told."""
    with open_run(recorded_run) as run:
        opened = open_story(run, lambda _: None, lambda: False)
    assert opened is not None
    return opened
