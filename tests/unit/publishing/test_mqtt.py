"""Status and records reach a real broker: at once, after outages, after restarts, over TLS."""

from __future__ import annotations

import gc
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("paho.mqtt.client")

from brokers import Broker, Listener, free_port, wait_until

from agriseg.errors import ConfigError
from agriseg.field_config import MqttConfig
from agriseg.publishing.mqtt import PASSWORD_VARIABLE, MqttConnection
from agriseg.publishing.spool import Spool


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    """Return what opens connections and closes them afterwards."""
    connections: list[MqttConnection] = []

    def connect(port: int, store_mb: float = 1.0, **other: Any) -> MqttConnection:
        config = MqttConfig(host="localhost", port=port, machine="m1", **other)
        spool = Spool(tmp_path / "spool" / "m1.sqlite", round(store_mb * 1e6))
        connections.append(MqttConnection(config, spool))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def record(number: int) -> bytes:
    return json.dumps({"number": number}).encode()


def test_status_record_and_presence_reach_the_broker(broker: Broker, opened: Any) -> None:
    listener = Listener(broker.port)
    try:
        connection = opened(broker.port)
        connection.publish_status(b'{"state": "ready"}')
        connection.publish_record("applied", record(1))
        assert listener.next("agriseg/m1/online") == "online"
        assert listener.next("agriseg/m1/applied") == {"number": 1}
        assert wait_until(lambda: connection.waiting == 0), "confirmed and taken out"
        assert connection.problem == ""
        late = Listener(broker.port)
        assert late.next("agriseg/m1/status") == {"state": "ready"}, "retained"
        late.close()
        connection.close()
        assert listener.next("agriseg/m1/online") == "offline"
    finally:
        listener.close()


def test_records_wait_through_an_outage_and_arrive_in_order(broker: Broker, opened: Any) -> None:
    connection = opened(broker.port)
    assert wait_until(lambda: connection.problem == "")
    broker.stop()
    assert wait_until(lambda: connection.problem != "")
    for number in range(60):
        connection.publish_record("applied", record(number))
    assert wait_until(lambda: connection.waiting == 60)
    broker.start()
    listener = Listener(broker.port)
    try:
        found = [listener.next("agriseg/m1/applied", 40.0)["number"] for _ in range(60)]
        assert found == list(range(60))
        assert wait_until(lambda: connection.waiting == 0)
        assert connection.dropped == 0
    finally:
        listener.close()


def test_records_survive_a_restart_of_the_program(
    tmp_path: Path, opened: Any, broker: Broker
) -> None:
    nobody = opened(free_port())
    for number in range(3):
        nobody.publish_record("applied", record(number))
    nobody.close()
    listener = Listener(broker.port)
    try:
        opened(broker.port)
        found = [listener.next("agriseg/m1/applied")["number"] for _ in range(3)]
        assert found == [0, 1, 2]
    finally:
        listener.close()


def test_a_full_spool_gives_up_the_oldest_and_counts_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s.sqlite", 1000)
    for number in range(100):
        spool.put("t", record(number))
    kept = [json.loads(one.payload)["number"] for one in spool.first(1000)]
    assert kept == list(range(100 - len(kept), 100))
    assert 5 <= len(kept) < 20
    assert spool.dropped == 100 - len(kept)
    spool.remove(spool.first(1)[0].number)
    spool.remove(-1)
    spool.close()
    again = Spool(tmp_path / "s.sqlite", 1000)
    assert len(again) == len(kept) - 1
    assert again.dropped == 100 - len(kept)
    again.close()


def test_user_and_password(tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("robot:secret\n")
    maker = "/usr/bin/mosquitto_passwd"
    if not Path(maker).exists():
        pytest.skip("no mosquitto_passwd on this computer")
    subprocess.run([maker, "-U", str(passwords)], check=True)
    passwords.chmod(0o644)
    guarded = Broker(tmp_path, f"password_file {passwords}", "user root")
    guarded.start()
    try:
        wrong = opened(guarded.port, user="robot")
        assert wait_until(lambda: "refuses the connection" in wrong.problem)
        wrong.close()
        monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
        right = opened(guarded.port, user="robot")
        assert wait_until(lambda: right.problem == "")
    finally:
        guarded.stop()


def certificates(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that signs itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no openssl on this computer")
    key.chmod(0o644)
    return key, certificate


# paho-mqtt leaves the socket of a failed handshake to the collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_is_checked(tmp_path: Path, opened: Any) -> None:
    key, certificate = certificates(tmp_path)
    guarded = Broker(tmp_path, f"certfile {certificate}", f"keyfile {key}", "user root")
    guarded.start()
    try:
        trusted = opened(guarded.port, tls=True, ca_file=str(certificate))
        assert wait_until(lambda: trusted.problem == ""), trusted.problem
        trusted.close()
        unknown = opened(guarded.port, tls=True)
        unknown.publish_record("applied", record(1))
        assert wait_until(lambda: "cannot be reached" in unknown.problem), unknown.problem
        assert unknown.waiting == 1
        unknown.close()
        gc.collect()
    finally:
        guarded.stop()


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for key, other in (("ca_file", {"tls": True}), ("password_file", {"user": "robot"})):
        spool = Spool(tmp_path / f"{key}.sqlite", 1000)
        config = MqttConfig(host="localhost", **{key: str(tmp_path / "absent"), **other})
        with pytest.raises(ConfigError, match=f"mqtt.{key}: .*absent"):
            MqttConnection(config, spool)
        spool.close()
