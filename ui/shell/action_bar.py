"""Start, pause, mark and stop: below every page, always in the same place."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from agriseg.messages import CommandKind, EngineSnapshot, EngineState
from ui.models.status import LinkView, PrimaryAction, StopPhase, primary_action
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import HoldKey, Key, KeyFace, KeyLook, PressKey

_STOP_HINTS = {
    StopPhase.IDLE: "closes all nozzles",
    StopPhase.ASKED: "asked, not yet confirmed",
    StopPhase.UNCONFIRMED: "NOT CONFIRMED",
    StopPhase.CONFIRMED: "stopped, nozzles confirmed closed",
}


class ActionBar(QFrame):
    """The keys that start and end spraying."""

    primary = Signal(object)
    """The operator starts, resumes or releases: a `CommandKind`."""
    pause = Signal()
    stop = Signal()
    mark = Signal()
    hold_needed = Signal(str)

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._action = PrimaryAction(label="START", hint="", command=None)
        large = KeyFace(text_px=22, icon_px=38, min_height_px=84)
        plain = KeyFace(text_px=18, icon_px=32, min_height_px=84)
        self.start_key = HoldKey(keeper, "HOLD TO RESUME", "play", "S", large)
        self.pause_key = Key(keeper, "PAUSE", "pause", "P", plain)
        self.mark_key = Key(keeper, "MARK", "map-marker-plus", "M", plain)
        stop = KeyFace(text_px=32, icon_px=48, min_height_px=84)
        self.stop_key = PressKey(keeper, "STOP", "hand-back-left", "Space · Esc", stop)
        self.stop_key.set_look(KeyLook.DANGER)
        self.start_key.confirmed.connect(self._confirmed)
        self.start_key.let_go_early.connect(self._remind)
        self.pause_key.clicked.connect(self.pause)
        self.mark_key.clicked.connect(self.mark)
        self.stop_key.struck.connect(self.stop)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.start_key, 5)
        self._row.addWidget(self.pause_key, 2)
        self._row.addWidget(self.mark_key, 2)
        self._row.addWidget(self.stop_key, 6)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_state(
        self, snapshot: EngineSnapshot | None, link: LinkView, *, on_operate: bool
    ) -> None:
        """Draw the keys for the present state; the stop stays as it is."""
        action = primary_action(snapshot, link)
        if action.hold and not on_operate:
            action = PrimaryAction(label=action.label, hint="On the Operate page", command=None)
        self._action = action
        icon = "lock-open-variant" if "RELEASE" in action.label else "play"
        self.start_key.set_words(action.label, action.hint, icon)
        self.start_key.set_hold(action.hold)
        self.start_key.setEnabled(action.command is not None)
        self.start_key.set_look(KeyLook.PRIMARY if action.hold else KeyLook.PLAIN)
        spraying = link.talking and snapshot is not None and snapshot.state is EngineState.SPRAYING
        self.pause_key.setEnabled(spraying)
        self.mark_key.setEnabled(link.talking)

    def show_stop(self, phase: StopPhase) -> None:
        """Say where an asked stop stands."""
        self.stop_key.set_words("STOP", _STOP_HINTS[phase])

    def _confirmed(self) -> None:
        if self._action.command is not None:
            self.primary.emit(self._action.command)

    def _remind(self) -> None:
        if self._action.command is CommandKind.START:
            self.hold_needed.emit("Hold the start key until its bar is full.")

    def _set_theme(self, theme: Theme) -> None:
        margin = theme.px(6)
        self._row.setContentsMargins(margin, margin, margin, margin)
        self._row.setSpacing(theme.px(8))
