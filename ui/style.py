"""The theme as Qt understands it: fonts, palette and style sheet."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.resources import as_file, files

from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ui.theme import Theme

log = logging.getLogger(__name__)

FONT_FAMILY = "Inter"
_FONT_FILES = ("Inter-Regular.otf", "Inter-SemiBold.otf", "Inter-Bold.otf")


def load_fonts() -> bool:
    """Load the font that comes with the window; return whether all of it could be.

    Without it Qt falls back on the system's sans serif.
    """
    loaded = True
    for name in _FONT_FILES:
        data = files("ui").joinpath("resources", "fonts", name).read_bytes()
        if QFontDatabase.addApplicationFontFromData(data) < 0:
            log.warning("the font %s could not be loaded; the system's is used", name)
            loaded = False
    return loaded


def window_icon() -> QIcon:
    """Return the program's icon."""
    with as_file(files("ui").joinpath("resources", "icons", "agriseg.png")) as path:
        return QIcon(str(path))


def font(theme: Theme, size_px: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the window's font with figures of equal width, so that numbers do not dance."""
    made = QFont(FONT_FAMILY)
    made.setPixelSize(theme.px(size_px))
    made.setWeight(weight)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Dress the whole application."""
    application.setPalette(palette(theme))
    application.setFont(font(theme, 16))
    application.setStyleSheet(style_sheet(theme))


def palette(theme: Theme) -> QPalette:
    """Return Qt's palette for ``theme``, for what the style sheet does not name."""
    made = QPalette()
    roles: Mapping[QPalette.ColorRole, str] = {
        QPalette.ColorRole.Window: theme.background,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.panel,
        QPalette.ColorRole.AlternateBase: theme.raised,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.muted,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Link: theme.accent,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    return made


def set_property(widget: QWidget, name: str, value: str | bool) -> None:
    """Set a property that the style sheet selects by, and restyle if it changed."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def style_sheet(theme: Theme) -> str:
    """Return the style sheet; sizes follow the theme's scale."""
    px = theme.px
    touch = theme.touch_px()
    return f"""
    QWidget {{ color: {theme.text}; font-family: "{FONT_FAMILY}"; font-size: {px(16)}px; }}
    QMainWindow, QWidget#shell {{ background: {theme.background}; }}
    QFrame[role="panel"] {{
        background: {theme.panel}; border: 1px solid {theme.line}; border-radius: {px(8)}px;
    }}
    QFrame[role="bar"], QFrame[role="rail"] {{ background: {theme.panel}; border: none; }}
    QFrame[role="overlay"] {{
        background: {theme.panel}; border: 2px solid {theme.text}; border-radius: {px(10)}px;
    }}
    QLabel {{ background: transparent; }}
    QLabel[role="title"] {{ font-size: {px(14)}px; color: {theme.muted}; font-weight: 600; }}
    QLabel[role="note"] {{ font-size: {px(14)}px; color: {theme.muted}; }}
    QLabel[role="value"] {{ font-size: {px(22)}px; font-weight: 700; }}
    QLabel[role="value-large"] {{ font-size: {px(34)}px; font-weight: 700; }}
    QLabel[role="unit"] {{ font-size: {px(14)}px; color: {theme.muted}; font-weight: 600; }}
    QLabel[stale="true"] {{ color: {theme.line}; font-weight: 400; }}
    QLabel[role="heading"] {{ font-size: {px(22)}px; font-weight: 700; }}
    QLabel[role="strong"] {{ font-size: {px(16)}px; font-weight: 700; }}
    QLabel[role="code"] {{
        font-family: monospace; font-size: {px(14)}px; background: {theme.raised};
        border: 1px solid {theme.line}; border-radius: {px(5)}px; padding: {px(8)}px;
    }}
    QLabel[role="tag"] {{
        font-size: {px(13)}px; font-weight: 700; border: 2px solid {theme.text};
        border-radius: {px(5)}px; padding: {px(2)}px {px(6)}px;
    }}
    QFrame[role="banner"][level="danger"] {{ background: {theme.danger}; }}
    QFrame[role="banner"][level="danger"] QLabel {{ color: {theme.on_danger}; }}
    QFrame[role="banner"][level="warning"] {{ background: {theme.warning}; }}
    QFrame[role="banner"][level="warning"] QLabel {{ color: {theme.on_warning}; }}
    QFrame[role="banner"][level="wait"] {{ background: {theme.accent}; }}
    QFrame[role="banner"][level="wait"] QLabel {{ color: {theme.on_accent}; }}
    QFrame[role="banner"] QLabel {{ font-size: {px(18)}px; font-weight: 600; }}
    QLineEdit {{
        background: {theme.panel}; border: 2px solid {theme.line}; border-radius: {px(6)}px;
        min-height: {touch - 8}px; padding: 0 {px(10)}px; font-size: {px(18)}px;
        placeholder-text-color: {theme.muted};
    }}
    QLineEdit:focus {{ border-color: {theme.accent}; }}
    QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ background: {theme.raised}; width: {px(14)}px; margin: 0; }}
    QScrollBar::handle:vertical {{
        background: {theme.line}; border-radius: {px(6)}px; min-height: {px(40)}px;
    }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
    QSlider::groove:horizontal {{
        background: {theme.raised}; border: 1px solid {theme.line};
        height: {px(12)}px; border-radius: {px(6)}px;
    }}
    QSlider::sub-page:horizontal {{ background: {theme.accent}; border-radius: {px(6)}px; }}
    QSlider::handle:horizontal {{
        background: {theme.panel}; border: {px(4)}px solid {theme.accent};
        width: {px(26)}px; margin: -{px(12)}px 0; border-radius: {px(16)}px;
    }}
    QSlider:focus {{ border: 2px solid {theme.accent}; border-radius: {px(6)}px; }}
    QToolTip {{
        background: {theme.raised}; color: {theme.text}; border: 1px solid {theme.line};
        padding: {px(6)}px; font-size: {px(15)}px;
    }}
    """
