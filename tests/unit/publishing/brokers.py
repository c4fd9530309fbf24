"""A real Mosquitto broker on a port of its own, and a listener."""

from __future__ import annotations

import json
import queue
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """Mosquitto with a configuration; may be stopped and started again."""

    def __init__(self, folder: Path, *lines: str) -> None:
        if PROGRAM is None:
            pytest.skip("no mosquitto on this computer (Debian's package mosquitto)")
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        text = [f"listener {self.port} 127.0.0.1", "persistence false", *lines]
        if not any(line.startswith("password_file") for line in lines):
            text.append("allow_anonymous true")
        self._file.write_text("\n".join(text) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert PROGRAM is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self._file)], stdout=log, stderr=log
            )
        assert wait_until(self._answers), self._log.read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10.0)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Subscribes to everything and keeps it."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._ready = queue.Queue[bool]()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _d, m: self.messages.put(
            (m.topic, m.payload, m.retain)
        )
        self._client.on_subscribe = lambda *_: self._ready.put(True)
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", qos=1)
        self._client.loop_start()
        self._ready.get(timeout=10.0)

    def next(self, topic: str, timeout_s: float = 15.0) -> Any:
        """Return the next payload on a topic, read as JSON where it is that."""
        end_s = time.monotonic() + timeout_s
        while True:
            found, payload, _ = self.messages.get(timeout=max(0.01, end_s - time.monotonic()))
            if found == topic:
                return payload.decode() if not payload.startswith(b"{") else json.loads(payload)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(holds: Callable[[], bool], timeout_s: float = 15.0) -> bool:
    """Wait for another process; return whether it came to hold."""
    end_s = time.monotonic() + timeout_s
    pause = queue.Queue[None]()
    while not holds():
        if time.monotonic() > end_s:
            return False
        try:
            pause.get(timeout=0.02)
        except queue.Empty:
            continue
    return True
