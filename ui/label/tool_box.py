"""The tools by name, and the one in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPainter

from ui.label.actions import ACTIONS
from ui.label.anything import AnythingProcess
from ui.label.canvas import LabelCanvas, Pointer
from ui.label.hands.anything_hand import AnythingHand
from ui.label.hands.base import BaseHand
from ui.label.hands.brush_hand import BrushHand
from ui.label.hands.corners_hand import CornersHand
from ui.label.hands.cut_hand import CutHand
from ui.label.hands.fill_hand import FillHand, WandHand
from ui.label.hands.grow_hand import GrowHand
from ui.label.hands.pick_hand import PickHand
from ui.label.hands.plant_hands import MergeHand, SplitHand, StemHand
from ui.label.hands.polygon_hand import PolygonHand
from ui.label.hands.scissors_hand import ScissorsHand
from ui.label.hands.superpixel_hand import SuperpixelHand
from ui.label.marks import Marks
from ui.label.viewport import Viewport
from ui.label.workplace import LabelWorkplace


class ToolBox(QObject):
    """Makes the tools and hands the pointer to the chosen one.

    Parameters
    ----------
    place : LabelWorkplace
    canvas : LabelCanvas
    marks : Marks
        Drawn below what the tool has in hand.
    picture : callable
        Returns the file of the picture at work.
    open_model : callable
        Opens the model that understands clicks, or asks for its files; returns whether it opens.
    """

    changed = Signal(str)
    """Another tool is in use; carries its name."""

    def __init__(
        self,
        place: LabelWorkplace,
        canvas: LabelCanvas,
        marks: Marks,
        picture: Callable[[], Path | None],
        open_model: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.anything = AnythingProcess(self)
        self._canvas = canvas
        self._marks = marks
        self._is_open = False
        self._patches = SuperpixelHand(place, self)
        self.hands: dict[str, BaseHand] = {
            "pick": PickHand(place, canvas.pan, self._pick),
            "brush": BrushHand(place, "brush"),
            "erase": BrushHand(place, "erase"),
            "ignore": BrushHand(place, "ignore"),
            "polygon": PolygonHand(place),
            "corners": CornersHand(place),
            "scissors": ScissorsHand(place),
            "cut": CutHand(place),
            "anything": AnythingHand(place, self.anything, picture, open_model),
            "superpixels": self._patches,
            "fill": FillHand(place),
            "wand": WandHand(place),
            "grow": GrowHand(place),
            "split": SplitHand(place),
            "merge": MergeHand(place),
            "stem": StemHand(place),
        }
        self._place = place
        self.name = "pick"
        place.redrawn.connect(canvas.update)
        place.opened.connect(self._forget)

    @property
    def hand(self) -> BaseHand:
        """The tool in use."""
        return self.hands[self.name]

    def allow(self, is_open: bool) -> None:
        """Let the tools edit, or only the one that picks."""
        self._is_open = is_open
        if not is_open:
            self.use("pick")
        self._canvas.use(self)

    def use(self, name: str) -> None:
        """Take a tool; what the other had in hand is forgotten."""
        if not self._is_open and name != "pick":
            self._place.say("This project is open to look at only.")
            return
        self.hand.abandon()
        self.name = name
        self._canvas.update()
        self.changed.emit(name)

    @property
    def hint(self) -> str:
        """How the tool is worked."""
        return ACTIONS[self.name].help

    def stop(self) -> None:
        """End what tools have running."""
        self._patches.stop()
        self.anything.stop()

    # What the canvas calls

    def press(self, pointer: Pointer) -> None:
        """Begin."""
        self.hand.press(pointer)

    def drag(self, pointer: Pointer) -> None:
        """Go on."""
        self.hand.drag(pointer)

    def release(self, pointer: Pointer) -> None:
        """End."""
        self.hand.release(pointer)

    def hover(self, pointer: Pointer | None) -> None:
        """Move without pressing."""
        self.hand.hover(pointer)

    def double(self, pointer: Pointer) -> None:
        """Press twice."""
        self.hand.double(pointer)

    def paint(self, painter: QPainter, view: Viewport) -> None:
        """Draw marks, then what is in hand."""
        self._marks.paint(painter, view)
        self.hand.paint(painter, view)

    def _pick(self, class_value: int, plant: int) -> None:
        if plant:
            self._place.choose_class(class_value)
        self._place.select(plant)
        self._canvas.update()

    def _forget(self) -> None:
        self.hand.abandon()
