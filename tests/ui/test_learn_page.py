"""The page Learn: data chosen, jobs followed and ordered, models used, packed and taken."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "learning"))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "registry"))

import pytest
from learning_samples import make_spec, write_labels
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from registered_models import proof, provenance, ref_of, write_bundle

from agriseg.learning.course import job_line, link_line
from agriseg.learning.jobs import CONTROL_NAME, Jobs, working
from agriseg.models.bundle import SHIPPED_NAME, shipped_model
from agriseg.registry.keys import KeyRing
from agriseg.registry.store import ModelRegistry
from ui.application import make_application
from ui.learn.learn_page import LearnPage
from ui.models.learning import DataRole
from ui.theme import ThemeChoice, ThemeKeeper
from ui.units import Units, UnitSystem
from ui.widgets.key import HOLD_MS

LEFT = Qt.MouseButton.LeftButton


class Store:
    """Remembers nothing beyond the test."""

    def __init__(self) -> None:
        self.label_projects: tuple[str, ...] = ()
        self.learning_folders: tuple[tuple[str, str], ...] = ()
        self.learning_computer = ""


class Desk:
    """A page with its own folders."""

    def __init__(self, root: Path, qtbot: QtBot) -> None:
        self.root = root
        self.qtbot = qtbot
        self.store = Store()
        self.jobs = Jobs(root / "jobs")
        self.registry = ModelRegistry()
        self.keys = KeyRing(root / "keys")
        self.page: LearnPage | None = None

    def open(self, fixed: str = "") -> LearnPage:
        make_application()
        keeper = ThemeKeeper(ThemeChoice.DAY)
        page = LearnPage(
            keeper,
            Units(UnitSystem.METRIC),
            self.store,
            lambda: self.root / "runs",
            lambda: fixed,
            jobs=self.jobs,
            registry=self.registry,
            keys=self.keys,
        )
        keeper.setParent(page)
        page.resize(1176, 624)
        self.qtbot.addWidget(page)
        page.show()
        self.page = page
        self.wait(lambda: bool(page.models.rows) and bool(page.data.start_words.text()))
        return page

    def wait(self, until: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(until, timeout=20_000)

    def job(self, name: str = "maize") -> Path:
        labels = write_labels(self.root / "labels" / name)
        return self.jobs.create(make_spec(shipped_model(), (labels, "new")))

    def model(self, version: str, *, offered: bool | None = True) -> str:
        bundle = write_bundle(self.root / f"bundle-{version}", "maize", version)
        model_id = self.registry.add(bundle, provenance())
        if offered is not None:
            old = ref_of(self.registry, SHIPPED_NAME)
            new = ref_of(self.registry, model_id)
            self.registry.put_proof(model_id, proof(old, new, offered=offered))
        return model_id

    def hold(self, key: object) -> None:
        self.qtbot.mousePress(key, LEFT)
        self.qtbot.wait(HOLD_MS + 100)
        self.qtbot.mouseRelease(key, LEFT)


@pytest.fixture
def desk(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    made = Desk(tmp_path, qtbot)
    yield made
    if made.page is not None:
        made.page.end()
        made.page.hide()


def test_without_pictures_it_says_how_to_get_some(desk: Desk) -> None:
    page = desk.open()
    assert "page Label" in page.data.empty.text()
    assert not page.data.begin_key.isEnabled()
    assert page.data.start_words.text().startswith("field-lite0")
    assert page.jobs.empty.isVisibleTo(page.jobs)


def test_folders_have_a_purpose_and_are_remembered(desk: Desk) -> None:
    labels = write_labels(desk.root / "maize")
    desk.store.label_projects = (str(labels), str(desk.root / "gone"))
    page = desk.open()
    assert page.data.roles == {labels: DataRole.OFF}
    key = page.data.role_keys[labels]
    desk.qtbot.mouseClick(key, LEFT)
    assert page.data.roles[labels] is DataRole.NEW
    assert page.data.begin_key.isEnabled()
    assert "will not be offered" in page.data.warning.text()
    assert desk.store.learning_folders == (("new", str(labels)),)
    check = write_labels(desk.root / "check")
    page.data.add_folder(check, DataRole.PROTECTED)
    assert page.data.warning.text() == ""
    desk.qtbot.mouseClick(key, LEFT)
    assert "at least one set" in page.data.warning.text()
    assert not page.data.begin_key.isEnabled()


def test_while_spraying_nothing_begins_and_the_local_job_waits(desk: Desk) -> None:
    job = desk.job()
    page = desk.open()
    page.data.add_folder(write_labels(desk.root / "maize"))
    control = job / CONTROL_NAME
    with working(job, local=True):
        with (job / "events.jsonl").open("a") as file:
            file.write(json.dumps({"event": "started", "step": 0, "steps": 9}) + "\n")
        page.show_state("Spraying is on.")
        desk.wait(lambda: control.exists() and control.read_text().split() == ["pause"])
        assert not page.data.begin_key.isEnabled()
        assert page.data.warning.text() == "Spraying is on."
        page.show_state("")
        desk.wait(lambda: control.read_text().split() == ["go"])
        assert page.data.begin_key.isEnabled()


def test_a_job_that_somebody_paused_stays_paused_after_spraying(desk: Desk) -> None:
    job = desk.job()
    page = desk.open()
    with working(job, local=True):
        with (job / "events.jsonl").open("a") as file:
            file.write(json.dumps({"event": "paused", "step": 3}) + "\n")
        page.show_state("Spraying is on.")
        page.show_state("")
        desk.qtbot.wait(300)
        assert not (job / CONTROL_NAME).exists()


def test_a_job_is_followed_and_ordered(desk: Desk) -> None:
    job = desk.job()
    page = desk.open()
    page.show_tab("jobs")
    desk.wait(lambda: page.jobs.selected is not None)
    assert page.jobs.state.text() == "Not begun"
    assert page.jobs.pause_key.text() == "Continue"
    events = job / "events.jsonl"
    with working(job, local=True):
        lines = [
            {"event": "started", "step": 0, "steps": 40},
            {"event": "validation", "step": 10, "validation": {"maize.miou": 0.5}},
            {"event": "step", "step": 12, "steps": 40, "loss": 0.4, "remaining_s": 61.0},
        ]
        events.write_text("".join(json.dumps(line) + "\n" for line in lines))
        desk.wait(lambda: "Step 12 of 40, about 0:01:01 left" in page.jobs.sentence.text())
        assert page.jobs.bar.value() == 30
        assert "maize" in page.jobs.curves.legend.text()
        desk.qtbot.mouseClick(page.jobs.pause_key, LEFT)
        desk.wait(lambda: (job / CONTROL_NAME).exists())
        assert (job / CONTROL_NAME).read_text().split() == ["pause"]
        with events.open("a") as file:
            file.write(json.dumps({"event": "paused", "step": 12}) + "\n")
        desk.wait(lambda: page.jobs.pause_key.text() == "Continue")
        desk.qtbot.mouseClick(page.jobs.pause_key, LEFT)
        desk.wait(lambda: (job / CONTROL_NAME).read_text().split() == ["go"])
        with events.open("a") as file:
            file.write(link_line("server: no route to host") + "\n")
        desk.wait(lambda: "no route to host" in page.jobs.sentence.text())
        desk.qtbot.mouseClick(page.jobs.cancel_key, LEFT)
        desk.wait(lambda: (job / CONTROL_NAME).read_text().split() == ["stop"])
    desk.wait(lambda: page.jobs.state.text() == "! interrupted")
    assert page.jobs.pause_key.isEnabled()


def test_deleting_a_job_asks_first(desk: Desk) -> None:
    job = desk.job()
    page = desk.open()
    page.show_tab("jobs")
    desk.wait(lambda: page.jobs.selected is not None)
    desk.qtbot.mouseClick(page.jobs.delete_key, LEFT)
    assert page.jobs.delete_key.text() == "Really delete?"
    assert job.exists()
    desk.qtbot.mouseClick(page.jobs.delete_key, LEFT)
    desk.wait(lambda: not job.exists() and not page.jobs.rows)


def test_begin_makes_a_job_and_shows_it(desk: Desk) -> None:
    page = desk.open()
    page.data.add_folder(write_labels(desk.root / "maize"))
    busy = desk.job("other")
    with working(busy, local=True):
        desk.qtbot.mouseClick(page.data.begin_key, LEFT)
        desk.wait(lambda: "is learning already" in page.data.problem.text())
    page.data.computer.setText("-oProxyCommand=evil")
    desk.qtbot.mouseClick(page.data.begin_key, LEFT)
    desk.wait(lambda: "expected a host, or USER@HOST" in page.data.problem.text())
    assert desk.store.learning_computer == "-oProxyCommand=evil"


def test_an_offered_model_is_used_by_holding_and_rolled_back(desk: Desk) -> None:
    model_id = desk.model("1.2")
    page = desk.open()
    page.show_tab("models")
    page.models.select(model_id)
    assert page.models.sentence.text() == "It is not worse."
    desk.qtbot.mouseClick(page.models.deploy_key, LEFT)
    assert desk.registry.deployed_id() == "", "a tap is not enough"
    with desk.qtbot.waitSignal(page.model_changed, timeout=20_000) as heard:
        desk.hold(page.models.deploy_key)
    assert heard.args == ["maize 1.2"]
    assert desk.registry.deployed_id() == model_id
    desk.wait(lambda: page.models.deploy_key.text() == "In use")
    with desk.qtbot.waitSignal(page.model_changed, timeout=20_000):
        desk.qtbot.mouseClick(page.models.rollback_key, LEFT)
    assert desk.registry.deployed_id() == ""
    desk.wait(lambda: not page.models.rollback_key.isEnabled())


def test_a_model_that_is_not_offered_says_why_and_can_be_used_all_the_same(desk: Desk) -> None:
    model_id = desk.model("1.2", offered=False)
    page = desk.open()
    page.show_tab("models")
    page.models.select(model_id)
    assert "Mean IoU on soy fell" in page.models.sentence.text()
    assert page.models.deploy_key.text() == "Use it all the same"
    with desk.qtbot.waitSignal(page.model_changed, timeout=20_000):
        desk.hold(page.models.deploy_key)
    assert [entry.how for entry in desk.registry.log()] == ["unproven"]


def test_a_fixed_model_of_the_configuration_is_said(desk: Desk) -> None:
    page = desk.open(fixed="/models/own")
    desk.wait(lambda: "/models/own" in page.models.said.text().replace("\u200b", ""))


def test_a_model_travels_in_a_packed_file(desk: Desk, tmp_path: Path) -> None:
    model_id = desk.model("1.2")
    page = desk.open()
    page.show_tab("models")
    page.models.select(model_id)
    (tmp_path / "stick").mkdir()
    desk.qtbot.mouseClick(page.models.pack_key, LEFT)
    page.paths.line.setText(str(tmp_path / "stick"))
    desk.qtbot.keyClick(page.paths.line, Qt.Key.Key_Return)
    pack = tmp_path / "stick" / "maize-1.2.agrimodel"
    desk.wait(lambda: pack.exists() and "Signed" in page.models.said.text())

    desk.registry.delete(model_id)
    desk.keys.root.rename(tmp_path / "keys of another robot")
    desk.qtbot.mouseClick(page.models.unpack_key, LEFT)
    page.paths.line.setText(str(pack))
    desk.qtbot.keyClick(page.paths.line, Qt.Key.Key_Return)
    desk.wait(lambda: page.models.trust_key.isVisible())
    assert "is not trusted here" in page.models.problem.text()
    assert not (desk.registry.root / model_id).exists()
    desk.qtbot.mouseClick(page.models.trust_key, LEFT)
    desk.wait(lambda: (desk.registry.root / model_id / "model.json").exists())
    desk.wait(lambda: "Taken" in page.models.said.text())


def test_a_finished_job_leads_to_its_model(desk: Desk) -> None:
    job = desk.job()
    model_id = desk.model("1.2")
    (job / "events.jsonl").write_text(
        job_line("done", "It is not worse.", model_id=model_id) + "\n"
    )
    page = desk.open()
    page.show_tab("jobs")
    desk.wait(lambda: page.jobs.state.text() == "✓ done")
    assert page.jobs.model_key.isEnabled()
    desk.qtbot.mouseClick(page.jobs.model_key, LEFT)
    assert page.models.isVisible()
    assert page.models.selected is not None
    assert page.models.selected.model_id == model_id
