"""Review in the window, on a run that was really recorded over the simulated field."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes_ui import make_snapshot
from PySide6.QtCore import QPointF, QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.config import Config, RecordingConfig
from agriseg.errors import RecordingError
from agriseg.messages import ClassId, CommandKind, EngineState
from agriseg.recording.marks import read_notes
from agriseg.recording.run_directories import is_starred
from ui.application import make_application
from ui.models.review_runs import RunFilter
from ui.models.what_if import AS_SEEN, SWEEPS
from ui.review.jobs import FORMS
from ui.review.process_job import ProcessJob, Tell
from ui.review.review_page import ReviewPage
from ui.review.thread import ReviewThread
from ui.review.timeline import Timeline
from ui.theme import ThemeChoice, ThemeKeeper
from ui.units import Units, UnitSystem

LEFT = Qt.MouseButton.LeftButton
OPENS_WITHIN_MS = 20_000
JOB_WITHIN_MS = 60_000


def age(run: Path) -> None:
    """Let a run look as if it had ended long ago."""
    for path in run.iterdir():
        os.utime(path, (time.time() - 3600.0,) * 2)


@pytest.fixture
def runs(tmp_path: Path, recorded_run: Path) -> Path:
    """Return a folder with one whole run."""
    root = tmp_path / "runs"
    shutil.copytree(recorded_run, root / recorded_run.name)
    age(root / recorded_run.name)
    return root


@pytest.fixture
def make_page(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what shows the page on a folder of runs."""
    make_application()
    made: list[ReviewPage] = []

    def make(root: Path, units: UnitSystem = UnitSystem.METRIC) -> ReviewPage:
        keeper = ThemeKeeper(ThemeChoice.DAY)
        page = ReviewPage(keeper, Units(units), lambda: root, lambda: tmp_path / "exports")
        keeper.setParent(page)
        page.resize(1176, 624)
        qtbot.addWidget(page)
        page.show()
        made.append(page)
        qtbot.waitUntil(lambda: not page.runs.progress.text(), timeout=OPENS_WITHIN_MS)
        return page

    yield make
    for page in made:
        page.end()
        page.hide()


def opened(page: ReviewPage, qtbot: QtBot) -> None:
    """Open the run on top of the list and wait for its first picture."""
    qtbot.mouseClick(page.runs.open_key, LEFT)
    qtbot.waitUntil(lambda: page.view.picture.frame is not None, timeout=OPENS_WITHIN_MS)


def shows(page: ReviewPage, index: int) -> bool:
    frame = page.view.picture.frame
    return frame is not None and frame.index == index


def test_without_runs_it_says_how_to_get_one(make_page: Callable[..., Any], tmp_path: Path) -> None:
    page = make_page(tmp_path / "nowhere")
    assert page.runs.shown == ()
    assert "Operate" in page.runs.empty_help.text()
    assert not page.runs.open_key.isEnabled()


def test_runs_are_listed_found_and_filtered(make_page: Callable[..., Any], runs: Path) -> None:
    page = make_page(runs)
    (card,) = page.runs.shown
    assert card.area_m2 > 1.0
    page.runs.search.setText("nothing like it")
    assert page.runs.shown == ()
    assert page.runs.empty.text() == "No run fits the search."
    page.runs.search.setText("20260714")
    assert page.runs.shown == (card,)
    page.runs.filter_keys[RunFilter.STARRED].click()
    assert page.runs.shown == ()


def test_a_starred_run_is_kept_until_the_star_is_gone(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page, run = make_page(runs), next(runs.iterdir())
    qtbot.mouseClick(page.runs.star_key, LEFT)
    assert is_starred(run)
    assert not page.runs.delete_key.isEnabled()
    qtbot.mouseClick(page.runs.star_key, LEFT)
    age(run)
    qtbot.mouseClick(page.runs.delete_key, LEFT)
    assert run.is_dir(), "it asks first"
    qtbot.mouseClick(page.runs.delete_key, LEFT)
    assert not run.exists()
    assert page.runs.shown == ()


def test_a_run_written_to_just_now_is_not_deleted(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page, run = make_page(runs), next(runs.iterdir())
    (run / "run.json").touch()
    for _ in range(2):
        qtbot.mouseClick(page.runs.delete_key, LEFT)
    assert run.is_dir()
    assert "still be going on" in page.runs.problem.text()


def test_torn_and_newer_runs_say_what_was_recovered(
    make_page: Callable[..., Any], runs: Path, recorded_run: Path, qtbot: QtBot
) -> None:
    torn, newer = runs / "20260715-080000", runs / "20260716-080000"
    shutil.copytree(recorded_run, torn)
    data = torn / "data-0000.mcap"
    os.truncate(data, round(0.6 * data.stat().st_size))
    newer.mkdir()
    (newer / "run.json").write_text('{"run": {"format_version": "99"}}')
    page = make_page(runs)
    said = {card.directory.name: card for card in page.runs.shown}
    assert "recovered" in said[torn.name].state
    assert "update AgriSeg" in said[newer.name].state
    assert not said[newer.name].opens
    page.runs.list.select(newer)
    assert not page.runs.open_key.isEnabled()
    page.runs.list.select(torn)
    opened(page, qtbot)
    assert "recovered" in page.view.said.text()


def test_picture_map_chart_and_timeline_move_together(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    view, run = page.view, page.opened
    assert run is not None
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: shows(page, 1))
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: shows(page, 11))
    assert view.playhead.t_s == pytest.approx(run.frame_times_s[11])
    low_m, high_m = view.chart._plot.getPlotItem().viewRange()[0]
    boom_m = run.distance_at(view.playhead.t_s) + run.boom_m[0, 0]
    assert low_m < boom_m < high_m
    (left, right), _ = view.map._plot.getPlotItem().viewRange()
    assert left < run.distance_at(view.playhead.t_s) + 1.0 < right
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.playhead.t_s == run.info.start_s


def test_of_many_requests_the_newest_wins(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    times = page.opened.frame_times_s
    begun_s = time.monotonic()
    for t_s in times.tolist():
        page.view.seek(t_s)
    assert time.monotonic() - begun_s < 2.0, "scrubbing waits for no picture"
    page.view.seek(float(times[5]))
    qtbot.waitUntil(lambda: shows(page, 5))


def test_playing_shows_one_picture_after_another(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    before_s = page.view.playhead.t_s
    qtbot.keyClick(page.view, Qt.Key.Key_K)
    assert page.view.keys["play"].text() == "Pause"
    qtbot.waitUntil(lambda: page.view.playhead.t_s > before_s + 0.3)
    qtbot.keyClick(page.view, Qt.Key.Key_K)
    assert not page.view.playhead.is_playing


def test_a_touched_plant_says_why(make_page: Callable[..., Any], runs: Path, qtbot: QtBot) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    view, run = page.view, page.opened
    done = next(
        plant
        for plant in run.story.plants
        if plant.class_id is ClassId.WEED and run.story.plant(plant.plant_id).was_wetted
    )
    view.look_at_plant(done.plant_id)
    index = view.playhead.frame_index
    qtbot.waitUntil(lambda: shows(page, index))
    view.plant_panel.show_words(None)
    (box,) = [p for p in view.picture.frame.plants if p.plant_id == done.plant_id]
    target, scale = view.picture.picture_rect(), view.picture.frame.scale
    share = target.width() / view.picture.frame.picture.image.shape[1] * scale
    middle = box.outline_px.mean(axis=0) * share + (target.left(), target.top())
    qtbot.mouseClick(view.picture, LEFT, pos=QPointF(*middle).toPoint())
    assert view.plant_panel.title.text() == f"Weed {done.plant_id}"
    assert view.plant_panel.verdict.text() == "✓ Sprayed, confirmed"
    assert "Why sprayed" in view.plant_panel.sentence.text()


def test_plants_are_gone_through_in_their_order(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    weeds = [event.plant_id for event in page.opened.weeds]
    qtbot.keyClick(page.view, Qt.Key.Key_Home)
    seen = []
    for _ in range(4):
        qtbot.keyClick(page.view, Qt.Key.Key_N)
        seen.append(page.view.plant_id)
    assert seen == weeds[:4]
    qtbot.keyClick(page.view, Qt.Key.Key_B)
    assert page.view.plant_id == weeds[2]


def test_marks_are_kept_beside_the_run(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page, run = make_page(runs), next(runs.iterdir())
    opened(page, qtbot)
    page.view.show_tab("marks")
    page.view.seek(page.opened.info.start_s + 1.5)
    qtbot.keyClicks(page.view.marks.text, "thistles")
    qtbot.mouseClick(page.view.marks.mark_key, LEFT)
    (mark,) = read_notes(run).marks
    assert (mark.text, mark.t_s) == ("thistles", page.opened.info.start_s + 1.5)
    page.view.seek(page.opened.info.start_s)
    go, away = page.view.marks.rows[mark.mark_id]
    qtbot.mouseClick(go, LEFT)
    assert page.view.playhead.t_s == mark.t_s
    qtbot.mouseClick(away, LEFT)
    assert read_notes(run).marks == ()


def test_two_runs_are_compared(
    make_page: Callable[..., Any], runs: Path, recorded_run: Path, qtbot: QtBot
) -> None:
    shutil.copytree(recorded_run, runs / "20260715-080000")
    page = make_page(runs)
    first, second = page.runs.shown
    page.runs.list.select(first.directory)
    qtbot.mouseClick(page.runs.compare_key, LEFT)
    page.runs.list.select(second.directory)
    qtbot.mouseClick(page.runs.compare_key, LEFT)
    rows = {row[0]: row[1:] for row in page.compare.rows()}
    assert rows["Area"][2] == "same"
    assert rows["Area"][0] == rows["Area"][1] != ""
    view = page.compare
    qtbot.waitUntil(view.tab_keys["curves"].isEnabled, timeout=OPENS_WITHIN_MS)
    view.tab_keys["places"].click()
    view.side_by_side.slider.setValue(30)
    pictures = view.side_by_side.pictures
    qtbot.waitUntil(lambda: all(one.frame is not None for one in pictures), timeout=OPENS_WITHIN_MS)
    qtbot.waitUntil(
        lambda: pictures[0].frame.index == pictures[1].frame.index > 0, timeout=OPENS_WITHIN_MS
    )
    assert view.side_by_side.place.text().startswith("1.5 m")
    view.tab_keys["curves"].click()
    way, weeds = view.curves.lines["weeds"][0].getData()
    assert way[0] > 0.0
    assert weeds.sum() > 0.0
    assert view.curves.lines["weeds"][1].getData()[1].tolist() == weeds.tolist()
    _, share = view.curves.lines["sprayed"][0].getData()
    assert 0.0 < share.max() <= 100.0
    page.set_units(Units(UnitSystem.IMPERIAL))
    assert view.curves.lines["weeds"][0].getData()[0][-1] == pytest.approx(way[-1] / 0.3048)
    qtbot.mouseClick(page.compare.back_key, LEFT)
    assert page.runs.isVisible()


def test_an_export_is_written_whole_and_beside_the_last_one(
    make_page: Callable[..., Any], runs: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    panel, form = page.view.export, next(form for form in FORMS if form.name == "csv")
    page.view.show_tab("export")
    qtbot.mouseClick(panel.keys["csv"], LEFT)
    assert not panel.keys["pdf"].isEnabled(), "one at a time"
    qtbot.waitUntil(lambda: not page.is_busy, timeout=JOB_WITHIN_MS)
    out = tmp_path / "exports" / f"20260714-091500{form.suffix}"
    assert panel.said.text().replace("\u200b", "").startswith(f"Written: {out}")
    assert any(out.iterdir())
    assert [path.name for path in out.parent.iterdir()] == [out.name], "nothing half-written"
    qtbot.mouseClick(panel.keys["csv"], LEFT)
    qtbot.waitUntil(lambda: not page.is_busy, timeout=JOB_WITHIN_MS)
    beside = out.with_name(f"20260714-091500-2{form.suffix}")
    assert f"Written: {beside}" in panel.said.text().replace("\u200b", "")
    assert {path.name for path in out.parent.iterdir()} == {out.name, beside.name}


def test_other_settings_are_tried_and_given_up(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    panel = page.view.what_if
    page.view.show_tab("what-if")
    qtbot.mouseClick(panel.order.keys["sensitivity"], LEFT)
    for name, text in (("from", "0,02"), ("to", "0.5"), ("values", "2")):
        panel.order.lines[name].setText(text)
    panel.order.begin_key.click()
    qtbot.waitUntil(lambda: not page.is_busy, timeout=JOB_WITHIN_MS)
    assert "could not" not in panel.said.text()
    values, litres = panel.curves[2].getData()
    assert values.tolist() == [0.02, 0.5]
    assert litres[0] <= litres[1]
    page.findChild(ThemeKeeper).choose(ThemeChoice.NIGHT)
    axis = panel.plot.getPlotItem().getAxis("bottom")
    assert axis.autoSIPrefixScale == 1.0, "0.5 would be written as 500"
    panel.order.lines["to"].setText("7")
    panel.order.begin_key.click()
    assert not page.is_busy
    assert "between 0 and 1" in panel.order.problem.text()
    panel.order.keys[SWEEPS[0].name].click()
    panel.order.begin_key.click()
    assert page.is_busy
    qtbot.mouseClick(panel.job.cancel_key, LEFT)
    assert not page.is_busy
    assert "Cancelled" in panel.said.text()


def test_another_model_looks_at_the_run_again(
    make_page: Callable[..., Any], runs: Path, qtbot: QtBot
) -> None:
    page = make_page(runs)
    opened(page, qtbot)
    order = page.view.what_if.order
    page.view.show_tab("what-if")
    order.keys[""].click()
    assert order.range.isHidden(), "nothing is varied"
    order.begin_key.click()
    assert "Choose a model" in order.problem.text()
    order.model_key.click()
    assert AS_SEEN.name in order.models.keys
    order.models.keys["exg"].click()
    assert "good to look at" in order.model_note.text()
    order.begin_key.click()
    qtbot.waitUntil(lambda: not page.is_busy, timeout=JOB_WITHIN_MS)
    assert "Excess green" in page.view.what_if.table.text()
    assert page.view.what_if.plot.isHidden(), "one figure is no curve"


@pytest.fixture
def spraying_rig(qapp: QApplication, tmp_path: Path, runs: Path) -> Iterator[WindowRig]:
    """Return a window whose runs are those of ``runs``."""
    made = WindowRig(
        QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat),
        Config(recording=RecordingConfig(directory=str(runs))),
    )
    yield made
    made.dispose()


def test_while_spraying_no_run_is_open_and_space_stops(
    spraying_rig: WindowRig, qtbot: QtBot
) -> None:
    rig, page = spraying_rig, spraying_rig.window.review
    rig.show(make_snapshot(t_s=rig.now_s()))
    qtbot.keyClick(rig.window, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: page.runs.open_key.isEnabled(), timeout=OPENS_WITHIN_MS)
    opened(page, qtbot)
    qtbot.keyClick(page.view, Qt.Key.Key_Space)
    assert rig.last().kind is CommandKind.STOP
    assert not page.view.playhead.is_playing
    rig.pass_time(0.1)
    assert page.opened is not None, "a stop takes nothing from who looks"
    rig.show(make_snapshot(t_s=rig.now_s(), state=EngineState.SPRAYING))
    assert page.opened is None
    assert "Spraying is on" in page.runs.problem.text()
    assert not page.runs.open_key.isEnabled()
    assert not page.runs.search.isEnabled(), "Space would be a letter there"
    before = len(rig.client.sent)
    page.runs.list.setFocus()
    qtbot.keyClick(page.runs.list, Qt.Key.Key_Space)
    assert [order.kind for order in rig.client.sent[before:]] == [CommandKind.STOP]


def test_the_timeline_zooms_about_the_moment(qapp: QApplication, qtbot: QtBot) -> None:
    timeline = Timeline(ThemeKeeper(ThemeChoice.DAY))
    qtbot.addWidget(timeline)
    timeline.resize(800, 84)
    timeline.show_run(100.0, 160.0, ())
    timeline.show_time(130.0)
    timeline.zoom(2.0)
    low_s, high_s = timeline.span_s
    assert high_s - low_s == pytest.approx(60.0 / 2.25)
    assert 0.5 * (low_s + high_s) == pytest.approx(130.0)
    timeline.show_time(159.0)
    assert timeline.span_s[1] == 160.0, "it follows, and stays within the run"
    timeline.zoom(-99.0)
    assert timeline.span_s == (100.0, 160.0)
    with qtbot.waitSignal(timeline.sought) as sought:
        qtbot.mouseClick(timeline, LEFT, pos=timeline.rect().center())
    assert 120.0 < sought.args[0] < 140.0


def test_a_job_that_breaks_is_a_sentence(qapp: QApplication, qtbot: QtBot) -> None:
    thread = ReviewThread("test")
    with qtbot.waitSignal(thread.failed) as failed:
        thread.ask(_refuse, lambda _: None)
    assert failed.args == ["the run is damaged"]
    done: list[int] = []
    thread.ask(lambda: 3, done.append)
    qtbot.waitUntil(lambda: done == [3])
    thread.stop()


def test_a_process_that_fails_or_dies_is_told(qapp: QApplication, qtbot: QtBot) -> None:
    job = ProcessJob()
    with qtbot.waitSignal(job.failed, timeout=JOB_WITHIN_MS) as failed:
        job.start(_fail)
    assert failed.args == ["the run is damaged"]
    with qtbot.waitSignal(job.failed, timeout=JOB_WITHIN_MS) as failed:
        job.start(_die)
    assert "without a result (exit status 7)" in failed.args[0]
    assert not job.is_running


def _refuse() -> None:
    raise RecordingError("the run is damaged")


def _fail(_tell: Tell) -> None:
    _refuse()


def _die(_tell: Tell) -> None:
    os._exit(7)
