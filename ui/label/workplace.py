"""The document at work: its settings, its edits, and what takes long on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Rect
from agriseg.labelling.tools.regions import BoolArray, Paint
from agriseg.messages import ClassId
from ui.label.green import GreenSight
from ui.label.hands.base import Make
from ui.label.settings import ToolSettings
from ui.review.thread import ReviewThread


class LabelWorkplace(QObject):
    """Owns the document at work; everything that edits it goes through here.

    Edits that take long are made in a thread. Meanwhile nothing else edits the document, so that
    what they were made from still holds when they are done.
    """

    opened = Signal()
    """Another document is at work, or none."""
    changed = Signal(object)
    """Carries the `Rect` of a change."""
    settled = Signal()
    """Settings, plant or selection changed."""
    busied = Signal(str)
    """What is being computed; empty when it is done."""
    redrawn = Signal()
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: LabelDocument | None = None
        self._settings = ToolSettings()
        self._plant = 0
        self._selected = 0
        self._with_plants: frozenset[int] = frozenset({1, 2})
        self._at_work = ""
        self._green = GreenSight(self)
        self._green.failed.connect(self.said)
        self._thread = ReviewThread("label-tool", self)
        self._thread.failed.connect(self._fail)

    # What tools see

    @property
    def document(self) -> LabelDocument | None:
        """The labels at work."""
        return self._document

    @property
    def settings(self) -> ToolSettings:
        """Size, tolerance and the like."""
        return self._settings

    @property
    def plant(self) -> int:
        """Number that new pixels of a plant get."""
        return self._plant

    @property
    def selected(self) -> int:
        """The plant picked; 0 for none."""
        return self._selected

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed."""
        return bool(self._at_work)

    @property
    def has_plants(self) -> bool:
        """Whether the class that is painted consists of plants."""
        return self._settings.class_value in self._with_plants

    def vegetation(self) -> BoolArray | None:
        """Return what is green at the wand's tolerance, (H, W) bool; None until that is known."""
        mask = self._green.mask(self._settings.tolerance)
        if mask is None and self._document is not None:
            self.said.emit("The green in this picture is still being measured; try again.")
        return mask

    def paint_at(self, u: float, v: float) -> Paint:
        """Return what a stroke paints that begins here: on a plant it goes on with it."""
        document, settings = self._document, self._settings
        under = self.plant_at(u, v)
        if document is not None and under:
            goes_on = document.classes[round(v), round(u)] == settings.class_value
            self._take(under if goes_on else self._plant)
        return self.paint(same_plant=True)

    def plant_at(self, u: float, v: float) -> int:
        """Return the plant under a place; 0 for none."""
        document, column, row = self._document, round(u), round(v)
        if document is None or not (
            0 <= column < document.width_px and 0 <= row < document.height_px
        ):
            return 0
        return int(document.instances[row, column])

    def paint(self, *, same_plant: bool) -> Paint:
        """Return what a shape is painted with: a plant of its own, or the current one."""
        if not same_plant and self.has_plants:
            self.new_plant()
        return Paint(
            class_id=self._settings.class_value,
            plant=self._plant,
            over=frozenset({int(ClassId.SOIL)}) if self._settings.only_soil else None,
            has_plants=self.has_plants,
        )

    def edit(self, make: Make) -> bool:
        """Make an edit now; return whether it changed anything."""
        if self._document is None:
            return False
        if self.is_busy:
            self.said.emit(f"{self._at_work} is still at work.")
            return False
        try:
            edit = make(self._document)
        except ValueError as error:
            self.said.emit(f"{error}.")
            return False
        return self._apply(edit)

    def compute(self, what: str, make: Make, then: Callable[[bool], None] | None = None) -> None:
        """Make an edit in a thread."""
        document = self._document
        if document is None:
            return

        def take(found: object) -> None:
            changed = self._apply(found if isinstance(found, Edit) else None)
            if then is not None:
                then(changed)

        self.look_up(what, lambda: make(document), take)

    def look_up(
        self, what: str, find: Callable[[], object], then: Callable[[object], None]
    ) -> None:
        """Find something out in a thread."""
        if self.is_busy:
            self.said.emit(f"{self._at_work} is still at work.")
            return
        self._set_busy(what)

        def take(found: object) -> None:
            self._set_busy("")
            then(found)

        self._thread.ask(find, take)

    def select(self, plant: int) -> None:
        """Pick a plant, and paint on with it; 0 for none."""
        self._selected = plant
        if plant:
            self._plant = plant
        self.settled.emit()

    def redraw(self) -> None:
        """Draw what the tool has in hand again."""
        self.redrawn.emit()

    def say(self, text: str) -> None:
        """Tell the labeller something."""
        self.said.emit(text)

    # What the page does

    def show_document(self, document: LabelDocument | None) -> None:
        """Take another document; what is being computed is given up."""
        self.cancel()
        if self._document is not None:
            self._document.end()
        self._document = document
        self._selected = 0
        self._plant = document.next_plant() if document is not None else 0
        self._green.show_document(document)
        if document is not None:
            document.listen(self.changed.emit)
        self.opened.emit()
        self.settled.emit()

    def show_classes(self, with_plants: frozenset[int]) -> None:
        """Take which classes consist of plants."""
        self._with_plants = with_plants

    def change_settings(self, settings: ToolSettings) -> None:
        """Take other settings."""
        self._settings = settings
        self.settled.emit()
        self.redraw()

    def settings_changed_by(self, change: Callable[[ToolSettings], ToolSettings]) -> None:
        """Take settings made from the present ones."""
        self.change_settings(change(self._settings))

    def choose_class(self, value: int) -> None:
        """Paint another class."""
        self.change_settings(replace(self._settings, class_value=value))

    def new_plant(self) -> None:
        """Paint a plant that there was not yet."""
        if self._document is not None:
            self._take(self._document.next_plant())

    def undo(self) -> Rect | None:
        """Take the newest step back; return what changed."""
        return None if self._document is None or self.is_busy else self._document.undo()

    def redo(self) -> Rect | None:
        """Do again what was taken back; return what changed."""
        return None if self._document is None or self.is_busy else self._document.redo()

    def cancel(self) -> None:
        """Give up what is being computed."""
        self._thread.cancel()
        if self.is_busy:
            self._set_busy("")

    def stop(self) -> None:
        """Give up everything and wait for it to end."""
        self._thread.stop()
        self._green.stop()

    def _apply(self, edit: Edit | None) -> bool:
        if edit is None or self._document is None:
            return False
        try:
            self._document.apply(edit)
        except ValueError as error:
            self.said.emit(f"{error}.")
            return False
        return True

    def _take(self, plant: int) -> None:
        self._plant = plant
        self._selected = plant
        self.settled.emit()

    def _set_busy(self, what: str) -> None:
        self._at_work = what
        self.busied.emit(what)

    def _fail(self, text: str) -> None:
        self._set_busy("")
        self.said.emit(text)
