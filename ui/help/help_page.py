"""Keys, first steps, versions, licences and attributions."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QScroller,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.theme import Theme, ThemeKeeper

KEYS = (
    ("Space, Esc", "STOP: closes all nozzles, in every state"),
    ("S (hold)", "Start or resume; hold until the bar is full"),
    ("S", "Release a stop, once its alarm is acknowledged"),
    ("P", "Pause: nozzles close, the picture goes on"),
    ("A", "Acknowledge the alarm on top"),
    ("M", "Mark this place, with a word if you like"),
    ("1  2  0", "Spot, Band, Off"),
    ("3 (hold)", "Broadcast: every nozzle sprays"),
    ("+  −", "Spray more doubtful weeds, or fewer"),
    ("V", "Show or hide what the model sees"),
    ("T", "Alarms or plots, where only one has room"),
    ("D", "Day or night colours"),
    ("U", "Metric or US units"),
    ("F1  F2  F3", "Help, Operate, Display"),
    ("F4  F5  F6", "Setup, Calibrate, Review"),
    ("F7", "Label; there the key ? lists the keys of the page"),
    ("F8", "Learn: train on corrected pictures, compare and use models"),
    ("F9", "Field: position, boundary, receiver"),
    ("W  F", "Field: show all of it, follow the machine; + − and arrows move the plan"),
    ("K  ←  →", "Review: play or pause, one picture back or on (Shift: ten)"),
    ("↑  ↓", "Review: play faster, slower"),
    ("N  B  J  H", "Review: next weed, last weed, next miss, last miss"),
    ("F11", "Full screen"),
    ("Tab, Enter", "Go to the next key, press it"),
)
STEPS = (
    "The chip at the top left says what the machine does, or why it cannot start and how to"
    " mend that. Tap it to see every reason.",
    "Hold START until its bar is full. One tap on STOP ends it in any state.",
    "Below the picture each nozzle has a cell: a thick frame is commanded, a filled cell is"
    " confirmed open by the controller, a cross is a nozzle that does not follow.",
    "A stop latches: acknowledge the alarm, release the stop, then hold START again. Nothing"
    " ever starts by itself.",
    "Figures that are not of now turn grey and say their age; a picture older than half a"
    " second is covered. A dash means that nothing measures it; touch it to read why.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A part that AgriSeg is made of, and its terms."""

    part: str
    distribution: str
    """Name of its package, to look its version up; empty when it is not a package."""
    terms: str


LICENCES = (
    Licence(part="AgriSeg", distribution="", terms="Apache-2.0"),
    Licence(
        part="Shipped model weights",
        distribution="",
        terms="CC BY-SA 4.0, the terms of their training data. The model card beside the weights"
        " names every source and author.",
    ),
    Licence(part="Qt for Python (PySide6)", distribution="pyside6", terms="LGPL-3.0"),
    Licence(part="PyTorch", distribution="torch", terms="BSD-3-Clause"),
    Licence(part="OpenVINO", distribution="openvino", terms="Apache-2.0"),
    Licence(part="OpenCV", distribution="opencv-python", terms="Apache-2.0"),
    Licence(part="NumPy", distribution="numpy", terms="BSD-3-Clause"),
    Licence(part="pyqtgraph", distribution="pyqtgraph", terms="MIT"),
    Licence(part="QtAwesome", distribution="qtawesome", terms="MIT"),
    Licence(part="Material Design Icons", distribution="", terms="Apache-2.0, Pictogrammers"),
    Licence(part="Inter (font)", distribution="", terms="SIL OFL 1.1, The Inter Project Authors"),
    Licence(part="pydantic", distribution="pydantic", terms="MIT"),
    Licence(part="pyserial", distribution="pyserial", terms="BSD-3-Clause"),
    Licence(part="cobs", distribution="cobs", terms="MIT"),
    Licence(part="MCAP", distribution="mcap", terms="MIT"),
    Licence(part="Matplotlib", distribution="matplotlib", terms="PSF-based"),
)


def version_of(distribution: str) -> str:
    """Return the installed version of a package; empty where it is not installed."""
    if not distribution:
        return ""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


class HelpPage(QScrollArea):
    """What a new operator needs, and what a technician asks for."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        QScroller.grabGesture(self.viewport(), QScroller.ScrollerGestureType.TouchGesture)
        inner = QWidget()
        self._row = QHBoxLayout(inner)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._columns = (QVBoxLayout(), QVBoxLayout())
        for column in self._columns:
            self._row.addLayout(column, 1)
        left, right = self._columns
        left.addWidget(_steps())
        left.addWidget(_about())
        left.addWidget(_licences())
        right.addWidget(_table("Keys", KEYS))
        for column in self._columns:
            column.addStretch(1)
        self.setWidget(inner)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def _set_theme(self, theme: Theme) -> None:
        self._row.setSpacing(theme.px(8))
        for column in self._columns:
            column.setSpacing(theme.px(8))


def _panel(title: str) -> tuple[QFrame, QVBoxLayout]:
    panel = QFrame()
    panel.setProperty("role", "panel")
    panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    column = QVBoxLayout(panel)
    column.setContentsMargins(16, 12, 16, 12)
    column.setSpacing(6)
    heading = QLabel(title)
    heading.setProperty("role", "heading")
    column.addWidget(heading)
    return panel, column


def _text(text: str, role: str = "") -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _steps() -> QFrame:
    panel, column = _panel("How it works")
    for step in STEPS:
        column.addWidget(_text(step))
    return panel


def _table(title: str, rows: tuple[tuple[str, str], ...]) -> QFrame:
    panel, column = _panel(title)
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(4)
    for index, (left, right) in enumerate(rows):
        key = _text(left, "strong")
        grid.addWidget(key, index, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(_text(right), index, 1)
    grid.setColumnStretch(0, 2)
    grid.setColumnStretch(1, 5)
    column.addLayout(grid)
    return panel


def _about() -> QFrame:
    own = version_of("agriseg") or "run from its source"
    panel, column = _panel(f"AgriSeg {own}")
    column.addWidget(
        _text(
            f"Python {platform.python_version()}, Qt {qVersion()},"
            f" {platform.system()} {platform.machine()}"
        )
    )
    return panel


def _licences() -> QFrame:
    panel, column = _panel("Licences")
    for licence in LICENCES:
        part = f"{licence.part} {version_of(licence.distribution)}".strip()
        column.addWidget(_text(f"{part}: {licence.terms}"))
    return panel
