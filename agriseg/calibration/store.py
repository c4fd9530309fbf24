"""One machine's calibrations in one file: accepted, taken back, never rewritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from agriseg.calibration.entries import (
    CalibratedValue,
    CalibrationEntry,
    Facts,
    Line,
    Machine,
    MeasuredValue,
    Undoing,
    read_line,
    written,
)
from agriseg.config import Config
from agriseg.config_values import value_of, with_values
from agriseg.errors import CalibrationError, ConfigError


class CalibrationStore:
    """Reads and extends a calibration file; every question reads the file as it is now.

    Lines are only ever added, and each is on the disk before `accept` or `undo` returns. A last
    line that was torn by a power cut is left out and told by `damage`.

    Parameters
    ----------
    path : Path
        Need not exist yet: then nothing is calibrated.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = ""
        """Why the last reading left something out, in a sentence; empty if it did not."""

    @property
    def machine(self) -> Machine:
        """Whose calibration this is."""
        heads = [line for line in self._lines() if isinstance(line, Machine)]
        return heads[-1] if heads else Machine(name=self.path.stem)

    def name_machine(self, machine: Machine) -> None:
        """Write down the machine's name and serial number."""
        self._append(machine)

    def history(self, step: str | None = None) -> tuple[CalibrationEntry, ...]:
        """Return all entries ever accepted, oldest first; of one step if it is named."""
        return tuple(
            line
            for line in self._lines()
            if isinstance(line, CalibrationEntry) and step in (None, line.step)
        )

    def undone(self) -> frozenset[int]:
        """Return the ids of the entries that were taken back."""
        return frozenset(line.entry_id for line in self._lines() if isinstance(line, Undoing))

    def in_force(self) -> tuple[CalibrationEntry, ...]:
        """Return the entries that were not taken back, oldest first: later ones win."""
        lines = self._lines()
        undone = {line.entry_id for line in lines if isinstance(line, Undoing)}
        return tuple(
            line
            for line in lines
            if isinstance(line, CalibrationEntry) and line.entry_id not in undone
        )

    def newest(self, step: str) -> CalibrationEntry | None:
        """Return the newest entry of a step that was not taken back."""
        entries = [entry for entry in self.in_force() if entry.step == step]
        return entries[-1] if entries else None

    def accept(
        self,
        *,
        step: str,
        values: Sequence[MeasuredValue],
        method: str,
        observations: int,
        configured: Config,
        in_force: Config,
        when: datetime,
        facts: Facts | None = None,
        operator: str = "",
    ) -> CalibrationEntry:
        """Put measured values in force from the engine's next start on.

        Parameters
        ----------
        step : str
        values : sequence of MeasuredValue
        method : str
        observations : int
        configured : Config
            What the configuration file says.
        in_force : Config
            That with the present calibration laid over it.
        when : datetime
            With time zone.
        facts : mapping, optional
        operator : str, optional

        Raises
        ------
        CalibrationError
            A value cannot be used in the configuration, or the file cannot be written.
        """
        try:
            with_values(in_force, {v.key: v.value for v in values}, f"calibration of {step}")
            calibrated = tuple(
                CalibratedValue(
                    key=v.key,
                    value=v.value,
                    std=v.std,
                    before=value_of(in_force, v.key),
                    configured=value_of(configured, v.key),
                )
                for v in values
            )
        except ConfigError as error:
            raise CalibrationError(f"{error}; nothing was changed: measure again") from error
        entry = CalibrationEntry(
            entry_id=1 + max((e.entry_id for e in self.history()), default=0),
            step=step,
            accepted_at=when,
            method=method,
            observations=observations,
            values=calibrated,
            facts=facts or {},
            operator=operator,
        )
        self._append(entry)
        return entry

    def undo(self, step: str, when: datetime) -> CalibrationEntry:
        """Take the newest entry of a step back: what was in force before it is so again.

        Raises
        ------
        CalibrationError
            There is none, or the file cannot be written.
        """
        entry = self.newest(step)
        if entry is None:
            raise CalibrationError(
                f"{self.path}: there is no calibration of {step} to take back; `agriseg calibrate"
                " history` lists what there is"
            )
        self._append(Undoing(entry_id=entry.entry_id, undone_at=when))
        return entry

    def _lines(self) -> tuple[Line, ...]:
        self.damage = ""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise CalibrationError(f"{self.path}: the file cannot be read ({error})") from error
        whole, _, torn = text.rpartition("\n")
        if torn:
            self.damage = (
                f"{self.path}: its last line was not written to the end and is left out;"
                " calibrate that step again"
            )
        return tuple(
            read_line(line, f"{self.path}, line {number}")
            for number, line in enumerate(whole.split("\n"), start=1)
            if line.strip()
        )

    def _append(self, line: Line) -> None:
        is_new = not self.path.exists()
        lines = [written(line)]
        if is_new and not isinstance(line, Machine):
            lines.insert(0, written(Machine(name=self.path.stem)))
        self._lines()  # a file that cannot be read is not written to
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.damage:
                _cut_torn_line(self.path)
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CalibrationError(
                f"{self.path}: the calibration cannot be written ({error.strerror}); nothing was"
                " changed: free the disk or mend the permission, then accept again"
            ) from error


def _cut_torn_line(path: Path) -> None:
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    with path.open("r+b") as file:
        file.truncate(len(whole) + 1 if whole else 0)
