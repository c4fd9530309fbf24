"""Which sprayer controller is used, and how its connection stands."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from agriseg.messages import EngineSnapshot
from agriseg.serial_ports import RULE_NAME, SerialPort, install_commands, udev_rule
from ui.models.connection import (
    KIND_NOTES,
    KINDS,
    ConnectionView,
    ControllerChoice,
    ControllerKind,
    PortEntry,
    connection_view,
    entry_of,
    is_asking,
    port_entries,
    refusal,
    selection_help,
)
from ui.models.status import Level, LinkView, StopPhase
from ui.setup.port_list import PortList
from ui.theme import Theme, ThemeKeeper
from ui.widgets.icons import LEVEL_ICONS, pixmap
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

log = logging.getLogger(__name__)


def downloads_folder() -> Path:
    """Return where this user keeps what programs save, or the home folder."""
    place = QStandardPaths.StandardLocation.DownloadLocation
    folder = Path(QStandardPaths.writableLocation(place))
    return folder if folder.is_dir() else Path.home()


class SetupPage(QWidget):
    """The list of controllers at the left, the connection and the selected one at the right."""

    connect_asked = Signal(object)
    """The operator connects a `ControllerChoice`."""
    opened = Signal(bool)
    """The page has been opened, or left."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        choice: ControllerChoice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self.rules_folder = downloads_folder()
        self._ports: tuple[SerialPort, ...] = ()
        self._choice = choice
        self._selection = choice
        self._kind: ControllerKind = choice.kind
        self._entries: tuple[PortEntry, ...] = ()
        self._asked_at_s: float | None = None
        self._refusal = ""
        self._view: ConnectionView | None = None
        self._rule_port = ""
        self._commands = ""
        self.list = PortList(keeper)
        self.list.selected.connect(self.select)
        self.connect_key = Key(
            keeper, "CONNECT", "connection", "", KeyFace(text_px=20, icon_px=34, min_height_px=76)
        )
        self.connect_key.clicked.connect(self._connect)
        self.kind_keys: dict[ControllerKind, Key] = {}
        for kind, word in KINDS.items():
            key = Key(keeper, word, "", "", KeyFace(text_px=16))
            key.clicked.connect(lambda _checked=False, k=kind: self.select_kind(k))
            self.kind_keys[kind] = key
        self.rule_key = Key(keeper, "Save rule file", "content-save", "", KeyFace(text_px=17))
        self.rule_key.clicked.connect(self._save_rule)
        self.copy_key = Key(keeper, "Copy commands", "content-copy", "", KeyFace(text_px=17))
        self.copy_key.clicked.connect(self._copy_commands)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._left(), 5)
        self._row.addWidget(self._right(), 6)
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self._draw_list()

    @property
    def selection(self) -> ControllerChoice:
        """What the operator has selected; not necessarily connected."""
        return self._selection

    @property
    def commands(self) -> str:
        """The commands that put the saved rule in force; empty before it was saved."""
        return self._commands

    def show_ports(self, ports: tuple[SerialPort, ...]) -> None:
        """Take the ports that are there; the operator's selection stays."""
        self._ports = ports
        self._draw_list()

    def show_choice(self, choice: ControllerChoice) -> None:
        """Take the controller in force and select it."""
        self._choice = choice
        self._asked_at_s = None
        self._kind = choice.kind
        self.select(choice)

    def select(self, choice: ControllerChoice) -> None:
        """Select a line of the list."""
        self._selection = choice
        self._draw_list()

    def select_kind(self, kind: ControllerKind) -> None:
        """Say what the selected controller understands."""
        self._kind = kind
        self._draw_list()

    def show_state(
        self, snapshot: EngineSnapshot | None, link: LinkView, stop: StopPhase, now_s: float
    ) -> None:
        """Draw how the connection stands at ``now_s``."""
        if not is_asking(snapshot, link):
            self._asked_at_s = None
        elif self._asked_at_s is None:
            self._asked_at_s = now_s
        waited_s = 0.0 if self._asked_at_s is None else now_s - self._asked_at_s
        self._refusal = refusal(snapshot, link, stop)
        self.refusal.say(self._refusal)
        view = connection_view(self._choice, snapshot, link, waited_s)
        if view != self._view:
            self._view = view
            self._draw_view()
        self._draw_connect()

    def showEvent(self, event: QShowEvent) -> None:
        """Tell that the page is open."""
        super().showEvent(event)
        self.opened.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that the page was left."""
        super().hideEvent(event)
        self.opened.emit(False)

    # Building

    def _left(self) -> QFrame:
        panel = _panel()
        column = QVBoxLayout(panel)
        column.addWidget(Words("Sprayer controller", "heading"))
        column.addWidget(
            Words("Select one, then Connect. The list follows what is plugged in.", "note")
        )
        column.addWidget(self.list, 1)
        column.addWidget(Words("What it understands", "title"))
        kinds = QHBoxLayout()
        for key in self.kind_keys.values():
            kinds.addWidget(key)
        column.addLayout(kinds)
        self.kind_note = Words("", "note")
        column.addWidget(self.kind_note)
        return panel

    def _right(self) -> QWidget:
        side = QWidget()
        self._side = QVBoxLayout(side)
        self._side.setContentsMargins(0, 0, 0, 0)
        self._side.addWidget(self._state_panel())
        self._side.addWidget(self._selection_panel(), 1)
        return side

    def _state_panel(self) -> QFrame:
        panel = _panel()
        panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._icon = QLabel()
        self.state_title = Words("", "heading")
        self.state_detail = Words("", "strong")
        self.state_facts = Words("", "note")
        head = QHBoxLayout()
        head.addWidget(self._icon)
        head.addWidget(self.state_title, 1)
        column = QVBoxLayout(panel)
        column.addWidget(Words("Connection in force", "title"))
        column.addLayout(head)
        column.addWidget(self.state_detail)
        column.addWidget(self.state_facts)
        return panel

    def _selection_panel(self) -> QFrame:
        panel = _panel()
        self.selection_title = Words("", "heading")
        self.selection_detail = Words("", "note")
        self.help = Words("", "strong")
        self.rule_note = Words("", "note")
        self.command_text = Words("", "code")
        self.refusal = Words("", "strong")
        keys = QHBoxLayout()
        keys.addWidget(self.rule_key)
        keys.addWidget(self.copy_key)
        column = QVBoxLayout(panel)
        column.addWidget(Words("Selected", "title"))
        for words in (
            self.selection_title,
            self.selection_detail,
            self.help,
            self.rule_note,
            self.command_text,
        ):
            column.addWidget(words)
        column.addLayout(keys)
        column.addStretch(1)
        column.addWidget(self.refusal)
        column.addWidget(self.connect_key)
        return panel

    # Drawing

    def _draw_list(self) -> None:
        self._entries = port_entries(self._ports, (self._choice, self._selection))
        entry = entry_of(self._entries, self._selection)
        assert entry is not None
        self.list.show_entries(self._entries, entry.choice.port)
        self.kind_note.say(KIND_NOTES[self._kind])
        for kind, key in self.kind_keys.items():
            key.set_look(KeyLook.SELECTED if kind == self._kind else KeyLook.PLAIN)
        self._draw_selection(entry)
        self._draw_connect()

    def _draw_selection(self, entry: PortEntry) -> None:
        self.selection_title.say(entry.choice.name)
        self.selection_detail.say(entry.detail)
        self.help.say(selection_help(entry))
        offers_rule = entry.port is not None and not entry.is_permitted and bool(entry.port.usb_id)
        self.rule_key.setVisible(offers_rule)
        if self._rule_port != entry.choice.port or not offers_rule:
            self._forget_rule()
        if offers_rule and not self._commands:
            self.rule_note.say(
                "Or let a rule open this kind of device to whoever is logged in at this computer:"
                " save the rule file, then run the commands that are shown."
            )

    def _forget_rule(self) -> None:
        self._rule_port = ""
        self._commands = ""
        self.rule_note.say("")
        self.command_text.say("")
        self.copy_key.hide()

    def _draw_view(self) -> None:
        view = self._view
        if view is None:
            return
        self.state_title.say(view.title)
        self.state_detail.say(view.detail)
        self.state_facts.say("\n".join(view.facts))
        theme = self._keeper.theme
        colour = {
            Level.OK: theme.ok,
            Level.WARNING: theme.text,
            Level.DANGER: theme.fault,
        }.get(view.level, theme.accent)
        size = theme.px(32)
        self._icon.setPixmap(
            pixmap(LEVEL_ICONS[view.level], colour, size, self.devicePixelRatioF())
        )

    def _draw_connect(self) -> None:
        entry = entry_of(self._entries, self._selection)
        assert entry is not None
        in_force = (
            entry_of(self._entries, self._choice) is entry and self._kind == self._choice.kind
        )
        label = "CONNECT AGAIN" if in_force else "CONNECT"
        if self._refusal:
            hint, enabled = "Pause or stop first", False
        elif not entry.is_there:
            hint, enabled = "Not plugged in", False
        elif not entry.is_permitted:
            hint, enabled = "No permission yet", False
        else:
            hint, enabled = entry.choice.name, True
        self.connect_key.set_words(label, hint)
        self.connect_key.setEnabled(enabled)
        self.connect_key.set_look(KeyLook.PRIMARY if enabled and not in_force else KeyLook.PLAIN)
        self.connect_key.setToolTip(self._refusal or hint)

    # What the operator asks

    def _connect(self) -> None:
        entry = entry_of(self._entries, self._selection)
        if entry is not None:
            self.connect_asked.emit(replace(entry.choice, kind=self._kind))

    def _save_rule(self) -> None:
        entry = entry_of(self._entries, self._selection)
        if entry is None or entry.port is None:
            return
        path = self.rules_folder / RULE_NAME
        try:
            path.write_text(udev_rule(entry.port), encoding="ascii")
        except OSError as error:
            log.warning("the rule could not be saved: %s", error)
            self.rule_note.say(f"{path} could not be written: {error.strerror}.")
            return
        self._rule_port = entry.choice.port
        self._commands = install_commands(path)
        self.rule_note.say(
            f"Saved as {path}. Run these commands in a terminal, then plug the controller in again:"
        )
        self.command_text.say(self._commands)
        self.copy_key.set_words("Copy commands", "", "content-copy")
        self.copy_key.show()

    def _copy_commands(self) -> None:
        QGuiApplication.clipboard().setText(self._commands)
        self.copy_key.set_words("Copied", "", "check")

    def _set_theme(self, theme: Theme) -> None:
        gap = theme.px(8)
        self._row.setSpacing(gap)
        self._side.setSpacing(gap)
        for panel in self.findChildren(QFrame):
            layout = panel.layout()
            if panel.property("role") == "panel" and layout is not None:
                layout.setContentsMargins(theme.px(14), theme.px(10), theme.px(14), theme.px(12))
                layout.setSpacing(theme.px(6))
        self._draw_view()


def _panel() -> QFrame:
    panel = QFrame()
    panel.setProperty("role", "panel")
    return panel
