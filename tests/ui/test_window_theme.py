"""Colours that can be read, sizes that can be touched, choices that are remembered."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from agriseg.config import WindowConfig
from agriseg.overlay import CROP_RGB, WEED_RGB
from ui.live.camera_view import CROP_COLOUR, WEED_COLOUR
from ui.settings import WindowSettings
from ui.theme import (
    DAY,
    NIGHT,
    Theme,
    ThemeChoice,
    ThemeKeeper,
    contrast_ratio,
    is_day,
    scale_for,
)
from ui.units import UnitSystem

TEXT_PAIRS = (
    ("text", "background"),
    ("text", "panel"),
    ("text", "raised"),
    ("muted", "panel"),
    ("muted", "raised"),
    ("muted", "background"),
    ("on_accent", "accent"),
    ("on_danger", "danger"),
    ("on_warning", "warning"),
    ("on_ok", "ok"),
    ("on_spray", "spray"),
)
SHAPE_PAIRS = (
    ("line", "panel"),
    ("accent", "panel"),
    ("accent", "background"),
    ("danger", "background"),
    ("spray", "raised"),
    ("fault", "raised"),
    ("text", "spray"),
)


def test_contrast_ratio_has_the_known_ends() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_meets_wcag_aa(theme: Theme, ink: str, ground: str) -> None:
    assert contrast_ratio(getattr(theme, ink), getattr(theme, ground)) >= 4.5


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_shapes_meet_wcag_aa(theme: Theme, shape: str, ground: str) -> None:
    assert contrast_ratio(getattr(theme, shape), getattr(theme, ground)) >= 3.0


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=["day", "night"])
def test_curves_stand_out(theme: Theme) -> None:
    assert all(contrast_ratio(curve, theme.panel) >= 3.0 for curve in theme.curves)


def test_every_colour_is_written_in_full() -> None:
    for theme in (DAY, NIGHT):
        for field in fields(theme):
            value = getattr(theme, field.name)
            if isinstance(value, str) and field.name != "name":
                assert len(value) == 7
                assert value.startswith("#")


def test_the_legend_has_the_overlays_colours() -> None:
    assert "#{:02x}{:02x}{:02x}".format(*CROP_RGB) == CROP_COLOUR
    assert "#{:02x}{:02x}{:02x}".format(*WEED_RGB) == WEED_COLOUR


def test_day_and_night_by_the_hour() -> None:
    assert [is_day(h) for h in (3.0, 6.99, 7.0, 12.0, 19.49, 19.5, 23.0)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_automatic_theme_follows_the_hour(qtbot: QtBot) -> None:
    hour = [12.0]
    keeper = ThemeKeeper(ThemeChoice.AUTO, hour=lambda: hour[0])
    assert keeper.theme.name == "day"
    hour[0] = 21.0
    with qtbot.waitSignal(keeper.changed):
        keeper.refresh()
    assert keeper.theme.name == "night"
    keeper.choose(ThemeChoice.DAY)
    assert keeper.theme.name == "day"


def test_sizes_grow_with_the_window_and_targets_never_shrink() -> None:
    assert scale_for(1280, 800) == 1.0
    assert scale_for(1920, 1080) > 1.2
    assert scale_for(3840, 2160) > 2.0
    small = scale_for(1024, 720)
    assert small < 1.0
    keeper = ThemeKeeper(ThemeChoice.DAY)
    keeper.set_scale(small)
    assert keeper.theme.touch_px() >= 64


class TestSettings:
    @pytest.fixture
    def store(self, tmp_path: Path) -> QSettings:
        return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)

    def test_configuration_counts_until_the_operator_chooses(self, store: QSettings) -> None:
        config = WindowConfig(theme="night", units="imperial")
        settings = WindowSettings(store, config)
        assert (settings.theme, settings.units) == (ThemeChoice.NIGHT, UnitSystem.IMPERIAL)
        settings.theme = ThemeChoice.DAY
        settings.units = UnitSystem.METRIC
        again = WindowSettings(store, config)
        assert (again.theme, again.units) == (ThemeChoice.DAY, UnitSystem.METRIC)

    def test_a_changed_configuration_wins_over_an_older_choice(self, store: QSettings) -> None:
        WindowSettings(store, WindowConfig(theme="auto")).theme = ThemeChoice.DAY
        assert WindowSettings(store, WindowConfig(theme="night")).theme is ThemeChoice.NIGHT

    def test_nonsense_in_the_file_is_passed_over(self, store: QSettings) -> None:
        store.setValue("theme/chosen", "pink")
        store.setValue("theme/configured", "auto")
        assert WindowSettings(store, WindowConfig()).theme is ThemeChoice.AUTO

    def test_sound_is_on_until_switched_off(self, store: QSettings) -> None:
        settings = WindowSettings(store, WindowConfig())
        assert settings.sound
        settings.sound = False
        assert not WindowSettings(store, WindowConfig()).sound
