"""Turns what the engine does into status messages and as-applied records."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from agriseg.field_config import MqttConfig
from agriseg.messages import EngineSnapshot, EngineState, RunTotals
from agriseg.publishing.mqtt import MqttConnection
from agriseg.publishing.spool import Spool

_VERSION = 1


class Outlet(Protocol):
    """Where messages go to; `MqttConnection` is one."""

    def publish_status(self, payload: bytes) -> None:
        """Send the newest status."""
        ...

    def publish_record(self, topic: str, payload: bytes) -> None:
        """Send a record that must arrive."""
        ...

    def close(self) -> None:
        """End."""
        ...


class Publisher:
    """Publishes a machine's snapshots; MQTT.md describes the messages.

    Parameters
    ----------
    config : MqttConfig
    outlet : Outlet
        Closed with the publisher.
    wall_s : callable
        The computer's clock, seconds since 1970.
    """

    def __init__(
        self, config: MqttConfig, outlet: Outlet, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._outlet = outlet
        self._wall_s = wall_s
        self._status_due_s = -math.inf
        self._applied_due_s = -math.inf
        self._state: EngineState | None = None
        self._told = RunTotals()
        self._run = ""

    def take(self, snapshot: EngineSnapshot) -> None:
        """Publish what is due; a change of state at once."""
        if snapshot.t_s >= self._status_due_s or snapshot.state is not self._state:
            self._state = snapshot.state
            self._status_due_s = snapshot.t_s + self._config.status_every_s
            self._outlet.publish_status(_encoded(self._status(snapshot)))
        if snapshot.run_directory and snapshot.run_directory != self._run:
            self._run = snapshot.run_directory
            self._told = RunTotals()
        is_over = snapshot.state is not EngineState.SPRAYING
        if snapshot.t_s >= self._applied_due_s or is_over:
            self._publish_applied(snapshot)

    def close(self) -> None:
        """End the connection; records that have not arrived wait for the next start."""
        self._outlet.close()

    def _publish_applied(self, snapshot: EngineSnapshot) -> None:
        """Publish what was applied since the last record; nothing where nothing was driven."""
        before, now = self._told, snapshot.totals
        if now.distance_m < before.distance_m or now.area_m2 < before.area_m2:
            before = RunTotals()  # a new run
        if now.area_m2 <= before.area_m2 and now.pulses_confirmed <= before.pulses_confirmed:
            self._told = now
            return
        self._told = now
        self._applied_due_s = snapshot.t_s + self._config.applied_every_s
        self._outlet.publish_record("applied", _encoded(self._applied(snapshot, before, now)))

    def _status(self, snapshot: EngineSnapshot) -> dict[str, Any]:
        totals = snapshot.totals
        return {
            **self._head(),
            "state": snapshot.state.value,
            "not_ready": list(snapshot.not_ready),
            "mode": snapshot.mode.value,
            "speed_m_s": snapshot.speed_m_s,
            "run": Path(snapshot.run_directory).name,
            "recording": snapshot.recording,
            "area_m2": totals.area_m2,
            "litres_commanded": totals.volume_commanded_l,
            "litres_confirmed": totals.volume_confirmed_l,
            "litres_measured": totals.volume_measured_l,
            "saving_fraction": totals.saving_fraction,
            "missed_late": totals.missed_late,
            "tank_l": snapshot.controller.tank_l,
            "alarms": [
                {"code": a.code, "priority": int(a.priority), "text": a.text}
                for a in snapshot.alarms
                if a.active
            ],
            **_place(snapshot),
        }

    def _applied(
        self, snapshot: EngineSnapshot, before: RunTotals, now: RunTotals
    ) -> dict[str, Any]:
        return {
            **self._head(),
            "run": Path(self._run).name,
            "distance_m": now.distance_m - before.distance_m,
            "area_m2": now.area_m2 - before.area_m2,
            "treated_m2": now.treated_area_m2 - before.treated_area_m2,
            "litres_commanded": now.volume_commanded_l - before.volume_commanded_l,
            "litres_confirmed": now.volume_confirmed_l - before.volume_confirmed_l,
            "pulses_confirmed": now.pulses_confirmed - before.pulses_confirmed,
            "weeds": now.weeds_seen - before.weeds_seen,
            "missed_late": now.missed_late - before.missed_late,
            **_place(snapshot),
        }

    def _head(self) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self._wall_s(), tz=UTC)
        return {
            "version": _VERSION,
            "machine": self._config.machine,
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def open_publisher(config: MqttConfig, folder: Path | None = None) -> Publisher | None:
    """Return a publisher that is connecting; None where no broker is configured.

    Parameters
    ----------
    config : MqttConfig
    folder : Path, optional
        Where records wait; by default the user's state folder.

    Raises
    ------
    ConfigError
        The configuration cannot be used.
    """
    if not config.host:
        return None
    place = folder or Path(platformdirs.user_state_dir("agriseg", appauthor=False))
    spool = Spool(place / f"mqtt-{config.machine}.sqlite", round(config.store_mb * 1e6))
    try:
        connection = MqttConnection(config, spool)
    except BaseException:
        spool.close()
        raise
    return Publisher(config, connection)


def _place(snapshot: EngineSnapshot) -> dict[str, Any]:
    position = snapshot.position
    if position is None or math.isnan(position.latitude_deg):
        return {}
    return {
        "latitude": position.latitude_deg,
        "longitude": position.longitude_deg,
        "heading_deg": position.heading_deg,
        "position_accuracy_m": position.accuracy_m,
        "fix": position.fix.quality.value if position.fix is not None else "none",
    }


def _encoded(values: dict[str, Any]) -> bytes:
    """Return JSON; what is not known (NaN) is null."""
    plain = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode()
