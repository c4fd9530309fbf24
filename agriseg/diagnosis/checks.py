"""Judging what was found, one subject at a time."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agriseg.cameras import CameraDevice
from agriseg.cameras.source import SourceKind, parse_source
from agriseg.config import Config
from agriseg.diagnosis.finding import Finding, Level
from agriseg.diagnosis.probe import Answer
from agriseg.errors import CameraError, ModelFileError
from agriseg.models import open_bundle
from agriseg.models.deployed import wanted_model
from agriseg.serial_ports import (
    RULE_NAME,
    RULES_FOLDER,
    SerialPort,
    permission_help,
    port_names,
)

PYTHON_VERSIONS = ((3, 11), (3, 13))
"""Oldest and newest that AgriSeg runs on."""

DISK_NEEDED_BYTES = 200_000_000
DISK_COMFORTABLE_BYTES = 10_000_000_000


def check_python(version: tuple[int, int, int]) -> Finding:
    """Judge the Python version."""
    text = ".".join(str(part) for part in version)
    (low, high) = PYTHON_VERSIONS
    if low <= version[:2] <= high:
        return Finding(subject="Python", level=Level.OK, found=f"{text}, {sys.executable}")
    return Finding(
        subject="Python",
        level=Level.PROBLEM,
        found=text,
        mend=f"install Python {low[0]}.{low[1]} to {high[0]}.{high[1]} and AgriSeg in it",
    )


def check_computer(cores: int) -> Finding:
    """Judge the processor."""
    found = f"{platform.system()} {platform.machine()}, {cores} processor core(s)"
    if cores >= 2:
        return Finding(subject="Computer", level=Level.OK, found=found)
    return Finding(
        subject="Computer",
        level=Level.WARNING,
        found=found,
        mend="use one with two cores or more: the model needs one, everything else another",
    )


def check_display(environment: Mapping[str, str], system: str) -> Finding:
    """Tell whether a window can be shown."""
    shown_by = [name for name in ("WAYLAND_DISPLAY", "DISPLAY") if environment.get(name)]
    if shown_by or system != "Linux":
        found = ", ".join(f"{name}={environment[name]}" for name in shown_by) or system
        return Finding(subject="Display", level=Level.OK, found=found)
    return Finding(
        subject="Display",
        level=Level.WARNING,
        found="none: neither WAYLAND_DISPLAY nor DISPLAY is set",
        mend="log in at a desktop to open the window; `agriseg run --headless` works without",
    )


def check_qt(answer: Answer, packages: Mapping[str, str]) -> Finding:
    """Judge Qt and the system libraries below it."""
    if answer.data is None:
        return Finding(
            subject="Qt",
            level=Level.PROBLEM,
            found=f"cannot be started: {answer.error}",
            mend=f"install its system libraries: {_apt(packages.values())}",
        )
    missing = answer.data["missing"]
    if missing:
        return Finding(
            subject="Qt",
            level=Level.WARNING,
            found=f"{answer.data['version']}; missing: {', '.join(missing)}",
            mend=f"needed for the window: {_apt(packages[name] for name in missing)}",
        )
    return Finding(subject="Qt", level=Level.OK, found=str(answer.data["version"]))


def _apt(packages: Iterable[str]) -> str:
    return f"sudo apt-get install {' '.join(packages)}"


def check_cuda(answer: Answer, has_nvidia_driver: bool) -> Finding:
    """Judge torch and the graphics processor; none is fine, the processor does the work."""
    if answer.data is None:
        return Finding(
            subject="CUDA",
            level=Level.WARNING,
            found=f"torch cannot be loaded: {answer.error}",
            mend="install AgriSeg again; without torch there is neither a GPU nor training",
        )
    torch_version, devices = answer.data["torch"], answer.data["devices"]
    if devices:
        return Finding(
            subject="CUDA",
            level=Level.OK,
            found=f"{', '.join(devices)}; torch {torch_version}, CUDA {answer.data['cuda']}",
        )
    if not has_nvidia_driver:
        return Finding(
            subject="CUDA",
            level=Level.OK,
            found=f"no NVIDIA GPU: the model runs on the processor (torch {torch_version})",
        )
    reason = (
        "this torch was built without CUDA: install torch's CUDA build of the same version"
        if answer.data["cuda"] is None
        else "update the NVIDIA driver"
    )
    return Finding(
        subject="CUDA",
        level=Level.WARNING,
        found=f"an NVIDIA driver is there, but torch {torch_version} finds no GPU",
        mend=reason,
    )


def check_cpu_runtime(answer: Answer) -> Finding:
    """Judge OpenVINO, which runs the model on the processor."""
    if answer.data is None:
        return Finding(
            subject="CPU runtime",
            level=Level.WARNING,
            found=f"OpenVINO cannot be used: {answer.error}",
            mend="pip install openvino; until then the model runs on torch, more slowly",
        )
    found = f"OpenVINO {answer.data['openvino']} on {answer.data['cpu']}"
    return Finding(subject="CPU runtime", level=Level.OK, found=found)


def check_model(path: str) -> Finding:
    """Check the model of a folder or name, or the deployed or shipped one where it is empty."""
    try:
        bundle = open_bundle(wanted_model(path))
    except ModelFileError as error:
        return Finding(
            subject="Model",
            level=Level.PROBLEM,
            found=str(error),
            mend='until then: model.method = "exg" (colour index) in the configuration',
        )
    manifest = bundle.manifest
    found = f"{manifest.name} {manifest.version}, {manifest.architecture}; files complete"
    return Finding(subject="Model", level=Level.OK, found=found)


def check_cameras(cameras: Sequence[CameraDevice], source: str) -> Finding:
    """Judge the cameras and the configured source of frames."""
    found = "; ".join(f"{camera.name} ({camera.source})" for camera in cameras) or "none found"
    try:
        wanted = parse_source(source)
    except CameraError as error:
        return Finding(
            subject="Cameras",
            level=Level.PROBLEM,
            found=f"{error}; {found}",
            mend="mend camera.source in the configuration",
        )
    device = wanted.device_path
    if wanted.kind is SourceKind.USB and device is not None and not device.exists():
        return Finding(
            subject="Cameras",
            level=Level.PROBLEM,
            found=f"{source} is configured but not there; {found}",
            mend="plug it in, or choose another camera.source",
        )
    forbidden = [camera.source for camera in cameras if not camera.permitted]
    if forbidden:
        return Finding(
            subject="Cameras",
            level=Level.WARNING,
            found=f"{found}; not permitted: {', '.join(forbidden)}",
            mend="sudo usermod -aG video $USER, then log out and in again",
        )
    if not cameras:
        found += ": the simulated field, files and network cameras need none"
    return Finding(subject="Cameras", level=Level.OK, found=found)


def check_serial_ports(ports: Sequence[SerialPort], wanted: str) -> Finding:
    """Judge the serial ports and the configured controller port."""
    listed = port_names(ports) or "none found"
    is_network = wanted.startswith("udp://")
    if (
        wanted != "sim"
        and not is_network
        and not any(p.answers_to(wanted) for p in ports)
        and not Path(wanted).exists()
    ):
        return Finding(
            subject="Serial ports",
            level=Level.PROBLEM,
            found=f"{wanted} is configured but not there; {listed}",
            mend='plug the controller in, or set controller.port (such as "sim")',
        )
    forbidden = [port for port in ports if not port.permitted]
    if forbidden:
        groups = sorted({port.group for port in forbidden})
        return Finding(
            subject="Serial ports",
            level=Level.PROBLEM
            if any(port.answers_to(wanted) for port in forbidden)
            else Level.WARNING,
            found=f"{listed}; not permitted: {', '.join(port.device for port in forbidden)}",
            mend=f"{permission_help(','.join(groups))}; or {_rule_help()}",
        )
    if is_network:
        listed += f"; {wanted} is configured, a relay board on the network, which was not asked"
    elif not ports:
        listed += ": the simulated controller needs none"
    return Finding(subject="Serial ports", level=Level.OK, found=listed)


def _rule_help() -> str:
    """Say how to install the udev rule that needs no group."""
    package = Path(__file__).resolve().parent.parent
    places = [root / "assets" / "udev" / RULE_NAME for root in (package, package.parent)]
    rule = next((place for place in places if place.exists()), places[-1])
    return (
        f"let whoever is logged in use such boards: sudo install -m 644 '{rule}' {RULES_FOLDER}"
        " && sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty"
    )


def check_disk(directory: Path, free_bytes: int, writable: bool) -> Finding:
    """Judge the place where runs are kept; ``directory`` need not exist yet."""
    found = f"{free_bytes / 1e9:.1f} GB free for runs in {directory}"
    if not writable:
        return Finding(
            subject="Disk",
            level=Level.PROBLEM,
            found=f"{directory} cannot be written by this user",
            mend="choose another recording.directory, or change the folder's owner",
        )
    if free_bytes < DISK_COMFORTABLE_BYTES:
        return Finding(
            subject="Disk",
            level=Level.PROBLEM if free_bytes < DISK_NEEDED_BYTES else Level.WARNING,
            found=found,
            mend="delete runs that are no longer needed, or choose another recording.directory",
        )
    return Finding(subject="Disk", level=Level.OK, found=found)


def nearest_existing(path: Path) -> Path:
    """Return ``path`` or the closest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_config(config: Config, path: Path | None) -> Finding:
    """Say which configuration was judged."""
    where = str(path) if path is not None else "built-in values"
    found = f"{where}: camera {config.camera.source}, controller {config.controller.port}"
    return Finding(subject="Configuration", level=Level.OK, found=found)
