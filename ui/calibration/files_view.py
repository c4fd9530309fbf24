"""Files that belong to a step: the board to print, and a boom to carry from machine to machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScroller,
    QVBoxLayout,
    QWidget,
)

from agriseg.calibration.board_print import PAPER_MM, board_for, write_board
from agriseg.calibration.boom_file import boom_result, export_boom, import_boom
from agriseg.calibration.steps import StepResult, changes
from agriseg.config import Config
from agriseg.errors import AgrisegError, CalibrationError
from ui.calibration.places import Place
from ui.calibration.value_table import value_table
from ui.review.thread import ReviewThread
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

BOARD_STEP, BOOM_STEP = "camera", "boom"
KINDS = {"charuco": "ChArUco", "checkerboard": "Checkerboard"}
_FACE = KeyFace(text_px=18, icon_px=28, min_width_px=240, min_height_px=68, left=True)


@dataclass(frozen=True, slots=True)
class _Offer:
    word: str
    hint: str
    icon: str
    do: Callable[[], object]


class FilesView(QWidget):
    """What can be written for a step, and what can be taken over; nothing changes unasked.

    Parameters
    ----------
    keeper : ThemeKeeper
    places : callable
        Returns where files may lie.
    now : callable
        Returns the date and time, for the names of files.
    """

    left = Signal()
    taken = Signal(object)
    """A boom from a file, as `StepResult`: the operator has seen what changes and wants it."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        places: Callable[[], tuple[Place, ...]],
        now: Callable[[], datetime],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._keeper, self._places, self._now = keeper, places, now
        self._config = Config()
        self._paper, self._kind = "A4", "charuco"
        self._result: StepResult | None = None
        self._thread = ReviewThread("calibration-board", self)
        self._thread.failed.connect(self._say)
        self.title = Words("", "title")
        self.instruction = Words("", "heading")
        self.said = Words("", "strong")
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setWordWrap(True)
        self.back_key = Key(keeper, "Steps", "arrow-left", "", KeyFace(text_px=17))
        self.back_key.clicked.connect(self.left)
        self.take_key = Key(keeper, "Take this boom over", "check-bold", "", KeyFace(text_px=20))
        self.take_key.clicked.connect(self._take)
        self.choice_keys: dict[str, Key] = {}
        self.file_keys: dict[str, Key] = {}
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_board(self) -> None:
        """Offer the board of the Camera step as a PDF."""
        self._begin("Board to print")
        self.instruction.say(
            "Choose paper and place, print the file at 100 %, check its ruler, and glue it flat."
        )
        self._choices(
            {
                **{paper: (paper, partial(self._set_paper, paper)) for paper in PAPER_MM},
                **{kind: (word, partial(self._set_kind, kind)) for kind, word in KINDS.items()},
            }
        )
        self._offer(
            [
                _Offer(
                    f"Write to {place.word}",
                    str(place.folder),
                    "file-pdf-box",
                    partial(self._write_board, place),
                )
                for place in self._places()
            ]
        )

    def show_boom(self, config: Config) -> None:
        """Offer the boom in force as a file, and files from which one can be taken over."""
        self._begin("Boom as a file")
        self._config = config
        self.instruction.say(
            "Write this boom to a file, or choose one to see what it would change."
        )
        self._choices({})
        places = self._places()
        found = [path for place in places for path in sorted(place.folder.glob("*.toml"))]
        self._offer(
            [
                *(
                    _Offer(
                        f"Write to {place.word}",
                        str(place.folder),
                        "export-variant",
                        partial(self._write_boom, place),
                    )
                    for place in places
                ),
                *(
                    _Offer(
                        f"Read {path.name}", str(path.parent), "import", partial(self._read, path)
                    )
                    for path in found
                ),
            ]
        )
        if not found:
            where = " or ".join(str(place.folder) for place in places)
            self._say(
                "There is no boom's file (.toml) to read. Plug in the USB stick that has one, or"
                f" copy it to {where}, then come back here."
            )

    def end(self) -> None:
        """Wait for a file that is being written."""
        self._thread.stop()

    # What the operator does

    def _set_paper(self, paper: str) -> None:
        self._paper = paper
        self._mark_choices()

    def _set_kind(self, kind: str) -> None:
        self._kind = kind
        self._mark_choices()

    def _write_board(self, place: Place) -> None:
        board, paper = board_for(self._paper, self._kind), self._paper
        path = place.folder / f"agriseg-board-{paper}-{self._kind}.pdf"

        def write() -> str:
            _make_folder(place.folder)
            write_board(board, path, paper)
            return (
                f"Written: {path}\n{board.columns} x {board.rows} squares of {board.square_mm:g} mm"
                f" on {paper}."
            )

        self._say("The board is being drawn …")
        self._thread.ask(write, self._say)

    def _write_boom(self, place: Place) -> None:
        moment = self._now().astimezone().strftime("%Y%m%d-%H%M%S")
        path = place.folder / f"boom-{self._config.boom.nozzle_count}-{moment}.toml"
        try:
            _make_folder(place.folder)
            export_boom(self._config.boom, path)
        except AgrisegError as error:
            self._say(f"{error}.")
            return
        self._say(f"Written: {path}")

    def _read(self, path: Path) -> None:
        self._forget_result()
        try:
            result = boom_result(import_boom(path), self._config, f"read from the file {path.name}")
        except AgrisegError as error:
            self._say(f"{error}.")
            return
        if not result.values:
            self._say(f"{path.name} says what is in force already.")
            return
        self._result = result
        self._say(f"{path.name}: {result.summary} Nothing changes before you take it over.")
        rows = changes(result, self._config)
        self.table.setText(value_table(rows, ("in force", "in the file"), self._keeper.theme))
        self.table.show()
        self.take_key.show()

    def _take(self) -> None:
        if self._result is not None:
            self.taken.emit(self._result)

    # Drawing

    def _begin(self, title: str) -> None:
        self.title.say(title)
        self._say("")
        self._forget_result()

    def _forget_result(self) -> None:
        self._result = None
        self.table.hide()
        self.take_key.hide()

    def _say(self, text: str) -> None:
        self.said.say(text)

    def _choices(self, words: dict[str, tuple[str, Callable[[], None]]]) -> None:
        _clear(self.choice_keys)
        for name, (word, choose) in words.items():
            key = Key(self._keeper, word, "", "", KeyFace(text_px=17))
            key.clicked.connect(lambda _checked=False, do=choose: do())
            self.choice_keys[name] = key
            self._choice_row.addWidget(key)
        self._mark_choices()

    def _mark_choices(self) -> None:
        for name, key in self.choice_keys.items():
            is_chosen = name in (self._paper, self._kind)
            key.set_look(KeyLook.SELECTED if is_chosen else KeyLook.PLAIN)

    def _offer(self, offers: list[_Offer]) -> None:
        _clear(self.file_keys)
        for offer in offers:
            key = Key(self._keeper, offer.word, offer.icon, "", _FACE)
            key.set_words(offer.word, offer.hint, offer.icon)
            key.clicked.connect(lambda _checked=False, do=offer.do: do())
            self.file_keys[offer.word] = key
            self._file_column.addWidget(key)

    def _lay_out(self) -> None:
        top = QFrame()
        top.setProperty("role", "panel")
        head = QHBoxLayout(top)
        policy = self.back_key.sizePolicy().Policy.Fixed
        self.back_key.setSizePolicy(policy, policy)
        head.addWidget(self.back_key)
        words = QVBoxLayout()
        words.addWidget(self.title)
        words.addWidget(self.instruction)
        head.addLayout(words, 1)
        body = QFrame()
        body.setProperty("role", "panel")
        column = QVBoxLayout(body)
        self._choice_row = QHBoxLayout()
        column.addLayout(self._choice_row)
        inner = QWidget()
        inner_column = QVBoxLayout(inner)
        inner_column.setContentsMargins(0, 0, 0, 0)
        self._file_column = QVBoxLayout()
        inner_column.addLayout(self._file_column)
        inner_column.addWidget(self.said)
        inner_column.addWidget(self.table)
        inner_column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        QScroller.grabGesture(scroll.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        scroll.setWidget(inner)
        column.addWidget(scroll, 1)
        column.addWidget(self.take_key)
        self.take_key.set_look(KeyLook.PRIMARY)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(top)
        self._column.addWidget(body, 1)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(8))


def _clear(keys: dict[str, Key]) -> None:
    for key in keys.values():
        key.hide()
        key.deleteLater()
    keys.clear()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CalibrationError(
            f"{folder}: this folder cannot be made ({error.strerror}); choose another place"
        ) from error
