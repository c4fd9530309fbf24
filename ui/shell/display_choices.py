"""Theme, units, sound and full screen: chosen on the page Display or by a key."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMainWindow

from ui.settings import WindowSettings
from ui.shell.pages import Pages
from ui.theme import ThemeChoice, ThemeKeeper
from ui.units import Units, UnitSystem


class DisplayChoices:
    """Carries out what is chosen, remembers it and marks it on the page.

    Parameters
    ----------
    window : QMainWindow
        Fills the screen, or does not.
    pages, keeper, settings
    redraw : callable
        Draws what is written in units.
    """

    def __init__(
        self,
        window: QMainWindow,
        pages: Pages,
        keeper: ThemeKeeper,
        settings: WindowSettings,
        redraw: Callable[[], None],
    ) -> None:
        self._window = window
        self._pages = pages
        self._keeper = keeper
        self._settings = settings
        self._redraw = redraw
        display = pages.display
        display.theme_chosen.connect(self._choose_theme)
        display.units_chosen.connect(self._choose_units)
        display.sound_chosen.connect(self._choose_sound)
        display.full_screen_chosen.connect(self._choose_full_screen)
        self.show()

    def show(self) -> None:
        """Mark what is chosen."""
        display = self._pages.display
        display.theme_row.show_choice(self._keeper.choice)
        display.units_row.show_choice(self._settings.units)
        display.sound_row.show_choice(self._settings.sound)
        display.screen_row.show_choice(self._window.isFullScreen())

    def toggle_theme(self) -> None:
        """Change between day and night."""
        is_day = self._keeper.theme.name == "day"
        self._choose_theme(ThemeChoice.NIGHT if is_day else ThemeChoice.DAY)

    def toggle_units(self) -> None:
        """Change between metric and imperial units."""
        metric = self._settings.units is UnitSystem.METRIC
        self._choose_units(UnitSystem.IMPERIAL if metric else UnitSystem.METRIC)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        self._choose_full_screen(not self._window.isFullScreen())

    def _choose_theme(self, choice: ThemeChoice) -> None:
        self._settings.theme = choice
        self._keeper.choose(choice)
        self.show()

    def _choose_units(self, system: UnitSystem) -> None:
        self._settings.units = system
        self._pages.set_units(Units(system))
        self.show()
        self._redraw()

    def _choose_sound(self, on: bool) -> None:
        self._settings.sound = on
        self.show()

    def _choose_full_screen(self, on: bool) -> None:
        if on:
            self._window.showFullScreen()
        else:
            self._window.showNormal()
        self.show()
