"""A window on a scripted engine in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from rig_ui import WindowRig


@pytest.fixture
def rig(qapp: QApplication, tmp_path: Path) -> Iterator[WindowRig]:
    """Return a window of 1280x800 that shows a scripted engine."""
    made = WindowRig(QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat))
    yield made
    made.dispose()
