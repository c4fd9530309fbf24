"""Exports from Review and the record of an application: entered, kept, written, opened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from agriseg.config import Config
from agriseg.errors import RecordingError
from agriseg.exchange.spray_record import RECORD_FILE
from agriseg.field_config import RecordConfig
from ui.application import make_application
from ui.models.record_form import as_last_time, text_of, to_be_remembered, value_of
from ui.review.jobs import free_name
from ui.review.process_job import ProcessJob, Tell
from ui.review.review_page import ReviewPage
from ui.settings import WindowSettings
from ui.theme import ThemeChoice, ThemeKeeper
from ui.units import Units, UnitSystem

LEFT = Qt.MouseButton.LeftButton
OPENS_WITHIN_MS = 20_000
JOB_WITHIN_MS = 60_000
STATED = {
    "operator": "Operator",
    "field_name": "Long acre",
    "crop": "Maize",
    "product": "Mix",
    "product_registration": "024-1",
    "product_l_per_l": 0.01,
}


class FileManager:
    """Keeps what it was asked to show."""

    def __init__(self) -> None:
        self.shown: list[Path] = []
        self.is_there = True

    def show(self, folder: Path) -> bool:
        if self.is_there:
            self.shown.append(folder)
        return self.is_there


@pytest.fixture
def file_manager() -> FileManager:
    return FileManager()


@pytest.fixture
def page(
    qapp: QApplication,
    qtbot: QtBot,
    tmp_path: Path,
    recorded_run: Path,
    file_manager: FileManager,
) -> Iterator[ReviewPage]:
    """Return Review with one run, opened, that remembers in the window's settings."""
    make_application()
    run = tmp_path / "runs" / recorded_run.name
    shutil.copytree(recorded_run, run)
    for path in run.iterdir():
        os.utime(path, (time.time() - 3600.0,) * 2)
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    keeper = ThemeKeeper(ThemeChoice.DAY)
    made = ReviewPage(
        keeper,
        Units(UnitSystem.METRIC),
        lambda: tmp_path / "runs",
        lambda: tmp_path / "exports",
        memory=WindowSettings(store, Config().window),
        opener=file_manager.show,
    )
    keeper.setParent(made)
    made.resize(1176, 624)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: bool(made.runs.shown), timeout=OPENS_WITHIN_MS)
    made.open_run(made.runs.shown[0])
    qtbot.waitUntil(lambda: made.opened is not None, timeout=OPENS_WITHIN_MS)
    made.view.show_tab("export")
    yield made
    made.end()
    made.hide()


def typed(page: ReviewPage, qtbot: QtBot, key: str, text: str) -> None:
    """Type a value as a person does, and go on."""
    line = page.record.fields[key].line
    line.setFocus()
    line.clear()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def done(page: ReviewPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.is_busy, timeout=JOB_WITHIN_MS)


def said(page: ReviewPage) -> str:
    return page.record.outcome.said.text().replace("\u200b", "")


def test_the_record_is_entered_kept_written_and_found(
    page: ReviewPage, qtbot: QtBot, tmp_path: Path, file_manager: FileManager
) -> None:
    assert page.opened is not None
    kept = page.opened.directory / RECORD_FILE
    qtbot.mouseClick(page.view.export.record_key, LEFT)
    record = page.record
    assert record.isVisible()
    assert "Still needed: Operator, Field, Crop" in record.missing.text()
    assert not record.last_key.isEnabled(), "there was no application before"
    assert not kept.exists(), "looking changes nothing"
    for key, value in STATED.items():
        typed(page, qtbot, key, str(value).replace(".", ","))
    typed(page, qtbot, "humidity_percent", "130")
    assert "Humidity (%) is 130.0" in record.fields["humidity_percent"].problem.text()
    typed(page, qtbot, "temperature_c", "warm")
    assert "'warm', expected a number" in record.fields["temperature_c"].problem.text()
    assert json.loads(kept.read_text()) == STATED
    assert record.missing.text() == "Everything needed is there."
    typed(page, qtbot, "temperature_c", "18")
    assert not record.fields["temperature_c"].problem.isVisible()
    qtbot.mouseClick(record.write_keys["html"], LEFT)
    assert record.job.isVisible()
    done(page, qtbot)
    out = tmp_path / "exports" / f"{page.opened.directory.name}-record.html"
    assert f"Written: {out}" in said(page)
    text = out.read_text(encoding="utf-8")
    assert "Long acre" in text
    assert "Incomplete" not in text
    qtbot.mouseClick(record.outcome.open_key, LEFT)
    assert file_manager.shown == [out.parent]
    file_manager.is_there = False
    qtbot.mouseClick(record.outcome.open_key, LEFT)
    assert f"no program that shows folders. It is in {out.parent}" in said(page)
    qtbot.mouseClick(record.back_key, LEFT)
    assert page.view.isVisible()


def test_the_next_record_begins_as_the_last_one(
    page: ReviewPage, qtbot: QtBot, tmp_path: Path
) -> None:
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    WindowSettings(store, Config().window).record = {"operator": "Operator", "crop": "Maize"}
    qtbot.mouseClick(page.view.export.record_key, LEFT)
    typed(page, qtbot, "crop", "Beet")
    assert page.record.last_key.hint == "fills 1 empty field"
    qtbot.mouseClick(page.record.last_key, LEFT)
    assert page.record.record.operator == "Operator"
    assert page.record.record.crop == "Beet", "what was entered stays"
    assert page.record.fields["operator"].line.text() == "Operator"
    assert not page.record.last_key.isEnabled()


def test_exports_go_where_they_went_last(page: ReviewPage, qtbot: QtBot, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    qtbot.mouseClick(page.view.export.elsewhere_key, LEFT)
    page.paths.line.setText(str(tmp_path / "nowhere"))
    page.paths.line.textEdited.emit("")
    assert not page.paths.take_key.isEnabled()
    page.paths.line.setText(str(stick))
    page.paths.line.textEdited.emit("")
    qtbot.mouseClick(page.paths.take_key, LEFT)
    assert page.view.isVisible()
    assert str(stick) in page.view.export.folder.text().replace("\u200b", "")
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    assert WindowSettings(store, Config().window).exports == str(stick)


def test_a_run_without_positions_is_asked_where_it_began(page: ReviewPage, qtbot: QtBot) -> None:
    panel = page.view.export
    assert not panel.origin.isVisible(), "this run has positions"
    panel.show_places(False)
    assert panel.origin.isVisible()
    with qtbot.assertNotEmitted(panel.asked):
        qtbot.mouseClick(panel.keys["kml"], LEFT)
        assert "say above where it began" in panel.said.text()
        panel.origin.setText("here")
        qtbot.mouseClick(panel.keys["kml"], LEFT)
        assert "'here' is not LATITUDE" in panel.said.text().replace("\u200b", "")
    panel.asked.disconnect()
    panel.origin.setText("48.1, 11.5, 90")
    with qtbot.waitSignal(panel.asked) as asked:
        qtbot.mouseClick(panel.keys["kml"], LEFT)
    assert asked.args[1].course_deg == 90.0
    with qtbot.waitSignal(panel.asked) as asked:
        qtbot.mouseClick(panel.keys["html"], LEFT)
    assert asked.args[1] is None, "a record needs no map"


def _write_slowly(tell: Tell, folder: Path) -> None:
    scratch = folder / ".half-written"
    scratch.mkdir()
    try:
        tell("slow", 0.5)
        signal.pause()
    finally:
        scratch.rmdir()


def test_what_is_given_up_leaves_nothing_half_written(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    job = ProcessJob()
    with qtbot.waitSignal(job.progressed, timeout=JOB_WITHIN_MS):
        job.start(_write_slowly, tmp_path)
    assert any(tmp_path.iterdir())
    job.cancel()
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path, "run", "-record.pdf").name == "run-record.pdf"
    (tmp_path / "run-record.pdf").touch()
    (tmp_path / "run-2-record.pdf").touch()
    assert free_name(tmp_path, "run", "-record.pdf").name == "run-3-record.pdf"


def test_what_was_typed_becomes_a_value() -> None:
    assert value_of("operator", "  A. Person ") == "A. Person"
    assert value_of("wind_m_s", "2,5") == 2.5
    assert value_of("wind_m_s", " ") is None
    assert value_of("product_l_per_l", "") == 0.0
    with pytest.raises(RecordingError, match=r"Wind .* is 'much', expected a number"):
        value_of("wind_m_s", "much")


def test_weather_is_never_taken_over() -> None:
    before = RecordConfig(operator="Operator", wind_m_s=3.0, crop_bbch="14", remarks="calm")
    assert to_be_remembered(before) == {"operator": "Operator"}
    assert text_of(before, "wind_m_s") == "3"
    last = {"operator": "Operator", "wind_m_s": 3.0, "gone": 1}
    assert as_last_time(RecordConfig(), last) == {"operator": "Operator"}
