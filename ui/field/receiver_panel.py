"""Which satellite receiver is used: none, the simulated one, or one on a serial port."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from agriseg.positioning.network_wire import is_network
from agriseg.serial_ports import SerialPort
from ui.models.receivers import (
    BAUDS,
    ReceiverChoice,
    ReceiverEntry,
    receiver_entries,
    receiver_entry_of,
)
from ui.theme import ThemeKeeper
from ui.widgets.choice_list import ChoiceLine, ChoiceList
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words


class ReceiverPanel(QWidget):
    """The list of receivers, the speed of the port, and the key that uses what is selected."""

    use_asked = Signal(object)
    """The operator uses a `ReceiverChoice`."""

    def __init__(
        self, keeper: ThemeKeeper, choice: ReceiverChoice, *, on_simulated_field: bool
    ) -> None:
        super().__init__()
        self._choice = choice
        self._selection = choice
        self._baud = choice.baud
        self._on_simulated_field = on_simulated_field
        self._ports: tuple[SerialPort, ...] = ()
        self._controller_port = ""
        self._refusal = ""
        self._entries: tuple[ReceiverEntry, ...] = ()
        self.list = ChoiceList(keeper, "Satellite receivers")
        self.list.chosen.connect(self._select)
        self.baud_title = Words("Speed of its port, baud", "title")
        self.baud_keys: dict[int, Key] = {}
        self.bauds = QWidget()
        row = QHBoxLayout(self.bauds)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for baud in sorted({*BAUDS, choice.baud}):
            key = Key(keeper, str(baud), "", "", KeyFace(text_px=14))
            key.clicked.connect(lambda _checked=False, b=baud: self._select_baud(b))
            self.baud_keys[baud] = key
            row.addWidget(key)
        self.network = QLineEdit()
        self.network.setPlaceholderText("Network: tcp://192.168.1.20:9001")
        self.network.setAccessibleName("Address of a receiver in the network")
        self.network.setClearButtonEnabled(True)
        self.network.textEdited.connect(self._type_address)
        self.help = Words("", "strong")
        self.use_key = Key(
            keeper, "USE", "crosshairs-gps", "", KeyFace(text_px=19, icon_px=30, min_height_px=70)
        )
        self.use_key.clicked.connect(self._use)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list, 1)
        for widget in (self.baud_title, self.bauds, self.network, self.help, self.use_key):
            column.addWidget(widget)
        self._draw()

    @property
    def selection(self) -> ReceiverChoice:
        """What is selected; not necessarily in force."""
        is_port = self._selection.is_port
        return replace(self._selection, baud=self._baud) if is_port else self._selection

    def show_ports(self, ports: tuple[SerialPort, ...]) -> None:
        """Take the ports that are there; the selection stays."""
        self._ports = ports
        self._draw()

    def show_choice(self, choice: ReceiverChoice) -> None:
        """Take the receiver in force and select it."""
        self._choice = self._selection = choice
        self._baud = choice.baud
        self._draw()

    def show_state(self, refusal: str, controller_port: str) -> None:
        """Take why nothing can be changed now, and where the sprayer controller is."""
        if (refusal, controller_port) != (self._refusal, self._controller_port):
            self._refusal, self._controller_port = refusal, controller_port
            self._draw()

    def _select(self, source: str) -> None:
        self._selection = next(e.choice for e in self._entries if e.choice.source == source)
        self._draw()

    def _type_address(self, text: str) -> None:
        address = text.strip()
        self._selection = ReceiverChoice(source=address, name=address) if address else self._choice
        if address and not is_network(address):
            self._selection = ReceiverChoice(source=f"tcp://{address}", name=f"tcp://{address}")
        self._draw()

    def _select_baud(self, baud: int) -> None:
        self._baud = baud
        self._draw()

    def _use(self) -> None:
        self.use_asked.emit(self.selection)

    def _draw(self) -> None:
        self._entries = receiver_entries(
            self._ports,
            (self._choice, self._selection),
            on_simulated_field=self._on_simulated_field,
            controller_port=self._controller_port,
        )
        entry = receiver_entry_of(self._entries, self._selection, self._ports)
        used = receiver_entry_of(self._entries, self._choice, self._ports)
        if entry is None:
            return
        lines = [
            ChoiceLine(
                name=one.choice.source,
                words=one.choice.name,
                detail=f"In use · {one.detail}" if one is used else one.detail,
                icon=one.icon,
            )
            for one in self._entries
        ]
        self.list.show_lines(lines, entry.choice.source)
        is_port = self._selection.is_port
        self.baud_title.setVisible(is_port)
        self.bauds.setVisible(is_port)
        for baud, key in self.baud_keys.items():
            key.set_look(KeyLook.SELECTED if baud == self._baud else KeyLook.PLAIN)
        self._draw_use(entry, is_used=entry is used and self.selection.baud == self._choice.baud)

    def _draw_use(self, entry: ReceiverEntry, *, is_used: bool) -> None:
        self.help.say(self._refusal or entry.why_not)
        enabled = not (self._refusal or entry.why_not)
        hint = entry.choice.name if enabled else ""
        self.use_key.set_words("OPEN AGAIN" if is_used else "USE", hint)
        self.use_key.setEnabled(enabled)
        self.use_key.set_look(KeyLook.PRIMARY if enabled and not is_used else KeyLook.PLAIN)
