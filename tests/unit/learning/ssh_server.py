"""A real OpenSSH server on this computer, with keys made for the test."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from agriseg.learning.spec import RemoteChoice

_PLACES = (Path("/usr/sbin/sshd"), Path("/usr/local/sbin/sshd"))

FAKE_AGRISEG = """\
#!/usr/bin/env python3
import json, pathlib, sys, time

words = sys.argv[1:]
if words == ["--version"]:
    print("agriseg 0.1.0")
    sys.exit(0)


def tell(**event):
    print(json.dumps({"version": 1, **event}), flush=True)


out = pathlib.Path("training")
out.mkdir(exist_ok=True)
step = 0
if "--resume" in words:
    step = int((out / "checkpoint.pt").read_text())
pathlib.Path("words.json").write_text(json.dumps(words))
tell(event="started", step=step, steps=1000)
while not pathlib.Path("finish").exists():
    control = out / "control"
    wish = control.read_text().strip() if control.exists() else ""
    if wish == "stop":
        tell(event="stopped", step=step, reason="cancelled")
        sys.exit(130)
    if wish != "pause":
        step += 1
        (out / "checkpoint.pt").write_text(str(step))
        tell(event="step", step=step, steps=1000, loss=1.0 / step, remaining_s=1.0)
    if pathlib.Path("break").exists():
        print("CUDA error: out of everything", file=sys.stderr)
        sys.exit(1)
    time.sleep(0.02)
(out / "samples").mkdir(exist_ok=True)
(out / "samples" / "maize.jpg").write_bytes(b"picture")
tell(event="validation", step=step, steps=1000, validation={"maize.miou": 0.8})
(out / "bundle").mkdir()
(out / "bundle" / "model.json").write_text("{}")
tell(event="model", bundle="training/bundle", report=None)
"""


class SshServer:
    """Begins, ends and begins again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._sshd = next((place for place in _PLACES if place.is_file()), None)
        if self._sshd is None or shutil.which("ssh") is None:
            pytest.skip("there is no sshd; tests/debian-packages.txt names its package")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._folder = folder
        for name in ("host", "user", "stranger"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        shutil.copy(folder / "user.pub", folder / "authorized")
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"PidFile {folder / 'sshd.pid'}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.begin()

    def begin(self) -> None:
        """Listen; returns when it does."""
        assert self._sshd is not None
        with (self._folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._sshd), "-D", "-e", "-f", str(self._folder / "sshd_config")],
                stderr=log,
                start_new_session=True,
            )
        while self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5.0).close()
            except OSError:
                continue
            return
        pytest.skip(f"sshd does not start: {(self._folder / 'sshd.log').read_text()[-200:]}")

    def end(self) -> None:
        """Hear nobody any more."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def choice(self, folder: Path, command: Path, key: str = "user") -> RemoteChoice:
        """Return how this computer is reached, as another one."""
        options = (
            *("-F", "/dev/null"),
            *("-p", str(self.port)),
            *("-i", str(self._folder / key)),
            "-oIdentitiesOnly=yes",
            "-oStrictHostKeyChecking=accept-new",
            f"-oUserKnownHostsFile={self._folder / 'known'}",
            "-oLogLevel=ERROR",
        )
        return RemoteChoice(
            target=f"{getpass.getuser()}@127.0.0.1",
            options=options,
            command=str(command),
            folder=str(folder),
        )


def write_fake_agriseg(path: Path) -> Path:
    """Write a program that trains as `agriseg train` seems to from outside."""
    path.write_text(FAKE_AGRISEG)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
