"""The picture being labelled: what is drawn, where the pointer is, how zoom and pan move it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QImage, QInputDevice, QPointingDevice, QRegion, QTabletEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.labelling.tools.regions import Paint, Region, paint
from ui.label.canvas import LabelCanvas
from ui.label.composing import LabelColours, LayerLook, Pyramid, label_part
from ui.label.hands.brush_hand import BrushHand
from ui.label.settings import ToolSettings
from ui.label.view_buffer import ViewBuffer
from ui.label.viewport import Viewport, fitted
from ui.label.workplace import LabelWorkplace
from ui.theme import ThemeChoice, ThemeKeeper

CROP, WEED = 0xFF56B4E9, 0xFFE63C00
LOOK = LayerLook(colours={1: "#56b4e9", 2: "#e63c00"}, classes=1.0, outlines=False)


def plain(width: int = 40, height: int = 30) -> LabelDocument:
    """Return a grey picture without labels."""
    return LabelDocument(np.full((height, width, 3), 90, np.uint8))


def put(document: LabelDocument, rect: Rect, class_id: int, plant: int = 0) -> Rect:
    """Label a rectangle."""
    region = Region(rect, np.ones((rect.height_px, rect.width_px), np.bool_))
    edit = paint(document, region, Paint(class_id=class_id, plant=plant), "test")
    assert edit is not None
    return document.apply(edit)


def pixels(image: QImage) -> np.ndarray:
    """Return an image's pixels, (H, W) uint32."""
    made = np.frombuffer(image.constBits(), np.uint32)
    return made.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()].copy()


def buffer_on(document: LabelDocument, view: Viewport, size: QSize) -> ViewBuffer:
    """Return the composed view of a document."""
    made = ViewBuffer(LOOK)
    made.show_document(Pyramid(document.image), document)
    made.set_view(view, size, 1)
    return made


class TestWhatIsDrawn:
    def test_a_pixel_of_the_labels_covers_its_square_on_the_screen(self) -> None:
        document = plain()
        put(document, Rect(3, 2, 5, 3), 1)
        view = Viewport(scale=4.0, left_px=-6.0, top_px=5.0)
        drawn = label_part(document, LOOK, LabelColours(LOOK), view, 0, 0, 100, 80)
        expected = np.zeros((80, 100), np.uint32)
        expected[5 + 8 : 5 + 12, 12 - 6 : 20 - 6] = CROP
        assert np.array_equal(drawn, expected)

    def test_nothing_is_drawn_beside_the_picture(self) -> None:
        document = plain()
        put(document, document.rect, 2)
        view = Viewport(scale=1.0, left_px=10.0, top_px=10.0)
        drawn = label_part(document, LOOK, LabelColours(LOOK), view, 0, 0, 60, 50)
        assert np.count_nonzero(drawn) == 40 * 30
        assert (drawn[10:40, 10:50] == WEED).all()

    def test_touching_plants_are_told_apart_by_their_outlines(self) -> None:
        document = plain()
        put(document, Rect(5, 5, 15, 15), 1, plant=1)
        put(document, Rect(15, 5, 25, 15), 1, plant=2)
        look = LayerLook(colours={1: "#56b4e9"}, classes=0.0)
        drawn = label_part(document, look, LabelColours(look), Viewport(), 0, 0, 40, 30)
        assert (drawn[6:14, [5, 14, 15, 24]] == CROP).all()
        assert not drawn[6:14, 6:14].any()

    def test_doubt_is_striped_until_a_person_decides(self) -> None:
        sure = np.full((30, 40), 255, np.uint8)
        sure[10:20, 10:30] = 100
        document = LabelDocument(plain().image, confidence=sure)
        colours = LabelColours(LOOK)
        before = label_part(document, LOOK, colours, Viewport(), 0, 0, 40, 30)
        assert np.count_nonzero(before[10:20, 10:30]) > 40
        assert not before[:10].any()
        put(document, Rect(10, 10, 30, 20), 1)
        after = label_part(document, LOOK, colours, Viewport(), 0, 0, 40, 30)
        assert (after[10:20, 10:30] == CROP).all()

    def test_ignored_ground_is_hatched(self) -> None:
        document = plain()
        put(document, Rect(0, 0, 20, 20), 255)
        drawn = label_part(document, LOOK, LabelColours(LOOK), Viewport(), 0, 0, 40, 30)
        assert len(np.unique(drawn[:20, :20])) == 2
        assert not drawn[20:].any()

    def test_a_small_view_of_a_large_picture_has_its_colours(self) -> None:
        image = np.zeros((2000, 3000, 3), np.uint8)
        image[:, 1500:] = (10, 200, 30)
        part = Pyramid(image).part(fitted((3000, 2000), (300, 200)), 0, 0, 300, 200)
        assert (part[:, 2:147, :3] == 0).all()
        assert (part[:, 153:298, :3] == (10, 200, 30)).all()


class TestViewBuffer:
    def test_a_change_is_composed_where_it_is_and_like_anew(self) -> None:
        document = plain()
        view, size = Viewport(scale=3.0, left_px=4.0, top_px=2.0), QSize(160, 120)
        kept = buffer_on(document, view, size)
        everywhere = QRegion(QRect(QPoint(), size))
        kept.image(everywhere)
        screen = kept.take_change(put(document, Rect(7, 6, 9, 9), 2))
        assert QRect(25, 20, 6, 9).adjusted(-1, -1, 1, 1).intersected(screen) != QRect()
        assert screen.width() < 20
        anew = buffer_on(document, view, size)
        assert np.array_equal(pixels(kept.image(everywhere)), pixels(anew.image(everywhere)))

    def test_panning_keeps_what_was_drawn_and_adds_what_comes_in(self) -> None:
        document = plain(200, 150)
        put(document, Rect(20, 20, 120, 90), 1)
        size = QSize(160, 120)
        kept = buffer_on(document, Viewport(scale=2.0, left_px=-30.0, top_px=-20.0), size)
        everywhere = QRegion(QRect(QPoint(), size))
        kept.image(everywhere)
        moved = Viewport(scale=2.0, left_px=-47.0, top_px=-9.0)
        kept.set_view(moved, size, 1)
        anew = buffer_on(document, moved, size)
        assert np.array_equal(pixels(kept.image(everywhere)), pixels(anew.image(everywhere)))


@pytest.fixture
def canvas(qapp: QApplication, qtbot: QtBot) -> LabelCanvas:
    """Return a canvas of 400 x 300 pixels on a picture of 800 x 600."""
    keeper = ThemeKeeper(ThemeChoice.DAY)
    made = LabelCanvas(keeper, LOOK)
    keeper.setParent(made)
    made.resize(400, 300)
    qtbot.addWidget(made)
    made.show()
    document = plain(800, 600)
    made.show_document(document, Pyramid(document.image))
    return made


class TestZoomAndPan:
    def test_the_whole_picture_is_seen_first_and_follows_the_size(
        self, canvas: LabelCanvas
    ) -> None:
        assert canvas.view.scale == pytest.approx(0.5)
        canvas.resize(800, 300)
        assert canvas.view.scale == pytest.approx(0.5)
        assert canvas.view.left_px == pytest.approx(200.0)
        canvas.resize(800, 600)
        assert canvas.view.scale == pytest.approx(1.0)

    def test_zoom_keeps_the_place_below_the_pointer(self, canvas: LabelCanvas) -> None:
        at = QPointF(300.0, 90.0)
        before = canvas.view.to_picture(at)
        canvas.zoom(4, at)
        assert canvas.view.scale > 1.0
        assert canvas.view.to_picture(at) == pytest.approx(before, abs=0.6 / canvas.view.scale)

    def test_the_middle_button_drags_the_picture(self, canvas: LabelCanvas, qtbot: QtBot) -> None:
        canvas.zoom(6)
        before = canvas.view
        qtbot.mousePress(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(100, 100))
        qtbot.mouseMove(canvas, QPoint(130, 80))
        qtbot.mouseRelease(canvas, Qt.MouseButton.MiddleButton, pos=QPoint(130, 80))
        assert canvas.view.left_px - before.left_px == pytest.approx(30.0)
        assert canvas.view.top_px - before.top_px == pytest.approx(-20.0)

    def test_the_picture_is_never_lost_from_view(self, canvas: LabelCanvas) -> None:
        canvas.pan(5000.0, -5000.0)
        corner = canvas.view.to_screen(0.0, 0.0)
        assert corner.x() <= 201.0
        assert corner.y() + 600 * canvas.view.scale >= 149.0

    def test_a_part_is_framed_in_the_middle(self, canvas: LabelCanvas) -> None:
        canvas.frame(Rect(600, 100, 640, 130))
        middle = canvas.view.to_screen(619.5, 114.5)
        assert (middle.x(), middle.y()) == pytest.approx((200.0, 150.0), abs=1.0)
        assert canvas.view.scale > 4.0


def pen(
    canvas: LabelCanvas, kind: QEvent.Type, at: QPointF, pressure: float, *, eraser: bool = False
) -> None:
    """Deliver an event of a pen as the window system does."""
    form = QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen
    capable = QInputDevice.Capability.Position | QInputDevice.Capability.Pressure
    device = QPointingDevice("pen", 7, QInputDevice.DeviceType.Stylus, form, capable, 1, 2)
    left = Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    event = QTabletEvent(
        kind,
        device,
        at,
        canvas.mapToGlobal(at),
        pressure,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        none,
        left,
        left,
    )
    QCoreApplication.sendEvent(canvas, event)


class TestPen:
    def test_pressure_sets_the_width_and_the_other_end_erases(self, canvas: LabelCanvas) -> None:
        workplace = LabelWorkplace()
        document = plain(800, 600)
        canvas.show_document(document, Pyramid(document.image))
        workplace.show_document(document)
        canvas.use(BrushHand(workplace, "brush"))
        workplace.change_settings(ToolSettings(radius_px=40.0))
        light, hard = QPointF(100.0, 80.0), QPointF(300.0, 80.0)
        for at, pressure in ((light, 0.1), (hard, 1.0)):
            pen(canvas, QEvent.Type.TabletPress, at, pressure)
            pen(canvas, QEvent.Type.TabletRelease, at, 0.0)
        thin = np.count_nonzero(document.classes[:, :400])
        thick = np.count_nonzero(document.classes[:, 400:])
        assert thick == pytest.approx(np.pi * 40.0**2, rel=0.05)
        assert 0 < thin < 0.1 * thick
        pen(canvas, QEvent.Type.TabletPress, hard, 1.0, eraser=True)
        pen(canvas, QEvent.Type.TabletRelease, hard, 0.0, eraser=True)
        assert not document.classes[:, 400:].any()
        workplace.stop()


class TestBrush:
    def test_a_stroke_paints_below_the_pointer_and_is_one_step(
        self, canvas: LabelCanvas, qtbot: QtBot
    ) -> None:
        place = LabelWorkplace()
        document = plain(800, 600)
        canvas.show_document(document, Pyramid(document.image))
        place.show_document(document)
        place.changed.connect(canvas.take_change)
        canvas.use(BrushHand(place, "brush"))
        qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
        for x in (120, 140, 160):
            qtbot.mouseMove(canvas, QPoint(x, 100))
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(160, 100))
        u, v = (round(c) for c in canvas.view.to_picture(QPointF(130.0, 100.0)))
        assert document.classes[v, u] == 1
        assert document.instances[v, u] == place.plant > 0
        place.undo()
        assert not document.classes.any()
        place.stop()
