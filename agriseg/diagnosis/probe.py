"""Questions about heavy libraries, asked of a child process."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

PROBE_TIMEOUT_S = 90.0
"""The first import of torch takes some ten seconds from a cold disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a probe found: data, or the error that kept it from answering."""

    data: Mapping[str, Any] | None = None
    error: str = ""


class Probe:
    """A Python child process that answers one question with a line of JSON.

    Heavy libraries are imported there: one that crashes or hangs is found out, not suffered.
    """

    def __init__(self, code: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self, timeout_s: float = PROBE_TIMEOUT_S) -> Answer:
        """Wait for the answer; a crash, a hang or nonsense is an answer with an error."""
        try:
            out, complaint = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return Answer(error=f"no answer within {timeout_s:g} s")
        lines = out.strip().splitlines()
        if self._process.returncode != 0 or not lines:
            last = complaint.strip().splitlines()[-1:]
            status = f"ended with status {self._process.returncode}"
            return Answer(error=last[0] if last else status)
        return Answer(data=json.loads(lines[-1]))


QT_PROBE = """
import ctypes, json, sys
missing = []
for name in LIBRARIES:
    try:
        ctypes.CDLL(name)
    except OSError:
        missing.append(name)
from PySide6 import QtCore, QtWidgets
QtWidgets.QApplication([])
print(json.dumps({"version": QtCore.qVersion(), "missing": missing}))
"""

CUDA_PROBE = """
import json, torch
there = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__,
    "cuda": torch.version.cuda,
    "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if there else [],
}))
"""

CPU_PROBE = """
import json, openvino
core = openvino.Core()
print(json.dumps({
    "openvino": openvino.__version__.split("-")[0],
    "cpu": core.get_property("CPU", "FULL_DEVICE_NAME"),
}))
"""


def system_libraries() -> dict[str, str]:
    """Return the libraries that Qt and OpenCV need on Linux, each with its Debian package."""
    text = importlib.resources.files("agriseg.commands").joinpath("system_libraries.txt")
    lines = text.read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {library: package for library, package in words}  # noqa: C416  # dict() loses the type


def qt_probe(libraries: Sequence[str]) -> str:
    """Return the code that loads each of ``libraries`` and then Qt."""
    return f"LIBRARIES = {list(libraries)!r}\n{QT_PROBE}"
