"""State chip with its reason, what is simulated, recording, alarms."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from agriseg.messages import AlarmPriority, EngineSnapshot
from ui.models.alarms import AlarmRow
from ui.models.field import PositionWord
from ui.models.status import Level, StatusView
from ui.theme import Theme, ThemeKeeper
from ui.units import clock_text
from ui.widgets.icons import LEVEL_ICONS, PRIORITY_ICONS
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import FittedWords

_LEVEL_LOOKS = {
    Level.OK: KeyLook.PRIMARY,
    Level.ACTIVE: KeyLook.SELECTED,
    Level.WAIT: KeyLook.PLAIN,
    Level.WARNING: KeyLook.WARNING,
    Level.DANGER: KeyLook.DANGER,
}
_PRIORITY_LOOKS = {
    AlarmPriority.DANGER: KeyLook.DANGER,
    AlarmPriority.WARNING: KeyLook.WARNING,
    AlarmPriority.NOTICE: KeyLook.SELECTED,
}


class TopBar(QFrame):
    """What state the machine is in, and why."""

    reasons_asked = Signal()
    alarms_asked = Signal()
    position_asked = Signal()

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        face = KeyFace(text_px=20, icon_px=32, min_width_px=186, side_px=16)
        self.chip = Key(keeper, "STARTING", LEVEL_ICONS[Level.WAIT], "", face)
        self.chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.chip.clicked.connect(self.reasons_asked)
        self.detail = FittedWords("")
        self.detail.setProperty("role", "strong")
        self.detail.setWordWrap(True)
        self.detail.setTextFormat(Qt.TextFormat.PlainText)
        self.detail.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.simulated = QLabel("SIMULATED SPRAYER")
        self.simulated.setProperty("role", "tag")
        self.simulated.setToolTip("The sprayer controller is simulated: no real valve moves.")
        self.simulated.hide()
        self.recording = QLabel("")
        self.recording.setProperty("role", "note")
        self.recording.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.position_key = Key(
            keeper, "No position", "crosshairs-gps", "", KeyFace(text_px=16, icon_px=24)
        )
        self.position_key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.position_key.setToolTip("The position; touch it for all of it.")
        self.position_key.clicked.connect(self.position_asked)
        self.position_key.hide()
        self.alarm_key = Key(
            keeper, "No alarms", "bell-outline", "", KeyFace(text_px=16, icon_px=26)
        )
        self.alarm_key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.alarm_key.clicked.connect(self.alarms_asked)
        facts = QVBoxLayout()
        facts.setSpacing(2)
        facts.addStretch(1)
        facts.addWidget(self.simulated, 0, Qt.AlignmentFlag.AlignRight)
        facts.addWidget(self.recording)
        facts.addStretch(1)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.chip)
        self._row.addWidget(self.detail, 1)
        self._row.addLayout(facts)
        self._row.addWidget(self.position_key)
        self._row.addWidget(self.alarm_key)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_status(self, status: StatusView) -> None:
        """Show the state."""
        more = len(status.reasons) - 1
        self.chip.set_words(
            status.title,
            f"{len(status.reasons)} reasons" if more > 0 else "",
            LEVEL_ICONS[status.level],
        )
        self.chip.set_look(_LEVEL_LOOKS[status.level])
        self.detail.setText(status.detail)
        self.detail.setToolTip("\n".join(status.reasons) or status.detail)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show what is simulated and whether the run is recorded."""
        capabilities = snapshot.capabilities
        self.simulated.setVisible(capabilities is not None and capabilities.is_simulated)
        time = clock_text(snapshot.run_time_s)
        if snapshot.recording:
            self.recording.setText(f"● Recording {time}")
            self.recording.setToolTip(snapshot.run_directory)
        else:
            self.recording.setText(f"○ Not recorded {time}")
            self.recording.setToolTip(snapshot.recording_note or "Recording is off.")

    def show_position(self, word: PositionWord | None) -> None:
        """Show the position in a word, or what it holds closed; nothing without a receiver."""
        self.position_key.setVisible(word is not None)
        if word is not None:
            self.position_key.set_words(word.text, word.hint, word.icon)
            is_ok = word.level is Level.OK
            self.position_key.set_look(KeyLook.PLAIN if is_ok else _LEVEL_LOOKS[word.level])

    def show_alarms(self, rows: tuple[AlarmRow, ...], worst: AlarmPriority | None) -> None:
        """Show how many alarms there are and how urgent they are."""
        waiting = sum(row.waits for row in rows)
        if worst is not None:
            word = "alarm" if waiting == 1 else "alarms"
            self.alarm_key.set_words(f"{waiting} {word}", "", PRIORITY_ICONS[worst])
            self.alarm_key.set_look(_PRIORITY_LOOKS[worst])
        else:
            text = f"{len(rows)} seen" if rows else "No alarms"
            self.alarm_key.set_words(text, "", "bell-check-outline" if rows else "bell-outline")
            self.alarm_key.set_look(KeyLook.PLAIN)

    def _set_theme(self, theme: Theme) -> None:
        margin = theme.px(6)
        self._row.setContentsMargins(margin, margin, margin, margin)
        self._row.setSpacing(theme.px(10))
        self.setFixedHeight(theme.touch_px() + 2 * margin)
