"""Which form of a model was measured to be the fastest on this computer.

A small file in the user's cache folder; see ``decisions/0005-runtime-by-measurement.md``. An entry
holds for one computer, one model, one frame size and one set of library versions: when any of them
changes it is not found, and the model must be measured again.
"""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import platformdirs

from agriseg.models.bundle import ModelBundle
from agriseg.models.sizing import Size

FILE_NAME = "runtimes.json"
_FORMAT = "agriseg-runtimes"
_FORMAT_VERSION = 1
_PACKAGES = ("torch", "openvino", "onnxruntime", "onnxruntime-gpu", "tensorrt")
_MOST_ENTRIES = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredForm:
    """The fastest form of a model whose labels are good enough.

    ``measured_at`` is the wall-clock time, ISO 8601.
    """

    form: str
    fps: float
    size: Size
    threads: int
    measured_at: str


def cache_directory() -> Path:
    """Return the folder for what can be computed again."""
    return Path(platformdirs.user_cache_dir("agriseg", appauthor=False))


def machine() -> dict[str, str | int]:
    """Describe this computer, as far as it decides on speed."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of the runtimes that are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def remember(bundle: ModelBundle, measured: MeasuredForm, directory: Path | None = None) -> None:
    """Keep a measurement, in place of an older one for the same frame size.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    folder = cache_directory() if directory is None else directory
    folder.mkdir(parents=True, exist_ok=True)
    size = [measured.size.width_px, measured.size.height_px]
    subject = _subject(bundle)
    others = [
        entry
        for entry in _read(folder / FILE_NAME)
        if {k: entry.get(k) for k in subject} != subject or entry.get("size") != size
    ]
    entry = {
        **subject,
        "size": size,
        "form": measured.form,
        "fps": measured.fps,
        "threads": measured.threads,
        "measured_at": measured.measured_at,
    }
    data = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "entries": [*others, entry][-_MOST_ENTRIES:],
    }
    partial = folder / (FILE_NAME + ".part")
    partial.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / FILE_NAME)


def recall(
    bundle: ModelBundle, size: Size | None = None, directory: Path | None = None
) -> str | None:
    """Return the form that was the fastest; None where that was not measured.

    Parameters
    ----------
    bundle : ModelBundle
    size : Size, optional
        Frame size; without one, the newest measurement of any size.
    directory : Path, optional
        Where the file lies (default: the user's cache folder).
    """
    folder = cache_directory() if directory is None else directory
    subject = _subject(bundle)
    wanted = None if size is None else [size.width_px, size.height_px]
    for entry in reversed(_read(folder / FILE_NAME)):
        fits = all(entry.get(key) == value for key, value in subject.items())
        if fits and wanted in (None, entry.get("size")) and isinstance(entry.get("form"), str):
            return str(entry["form"])
    return None


def _subject(bundle: ModelBundle) -> dict[str, Any]:
    files = bundle.manifest.files
    spec = bundle.manifest.input
    return {
        "machine": machine(),
        "versions": versions(),
        "weights": files.weights.sha256,
        "openvino_weights": files.openvino_weights.sha256,
        "long_side_px": spec.long_side_px,
    }


def _read(path: Path) -> list[Mapping[str, Any]]:
    """Return the entries of a file; none, and a line in the log, where it cannot be used."""
    if not path.is_file():
        return []
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read (%s); runtimes must be measured again", path, error)
        return []
    known = isinstance(data, dict) and data.get("format") == _FORMAT
    if not known or data.get("format_version") != _FORMAT_VERSION:
        return []
    return [entry for entry in data.get("entries", []) if isinstance(entry, dict)]


def _processor() -> str:
    """Return the processor's name, as Linux tells it or else as Python does."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _gpu() -> str:
    """Return the names of the NVIDIA GPUs that the driver tells; asks no library."""
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        lines = path.read_text(encoding="utf-8").splitlines()
        names += [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]
    return ", ".join(names)
