"""Large keys for gloved hands: tap keys and hold-to-confirm keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QElapsedTimer, QEvent, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ui.style import font
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import pixmap

HOLD_MS = 800
"""How long a key that opens nozzles must be held."""
_PROGRESS_STEP_MS = 33


class KeyLook(Enum):
    """How much a key asks for attention."""

    PLAIN = "plain"
    SELECTED = "selected"
    PENDING = "pending"
    """Asked for, not yet confirmed by the engine."""
    PRIMARY = "primary"
    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFace:
    """Sizes of a key at 1280x800."""

    text_px: float = 18
    icon_px: float = 28
    min_width_px: float = 64
    min_height_px: float = 64
    side_px: float = 8
    """Free at either side of icon and words."""
    stacked: bool = False
    """Icon above the words instead of beside them."""
    left: bool = False
    """Everything at the left and words shortened to the room: for names of any length."""


class Key(QPushButton):
    """A key with icon, words, a line below and its shortcut.

    It acts on Return and Enter, never on Space: Space stops the machine.
    """

    def __init__(
        self,
        keeper: ThemeKeeper,
        label: str,
        icon: str = "",
        shortcut: str = "",
        face: KeyFace | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(label, parent)
        self._theme = keeper.theme
        self._icon = icon
        self._shortcut = shortcut
        self._hint = ""
        self._face = face or KeyFace()
        self._look = KeyLook.PLAIN
        self.setAccessibleName(label)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        keeper.changed.connect(self._set_theme)

    @property
    def look(self) -> KeyLook:
        """How it is drawn."""
        return self._look

    @property
    def hint(self) -> str:
        """The small line below the words."""
        return self._hint

    def set_look(self, look: KeyLook) -> None:
        """Draw the key another way."""
        if look is not self._look:
            self._look = look
            self.update()

    def set_words(self, label: str, hint: str = "", icon: str | None = None) -> None:
        """Change words and icon."""
        if icon is not None and icon != self._icon:
            self._icon = icon
            self.update()
        if (label, hint) != (self.text(), self._hint):
            self._hint = hint
            self.setText(label)
            self.setAccessibleName(label)
            self.setAccessibleDescription(hint)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for icon and words; never less than a touch target."""
        theme, face = self._theme, self._face
        metrics = QFontMetrics(self._label_font())
        words = max(metrics.horizontalAdvance(line) for line in self.text().split("\n") or [""])
        if self._hint:
            hint_width = QFontMetrics(self._hint_font()).horizontalAdvance(self._hint)
            words = max(words, hint_width)
        icon = theme.px(face.icon_px) if self._icon else 0
        gap = theme.px(8) if icon else 0
        width = max(icon, words) if face.stacked else icon + words + gap
        touch = theme.touch_px()
        return QSize(
            max(touch, theme.px(face.min_width_px), width + 2 * theme.px(face.side_px)),
            max(touch, theme.px(face.min_height_px)),
        )

    def minimumSizeHint(self) -> QSize:
        """Return the size hint: words on keys are never cut, but where they are names."""
        hint = self.sizeHint()
        if self._face.left:
            hint.setWidth(max(self._theme.touch_px(), self._theme.px(self._face.min_width_px)))
        return hint

    def event(self, event: QEvent) -> bool:
        """Repaint on what changes the look."""
        if event.type() in (QEvent.Type.EnabledChange, QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press on Return and Enter; leave Space and the rest to the window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat() and self.isEnabled():
                self._pressed_by_key()
            return
        event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Release on Return and Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self._released_by_key()
            return
        event.ignore()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground, border, icon, words and shortcut."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground, ink = self._colours()
        self._paint_ground(painter, ground)
        self._paint_content(painter, ink)
        painter.end()

    def _pressed_by_key(self) -> None:
        self.click()

    def _released_by_key(self) -> None:
        """A tap key has nothing left to do."""

    def _set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.updateGeometry()
        self.update()

    def _colours(self) -> tuple[str, str]:
        """Return ground and ink."""
        theme = self._theme
        if not self.isEnabled():
            return theme.background, theme.muted
        return {
            KeyLook.PLAIN: (theme.raised, theme.text),
            KeyLook.SELECTED: (theme.accent, theme.on_accent),
            KeyLook.PENDING: (theme.raised, theme.text),
            KeyLook.PRIMARY: (theme.ok, theme.on_ok),
            KeyLook.WARNING: (theme.warning, theme.on_warning),
            KeyLook.DANGER: (theme.danger, theme.on_danger),
        }[self._look]

    def _paint_ground(self, painter: QPainter, ground: str) -> None:
        theme = self._theme
        fill = QColor(ground)
        if self.isDown():
            fill = fill.darker(125) if theme.name == "day" else fill.lighter(130)
        pen = QPen(QColor(theme.line), 1.5)
        if self._look is KeyLook.PENDING:
            pen = QPen(QColor(theme.accent), theme.px(3), Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(fill)
        box = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        radius = theme.px(8)
        painter.drawRoundedRect(box, radius, radius)
        self._paint_progress(painter, box, radius)
        if self.hasFocus() and self.isEnabled():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.text), theme.px(3)))
            painter.drawRoundedRect(box, radius, radius)

    def _paint_progress(self, painter: QPainter, box: QRectF, radius: float) -> None:
        """A tap key has no progress."""

    def _paint_content(self, painter: QPainter, ink: str) -> None:
        theme, face = self._theme, self._face
        margin = theme.px(8)
        side = theme.px(face.side_px)
        box = self.rect().adjusted(side, theme.px(4), -side, -theme.px(4))
        icon_px = theme.px(face.icon_px) if self._icon else 0
        lines = self.text().split("\n")
        metrics = QFontMetrics(self._label_font())
        hint_metrics = QFontMetrics(self._hint_font())
        hint_h = hint_metrics.height() if self._hint else 0
        words_h = metrics.height() * len(lines) + hint_h
        words_w = max(metrics.horizontalAdvance(line) for line in lines)
        if self._hint:
            words_w = max(words_w, hint_metrics.horizontalAdvance(self._hint))
        words_w = min(words_w, box.width() - (0 if face.stacked else icon_px + margin))
        if face.stacked:
            top = box.top() + max(0, (box.height() - icon_px - words_h) // 2)
            icon_at = QRect(box.center().x() - icon_px // 2, top, icon_px, icon_px)
            words = QRect(box.left(), top + icon_px, box.width(), words_h)
        else:
            gap = margin if icon_px and words_w else 0
            spare = 0 if face.left else (box.width() - icon_px - gap - words_w) // 2
            left = box.left() + spare
            icon_at = QRect(left, box.center().y() - icon_px // 2, icon_px, icon_px)
            top = box.top() + (box.height() - words_h) // 2
            words = QRect(left + icon_px + gap, top, words_w + 1, words_h)
        if icon_px:
            picture = pixmap(self._icon, ink, icon_px, self.devicePixelRatioF())
            painter.drawPixmap(icon_at.topLeft(), picture)
        self._paint_words(painter, ink, words, hint_h)
        self._paint_shortcut(painter, ink)

    def _paint_words(self, painter: QPainter, ink: str, words: QRect, hint_h: int) -> None:
        painter.setPen(QColor(ink))
        flag = Qt.AlignmentFlag.AlignVCenter | (
            Qt.AlignmentFlag.AlignLeft if self._face.left else Qt.AlignmentFlag.AlignHCenter
        )
        painter.setFont(self._label_font())
        text = self.text()
        if self._face.left:
            text = _shortened(text, self._label_font(), words.width())
        painter.drawText(words.adjusted(0, 0, 0, -hint_h), flag, text)
        if self._hint:
            painter.setFont(self._hint_font())
            line = QRect(words.left(), words.bottom() - hint_h + 1, words.width(), hint_h)
            painter.drawText(line, flag, _shortened(self._hint, self._hint_font(), line.width()))

    def _paint_shortcut(self, painter: QPainter, ink: str) -> None:
        if not self._shortcut:
            return
        painter.setPen(QColor(ink))
        painter.setFont(font(self._theme, 12, QFont.Weight.DemiBold))
        inset = self._theme.px(6)
        painter.drawText(
            self.rect().adjusted(inset, self._theme.px(4), -inset, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop,
            self._shortcut,
        )

    def _label_font(self) -> QFont:
        return font(self._theme, self._face.text_px, QFont.Weight.Bold)

    def _hint_font(self) -> QFont:
        return font(self._theme, 14, QFont.Weight.DemiBold)


def _shortened(text: str, made: QFont, width: int) -> str:
    return QFontMetrics(made).elidedText(text, Qt.TextElideMode.ElideRight, width)


class HoldKey(Key):
    """A key that acts only after being held for `HOLD_MS`, by finger, mouse or keyboard.

    With ``hold`` off it acts on a tap.
    """

    confirmed = Signal()
    """Held to the end, or tapped when no hold is asked."""
    let_go_early = Signal()

    def __init__(
        self,
        keeper: ThemeKeeper,
        label: str,
        icon: str = "",
        shortcut: str = "",
        face: KeyFace | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(keeper, label, icon, shortcut, face, parent)
        self._hold = True
        self._held = QElapsedTimer()
        self._done = QTimer(self)
        self._done.setSingleShot(True)
        self._done.setTimerType(Qt.TimerType.PreciseTimer)
        self._done.setInterval(HOLD_MS)
        self._done.timeout.connect(self._complete)
        self._step = QTimer(self)
        self._step.setInterval(_PROGRESS_STEP_MS)
        self._step.timeout.connect(self.update)
        self.pressed.connect(self.begin_hold)
        self.released.connect(self.end_hold)

    def set_hold(self, hold: bool) -> None:
        """Ask for a hold, or act on a tap."""
        if hold != self._hold:
            self._hold = hold
            self._reset()

    @property
    def holding(self) -> bool:
        """Whether it is being held down right now."""
        return self._done.isActive()

    def begin_hold(self) -> None:
        """Begin to hold (finger, mouse or key down)."""
        if not self.isEnabled() or self._done.isActive():
            return
        if not self._hold:
            self.confirmed.emit()
            return
        self._held.start()
        self._done.start()
        self._step.start()
        self.update()

    def end_hold(self) -> None:
        """Let go: before the end nothing happens."""
        if self._done.isActive():
            self._reset()
            self.let_go_early.emit()

    def changeEvent(self, event: QEvent) -> None:
        """Forget a hold when the key is disabled meanwhile."""
        if event.type() is QEvent.Type.EnabledChange and not self.isEnabled():
            self._reset()
        super().changeEvent(event)

    def _pressed_by_key(self) -> None:
        self.begin_hold()

    def _released_by_key(self) -> None:
        self.end_hold()

    def _complete(self) -> None:
        self._reset()
        self.confirmed.emit()

    def _reset(self) -> None:
        self._done.stop()
        self._step.stop()
        self.update()

    def _paint_progress(self, painter: QPainter, box: QRectF, radius: float) -> None:
        if not self._done.isActive():
            return
        done = min(1.0, self._held.elapsed() / HOLD_MS)
        shade = QColor("#000000" if self._theme.name == "day" else "#ffffff")
        shade.setAlpha(90)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.setClipRect(QRectF(box.left(), box.top(), box.width() * done, box.height()))
        painter.drawRoundedRect(box, radius, radius)
        painter.restore()


class PressKey(Key):
    """A key that acts the moment it goes down: for the stop."""

    struck = Signal()

    def __init__(
        self,
        keeper: ThemeKeeper,
        label: str,
        icon: str = "",
        shortcut: str = "",
        face: KeyFace | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(keeper, label, icon, shortcut, face, parent)
        self.pressed.connect(self.struck)

    def _pressed_by_key(self) -> None:
        self.struck.emit()
