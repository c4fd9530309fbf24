"""The page Calibrate: certificates, machines, nozzle colours; entered by large keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from agriseg.calibration.boom_file import export_boom, import_boom
from agriseg.calibration.boom_step import BoomStep
from agriseg.calibration.entries import Machine, MeasuredValue
from agriseg.calibration.profiles import Profiles, open_store
from agriseg.calibration.steps import ChoiceField, StepResult, StepSetup, accept_result
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.verification import MarkScore, Verification, verification_result
from agriseg.config import Config, parse_config
from ui.calibration.calibrate_page import CalibratePage
from ui.calibration.certificate_view import OPERATOR, SERIAL, CertificateView
from ui.calibration.colour_key import ColourKey
from ui.calibration.fields import StepFields
from ui.calibration.letter_pad import LetterPad
from ui.calibration.places import Place
from ui.theme import ThemeChoice, ThemeKeeper, contrast_ratio
from ui.widgets.key import Key

LEFT = Qt.MouseButton.LeftButton
WHEN = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
ROOM_PX = 350
"""What the side of a step has for keys at 1280x800."""
ROOM_HIGH_PX = 612
"""What a page has between the bars at 1280x800; less would squeeze the keys."""
COUNTS = "wheel.counts_per_m"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse_config(
        {"camera": {"source": "usb:0"}, "calibration": {"directory": str(tmp_path / "cal")}},
        "test",
    )


@pytest.fixture
def page(config: Config, tmp_path: Path, qtbot: QtBot) -> Iterator[CalibratePage]:
    made = CalibratePage(
        ThemeKeeper(ThemeChoice.DAY),
        lambda: config,
        lambda: WHEN,
        places=lambda: (Place(word="Stick", folder=tmp_path / "stick"),),
    )
    qtbot.addWidget(made)
    made.resize(1160, 640)
    made.show()
    yield made
    made.end()


def accept(store: CalibrationStore, config: Config, step: str, result: StepResult) -> None:
    accept_result(step, result, store=store, configured=config, in_force=config, when=WHEN)


def verify(config: Config) -> CalibrationStore:
    marks = tuple(
        MarkScore(
            s_m=2.0 + i,
            y_m=0.1,
            hit=True,
            wet_share=0.98,
            begin_error_m=0.004,
            end_error_m=-0.003,
        )
        for i in range(8)
    )
    store = open_store(config)
    result = verification_result(Verification(marks=marks, speed_m_s=1.0), config)
    accept(store, config, "verification", result)
    return store


def wheel_result(counts: float) -> StepResult:
    value = MeasuredValue(key=COUNTS, value=counts, std=1.0)
    return StepResult(values=(value,), method="driven", observations=3, summary="driven")


def tap(qtbot: QtBot, key: Key) -> None:
    QApplication.processEvents()
    assert key.isVisible(), key.text()
    assert min(key.width(), key.height()) >= 57, key.text()
    qtbot.mouseClick(key, LEFT)


def write(qtbot: QtBot, pad: LetterPad, text: str) -> None:
    """Enter a text by the pad's keys, in small letters after the first."""
    assert pad.isVisible()
    for sign in text.lower():
        tap(qtbot, pad.space_key if sign == " " else pad.keys[sign])
    tap(qtbot, pad.enter_key)


def open_certificate(page: CalibratePage, qtbot: QtBot) -> CertificateView:
    tap(qtbot, page.list.step_keys["verification"])
    tap(qtbot, page.list.certificate_key)
    return page.certificate


def test_the_certificate_is_written_with_operator_and_serial(
    page: CalibratePage, config: Config, qtbot: QtBot
) -> None:
    store = verify(config)
    page.refresh()
    view = open_certificate(page, qtbot)
    assert not view.write_key.isEnabled()
    tap(qtbot, view.name_keys[OPERATOR])
    write(qtbot, page.pad, "ada b")
    tap(qtbot, view.name_keys[SERIAL])
    write(qtbot, page.pad, "7-42")
    assert store.machine.serial == ""
    tap(qtbot, view.write_key)
    qtbot.waitUntil(view.pdf_key.isVisible, timeout=60_000)
    (pdf,) = (store.path.parent / "certificates").glob("*.pdf")
    (html,) = (store.path.parent / "certificates").glob("*.html")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert "Ada b" in html.read_text()
    assert "7-42" in html.read_text()
    assert store.machine.serial == "7-42"
    shown = view.where.text().replace("\u200b", "")
    assert str(pdf.parent) in shown
    assert pdf.name in shown
    assert len(store.history()) == 1


def test_a_certificate_is_opened_or_its_place_told(
    config: Config, qtbot: QtBot, tmp_path: Path
) -> None:
    verify(config).name_machine(Machine(name="machine", serial="7"))
    opened: list[Path] = []

    def opener(path: Path) -> bool:
        opened.append(path)
        return path.suffix == ".pdf"

    room = QWidget()
    qtbot.addWidget(room)
    room.resize(1160, 640)
    keeper = ThemeKeeper(ThemeChoice.NIGHT)
    pad = LetterPad(keeper, room)
    view = CertificateView(keeper, pad, opener, room)
    view.resize(1160, 640)
    room.show()
    view.show_store(open_store(config))
    pad.entered.emit(OPERATOR, "Ada")
    tap(qtbot, view.write_key)
    qtbot.waitUntil(view.pdf_key.isVisible, timeout=60_000)
    tap(qtbot, view.pdf_key)
    assert view.problem.text() == ""
    tap(qtbot, view.page_key)
    assert [path.suffix for path in opened] == [".pdf", ".html"]
    assert "no program that opens" in view.problem.text()
    pad.entered.emit(OPERATOR, "Bea")
    tap(qtbot, view.write_key)
    qtbot.waitUntil(view.pdf_key.isVisible, timeout=60_000)
    assert len(list((tmp_path / "cal" / "certificates").iterdir())) == 4
    view.end()


def test_every_step_is_large_enough_for_gloves(page: CalibratePage) -> None:
    QApplication.processEvents()
    keys = (*page.list.step_keys.values(), page.list.machines_key, page.list.start_key)
    assert len(keys) == 10
    assert min(min(key.width(), key.height()) for key in keys) >= 57
    assert page.list.minimumSizeHint().height() <= ROOM_HIGH_PX


def test_without_a_verification_no_certificate_is_offered(
    page: CalibratePage, qtbot: QtBot
) -> None:
    tap(qtbot, page.list.step_keys["verification"])
    assert not page.list.certificate_key.isVisible()


def test_a_new_machine_is_in_force_only_when_chosen_twice(
    page: CalibratePage, config: Config, qtbot: QtBot
) -> None:
    accept(open_store(config), config, "wheel", wheel_result(2000.0))
    told: list[str] = []
    page.changed.connect(told.append)
    tap(qtbot, page.list.machines_key)
    tap(qtbot, page.machines.new_key)
    write(qtbot, page.pad, "boom 3m")
    write(qtbot, page.pad, "s7")
    profiles = Profiles(open_store(config).path.parent)
    assert profiles.store("Boom 3m").machine == Machine(name="Boom 3m", serial="S7")
    assert profiles.chosen == "machine"
    tap(qtbot, page.machines.use_key)
    assert (profiles.chosen, told) == ("machine", [])
    tap(qtbot, page.machines.use_key)
    assert profiles.chosen == "Boom 3m"
    assert told == ["The calibration of Boom 3m is in force."]


def test_a_machine_goes_to_a_file_and_comes_from_one(
    page: CalibratePage, config: Config, qtbot: QtBot, tmp_path: Path
) -> None:
    store = open_store(config)
    accept(store, config, "wheel", wheel_result(2000.0))
    view = page.machines
    tap(qtbot, page.list.machines_key)
    tap(qtbot, view.export_key)
    tap(qtbot, *view.file_keys.values())
    (written,) = (tmp_path / "stick").glob("machine-*.jsonl")
    assert written.read_bytes() == store.path.read_bytes()
    tap(qtbot, view.import_key)
    tap(qtbot, *view.file_keys.values())
    while page.pad.shown.text() != "–":
        page.pad.erase()
    write(qtbot, page.pad, "two")
    profiles = Profiles(store.path.parent)
    assert profiles.store("two").history() == store.history()
    assert profiles.chosen == "machine"
    assert "not in use yet" in view.problem.text()


@pytest.mark.parametrize("name", ["machine", "simulated"])
def test_nothing_is_put_in_force_by_importing_it(
    page: CalibratePage, config: Config, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    other = CalibrationStore(stick / f"{name}.jsonl")
    accept(other, config, "wheel", wheel_result(1234.0))
    tap(qtbot, page.list.machines_key)
    tap(qtbot, page.machines.import_key)
    tap(qtbot, *page.machines.file_keys.values())
    tap(qtbot, page.pad.enter_key)
    assert "choose another" in page.machines.problem.text()
    assert not open_store(config).path.exists()


def test_a_file_that_is_no_calibration_is_told(
    page: CalibratePage, qtbot: QtBot, tmp_path: Path
) -> None:
    tap(qtbot, page.list.machines_key)
    tap(qtbot, page.machines.import_key)
    assert "There is no calibration file" in page.machines.problem.text()
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "notes.jsonl").write_text('{"text": "hello"}\n')
    tap(qtbot, page.machines.import_key)
    tap(qtbot, *page.machines.file_keys.values())
    tap(qtbot, page.pad.enter_key)
    assert "line 1" in page.machines.problem.text().replace("\u200b", "")
    assert list(page.machines.profile_keys) == ["machine"]


def test_the_board_is_written_as_a_pdf_true_to_what_was_chosen(
    page: CalibratePage, qtbot: QtBot, tmp_path: Path
) -> None:
    tap(qtbot, page.list.step_keys["camera"])
    tap(qtbot, page.list.files_key)
    view = page.files
    tap(qtbot, view.choice_keys["A3"])
    tap(qtbot, view.choice_keys["checkerboard"])
    (write_it,) = view.file_keys.values()
    tap(qtbot, write_it)
    path = tmp_path / "stick" / "agriseg-board-A3-checkerboard.pdf"
    qtbot.waitUntil(lambda: "Written" in view.said.text(), timeout=60_000)
    assert path.read_bytes().startswith(b"%PDF")
    tap(qtbot, write_it)
    qtbot.waitUntil(lambda: "not overwritten" in view.said.text(), timeout=60_000)
    tap(qtbot, view.back_key)
    assert page.list.isVisible()


def test_a_boom_goes_to_a_file_and_comes_from_one_after_its_changes_were_seen(
    page: CalibratePage, config: Config, qtbot: QtBot, tmp_path: Path
) -> None:
    told: list[str] = []
    page.changed.connect(told.append)
    tap(qtbot, page.list.step_keys["boom"])
    tap(qtbot, page.list.files_key)
    view = page.files
    assert "There is no boom's file" in view.said.text()
    tap(qtbot, view.file_keys["Write to Stick"])
    (written,) = (tmp_path / "stick").glob("boom-*.toml")
    assert import_boom(written) == config.boom
    wide = config.boom.model_copy(update={"nozzle_count": 12, "height_m": 0.45})
    export_boom(wide, tmp_path / "stick" / "wide.toml")
    (tmp_path / "stick" / "notes.toml").write_text("[notes]\n")
    tap(qtbot, view.back_key)
    tap(qtbot, page.list.files_key)
    tap(qtbot, view.file_keys["Read notes.toml"])
    assert "one table [boom]" in view.said.text()
    tap(qtbot, view.file_keys[f"Read {written.name}"])
    assert "in force already" in view.said.text()
    assert not view.take_key.isVisible()
    tap(qtbot, view.file_keys["Read wide.toml"])
    assert "450.0" in view.table.text()
    assert "<b>12</b>" in view.table.text()
    assert open_store(config).history() == ()
    page.show_state("Pause or stop first.", 0.0)
    tap(qtbot, view.take_key)
    assert open_store(config).history() == ()
    page.show_state("", 0.0)
    tap(qtbot, view.take_key)
    (entry,) = open_store(config).history()
    assert {value.key for value in entry.values} == {"boom.nozzle_count", "boom.height_m"}
    assert entry.method == "read from the file wide.toml"
    assert told == ["Boom: the values of the file are in force."]


def test_values_in_force_stand_with_what_was_before_and_how_sure_they_are(
    page: CalibratePage, config: Config, qtbot: QtBot
) -> None:
    store = open_store(config)
    accept(store, config, "wheel", wheel_result(2040.0))
    page.refresh()
    assert not page.list.values.isVisible()
    tap(qtbot, page.list.step_keys["wheel"])
    text = page.list.values.text()
    assert all(part in text for part in ("2000.0", "2040.0", "± 2.0"))
    assert "driven, 3 observations" in page.list.history.text()
    store.undo("wheel", WHEN)
    page.refresh()
    assert not page.list.values.isVisible()


def test_nozzle_sizes_are_named_and_coloured_and_can_be_read(config: Config, qtbot: QtBot) -> None:
    step = BoomStep(StepSetup(config=config, store=open_store(config)))
    step.enter("nozzle_size", "04")
    (sizes,) = [field for field in step.view.fields if isinstance(field, ChoiceField)]
    fields = StepFields(ThemeKeeper(ThemeChoice.NIGHT))
    qtbot.addWidget(fields)
    fields.resize(ROOM_PX, 900)
    fields.show()
    fields.show_fields([sizes])
    keys = {name: key for name, key in fields.keys.items() if isinstance(key, ColourKey)}
    assert len(keys) == 12
    for name, key in keys.items():
        assert key.text().replace("\n", " ") == sizes.choices[name.removeprefix("nozzle_size=")]
        assert contrast_ratio(key.ink, key.colour) >= 4.5
    red = keys["nozzle_size=04"]
    assert (red.text(), red.colour) == ("04\nred", "#d0281e")
    assert fields.minimumSizeHint().width() <= ROOM_PX
    ticked = red.grab().toImage()
    assert ticked.pixelColor(ticked.width() // 4, ticked.height() // 4).name() == red.colour
    plain = keys["nozzle_size=03"].grab().toImage()
    assert plain.pixelColor(plain.width() // 6, plain.height() // 8).name() == "#2459b8"
