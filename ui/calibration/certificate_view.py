"""Writes the certificate of the newest verification drive, and opens it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from agriseg.calibration.certificate import Certificate, newest_certificate, write_certificate
from agriseg.calibration.entries import Machine
from agriseg.calibration.store import CalibrationStore
from ui.calibration.letter_pad import LetterPad
from ui.review.thread import ReviewThread
from ui.theme import Theme, ThemeKeeper
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.words import Words

FOLDER = "certificates"
"""Beside the calibration file."""
OPERATOR, SERIAL = "operator", "serial"
_FIELD_FACE = KeyFace(text_px=20, icon_px=28, min_height_px=72, left=True)


def open_outside(path: Path) -> bool:
    """Open a file with the program that the computer has for it; return whether there is one."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class CertificateView(QWidget):
    """Asks who drove and the machine's serial number, writes PDF and HTML, says where they lie.

    Parameters
    ----------
    keeper : ThemeKeeper
    pad : LetterPad
        The page's, shared with what else asks for names.
    opener : callable
        Opens a file outside of the window; returns whether it could.
    """

    left = Signal()

    def __init__(
        self,
        keeper: ThemeKeeper,
        pad: LetterPad,
        opener: Callable[[Path], bool] = open_outside,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._pad = pad
        self._opener = opener
        self._store: CalibrationStore | None = None
        self._names = {OPERATOR: "", SERIAL: ""}
        self._files: tuple[Path, Path] | None = None
        self._writes = False
        self._thread = ReviewThread("calibration-certificate", self)
        self._thread.failed.connect(self._fail)
        self.instruction = Words("", "heading")
        self.verdict = Words("", "value")
        self.figures = Words("", "strong")
        self.where = Words("", "strong")
        self.problem = Words("", "strong")
        self.back_key = Key(keeper, "Steps", "arrow-left", "", KeyFace(text_px=17))
        self.back_key.clicked.connect(self.left)
        self.name_keys = {
            OPERATOR: Key(keeper, "–", "account", "", _FIELD_FACE),
            SERIAL: Key(keeper, "–", "tag-outline", "", _FIELD_FACE),
        }
        self.write_key = Key(keeper, "Write certificate", "certificate", "", KeyFace(text_px=20))
        self.pdf_key = Key(keeper, "Open PDF", "file-pdf-box", "", KeyFace(text_px=18))
        self.page_key = Key(keeper, "Open web page", "web", "", KeyFace(text_px=18))
        self.name_keys[OPERATOR].clicked.connect(partial(self._ask, OPERATOR))
        self.name_keys[SERIAL].clicked.connect(partial(self._ask, SERIAL))
        self.write_key.clicked.connect(self.write)
        self.pdf_key.clicked.connect(lambda: self._open_file(0))
        self.page_key.clicked.connect(lambda: self._open_file(1))
        pad.entered.connect(self._take_name)
        self._lay_out()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    def show_store(self, store: CalibrationStore) -> None:
        """Show what the certificate would say; nothing is written yet.

        Raises
        ------
        CalibrationError
            No verification drive was accepted.
        """
        certificate = newest_certificate(store)
        self._store = store
        self._files = None
        self._names[OPERATOR] = certificate.entry.operator or self._names[OPERATOR]
        self._names[SERIAL] = certificate.machine.serial
        sign = "✓" if certificate.passed else "✗"
        self.verdict.say(f"{sign} {certificate.verdict}")
        named = ("Serial number", "Operator")
        self.figures.say(
            "\n".join(f"{name}: {text}" for name, text in certificate.lines if name not in named)
        )
        self.problem.say("")
        self._draw()

    def write(self) -> None:
        """Write both files, beside the window's own thread."""
        store = self._store
        if store is None or self._writes or not all(self._names.values()):
            return
        operator, serial = self._names[OPERATOR], self._names[SERIAL]
        self._writes = True
        self.problem.say("")
        self._draw()
        self._thread.ask(lambda: _written(store, operator, serial), self._show_files)

    def end(self) -> None:
        """Wait for a certificate that is being written."""
        self._thread.stop()
        self._writes = False

    def _ask(self, name: str) -> None:
        title, text = {
            OPERATOR: ("Operator", "Who drove the verification."),
            SERIAL: ("Serial number", "As it stands on the machine's plate."),
        }[name]
        self._pad.ask(name, title, text, self._names[name])

    def _take_name(self, name: str, text: str) -> None:
        if name in self._names:
            self._names[name] = text
            self._files = None
            self._draw()

    def _show_files(self, files: tuple[Path, Path]) -> None:
        self._writes = False
        self._files = files
        self._draw()

    def _fail(self, text: str) -> None:
        self._writes = False
        self.problem.say(text)
        self._draw()

    def _open_file(self, which: int) -> None:
        if self._files is not None and not self._opener(self._files[which]):
            self.problem.say(
                f"This computer has no program that opens {self._files[which].name}; it lies in"
                f" {self._files[which].parent}."
            )

    # Drawing

    def _draw(self) -> None:
        complete = all(self._names.values())
        written = self._files is not None
        if self._writes:
            self.instruction.say("The certificate is being written …")
        elif written:
            self.instruction.say("The certificate is written: open it, or copy it from its folder.")
        elif complete:
            self.instruction.say("Check what it will say, then press Write certificate.")
        else:
            self.instruction.say("Enter the operator and the machine's serial number.")
        self.name_keys[OPERATOR].set_words(self._names[OPERATOR] or "Not entered", "Operator")
        self.name_keys[SERIAL].set_words(self._names[SERIAL] or "Not entered", "Serial number")
        self.write_key.setEnabled(complete and not self._writes and not written)
        self.write_key.set_look(KeyLook.PLAIN if written else KeyLook.PRIMARY)
        for key in (self.pdf_key, self.page_key):
            key.setVisible(written)
        files = self._files or ()
        folder = f"In {files[0].parent}:\n" if files else ""
        self.where.say(folder + "\n".join(path.name for path in files))

    def _lay_out(self) -> None:
        top = QFrame()
        top.setProperty("role", "panel")
        head = QHBoxLayout(top)
        policy = self.back_key.sizePolicy().Policy.Fixed
        self.back_key.setSizePolicy(policy, policy)
        head.addWidget(self.back_key)
        words = QVBoxLayout()
        words.addWidget(Words("Certificate of the verification drive", "title"))
        words.addWidget(self.instruction)
        head.addLayout(words, 1)
        body = QFrame()
        body.setProperty("role", "panel")
        column = QVBoxLayout(body)
        column.addWidget(self.verdict)
        column.addWidget(self.figures)
        names = QHBoxLayout()
        for key in self.name_keys.values():
            names.addWidget(key)
        column.addLayout(names)
        column.addWidget(self.problem)
        column.addWidget(self.where)
        column.addStretch(1)
        keys = QHBoxLayout()
        for key in (self.pdf_key, self.page_key, self.write_key):
            keys.addWidget(key)
        column.addLayout(keys)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(top)
        self._column.addWidget(body, 1)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(8))


def _written(store: CalibrationStore, operator: str, serial: str) -> tuple[Path, Path]:
    """Write the certificate; the serial number is kept with the machine's calibration."""
    machine = store.machine
    if serial != machine.serial:
        store.name_machine(Machine(name=machine.name, serial=serial))
    certificate: Certificate = newest_certificate(store, operator)
    return write_certificate(certificate, store.path.parent / FOLDER, numbered=True)
