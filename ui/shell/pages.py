"""The pages of the window, in the order of the rail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from agriseg.recording.run_directories import runs_directory
from ui.calibration.calibrate_page import CalibratePage
from ui.connection import ConnectionKeeper
from ui.field.field_page import FieldPage
from ui.help.display_page import DisplayPage
from ui.help.help_page import HelpPage
from ui.label.label_page import LabelPage, projects_folder
from ui.learn.learn_page import LearnPage
from ui.live.operate_page import OperatePage
from ui.review.review_page import ReviewPage
from ui.settings import WindowSettings
from ui.setup.setup_page import SetupPage
from ui.theme import ThemeKeeper
from ui.units import Units


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """A page of the shell: its name, what the rail shows, and its key."""

    name: str
    word: str
    icon: str
    shortcut: str
    widget: QWidget

    @property
    def key(self) -> Qt.Key:
        """The key that shows it."""
        key: Qt.Key = getattr(Qt.Key, f"Key_{self.shortcut}")
        return key


class Pages:
    """Makes all pages; each is an attribute, and `entries` has them in the rail's order."""

    def __init__(
        self, keeper: ThemeKeeper, settings: WindowSettings, connection: ConnectionKeeper
    ) -> None:
        units = Units(settings.units)

        def runs() -> Path:
            return runs_directory(connection.configured)

        def labelling_model() -> Path | None:
            path = connection.configured.model.path
            return Path(path) if path else None

        self.operate = OperatePage(keeper, units)
        self.setup = SetupPage(keeper, connection.choice)
        self.calibrate = CalibratePage(keeper, lambda: connection.config)
        self.review = ReviewPage(keeper, units, runs, memory=settings)
        self.label = LabelPage(keeper, settings, projects_folder(), labelling_model, runs)
        self.field = FieldPage(keeper, units, connection)
        self.learn = LearnPage(
            keeper, units, settings, runs, lambda: connection.configured.model.path
        )
        self.display = DisplayPage(keeper)
        self.help = HelpPage(keeper)
        self.entries = tuple(self._entries())

    def _entries(self) -> Iterator[PageEntry]:
        for name, word, icon, shortcut, widget in (
            ("operate", "Operate", "sprout", "F2", self.operate),
            ("field", "Field", "map-marker-path", "F9", self.field),
            ("review", "Review", "history", "F6", self.review),
            ("label", "Label", "draw-pen", "F7", self.label),
            ("learn", "Learn", "school-outline", "F8", self.learn),
            ("setup", "Setup", "tune", "F4", self.setup),
            ("calibrate", "Calibrate", "ruler-square", "F5", self.calibrate),
            ("display", "Display", "theme-light-dark", "F3", self.display),
            ("help", "Help", "help-circle-outline", "F1", self.help),
        ):
            yield PageEntry(name=name, word=word, icon=icon, shortcut=shortcut, widget=widget)

    def set_units(self, units: Units) -> None:
        """Write all quantities in other units."""
        for page in (self.operate, self.review, self.learn, self.field):
            page.set_units(units)

    def end(self) -> None:
        """End what still works in the background; the window closes."""
        for page in (self.calibrate, self.review, self.field, self.label, self.learn):
            page.end()
