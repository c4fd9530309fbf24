"""The page Calibrate: led through a step by keys, nothing changed before it is accepted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes_ui import make_boom, make_snapshot
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.calibration.catalogue import StepInfo
from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.profiles import open_store
from agriseg.calibration.steps import (
    MEASURE,
    REPEAT,
    CalibrationStep,
    NumberField,
    StepAction,
    StepPhase,
    StepResult,
    StepSetup,
    StepView,
)
from agriseg.config import Config, parse_config
from agriseg.errors import CalibrationError
from agriseg.messages import CommandKind, EngineCommand, EngineState, Frame, Picture
from ui.calibration.keypad import number_text

LEFT = Qt.MouseButton.LeftButton
PITCH = "camera.pose.pitch_deg"


class CountingStep(CalibrationStep):
    """Needs three pictures; the result is the number that was entered."""

    def __init__(self, setup: StepSetup) -> None:
        self.angle_deg: float | None = None
        self.pictures = 0
        self.measuring = False
        self.order_due = False

    @property
    def view(self) -> StepView:
        done = self.pictures >= 3 and self.angle_deg is not None
        result = StepResult(
            values=(MeasuredValue(key=PITCH, value=self.angle_deg or 0.0, std=0.1),),
            method="counted",
            observations=self.pictures,
            summary=f"Pitch {self.angle_deg}",
        )
        return StepView(
            instruction="Enter the angle and press Measure.",
            phase=StepPhase.DONE
            if done
            else StepPhase.MEASURE
            if self.measuring
            else StepPhase.PREPARE,
            progress=self.pictures / 3,
            fields=(
                NumberField(
                    name="angle",
                    label="Angle",
                    unit="°",
                    value=self.angle_deg,
                    low=-20.0,
                    high=60.0,
                    digits=1,
                ),
            ),
            actions=(
                StepAction(name=MEASURE, word="Measure", is_main=True),
                StepAction(name=REPEAT, word="Repeat"),
            ),
            result=result if done else None,
        )

    @property
    def needs_devices(self) -> bool:
        return self.angle_deg == 42.0

    def enter(self, name: str, value: float | str) -> None:
        if float(value) == 13.0:
            raise CalibrationError("13 brings bad luck; enter another angle")
        self.angle_deg = float(value)

    def act(self, action: str) -> None:
        if action == "stop":
            self.angle_deg = -1.0
            return
        self.measuring = action == MEASURE
        self.pictures = 0
        self.order_due = True

    def take_picture(self, frame: Frame) -> None:
        assert frame.image.shape[2] == 3
        self.pictures += self.measuring

    def take_orders(self) -> tuple[EngineCommand, ...]:
        due, self.order_due = self.order_due, False
        return (EngineCommand(kind=CommandKind.NOTE, value="step"),) if due else ()


STEPS = (
    StepInfo(name="ground", title="Ground", purpose="A test.", icon="camera", make=CountingStep),
    StepInfo(name="wheel", title="Wheel", purpose="A test.", icon="camera", make=CountingStep),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse_config(
        {
            "camera": {"source": "usb:0"},
            "calibration": {"directory": str(tmp_path / "calibration")},
        },
        "test",
    )


@pytest.fixture
def rig(qapp: QApplication, qtbot: QtBot, tmp_path: Path, config: Config):  # type: ignore[no-untyped-def]
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    made = WindowRig(store, config)
    made.window.calibrate._steps = STEPS
    made.window.calibrate._step = "ground"
    made.show(make_snapshot(t_s=made.now_s()))
    made.window.show_page("calibrate")
    yield made
    made.window.calibrate.end()
    made.dispose()


def give_pictures(rig: WindowRig, qtbot: QtBot, count: int) -> None:
    page = rig.window.calibrate
    for index in range(count):
        image = np.zeros((60, 80, 4), np.uint8)
        picture = Picture(
            frame_id=index,
            t_capture_s=rig.now_s(),
            image=image,
            overlay=image,
            boom=make_boom(),
        )
        page.show_picture(picture, rig.now_s())
        qtbot.waitUntil(lambda: page.worker._picture is None, timeout=5000)


def open_step(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.calibrate
    qtbot.mouseClick(page.list.start_key, LEFT)
    qtbot.waitUntil(lambda: "angle" in page.wizard.field_keys, timeout=5000)


def enter_angle(rig: WindowRig, qtbot: QtBot, text: str) -> None:
    wizard = rig.window.calibrate.wizard
    qtbot.mouseClick(wizard.field_keys["angle"], LEFT)
    for sign in text:
        qtbot.mouseClick(wizard.keypad.keys[sign], LEFT)
    qtbot.mouseClick(wizard.keypad.enter_key, LEFT)


def measure(rig: WindowRig, qtbot: QtBot, angle: str = "15") -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    enter_angle(rig, qtbot, angle)
    qtbot.mouseClick(page.wizard.action_keys[MEASURE], LEFT)
    qtbot.waitUntil(lambda: page.worker.has_begun, timeout=5000)
    give_pictures(rig, qtbot, 3)
    qtbot.waitUntil(page.wizard.accept_key.isVisible, timeout=5000)


def test_opening_the_page_changes_nothing(rig: WindowRig, config: Config) -> None:
    page = rig.window.calibrate
    assert page.isVisible()
    assert page.list.step_keys["ground"].hint == "Never calibrated"
    assert rig.client.sent == []
    assert not open_store(config).path.exists()
    rig.window.show_page("operate")
    assert rig.window.operate.isVisible()
    assert not open_store(config).path.parent.exists()


def test_accepting_stores_the_value_and_starts_the_engine_with_it(
    rig: WindowRig, qtbot: QtBot, config: Config
) -> None:
    page = rig.window.calibrate
    measure(rig, qtbot)
    assert open_store(config).history() == ()
    assert "15.00" in page.wizard.table.text()
    assert "± 0.2" in page.wizard.table.text()
    qtbot.mouseClick(page.wizard.accept_key, LEFT)
    (entry,) = open_store(config).history()
    assert (entry.step, entry.values[0].value, entry.values[0].before) == ("ground", 15.0, 0.0)
    assert page.list.isVisible()
    assert "in force" in page.list.history.text()
    assert rig.client.kinds()[-1] == "shutdown"
    rig.client.alive = False
    rig.pass_time(0.2)
    assert rig.client.starts == 2


def test_discarding_keeps_the_old_value(rig: WindowRig, qtbot: QtBot, config: Config) -> None:
    measure(rig, qtbot)
    qtbot.mouseClick(rig.window.calibrate.wizard.discard_key, LEFT)
    assert open_store(config).history() == ()
    assert rig.window.calibrate.list.isVisible()
    assert "shutdown" not in rig.client.kinds()


def test_leaving_half_way_asks(rig: WindowRig, qtbot: QtBot, config: Config) -> None:
    page = rig.window.calibrate
    measure(rig, qtbot)
    qtbot.mouseClick(rig.window.rail.keys["operate"], LEFT)
    assert page.isVisible()
    assert page.leave_panel.isVisible()
    qtbot.mouseClick(page.leave_panel.stay_key, LEFT)
    assert not page.leave_panel.isVisible()
    qtbot.keyClick(rig.window, Qt.Key.Key_F2)
    qtbot.mouseClick(page.leave_panel.leave_key, LEFT)
    assert rig.window.operate.isVisible()
    assert not page.is_at_work
    assert open_store(config).history() == ()


def test_closing_the_window_half_way_asks(rig: WindowRig, qtbot: QtBot) -> None:
    measure(rig, qtbot)
    rig.window.close()
    assert rig.window.isVisible()
    assert rig.window.calibrate.is_half_way
    rig.window.close()
    assert not rig.window.isVisible()


def test_nothing_that_does_not_run_shows_progress(rig: WindowRig, qtbot: QtBot) -> None:
    wizard = rig.window.calibrate.wizard
    open_step(rig, qtbot)
    assert not wizard.progress.isVisible()
    assert wizard.remaining.text() == ""
    enter_angle(rig, qtbot, "15")
    qtbot.mouseClick(wizard.action_keys[MEASURE], LEFT)
    give_pictures(rig, qtbot, 1)
    qtbot.waitUntil(wizard.progress.isVisible, timeout=5000)
    assert wizard.progress.value() == 33


def test_skipping_goes_to_the_next_step(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    qtbot.mouseClick(page.wizard.skip_key, LEFT)
    assert page.list.isVisible()
    assert page.list.step == "wheel"


def test_taking_back_asks_once_and_brings_the_value_before(
    rig: WindowRig, qtbot: QtBot, config: Config
) -> None:
    page = rig.window.calibrate
    measure(rig, qtbot)
    qtbot.mouseClick(page.wizard.accept_key, LEFT)
    qtbot.mouseClick(page.list.undo_key, LEFT)
    assert open_store(config).newest("ground") is not None
    assert page.list.undo_key.text() == "Really take back?"
    qtbot.mouseClick(page.list.undo_key, LEFT)
    assert open_store(config).newest("ground") is None
    assert "taken back" in page.list.history.text()
    assert not page.list.undo_key.isEnabled()


def test_nothing_is_measured_or_accepted_while_spraying(
    rig: WindowRig, qtbot: QtBot, config: Config
) -> None:
    page = rig.window.calibrate
    measure(rig, qtbot)
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING))
    assert not page.wizard.accept_key.isEnabled()
    page.wizard.accepted.emit()
    assert open_store(config).history() == ()
    assert not page.list.start_key.isEnabled()
    assert "Pause or stop first" in page.list.refusal.text()


def test_a_number_out_of_range_is_told_and_not_taken(rig: WindowRig, qtbot: QtBot) -> None:
    wizard = rig.window.calibrate.wizard
    open_step(rig, qtbot)
    enter_angle(rig, qtbot, "99")
    assert wizard.keypad.isVisible()
    assert "Enter -20 to 60 °" in wizard.keypad.problem.text()
    qtbot.mouseClick(wizard.keypad.cancel_key, LEFT)
    assert wizard.field_keys["angle"].text().startswith("–")


def test_what_the_step_refuses_is_told(rig: WindowRig, qtbot: QtBot) -> None:
    wizard = rig.window.calibrate.wizard
    open_step(rig, qtbot)
    enter_angle(rig, qtbot, "13")
    qtbot.waitUntil(lambda: "bad luck" in wizard.problems.text(), timeout=5000)


def test_the_keypad_takes_the_keyboard_and_space_still_stops(rig: WindowRig, qtbot: QtBot) -> None:
    wizard = rig.window.calibrate.wizard
    open_step(rig, qtbot)
    qtbot.mouseClick(wizard.field_keys["angle"], LEFT)
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Period, Qt.Key.Key_5, Qt.Key.Key_Minus):
        qtbot.keyClick(wizard.keypad, key)
    assert wizard.keypad.shown.text() == "−12.5"
    qtbot.keyClick(wizard.keypad, Qt.Key.Key_Space)
    assert rig.client.kinds() == ["stop"]
    qtbot.keyClick(wizard.keypad, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "−12.5" in wizard.field_keys["angle"].text(), timeout=5000)


def test_every_key_is_large_enough_for_gloves(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    qtbot.mouseClick(page.wizard.field_keys["angle"], LEFT)
    QApplication.processEvents()
    keys = [
        *page.wizard.keypad.keys.values(),
        page.wizard.keypad.enter_key,
        page.wizard.keypad.erase_key,
        *page.wizard.action_keys.values(),
        *page.wizard.field_keys.values(),
        page.wizard.skip_key,
    ]
    assert min(min(key.width(), key.height()) for key in keys) >= 57


def test_what_is_due_shows_on_the_operate_page(rig: WindowRig, qtbot: QtBot) -> None:
    texts = [item.text for item in (row.alarm for row in rig.window.alarms.rows())]
    assert any("Camera: never calibrated" in text for text in texts)


def test_the_orders_of_a_step_reach_the_engine(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    qtbot.mouseClick(page.wizard.action_keys[MEASURE], LEFT)
    qtbot.waitUntil(lambda: bool(rig.client.sent), timeout=5000)
    assert rig.last() == EngineCommand(kind=CommandKind.NOTE, value="step")


def test_a_calibration_file_that_cannot_be_read_is_told(
    rig: WindowRig, qtbot: QtBot, config: Config
) -> None:
    path = open_store(config).path
    path.parent.mkdir()
    path.write_text("{broken\n")
    rig.window.show_page("operate")
    rig.window.show_page("calibrate")
    page = rig.window.calibrate
    assert "line 1" in page.problem.text()
    qtbot.mouseClick(page.list.start_key, LEFT)
    assert not page.is_at_work


def test_a_picture_that_is_not_of_now_is_covered(rig: WindowRig, qtbot: QtBot) -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    give_pictures(rig, qtbot, 1)
    assert page.wizard.picture.is_live
    rig.show(replace(make_snapshot(t_s=rig.now_s() + 2.0)))
    rig.pass_time(2.0)
    rig.show(make_snapshot(t_s=rig.now_s()))
    assert not page.wizard.picture.is_live


def test_the_engine_leaves_its_devices_to_a_step_that_opens_them(
    rig: WindowRig, qtbot: QtBot
) -> None:
    page = rig.window.calibrate
    open_step(rig, qtbot)
    enter_angle(rig, qtbot, "42")
    qtbot.waitUntil(lambda: rig.client.kinds() == ["shutdown"], timeout=5000)
    rig.client.alive = False
    rig.pass_time(6.0)
    assert rig.client.starts == 1
    qtbot.mouseClick(page.wizard.skip_key, LEFT)
    rig.pass_time(0.1)
    assert rig.client.starts == 2


def test_the_stop_key_stops_the_step_too(rig: WindowRig, qtbot: QtBot) -> None:
    wizard = rig.window.calibrate.wizard
    open_step(rig, qtbot)
    enter_angle(rig, qtbot, "7")
    qtbot.waitUntil(lambda: wizard.field_keys["angle"].text().startswith("7"), timeout=5000)
    qtbot.keyClick(rig.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: wizard.field_keys["angle"].text().startswith("−1"), timeout=5000)
    assert "stop" in rig.client.kinds()


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.0, 0, "0"), (-0.04, 1, "0.0"), (-0.3, 0, "−0.3"), (-12.0, 0, "−12"), (None, 1, "–")],
)
def test_a_field_writes_no_negative_nothing(value: float | None, digits: int, text: str) -> None:
    assert number_text(value, digits) == text
