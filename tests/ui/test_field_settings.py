"""The form of the page Field: what is typed is checked, applied and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.config import Config, parse_config
from ui.connection import ConnectionKeeper
from ui.settings import WindowSettings
from ui.units import Units, UnitSystem

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def rig(qapp: QApplication, store: QSettings) -> Iterator[WindowRig]:
    made = WindowRig(store, Config())
    yield made
    made.dispose()


def test_what_is_applied_restarts_the_engine_with_it_and_is_kept(
    rig: WindowRig, store: QSettings, qtbot: QtBot
) -> None:
    page = rig.window.field
    rig.window.show_page("field")
    page.show_tab("settings")
    form = page.settings
    assert not form.apply_key.isEnabled(), "nothing was changed"
    form.lines["position.antenna_x_m"].setText("1,25")
    form.lines["position.antenna_x_m"].textEdited.emit("1,25")
    qtbot.mouseClick(form.keys["recording.quality", "retraining"], LEFT)
    assert "4 GB an hour" in form.keys["recording.quality", "retraining"].hint
    assert "label" in form.note.text()
    form.apply_key.click()
    config = page._connection.config
    assert config.position.antenna_x_m == 1.25
    assert config.recording.quality == "retraining"
    assert config.boundary.margin_m == Config().boundary.margin_m
    assert not form.apply_key.isEnabled()
    again = ConnectionKeeper(Config(), WindowSettings(store, Config().window))
    assert again.config.position.antenna_x_m == 1.25
    told = parse_config({"position": {"antenna_x_m": 0.3}}, source="test")
    newer = ConnectionKeeper(told, WindowSettings(store, told.window)).config
    assert newer.position.antenna_x_m == 0.3, "the file says something else since"
    assert newer.recording.quality == "retraining"


def test_what_cannot_be_is_said_and_not_applied(rig: WindowRig) -> None:
    form = rig.window.field.settings
    for text, said in (("far", "expected a number"), ("99", "antenna_x_m")):
        form.lines["position.antenna_x_m"].setText(text)
        form.lines["position.antenna_x_m"].textEdited.emit(text)
        form.apply_key.click()
        assert said in form.problem.text()
    assert rig.window.field._connection.config.position.antenna_x_m == 0.0


def test_lengths_are_feet_where_feet_are_shown(rig: WindowRig) -> None:
    form = rig.window.field.settings
    form.set_units(Units(UnitSystem.IMPERIAL))
    line = form.lines["boundary.margin_m"]
    assert line.text() == "0.328"
    assert not form.apply_key.isEnabled()
    line.setText("1")
    line.textEdited.emit("1")
    form.apply_key.click()
    assert rig.window.field._connection.config.boundary.margin_m == pytest.approx(0.3048)


def test_a_receiver_in_the_network_is_used_by_its_address(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.field
    rig.window.show_page("field")
    page.show_tab("receiver")
    line = page.receiver.network
    line.setFocus()
    qtbot.keyClicks(line, "tcp://rover:9001")
    assert "address in digits" in page.receiver.help.text().replace("\u200b", "")
    assert not page.receiver.use_key.isEnabled()
    line.selectAll()
    qtbot.keyClicks(line, "192.168.1.20:9001")
    assert page.receiver.use_key.isEnabled()
    page.receiver.use_key.click()
    assert page._connection.config.position.source == "tcp://192.168.1.20:9001"
