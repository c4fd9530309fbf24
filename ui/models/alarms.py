"""The alarms as the operator sees them: latched until acknowledged, most urgent first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agriseg.messages import Alarm, AlarmPriority

PRIORITY_WORDS = {
    AlarmPriority.DANGER: "DANGER",
    AlarmPriority.WARNING: "WARNING",
    AlarmPriority.NOTICE: "NOTICE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """One alarm in the list; ``asked`` while the engine has not confirmed the acknowledgement."""

    alarm: Alarm
    asked: bool = False

    @property
    def waits(self) -> bool:
        """Whether the operator still has to acknowledge it."""
        return not (self.alarm.acknowledged or self.asked)

    @property
    def note(self) -> str:
        """Say where it stands."""
        if not self.alarm.active:
            return "The cause has gone."
        if self.alarm.acknowledged:
            return "Acknowledged; the cause remains."
        return "Acknowledging …" if self.asked else ""


class LatchedAlarms:
    """Alarms of the engine and of the window itself, kept until they are acknowledged.

    An alarm that vanishes from the snapshots unacknowledged (a restarted engine forgets)
    stays here, marked as gone, until the operator has acknowledged it.
    """

    def __init__(self) -> None:
        self._engine: dict[str, Alarm] = {}
        self._own: dict[str, Alarm] = {}
        self._asked: set[str] = set()

    def update(self, reported: tuple[Alarm, ...]) -> None:
        """Take the alarms of a new snapshot."""
        present = {alarm.code: alarm for alarm in reported}
        for code, alarm in present.items():
            known = self._engine.get(code)
            if alarm.acknowledged or (known is not None and known.t_s != alarm.t_s):
                self._asked.discard(code)
        for code, alarm in self._engine.items():
            if code not in present and not alarm.acknowledged and code not in self._asked:
                present[code] = replace(alarm, active=False)
        self._engine = present
        self._asked &= present.keys()

    def raise_own(self, alarm: Alarm) -> None:
        """Raise an alarm of the window itself (the engine fell silent, for one)."""
        self._own[alarm.code] = alarm

    def clear_own(self, code: str) -> None:
        """Note that the cause of an own alarm has gone; it stays until acknowledged."""
        alarm = self._own.get(code)
        if alarm is not None:
            self._own[code] = replace(alarm, active=False)

    def acknowledge(self, code: str) -> bool:
        """Note the operator's acknowledgement; return whether the engine must be told."""
        if self._own.pop(code, None) is not None:
            return False
        alarm = self._engine.get(code)
        if alarm is None or alarm.acknowledged:
            return False
        self._asked.add(code)
        return True

    def rows(self) -> tuple[AlarmRow, ...]:
        """Return all rows: unacknowledged first, then by priority, then newest first."""
        rows = [
            AlarmRow(alarm=alarm, asked=alarm.code in self._asked)
            for alarm in (*self._own.values(), *self._engine.values())
        ]
        rows.sort(key=lambda row: (not row.waits, -row.alarm.priority, -row.alarm.t_s))
        return tuple(rows)

    def worst_waiting(self) -> AlarmPriority | None:
        """Return the highest priority that waits for the operator, if any does."""
        return max((row.alarm.priority for row in self.rows() if row.waits), default=None)
