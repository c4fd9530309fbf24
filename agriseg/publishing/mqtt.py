"""The MQTT connection: status as it is, as-applied records until they have arrived."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.errors import ConfigError
from agriseg.field_config import MqttConfig
from agriseg.publishing.spool import Spool

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_log = logging.getLogger(__name__)

PASSWORD_VARIABLE = "AGRISEG_MQTT_PASSWORD"
_IN_FLIGHT = 20
_RECONNECT_S = (1, 30)
_KEEP_ALIVE_S = 30
ONLINE, OFFLINE = b"online", b"offline"


class MqttConnection:
    """Sends to a broker from threads of its own; nothing here ever waits for network or disk.

    Records are kept in a spool and sent with quality of service 1, a few at a time and in order;
    each leaves the spool when the broker has confirmed it, so after an outage or a restart
    some may arrive twice and none is lost before the spool is full. The status is only ever the
    newest, retained by the broker. ``PREFIX/MACHINE/online`` says whether the machine is
    there: the broker itself says ``offline`` when the connection breaks.

    Parameters
    ----------
    config : MqttConfig
    spool : Spool
        Closed with the connection.

    Raises
    ------
    ConfigError
        paho-mqtt is not installed, or certificate or password cannot be read.
    """

    def __init__(self, config: MqttConfig, spool: Spool) -> None:
        self._config = config
        self._spool = spool
        self._base = f"{config.prefix}/{config.machine}"
        self._changed = threading.Condition()
        self._new: deque[tuple[str, bytes]] = deque()
        self._confirmed: deque[int] = deque()
        self._status: bytes | None = None
        self._connections = 0
        self._connections_seen = 0
        self._is_connected = False
        self._is_closing = False
        self._problem = f"not connected to {config.host}:{config.port} yet"
        self._client = self._made(config)
        self._client.connect_async(config.host, config.port, keepalive=_KEEP_ALIVE_S)
        self._client.loop_start()
        self._sender = threading.Thread(target=self._send_all, name="agriseg-mqtt", daemon=True)
        self._sender.start()

    @property
    def problem(self) -> str:
        """Why nothing gets through now; empty while connected."""
        with self._changed:
            return self._problem

    @property
    def waiting(self) -> int:
        """Records that have not arrived."""
        with self._changed:
            new = len(self._new)
        return new + len(self._spool)

    @property
    def dropped(self) -> int:
        """Records that were given up because the spool was full."""
        return self._spool.dropped

    def publish_status(self, payload: bytes) -> None:
        """Send the newest status; while there is no connection only the last one is kept."""
        with self._changed:
            self._status = payload
            self._changed.notify_all()

    def publish_record(self, topic: str, payload: bytes) -> None:
        """Send a record, now or when the broker can be reached again."""
        with self._changed:
            self._new.append((f"{self._base}/{topic}", payload))
            self._changed.notify_all()

    def close(self, timeout_s: float = 2.0) -> None:
        """Say goodbye and end the threads; what waits stays on the disk."""
        with self._changed:
            is_connected, self._is_connected = self._is_connected, False
            self._is_closing = True
            self._changed.notify_all()
        self._sender.join()
        if is_connected:
            farewell = self._client.publish(f"{self._base}/online", OFFLINE, qos=1, retain=True)
            try:
                farewell.wait_for_publish(timeout_s)
            except (RuntimeError, ValueError) as error:
                _log.debug("no farewell: %s", error)
        self._client.disconnect()
        self._client.loop_stop()
        self._spool.close()

    # -- the client's thread: only notes, since paho holds its own locks here -------------------

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._note(f"the broker {self._config.host} refuses the connection: {reason}")
            return
        _log.info("connected to the broker %s", self._config.host)
        with self._changed:
            self._is_connected, self._problem = True, ""
            self._connections += 1
            self._changed.notify_all()

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        with self._changed:
            was_connected, self._is_connected = self._is_connected, False
        if was_connected:  # else the reason why it never was is known already
            self._note(f"the connection to {self._config.host} broke: {reason}")

    def _failed(self, _client: Any, _data: Any) -> None:
        self._note(f"{self._config.host}:{self._config.port} cannot be reached")

    def _arrived(self, _client: Any, _data: Any, mid: int, _reason: Any, _more: Any) -> None:
        with self._changed:
            self._confirmed.append(mid)
            self._changed.notify_all()

    def _note(self, problem: str) -> None:
        with self._changed:
            is_new = self._problem != problem
            self._problem = problem
        if is_new:
            _log.warning("MQTT: %s; records wait on the disk", problem)

    # -- the sender's thread --------------------------------------------------------------------

    def _send_all(self) -> None:
        """Spool what is new, send what waits, take out what has arrived."""
        in_flight: dict[int, int] = {}
        sent_up_to = 0
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work)
                new, confirmed = list(self._new), list(self._confirmed)
                self._new.clear()
                self._confirmed.clear()
                status, self._status = self._status, None
                is_connected, is_closing = self._is_connected, self._is_closing
                is_anew, self._connections_seen = self._is_unseen(), self._connections
                if not is_connected and self._status is None:
                    self._status = status
            for topic, payload in new:
                self._spool.put(topic, payload)
            for mid in confirmed:
                number = in_flight.pop(mid, None)
                if number is not None:
                    self._spool.remove(number)
            if is_closing:
                return
            if is_anew:
                in_flight.clear()
                sent_up_to = 0
                self._client.publish(f"{self._base}/online", ONLINE, qos=1, retain=True)
            if is_connected:
                if status is not None:
                    self._client.publish(f"{self._base}/status", status, qos=0, retain=True)
                for one in self._spool.first(_IN_FLIGHT - len(in_flight), after=sent_up_to):
                    in_flight[self._client.publish(one.topic, one.payload, qos=1).mid] = one.number
                    sent_up_to = one.number

    def _has_work(self) -> bool:
        return bool(
            self._new
            or self._confirmed
            or self._is_closing
            or (self._is_connected and (self._status is not None or self._is_unseen()))
        )

    def _is_unseen(self) -> bool:
        """Return whether there was a connection that the sender has not taken up."""
        return self._connections != self._connections_seen

    def _made(self, config: MqttConfig) -> Client:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise ConfigError(
                "mqtt.host is set, but paho-mqtt is not installed; `pip install"
                ' "agriseg[mqtt]"`, or leave mqtt.host empty'
            ) from None
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"agriseg-{config.machine}", clean_session=True
        )
        client.will_set(f"{self._base}/online", OFFLINE, qos=1, retain=True)
        if config.user:
            client.username_pw_set(config.user, _password(config))
        if config.tls:
            client.tls_set_context(_tls(config))
        client.reconnect_delay_set(*_RECONNECT_S)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._failed
        client.on_publish = self._arrived
        return client


def _password(config: MqttConfig) -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None or not config.password_file:
        return given or ""
    try:
        return Path(config.password_file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"mqtt.password_file: {config.password_file} cannot be read ({error}); write the"
            f" password into it, or set {PASSWORD_VARIABLE}"
        ) from error


def _tls(config: MqttConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"mqtt.ca_file: {config.ca_file} is no certificate that can be read ({error})"
        ) from error
