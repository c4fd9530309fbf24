"""The list of controllers: a key a line, kept in place while ports come and go."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ui.models.connection import ControllerChoice, PortEntry
from ui.theme import ThemeKeeper
from ui.widgets.choice_list import ChoiceLine, ChoiceList


def _icon(entry: PortEntry) -> str:
    if entry.choice.is_simulated:
        return "test-tube"
    if not entry.is_there:
        return "power-plug-off-outline"
    if not entry.is_permitted:
        return "lock"
    return "usb" if entry.port is not None and entry.port.usb_id else "serial-port"


class PortList(ChoiceList):
    """One key for each entry; the selected one is marked."""

    selected = Signal(object)
    """The operator selects a `ControllerChoice`; nothing is connected yet."""

    def __init__(self, keeper: ThemeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(keeper, "Sprayer controllers", parent)
        self._choices: dict[str, ControllerChoice] = {}
        self.chosen.connect(lambda port: self.selected.emit(self._choices[port]))

    def show_entries(self, entries: Sequence[PortEntry], selected_port: str) -> None:
        """Show the entries in order; keys of those that stay are kept, and so is the focus."""
        self._choices = {entry.choice.port: entry.choice for entry in entries}
        lines = [
            ChoiceLine(
                name=entry.choice.port,
                words=entry.choice.name,
                detail=entry.detail,
                icon=_icon(entry),
            )
            for entry in entries
        ]
        self.show_lines(lines, selected_port)
