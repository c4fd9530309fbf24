"""What this computer has and lacks for AgriSeg, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from agriseg.cameras import list_cameras
from agriseg.config import Config
from agriseg.diagnosis.checks import (
    check_cameras,
    check_computer,
    check_config,
    check_cpu_runtime,
    check_cuda,
    check_disk,
    check_display,
    check_model,
    check_python,
    check_qt,
    check_serial_ports,
    nearest_existing,
)
from agriseg.diagnosis.finding import Finding, Level
from agriseg.diagnosis.place_checks import check_place
from agriseg.diagnosis.probe import CPU_PROBE, CUDA_PROBE, Probe, qt_probe, system_libraries
from agriseg.recording.run_directories import runs_directory
from agriseg.serial_ports import list_serial_ports

__all__ = ["Finding", "Level", "diagnose"]


def diagnose(config: Config, config_path: Path | None = None) -> list[Finding]:
    """Look at everything; takes some seconds, most of them for loading torch."""
    packages = system_libraries() if sys.platform.startswith("linux") else {}
    runs = runs_directory(config)
    existing = nearest_existing(runs.absolute())
    ports = list_serial_ports()
    with Probe(qt_probe(tuple(packages))) as qt, Probe(CPU_PROBE) as cpu, Probe(CUDA_PROBE) as cuda:
        return [
            check_python(sys.version_info[:3]),
            check_computer(os.cpu_count() or 1),
            check_config(config, config_path),
            check_model(config.model.path),
            check_disk(
                runs,
                shutil.disk_usage(existing).free,
                existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
            ),
            check_display(os.environ, platform.system()),
            check_cameras(list_cameras(), config.camera.source),
            check_serial_ports(ports, config.controller.port),
            check_place(config, ports),
            check_qt(qt.answer(), packages),
            check_cpu_runtime(cpu.answer()),
            check_cuda(cuda.answer(), _has_nvidia_driver()),
        ]


def _has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None
