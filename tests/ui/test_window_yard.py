"""The page Calibrate with steps that drive and spray: devices, progress, cups, charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes_ui import make_snapshot
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.calibration.catalogue import STEPS, StepInfo
from agriseg.calibration.flow_catch import Spraying
from agriseg.calibration.flow_step import CUP, FlowStep
from agriseg.calibration.profiles import open_store
from agriseg.calibration.steps import MEASURE, Chart
from agriseg.calibration.yard_process import TestMessage, TestProgress
from agriseg.calibration.yard_step import STOP
from agriseg.calibration.yard_tests import TestOutcome
from agriseg.config import Config, parse_config
from agriseg.messages import EngineState
from ui.calibration.calibrate_page import CalibratePage
from ui.calibration.chart_view import ChartView
from ui.theme import ThemeChoice, ThemeKeeper


class FakeTest:
    def __init__(self) -> None:
        self.messages: list[TestMessage] = []
        self.orders: list[str] = []

    def poll(self) -> list[TestMessage]:
        messages, self.messages = self.messages, []
        return messages

    def stop(self) -> None:
        self.orders.append("stop")

    def confirm(self) -> None:
        self.orders.append("there")

    def close(self) -> None:
        self.orders.append("close")


class Yard:
    """The window with a catch test that the test case plays."""

    def __init__(self, tmp_path: Path) -> None:
        self.config = parse_config(
            {
                "boom": {"nozzle_count": 24, "nozzle_size": "04"},
                "calibration": {"directory": str(tmp_path / "calibration")},
            },
            source="test",
        )
        self.tests: list[FakeTest] = []
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        self.rig = WindowRig(settings, self.config)
        self.rig.show(make_snapshot(state=EngineState.READY))
        self.page = self.rig.window.calibrate
        self.page._steps = tuple(self._played(info) for info in STEPS)
        self.rig.window.show_page("calibrate")

    def _played(self, info: StepInfo) -> StepInfo:
        if info.name != "flow":
            return info
        return replace(info, make=lambda setup: FlowStep(setup, self._start))

    def _start(self, config: Config, name: str, options: Mapping[str, float]) -> FakeTest:
        self.tests.append(FakeTest())
        return self.tests[-1]


@pytest.fixture
def yard(tmp_path: Path, qtbot: QtBot) -> Iterator[Yard]:
    bench = Yard(tmp_path)
    yield bench
    bench.page.end()
    bench.rig.dispose()


def press(page: CalibratePage, action: str) -> None:
    page.wizard.action_keys[action].click()


def begin(yard: Yard, qtbot: QtBot) -> None:
    yard.page.begin("flow")
    qtbot.waitUntil(lambda: MEASURE in yard.page.wizard.action_keys)
    press(yard.page, MEASURE)
    qtbot.waitUntil(lambda: len(yard.tests) == 1)
    qtbot.waitUntil(lambda: STOP in yard.page.wizard.action_keys)


def test_progress_and_stop_are_shown_while_water_flows(yard: Yard, qtbot: QtBot) -> None:
    begin(yard, qtbot)
    yard.tests[0].messages = [
        TestProgress(text="Water is sprayed: 12 s to go.", fraction=0.6, remaining_s=12.0)
    ]
    wizard = yard.page.wizard
    qtbot.waitUntil(lambda: wizard.progress.value() == 60)
    assert wizard.instruction.text() == "Water is sprayed: 12 s to go."
    press(yard.page, STOP)
    qtbot.waitUntil(lambda: yard.tests[0].orders == ["stop"])


def test_the_engine_leaves_its_devices_to_the_test(yard: Yard, qtbot: QtBot) -> None:
    lent: list[bool] = []
    yard.page.devices_needed.connect(lent.append)
    begin(yard, qtbot)
    assert lent == [True]
    yard.page.end()
    assert lent == [True, False]
    assert yard.tests[0].orders == ["close"]


def test_cups_are_entered_drawn_and_accepted(yard: Yard, qtbot: QtBot) -> None:
    begin(yard, qtbot)
    yard.tests[0].messages = [
        TestOutcome(
            spraying=Spraying(
                seconds=30.0, pressure_kpa=300.0, nozzles=(0, 1), metered_ml=float("nan")
            )
        )
    ]
    wizard = yard.page.wizard
    qtbot.waitUntil(lambda: CUP in wizard.field_keys)
    for caught in (800.0, 930.0):
        wizard.entered.emit(CUP, caught)
    qtbot.waitUntil(wizard.accept_key.isVisible)
    chart = wizard.chart.chart
    assert wizard.chart.isVisible()
    assert chart is not None
    assert chart.series["deviation"] == pytest.approx((0.0, 16.25))
    assert open_store(yard.config).history() == ()
    yard.rig.show(make_snapshot(state=EngineState.READY))
    wizard.accept_key.click()
    QApplication.processEvents()
    (entry,) = open_store(yard.config).history()
    assert entry.step == "flow"
    assert entry.facts["catches"][1]["state"] == "worn"


def test_a_long_result_is_not_cut_off(yard: Yard, qtbot: QtBot) -> None:
    begin(yard, qtbot)
    nozzles = tuple(range(yard.config.boom.nozzle_count))
    yard.tests[0].messages = [
        TestOutcome(
            spraying=Spraying(
                seconds=30.0, pressure_kpa=300.0, nozzles=nozzles, metered_ml=float("nan")
            )
        )
    ]
    wizard = yard.page.wizard
    qtbot.waitUntil(lambda: CUP in wizard.field_keys)
    for _ in nozzles:
        wizard.entered.emit(CUP, 804.0)
    qtbot.waitUntil(wizard.accept_key.isVisible)
    QApplication.processEvents()
    assert wizard.side_scroll.verticalScrollBar().maximum() > 0
    room_px = wizard.side_scroll.viewport().width()
    assert 1.5 * wizard.table.minimumSizeHint().width() < room_px, "cut off in larger type"


def test_points_beyond_what_is_allowed_are_drawn_in_another_colour(qtbot: QtBot) -> None:
    keeper = ThemeKeeper(ThemeChoice.DAY)
    view = ChartView(keeper)
    qtbot.addWidget(view)
    view.resize(400, 300)
    fault = keeper.theme.fault

    def faulty_pixels(value: float) -> int:
        view.show_chart(
            Chart(title="Flow", unit="%", labels=("1", "2"), series={"now": (0.0, value)})
            if value == 0.0
            else Chart(
                title="Flow",
                unit="%",
                labels=("1", "2"),
                series={"now": (0.0, value)},
                low=-40.0,
                high=10.0,
            )
        )
        image = view.grab().toImage()
        return sum(
            image.pixelColor(x, y).name() == fault
            for x in range(250, 400)
            for y in range(image.height())
        )

    assert faulty_pixels(0.0) == 0
    assert faulty_pixels(25.0) > faulty_pixels(5.0) + 50
    assert "0.0 to 5.0 %" in view.accessibleDescription()
