"""The page Label as its users work with it, on real project folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from rig_ui import WindowRig

from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.opencv import cv2
from ui.application import make_application
from ui.label.frame_choice import choose_frames
from ui.label.label_page import LabelPage
from ui.theme import ThemeChoice, ThemeKeeper

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
WITHIN_MS = 20_000
SIZE_PX = (320, 240)
GREEN_BGR, SOIL_BGR = (40, 160, 50), (90, 120, 150)


class Recent:
    """Keeps projects for a test."""

    def __init__(self) -> None:
        self.label_projects: tuple[str, ...] = ()
        self.segment_anything: tuple[str, ...] = ()


def picture(path: Path, plants: tuple[tuple[int, int], ...] = ((80, 120), (230, 100))) -> None:
    """Write a picture of soil with round green plants of radius 25 px."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), SOIL_BGR, np.uint8)
    noise = np.random.default_rng(len(path.name)).integers(-9, 9, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    for at in plants:
        cv2.circle(image, at, 25, GREEN_BGR, cv2.FILLED)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of three pictures, none of them begun."""
    for number in range(3):
        picture(tmp_path / "from" / f"row{number}.png", ((80, 120 + number), (230, 100)))
    root = tmp_path / "field"
    with LabelProject.create(root) as project:
        project.add_pictures(sorted((tmp_path / "from").iterdir()))
    return root


@pytest.fixture
def page(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[LabelPage]:
    """Return the page without a project."""
    make_application()
    keeper = ThemeKeeper(ThemeChoice.DAY)
    made = LabelPage(keeper, Recent(), tmp_path / "made", lambda: None, lambda: tmp_path / "runs")
    keeper.setParent(made)
    made.resize(1176, 624)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.end()
    made.hide()


@pytest.fixture
def work(page: LabelPage, qtbot: QtBot, folder: Path) -> LabelPage:
    """Return the page with the project open at its first picture."""
    page.room.desk.open_project(folder)
    at_work(page, qtbot, "row0")
    return page


def at_work(page: LabelPage, qtbot: QtBot, stem: str) -> None:
    """Wait until a picture is at work."""

    def opened() -> bool:
        shown = page.room.desk.shown
        return shown is not None and shown.stem == stem

    qtbot.waitUntil(opened, timeout=WITHIN_MS)


def document(page: LabelPage):  # type: ignore[no-untyped-def]
    """Return the labels at work."""
    made = page.room.place.document
    assert made is not None
    return made


def place(page: LabelPage, u: float, v: float) -> QPoint:
    """Return where a pixel of the picture lies on the canvas."""
    return page.view.canvas.view.to_screen(u, v).toPoint()


def click(
    page: LabelPage,
    qtbot: QtBot,
    u: float,
    v: float,
    button: Qt.MouseButton = LEFT,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press and let go."""
    qtbot.mouseClick(page.view.canvas, button, keys, place(page, u, v))


def stroke(page: LabelPage, qtbot: QtBot, *places: tuple[float, float]) -> None:
    """Draw with the left button."""
    canvas = page.view.canvas
    first, *others = (place(page, u, v) for u, v in places)
    qtbot.mousePress(canvas, LEFT, pos=first)
    for at in others:
        qtbot.mouseMove(canvas, at)
    qtbot.mouseRelease(canvas, LEFT, pos=(first, *others)[-1])


def key(page: LabelPage, qtbot: QtBot, *keys: Qt.Key) -> None:
    """Press keys on the canvas."""
    for one in keys:
        qtbot.keyClick(page.view.canvas, one)


def green_known(page: LabelPage, qtbot: QtBot) -> None:
    """Wait until the green of the picture was measured."""
    qtbot.waitUntil(lambda: page.room.place.vegetation() is not None, timeout=WITHIN_MS)


class TestProjects:
    def test_a_new_project_says_how_pictures_come_in_and_takes_them(
        self, page: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        assert not page.projects.create_key.isEnabled()
        qtbot.keyClicks(page.projects.name, "North: 2026/1")
        qtbot.mouseClick(page.projects.create_key, LEFT)
        qtbot.waitUntil(lambda: page.room.desk.project is not None, timeout=WITHIN_MS)
        assert (tmp_path / "made" / "North- 2026-1" / "project.toml").is_file()
        assert page.view.isVisible()
        picture(tmp_path / "card" / "a.png")
        picture(tmp_path / "card" / "deeper" / "b.png", ((50, 50),))
        page.room.data.jobs.add(tmp_path / "card")
        at_work(page, qtbot, "a")
        assert [row.stem for row in page.view.pictures.list.pictures.rows] == ["a", "b"]

    def test_a_folder_without_pictures_is_said(self, work: LabelPage, qtbot: QtBot) -> None:
        empty = work.room.desk.project.directory.parent / "empty"  # type: ignore[union-attr]
        empty.mkdir()
        with qtbot.waitSignal(work.room.data.jobs.finished, timeout=WITHIN_MS) as said:
            work.room.data.jobs.add(empty)
        assert "no pictures" in said.args[0]
        at_work(work, qtbot, "row0")

    def test_a_project_in_use_names_who_has_it_and_can_be_looked_at(
        self, page: LabelPage, qtbot: QtBot, folder: Path
    ) -> None:
        with LabelProject.edit(folder, who="Kim"):
            page.room.desk.open_project(folder)
            qtbot.waitUntil(lambda: "Kim edits" in page.projects.problem.text(), timeout=WITHIN_MS)
            assert page.room.desk.project is None
            qtbot.mouseClick(page.projects.look_key, LEFT)
            at_work(page, qtbot, "row0")
            assert page.view.saving.text() == "Open to look at only"
            stroke(page, qtbot, (50, 50), (90, 60))
            key(page, qtbot, Qt.Key.Key_B)
            stroke(page, qtbot, (50, 50), (90, 60))
            assert not document(page).classes.any()

    def test_a_folder_of_pictures_and_masks_is_taken_as_it_is(
        self, page: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        picture(tmp_path / "old" / "images" / "x.png")
        mask = np.zeros((SIZE_PX[1], SIZE_PX[0]), np.uint8)
        mask[100:140, 60:100] = 2
        (tmp_path / "old" / "masks").mkdir()
        cv2.imwrite(str(tmp_path / "old" / "masks" / "x.png"), mask)
        key(page, qtbot)
        qtbot.keyClick(page, Qt.Key.Key_O, CTRL)
        assert page.paths.isVisible()
        page.paths.line.setText(str(tmp_path / "old"))
        qtbot.keyClick(page.paths.line, Qt.Key.Key_Return)
        at_work(page, qtbot, "x")
        assert np.array_equal(document(page).classes, mask)

    def test_projects_are_remembered_with_how_far_they_are(
        self, work: LabelPage, qtbot: QtBot, folder: Path
    ) -> None:
        qtbot.mouseClick(work.view.back_key, LEFT)
        qtbot.waitUntil(lambda: folder in work.projects.rows, timeout=WITHIN_MS)
        assert work.projects.rows[folder][0].hint == "0 of 3 finished"
        qtbot.mouseClick(work.projects.rows[folder][1], LEFT)
        qtbot.waitUntil(lambda: not work.projects.rows, timeout=WITHIN_MS)
        assert folder.is_dir()

    def test_moved_pictures_are_found_again_by_content(
        self, page: LabelPage, qtbot: QtBot, folder: Path, tmp_path: Path
    ) -> None:
        away = tmp_path / "elsewhere" / "deep" / "other-name.png"
        away.parent.mkdir(parents=True)
        (folder / "images" / "row1.png").rename(away)
        page.room.desk.open_project(folder)
        at_work(page, qtbot, "row0")
        page.room.open_picture("row1")
        qtbot.waitUntil(lambda: page.view.mend_key.isVisible(), timeout=WITHIN_MS)
        assert "1 picture" in page.view.problem.text()
        qtbot.mouseClick(page.view.mend_key, LEFT)
        page.paths.line.setText(str(tmp_path / "elsewhere"))
        qtbot.mouseClick(page.paths.take_key, LEFT)
        at_work(page, qtbot, "row0")
        page.room.open_picture("row1")
        at_work(page, qtbot, "row1")


class TestTools:
    def test_keys_choose_tools_and_classes(self, work: LabelPage, qtbot: QtBot) -> None:
        key(work, qtbot, Qt.Key.Key_W)
        assert work.room.box.name == "wand"
        key(work, qtbot, Qt.Key.Key_2)
        assert work.room.place.settings.class_value == 2
        before = work.room.place.settings.radius_px
        key(work, qtbot, Qt.Key.Key_BracketRight)
        assert work.room.place.settings.radius_px > before

    def test_brush_strokes_are_undone_one_by_one(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 40), (120, 40))
        stroke(work, qtbot, (40, 200), (120, 200))
        assert document(work).classes[40, 80] == document(work).classes[200, 80] == 1
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_Z, CTRL)
        assert document(work).classes[40, 80] == 1
        assert document(work).classes[200, 80] == 0
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_Y, CTRL)
        assert document(work).classes[200, 80] == 1

    def test_the_right_button_erases(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 40), (120, 40))
        click(work, qtbot, 80, 40, RIGHT)
        assert document(work).classes[40, 80] == 0
        assert document(work).classes[40, 45] == 1

    def test_a_stroke_that_begins_on_a_plant_goes_on_with_it(
        self, work: LabelPage, qtbot: QtBot
    ) -> None:
        stroke(work, qtbot, (40, 40), (120, 40))
        first = document(work).instances[40, 80]
        key(work, qtbot, Qt.Key.Key_N)
        stroke(work, qtbot, (40, 150), (120, 150))
        assert document(work).instances[150, 80] not in (0, first)
        stroke(work, qtbot, (118, 40), (180, 40))
        assert document(work).instances[40, 170] == first

    def test_polygon_by_corners_each_a_plant_of_its_own(
        self, work: LabelPage, qtbot: QtBot
    ) -> None:
        key(work, qtbot, Qt.Key.Key_G)
        for u, v in ((20, 20), (60, 20), (60, 60), (20, 60)):
            click(work, qtbot, u, v)
        key(work, qtbot, Qt.Key.Key_Return)
        for u, v in ((100, 20), (140, 20), (140, 60)):
            click(work, qtbot, u, v)
        click(work, qtbot, 200, 200)
        key(work, qtbot, Qt.Key.Key_Backspace)
        click(work, qtbot, 100, 20)
        found = document(work)
        assert found.classes[40, 40] == found.classes[30, 132] == 1
        assert found.classes[150, 175] == 0
        assert found.instances[40, 40] != found.instances[30, 132]

    def test_escape_forgets_a_polygon(self, work: LabelPage, qtbot: QtBot) -> None:
        key(work, qtbot, Qt.Key.Key_G)
        for u, v in ((20, 20), (60, 20), (60, 60)):
            click(work, qtbot, u, v)
        key(work, qtbot, Qt.Key.Key_Escape, Qt.Key.Key_Return)
        assert not document(work).classes.any()

    def test_wand_takes_a_leaf(self, work: LabelPage, qtbot: QtBot) -> None:
        green_known(work, qtbot)
        key(work, qtbot, Qt.Key.Key_2, Qt.Key.Key_W)
        click(work, qtbot, 230, 100)
        found = document(work).classes
        assert found[100, 230] == 2
        assert np.count_nonzero(found) == pytest.approx(np.pi * 25**2, rel=0.1)
        assert not found[:, :150].any()

    def test_a_mistake_is_covered_by_a_drag(self, work: LabelPage, qtbot: QtBot) -> None:
        found = document(work)
        classes = np.zeros(found.classes.shape, np.uint8)
        sure = np.full(found.classes.shape, 254, np.uint8)
        classes[60:90, 40:90] = 1
        sure[60:90, 40:90] = 90
        edit = found.edit("pre-label", found.rect, classes=classes, confidence=sure)
        assert edit is not None
        found.apply(edit)
        key(work, qtbot, Qt.Key.Key_2)
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_W, SHIFT)
        stroke(work, qtbot, (65, 75), (80, 75), (110, 75))
        qtbot.waitUntil(lambda: not work.room.place.is_busy, timeout=WITHIN_MS)
        assert (found.classes[60:90, 40:90] == 2).all()
        assert np.count_nonzero(found.classes) == 30 * 50
        assert found.undo_name == "grow"

    def test_cut_out_by_a_box(self, work: LabelPage, qtbot: QtBot) -> None:
        key(work, qtbot, Qt.Key.Key_C)
        stroke(work, qtbot, (45, 85), (80, 100), (115, 157))
        qtbot.waitUntil(lambda: not work.room.place.is_busy, timeout=WITHIN_MS)
        found = document(work).classes
        assert np.count_nonzero(found) == pytest.approx(np.pi * 25**2, rel=0.15)
        assert found[120, 80] == 1

    def test_corners_are_moved_added_and_taken_away(self, work: LabelPage, qtbot: QtBot) -> None:
        key(work, qtbot, Qt.Key.Key_G)
        for u, v in ((40, 40), (120, 40), (120, 120), (40, 120)):
            click(work, qtbot, u, v)
        key(work, qtbot, Qt.Key.Key_Return, Qt.Key.Key_O)
        plant = document(work).instances[80, 80]
        area = np.count_nonzero(document(work).classes)
        click(work, qtbot, 80, 80)
        stroke(work, qtbot, (120, 120), (150, 140), (160, 160))
        assert document(work).instances[150, 150] == plant
        stroke(work, qtbot, (80, 40), (80, 30), (80, 15))
        assert document(work).instances[25, 80] == plant
        assert document(work).instances[45, 112] == plant
        click(work, qtbot, 80, 15, RIGHT)
        assert document(work).instances[25, 80] == 0
        for _ in range(3):
            qtbot.keyClick(work.view.canvas, Qt.Key.Key_Z, CTRL)
        assert np.count_nonzero(document(work).classes) == area

    def test_split_and_merge(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        key(work, qtbot, Qt.Key.Key_K)
        stroke(work, qtbot, (100, 60), (100, 100), (100, 140))
        found = document(work).instances
        left, right = int(found[100, 60]), int(found[100, 140])
        assert left != right
        assert 0 not in (left, right)
        key(work, qtbot, Qt.Key.Key_J)
        stroke(work, qtbot, (60, 100), (100, 100), (140, 100))
        assert found[100, 60] == found[100, 140] != 0

    def test_stems_and_their_removal(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        plant = int(document(work).instances[100, 100])
        key(work, qtbot, Qt.Key.Key_T)
        click(work, qtbot, 100, 100)
        u, v = document(work).stems[plant]
        assert (u, v) == pytest.approx((100, 100), abs=1.0)
        key(work, qtbot, Qt.Key.Key_Delete)
        assert not document(work).stems

    def test_patches_of_like_colour(self, work: LabelPage, qtbot: QtBot) -> None:
        key(work, qtbot, Qt.Key.Key_X)
        before = work.view.canvas.grab().toImage().pixelColor(place(work, 80, 120))
        qtbot.mouseMove(work.view.canvas, place(work, 80, 120))
        qtbot.waitUntil(
            lambda: work.view.canvas.grab().toImage().pixelColor(place(work, 80, 120)) != before,
            timeout=WITHIN_MS,
        )
        click(work, qtbot, 80, 120)
        found = document(work).classes
        assert found[120, 80] == 1
        assert 0 < np.count_nonzero(found) < 2000
        assert document(work).undo_name == "patches"

    def test_picked_plants_are_erased(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        key(work, qtbot, Qt.Key.Key_V)
        click(work, qtbot, 100, 100)
        assert work.room.place.selected == document(work).instances[100, 100]
        key(work, qtbot, Qt.Key.Key_Delete)
        assert not document(work).classes.any()

    def test_paint_keeps_to_soil_and_to_green_where_asked(
        self, work: LabelPage, qtbot: QtBot
    ) -> None:
        green_known(work, qtbot)
        key(work, qtbot, Qt.Key.Key_2)
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_Q, SHIFT)
        stroke(work, qtbot, (20, 120), (80, 120))
        assert document(work).classes[120, 30] == 0
        assert document(work).classes[120, 75] == 2
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_Q, SHIFT)
        key(work, qtbot, Qt.Key.Key_Q, Qt.Key.Key_1)
        stroke(work, qtbot, (20, 120), (80, 120))
        assert document(work).classes[120, 30] == 1
        assert document(work).classes[120, 75] == 2


class TestStatesAndSaving:
    def test_done_saves_and_goes_to_the_next(self, work: LabelPage, qtbot: QtBot) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        assert work.view.state.text().split(" · ")[1] == "begun"
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_Return, CTRL)
        at_work(work, qtbot, "row1")
        project = work.room.desk.project
        assert project is not None
        assert project.pictures["row0"].state is PictureState.DONE
        assert project.labels("row0").classes[100, 100] == 1

    def test_doubts_left_are_asked_about_before_done(self, work: LabelPage, qtbot: QtBot) -> None:
        found = document(work)
        sure = np.full(found.classes.shape, 254, np.uint8)
        sure[60:90, 40:90] = 90
        edit = found.edit("pre-label", found.rect, confidence=sure)
        assert edit is not None
        found.apply(edit)
        work.room.walk.look()
        qtbot.waitUntil(lambda: work.room.walk.total == 1, timeout=WITHIN_MS)
        assert "1 of 1 doubtful part " in work.view.check.doubt.text()
        work.room.act("done")
        assert "doubtful" in work.view.hint.text()
        key(work, qtbot, Qt.Key.Key_Y)
        middle = work.view.canvas.view.to_picture(QPointF(work.view.canvas.rect().center()))
        assert middle == pytest.approx((64.5, 74.5), abs=3.0)
        key(work, qtbot, Qt.Key.Key_H)
        assert work.room.walk.left == 0
        assert "settled" in work.view.check.doubt.text()
        work.room.act("done")
        at_work(work, qtbot, "row1")

    def test_leaving_a_picture_saves_it(self, work: LabelPage, qtbot: QtBot, folder: Path) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        key(work, qtbot, Qt.Key.Key_PageDown)
        at_work(work, qtbot, "row1")
        assert LabelProject.look(folder).labels("row0").classes[100, 100] == 1
        key(work, qtbot, Qt.Key.Key_PageUp)
        at_work(work, qtbot, "row0")
        assert document(work).classes[100, 100] == 1

    def test_a_disk_that_refuses_keeps_the_picture_open_and_says_so(
        self, work: LabelPage, qtbot: QtBot, folder: Path
    ) -> None:
        (folder / "masks").write_text("in the way of the folder")
        stroke(work, qtbot, (40, 100), (160, 100))
        key(work, qtbot, Qt.Key.Key_PageDown)
        qtbot.waitUntil(lambda: work.view.mend_key.isVisible(), timeout=WITHIN_MS)
        assert work.view.saving.text() == "NOT SAVED"
        assert work.unsafe
        assert work.room.desk.shown is not None
        assert work.room.desk.shown.stem == "row0"
        (folder / "masks").unlink()
        qtbot.mouseClick(work.view.mend_key, LEFT)
        qtbot.waitUntil(lambda: work.view.saving.text() == "All saved", timeout=WITHIN_MS)
        assert not work.unsafe
        assert not work.view.problem.text()

    def test_filters_and_search(self, work: LabelPage, qtbot: QtBot) -> None:
        work.room.act("done")
        at_work(work, qtbot, "row1")
        panel = work.view.pictures
        qtbot.mouseClick(panel.filter_keys[PictureState.DONE], LEFT)
        assert [row.stem for row in panel.list.pictures.rows] == ["row0"]
        qtbot.mouseClick(panel.filter_keys[None], LEFT)
        panel.search.setText("row2")
        assert [row.stem for row in panel.list.pictures.rows] == ["row2"]


class TestClassesAndNotes:
    def test_a_class_of_ones_own_is_painted_and_kept(
        self, work: LabelPage, qtbot: QtBot, folder: Path
    ) -> None:
        stroke(work, qtbot, (40, 40), (120, 40))
        work.room.act("classes")
        panel = work.classes
        qtbot.mouseClick(panel.add_key, LEFT)
        qtbot.keyClicks(panel.name, "crop")
        assert not panel.take_key.isEnabled()
        panel.name.clear()
        qtbot.keyClicks(panel.name, "thistle")
        panel.shortcut.clear()
        qtbot.keyClicks(panel.shortcut, "b")
        assert "B does something else" in panel.problem.text()
        panel.shortcut.clear()
        qtbot.keyClicks(panel.shortcut, "4")
        qtbot.mouseClick(panel.take_key, LEFT)
        qtbot.waitUntil(lambda: 3 in work.view.tools.class_keys, timeout=WITHIN_MS)
        at_work(work, qtbot, "row0")
        assert document(work).classes[40, 80] == 1
        key(work, qtbot, Qt.Key.Key_4, Qt.Key.Key_B)
        stroke(work, qtbot, (40, 200), (120, 200))
        key(work, qtbot, Qt.Key.Key_PageDown)
        at_work(work, qtbot, "row1")
        saved = LabelProject.look(folder)
        assert saved.labels("row0").classes[200, 80] == 3
        assert cv2.imread(str(folder / "masks" / "row0.png"), -1)[200, 80] == 2

    def test_a_note_stays_with_its_picture(
        self, work: LabelPage, qtbot: QtBot, folder: Path
    ) -> None:
        work.view.show_tab("pictures")
        qtbot.keyClicks(work.view.pictures.note, "blurred")
        qtbot.keyClick(work.view.pictures.note, Qt.Key.Key_Return)
        assert LabelProject.look(folder).pictures["row0"].note == "blurred"
        work.room.open_next(1)
        at_work(work, qtbot, "row1")
        assert work.view.pictures.note.text() == ""
        qtbot.keyClicks(work.view.pictures.note, "dark")
        work.room.open_next(1)
        at_work(work, qtbot, "row2")
        assert work.view.pictures.note.text() == ""
        notes = {stem: one.note for stem, one in LabelProject.look(folder).pictures.items()}
        assert notes == {"row0": "blurred", "row1": "dark", "row2": ""}


class TestChecksAndData:
    def test_findings_are_listed_gone_to_and_mended(self, work: LabelPage, qtbot: QtBot) -> None:
        green_known(work, qtbot)
        key(work, qtbot, Qt.Key.Key_W)
        click(work, qtbot, 230, 100)
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_K, CTRL)
        qtbot.waitUntil(lambda: bool(work.view.check.rows), timeout=WITHIN_MS)
        assert "unlabelled vegetation" in work.view.check.said.text()
        qtbot.mouseClick(work.view.check.rows[0], LEFT)
        middle = work.view.canvas.view.to_picture(QPointF(work.view.canvas.rect().center()))
        assert middle == pytest.approx((80, 120), abs=4.0)
        work.room.act("mend")
        assert document(work).classes[120, 80] == 1
        assert not work.view.check.rows

    def test_labels_come_in_once_every_class_has_a_meaning(
        self, work: LabelPage, qtbot: QtBot, tmp_path: Path, folder: Path
    ) -> None:
        coco = {
            "images": [{"id": 1, "file_name": "row1.png", "width": 320, "height": 240}],
            "categories": [{"id": 1, "name": "Zea mays"}, {"id": 2, "name": "thistle"}],
            "annotations": [
                coco_box(1, 1, (60, 60, 100, 100)),
                coco_box(2, 2, (300, 200, 360, 230)),
                coco_box(3, 2, (900, 900, 950, 950)),
            ],
        }
        picture(tmp_path / "set" / "row1.png", ((80, 121), (230, 100)))
        (tmp_path / "set" / "labels.json").write_text(json.dumps(coco))
        work.room.data.exchange.look_at(tmp_path / "set" / "labels.json")
        panel = work.incoming
        qtbot.waitUntil(panel.isVisible, timeout=WITHIN_MS)
        assert "outside" in panel.warning.text()
        assert not panel.take_key.isEnabled()
        qtbot.mouseClick(panel.keys["Zea mays", "crop"], LEFT)
        assert not panel.take_key.isEnabled()
        qtbot.mouseClick(panel.keys["thistle", "new weed"], LEFT)
        with qtbot.waitSignal(work.room.data.jobs.finished, timeout=WITHIN_MS) as said:
            qtbot.mouseClick(panel.take_key, LEFT)
        assert said.args[0].startswith("1 picture got labels")
        project = work.room.desk.project
        assert project is not None
        thistle = next(one for one in project.classes if one.name == "thistle")
        labels = project.labels("row1")
        assert labels.classes[80, 80] == 1
        assert labels.classes[215, 310] == thistle.class_id
        assert thistle.class_id in work.view.tools.class_keys

    def test_an_export_goes_to_a_new_place_and_says_where(
        self, work: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        stroke(work, qtbot, (40, 100), (160, 100))
        work.room.act("export")
        work.outgoing.set_root(tmp_path / "out")
        qtbot.mouseClick(work.outgoing.format_keys["coco"], LEFT)
        assert "3 of 3" in work.outgoing.states_key.hint
        with qtbot.waitSignal(work.room.data.jobs.finished, timeout=WITHIN_MS):
            qtbot.mouseClick(work.outgoing.take_key, LEFT)
        (made,) = (tmp_path / "out").iterdir()
        assert made.name in work.view.data.said.text().replace("\u200b", "")
        at_work(work, qtbot, "row0")

    def test_two_labellers_are_compared_and_their_disputes_listed(
        self, work: LabelPage, qtbot: QtBot, folder: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        with LabelProject.create(other) as project:
            project.add_pictures([folder / "images" / "row0.png"])
            project.set_state("row0", PictureState.DONE)
        stroke(work, qtbot, (40, 100), (160, 100))
        work.room.act("done")
        at_work(work, qtbot, "row1")
        work.room.act("agree")
        work.paths.line.setText(str(other))
        with qtbot.waitSignal(work.room.data.jobs.finished, timeout=WITHIN_MS) as said:
            qtbot.mouseClick(work.paths.take_key, LEFT)
        assert "Agreement on 1 picture" in said.args[0]
        at_work(work, qtbot, "row1")
        work.room.open_picture("row0")
        at_work(work, qtbot, "row0")
        assert "crop here, soil there" in work.view.check.rows[0].text()


class TestTheModelsHelp:
    def test_frames_are_chosen_shown_with_their_reasons_and_added(
        self, work: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        for number in range(6):
            at = (40 + 45 * number, 60 + 20 * number)
            picture(tmp_path / "card" / f"new{number}{'x' * number}.png", (at,))
        work.room.act("select")
        assert not work.choice.start_key.isEnabled()
        work.choice.add_place(tmp_path / "card")
        qtbot.mouseClick(work.choice.budget_keys[10], LEFT)
        assert work.choice.start_key.isEnabled()
        report = choose_frames(
            lambda _what, _share: None,
            [tmp_path / "card"],
            3,
            [],
            tmp_path / "kept",
            asks_model=False,
            bundle=None,
        )
        assert len(report.frames) == 3
        work.choice.show_report(report)
        assert work.choice.list.count() == 3
        assert "variety" in work.choice.list.item(0).text()
        assert work.choice.take_key.text() == "Add 3 pictures"

    def test_clicks_without_a_model_are_explained(self, work: LabelPage, qtbot: QtBot) -> None:
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_A, SHIFT)
        click(work, qtbot, 80, 120)
        assert "two ONNX files" in work.view.hint.text()
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_A, CTRL)
        assert work.paths.isVisible()

    @pytest.mark.slow
    def test_clicks_that_a_model_understands(
        self, work: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        tiny = pytest.importorskip("tiny_anything")
        pytest.importorskip("onnxruntime")
        files = (tiny.write_encoder(tmp_path / "e.onnx"), tiny.write_decoder(tmp_path / "d.onnx"))
        work.room.act("anything-files")
        for file in files:
            work.paths.line.setText(str(file))
            qtbot.mouseClick(work.paths.take_key, LEFT)
        model = work.room.box.anything
        qtbot.keyClick(work.view.canvas, Qt.Key.Key_A, SHIFT)
        with qtbot.waitSignal(model.answered, timeout=60_000):
            click(work, qtbot, 80, 120)
        assert not document(work).classes.any()
        key(work, qtbot, Qt.Key.Key_Return)
        found = document(work)
        assert found.classes[120, 80] == 1
        radius = tiny.RADIUS * SIZE_PX[0] / tiny.SIDE
        assert np.count_nonzero(found.classes) == pytest.approx(np.pi * radius**2, rel=0.1)
        work.room.box.anything.start(files[1], files[0])
        with qtbot.waitSignal(model.failed, timeout=60_000) as said:
            pass
        assert "not a decoder" in said.args[0]
        assert not model.is_running

    @pytest.mark.slow
    def test_pre_label_choice_and_adding_through_processes(
        self, work: LabelPage, qtbot: QtBot, tmp_path: Path
    ) -> None:
        room = work.room
        with qtbot.waitSignal(room.data.model.ended, timeout=120_000) as said:
            room.act("pre-label")
        assert "Labelled by" in said.args[0]
        assert document(work).confidence is not None
        assert document(work).undo_name == "pre-label"
        room.act("undo")
        assert not document(work).classes.any()
        with qtbot.waitSignal(room.data.jobs.finished, timeout=120_000) as said:
            room.act("pre-label-all")
        assert "pictures" in said.args[0]
        for number in range(4):
            picture(tmp_path / "card" / f"new{number}.png", ((60 + 60 * number, 80),))
        with qtbot.waitSignal(room.data.frames.chosen, timeout=120_000):
            work.choice.started.emit((tmp_path / "card",), 2, False)
        with qtbot.waitSignal(room.data.jobs.finished, timeout=WITHIN_MS):
            qtbot.mouseClick(work.choice.take_key, LEFT)
        project = room.desk.project
        assert project is not None
        assert len(project.pictures) == 5


class TestInTheWindow:
    @pytest.fixture
    def rig(self, qapp: QApplication, tmp_path: Path) -> Iterator[WindowRig]:
        made = WindowRig(QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat))
        yield made
        made.window.label.end()
        made.dispose()

    def test_its_keys_beside_those_of_the_window(
        self, rig: WindowRig, qtbot: QtBot, folder: Path
    ) -> None:
        window, label = rig.window, rig.window.label
        qtbot.keyClick(window, Qt.Key.Key_F7)
        assert label.isVisible()
        label.room.desk.open_project(folder)
        at_work(label, qtbot, "row0")
        stroke(label, qtbot, (40, 100), (160, 100))
        qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
        assert not window.action_bar.start_key.holding
        qtbot.waitUntil(lambda: label.room.desk.is_saved, timeout=WITHIN_MS)
        qtbot.keyClick(window, Qt.Key.Key_G)
        assert label.room.box.name == "polygon"
        click(label, qtbot, 50, 50)
        qtbot.keyClick(label.view.canvas, Qt.Key.Key_Escape)
        assert not label.room.box.hand.in_hand
        assert rig.client.kinds() == ["stop"]
        label.show_state("Spraying is on.")
        assert not label.view.isVisible()
        assert "Spraying is on" in label.waits.text()


def coco_box(number: int, category: int, box: tuple[int, int, int, int]) -> dict[str, object]:
    """Return a rectangle as COCO writes it."""
    u0, v0, u1, v1 = box
    return {
        "id": number,
        "image_id": 1,
        "category_id": category,
        "segmentation": [[u0, v0, u1, v0, u1, v1, u0, v1]],
        "area": (u1 - u0) * (v1 - v0),
        "bbox": [u0, v0, u1 - u0, v1 - v0],
        "iscrowd": 0,
    }


def test_every_action_has_a_key_of_its_own_and_stands_in_the_help(page: LabelPage) -> None:
    from ui.label.actions import ACTIONS, BY_KEY

    kept_by_window = {"A", "D", "M", "P", "S", "U", "Space", "Esc"}
    keys = [stroke for action in ACTIONS.values() for stroke in action.keys]
    assert len(keys) == len(set(keys)) == len(BY_KEY)
    assert not kept_by_window & set(keys)
    assert all(action.keys and action.help for action in ACTIONS.values())
    missing = set(ACTIONS) - set(page.room.known_actions)
    assert not missing
