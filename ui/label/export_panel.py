"""Labels go to other programs: format, which pictures, where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from agriseg.datasets.writing import Images, WrittenFormat
from agriseg.labelling.exporting import FINISHED
from agriseg.labelling.pictures import PictureState
from ui.theme import ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

_FACE = KeyFace(text_px=17, icon_px=24)
_FORMATS: tuple[tuple[WrittenFormat, str, str], ...] = (
    ("cvat", "CVAT", "images 1.1, polygons"),
    ("cvat-masks", "CVAT masks", "segmentation mask 1.1"),
    ("coco", "COCO", "instances, with holes"),
    ("coco-panoptic", "COCO panoptic", "a class for every pixel"),
    ("labelme", "LabelMe", "a JSON file a picture"),
    ("voc", "Pascal VOC", "masks and boxes"),
    ("yolo", "YOLO", "segments, text files"),
    ("folder", "PNG masks", "as agriseg train reads them"),
)
_IMAGES: tuple[tuple[Images, str], ...] = (
    ("copy", "With pictures"),
    ("link", "Pictures linked"),
    ("none", "Labels alone"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChoice:
    """What is exported, and where to."""

    kind: WrittenFormat
    images: Images
    states: frozenset[PictureState]
    out: Path


class ExportPanel(QFrame):
    """Every export goes to a new place; nothing is overwritten."""

    chosen = Signal(object)
    """Carries an `ExportChoice`."""
    place_asked = Signal()
    left = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "overlay")
        self._kind: WrittenFormat = "cvat"
        self._images: Images = "copy"
        self._everything = False
        self._is_archive = False
        self._root = Path.home()
        self._name = ""
        self._counts = (0, 0)
        self.format_keys: dict[WrittenFormat, Key] = {}
        self.image_keys: dict[Images, Key] = {}
        formats = QGridLayout()
        for place, (kind, word, hint) in enumerate(_FORMATS):
            key = Key(keeper, word, "", "", _FACE)
            key.set_words(word, hint)
            key.clicked.connect(lambda _checked=False, k=kind: self._choose(kind=k))
            self.format_keys[kind] = key
            formats.addWidget(key, *divmod(place, 4))
        options = QHBoxLayout()
        for images, word in _IMAGES:
            image_key = Key(keeper, word, "", "", _FACE)
            image_key.clicked.connect(lambda _checked=False, i=images: self._choose(images=i))
            self.image_keys[images] = image_key
            options.addWidget(image_key)
        self.archive_key = Key(keeper, "As an archive", "zip-box-outline", "", _FACE)
        self.states_key = Key(keeper, "Finished pictures", "check-all", "", _FACE)
        self.place_key = Key(keeper, "Elsewhere", "folder-outline", "", _FACE)
        self.take_key = Key(keeper, "Export", "export", "", _FACE)
        self.leave_key = Key(keeper, "Cancel", "close", "", _FACE)
        self.take_key.set_look(KeyLook.PRIMARY)
        self.place = Words("", "strong")
        self._lay_out(formats, options)
        self.archive_key.clicked.connect(lambda: self._choose(archive=not self._is_archive))
        self.states_key.clicked.connect(lambda: self._choose(everything=not self._everything))
        self.place_key.clicked.connect(self.place_asked)
        self.take_key.clicked.connect(self._take)
        self.leave_key.clicked.connect(self._leave)
        self.hide()

    def ask(self, name: str, root: Path, finished: int, total: int) -> None:
        """Open it for a project of which so many pictures are finished."""
        self._name, self._root, self._counts = name, root, (finished, total)
        self._everything = finished == 0
        self._draw()
        self.show()
        self.raise_()

    def set_root(self, root: Path) -> None:
        """Export into another folder."""
        self._root = root
        self._draw()

    @property
    def out(self) -> Path:
        """Where the export goes: a name that is free."""
        moment = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        suffix = ".zip" if self._is_archive else ""
        return self._root / f"{self._name}-{self._kind}-{moment}{suffix}"

    def _choose(
        self,
        *,
        kind: WrittenFormat | None = None,
        images: Images | None = None,
        archive: bool | None = None,
        everything: bool | None = None,
    ) -> None:
        self._kind = kind if kind is not None else self._kind
        self._images = images if images is not None else self._images
        self._is_archive = archive if archive is not None else self._is_archive
        self._everything = everything if everything is not None else self._everything
        self._draw()

    def _take(self) -> None:
        self.hide()
        states = frozenset(PictureState) if self._everything else FINISHED
        self.chosen.emit(
            ExportChoice(kind=self._kind, images=self._images, states=states, out=self.out)
        )

    def _leave(self) -> None:
        self.hide()
        self.left.emit()

    def _draw(self) -> None:
        for kind, key in self.format_keys.items():
            key.set_look(KeyLook.SELECTED if kind == self._kind else KeyLook.PLAIN)
        for images, key in self.image_keys.items():
            key.set_look(KeyLook.SELECTED if images == self._images else KeyLook.PLAIN)
        self.archive_key.set_look(KeyLook.SELECTED if self._is_archive else KeyLook.PLAIN)
        finished, total = self._counts
        count = total if self._everything else finished
        words = "All pictures" if self._everything else "Finished pictures"
        self.states_key.set_words(words, f"{count} of {total}")
        self.take_key.setEnabled(count > 0)
        self.place.say(f"It is written to {self.out}.")

    def _lay_out(self, formats: QGridLayout, options: QHBoxLayout) -> None:
        options.addWidget(self.archive_key)
        place = QHBoxLayout()
        place.addWidget(self.place, 1)
        self.place_key.setSizePolicy(
            self.place_key.sizePolicy().Policy.Fixed, self.place_key.sizePolicy().Policy.Fixed
        )
        place.addWidget(self.place_key)
        keys = QHBoxLayout()
        keys.addWidget(self.leave_key, 1)
        keys.addWidget(self.take_key, 2)
        column = QVBoxLayout(self)
        column.addWidget(Words("Export", "heading"))
        column.addWidget(Words("Format", "title"))
        column.addLayout(formats)
        column.addWidget(Words("What goes along", "title"))
        column.addLayout(options)
        column.addWidget(self.states_key)
        column.addStretch(1)
        column.addLayout(place)
        column.addLayout(keys)
