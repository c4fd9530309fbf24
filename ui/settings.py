"""What the window remembers from one start to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QSettings

from agriseg.config import WindowConfig
from ui.models.connection import KINDS, ControllerChoice
from ui.models.receivers import ReceiverChoice
from ui.theme import ThemeChoice
from ui.units import UnitSystem

ORGANISATION = "AgriSeg"
APPLICATION = "AgriSeg"


class WindowSettings:
    """Theme, units, sound and geometry over `QSettings`.

    What the operator chose in the window wins over the configuration file, until the
    file says something else than it did at the time of the choice.
    """

    def __init__(self, store: QSettings, config: WindowConfig) -> None:
        self._store = store
        self._config = config

    @property
    def theme(self) -> ThemeChoice:
        """Day, night or automatic."""
        return ThemeChoice(
            self._chosen("theme", self._config.theme, {c.value for c in ThemeChoice})
        )

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._choose("theme", choice.value, self._config.theme)

    @property
    def units(self) -> UnitSystem:
        """Metric or imperial."""
        return UnitSystem(self._chosen("units", self._config.units, {u.value for u in UnitSystem}))

    @units.setter
    def units(self, system: UnitSystem) -> None:
        self._choose("units", system.value, self._config.units)

    @property
    def sound(self) -> bool:
        """Whether alarms beep."""
        return str(self._store.value("sound", "on")) == "on"

    @sound.setter
    def sound(self, on: bool) -> None:
        self._store.setValue("sound", "on" if on else "off")

    def controller(self, configured: ControllerChoice) -> ControllerChoice:
        """Return the controller that was used last, or the configured one."""
        port = str(self._store.value("controller/chosen", ""))
        if not port or self._store.value("controller/configured") != configured.port:
            return configured
        kind = str(self._store.value("controller/kind", ""))
        return ControllerChoice(
            port=port,
            name=str(self._store.value("controller/name", port)),
            kind=next((known for known in KINDS if known == kind), configured.kind),
        )

    def remember_controller(self, choice: ControllerChoice, configured: ControllerChoice) -> None:
        """Use ``choice`` at the next start too, until the configuration names another."""
        self._choose("controller", choice.port, configured.port)
        self._store.setValue("controller/name", choice.name)
        self._store.setValue("controller/kind", choice.kind)

    @property
    def label_projects(self) -> tuple[str, ...]:
        """Folders of the label projects that were open, the last one first."""
        return tuple(
            line for line in str(self._store.value("label/projects", "")).split("\n") if line
        )

    @label_projects.setter
    def label_projects(self, folders: tuple[str, ...]) -> None:
        self._store.setValue("label/projects", "\n".join(folders))

    @property
    def learning_folders(self) -> tuple[tuple[str, str], ...]:
        """Folders of labelled pictures on the page Learn: what each is there for, and its path."""
        lines = str(self._store.value("learn/folders", "")).split("\n")
        pairs = (line.partition(" ") for line in lines if line)
        return tuple((role, path) for role, _, path in pairs)

    @learning_folders.setter
    def learning_folders(self, folders: tuple[tuple[str, str], ...]) -> None:
        lines = (f"{role} {path}" for role, path in folders)
        self._store.setValue("learn/folders", "\n".join(lines))

    @property
    def learning_computer(self) -> str:
        """The computer that learned last, ``user@host``; empty for this one."""
        return str(self._store.value("learn/computer", ""))

    @learning_computer.setter
    def learning_computer(self, computer: str) -> None:
        self._store.setValue("learn/computer", computer)

    def receiver(self, configured: ReceiverChoice) -> ReceiverChoice:
        """Return the satellite receiver that was used last, or the configured one."""
        source = str(self._store.value("receiver/chosen", ""))
        if not source or self._store.value("receiver/configured") != configured.source:
            return configured
        baud = str(self._store.value("receiver/baud", ""))
        return ReceiverChoice(
            source=source,
            name=str(self._store.value("receiver/name", source)),
            baud=int(baud) if baud.isdigit() else configured.baud,
        )

    def remember_receiver(self, choice: ReceiverChoice, configured: ReceiverChoice) -> None:
        """Use ``choice`` at the next start too, until the configuration names another."""
        self._choose("receiver", choice.source, configured.source)
        self._store.setValue("receiver/name", choice.name)
        self._store.setValue("receiver/baud", choice.baud)

    def boundary(self, configured: str) -> str:
        """Return the boundary file that was used last, or the configured one; empty for none."""
        is_chosen = self._store.contains("boundary/chosen")
        if not is_chosen or str(self._store.value("boundary/configured", "")) != configured:
            return configured
        return str(self._store.value("boundary/chosen", ""))

    def adjustments(self, configured: Mapping[str, object]) -> dict[str, object]:
        """Return the values that were set on the page Field, by configuration keys.

        A value that the configuration gives anew afterwards wins over the one set before it.
        """
        try:
            kept = json.loads(str(self._store.value("adjustments/chosen", "{}")))
            before = json.loads(str(self._store.value("adjustments/configured", "{}")))
        except ValueError:
            return {}
        if not isinstance(kept, dict) or not isinstance(before, dict):
            return {}
        return {k: v for k, v in kept.items() if k in configured and before.get(k) == configured[k]}

    def remember_adjustments(
        self, values: Mapping[str, object], configured: Mapping[str, object]
    ) -> None:
        """Use ``values`` at the next start too."""
        self._store.setValue("adjustments/chosen", json.dumps(dict(values)))
        told = {key: configured[key] for key in values}
        self._store.setValue("adjustments/configured", json.dumps(told))

    def remember_boundary(self, file: str, configured: str) -> None:
        """Use ``file`` at the next start too, until the configuration names another."""
        self._choose("boundary", file, configured)

    @property
    def exports(self) -> str:
        """The folder that exports went to last; empty before the first."""
        return str(self._store.value("exports/folder", ""))

    @exports.setter
    def exports(self, folder: str) -> None:
        self._store.setValue("exports/folder", folder)

    @property
    def record(self) -> Mapping[str, object]:
        """What was stated for the last application."""
        try:
            kept = json.loads(str(self._store.value("record/last", "{}")))
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}

    @record.setter
    def record(self, values: Mapping[str, object]) -> None:
        self._store.setValue("record/last", json.dumps(dict(values)))

    @property
    def segment_anything(self) -> tuple[str, ...]:
        """Encoder and decoder files of the model that understands clicks; empty for none."""
        lines = str(self._store.value("label/segment-anything", "")).split("\n")
        return tuple(line for line in lines if line)

    @segment_anything.setter
    def segment_anything(self, files: tuple[str, ...]) -> None:
        self._store.setValue("label/segment-anything", "\n".join(files))

    @property
    def geometry(self) -> QByteArray | None:
        """Size and place of the window, as Qt saved them."""
        value = self._store.value("geometry")
        return value if isinstance(value, QByteArray) else None

    @geometry.setter
    def geometry(self, geometry: QByteArray) -> None:
        self._store.setValue("geometry", geometry)

    def _chosen(self, key: str, configured: str, allowed: set[str]) -> str:
        chosen = str(self._store.value(f"{key}/chosen", ""))
        at_the_time = str(self._store.value(f"{key}/configured", ""))
        return chosen if chosen in allowed and at_the_time == configured else configured

    def _choose(self, key: str, value: str, configured: str) -> None:
        self._store.setValue(f"{key}/chosen", value)
        self._store.setValue(f"{key}/configured", configured)
