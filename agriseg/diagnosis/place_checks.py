"""Judging what the place on the earth needs: satellite receiver, boundary, exports, publishing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from agriseg.boundary.loading import load_boundary
from agriseg.config import Config
from agriseg.diagnosis.finding import Finding, Level
from agriseg.errors import BoundaryError, ConfigError
from agriseg.positioning.network_wire import is_network, network_address
from agriseg.serial_ports import SerialPort, port_names

_SUBJECT = "Place and maps"


def check_place(
    config: Config,
    ports: Sequence[SerialPort],
    is_installed: Callable[[str], bool] = lambda name: find_spec(name) is not None,
) -> Finding:
    """Judge receiver, boundary and the packages that are there on request.

    Parameters
    ----------
    config : Config
    ports : sequence of SerialPort
        That are there now.
    is_installed : callable
        Whether a package is.
    """
    source = config.position.source
    is_port = source not in ("auto", "none", "sim")
    in_network = is_network(source)
    if in_network:
        try:
            network_address(source)
        except ConfigError as error:
            return _problem(str(error), "mend position.source")
    if (
        is_port
        and not in_network
        and not any(p.answers_to(source) for p in ports)
        and not Path(source).exists()
    ):
        return _problem(
            f"{source} is configured for the satellite receiver but not there;"
            f" {port_names(ports) or 'no serial port found'}",
            "plug the receiver in, or set position.source",
        )
    boundary = "no boundary"
    if config.boundary.file:
        try:
            found = load_boundary(Path(config.boundary.file))
        except BoundaryError as error:
            return _problem(str(error), "mend the boundary, or leave boundary.file empty")
        boundary = f"boundary {found.name or found.source}, {len(found.zones)} no-spray zone(s)"
        if source == "none" or (source == "auto" and config.camera.source != "sim"):
            return _problem(
                f"{boundary}, and no satellite receiver: nothing would ever be sprayed",
                "set position.source to the receiver's port, or leave boundary.file empty",
            )
    if config.mqtt.host and not is_installed("paho"):
        return _problem("mqtt.host is set, paho-mqtt is missing", 'pip install "agriseg[mqtt]"')
    receiver = f"receiver {source}" if is_port else f"receiver: {source}"
    if not (is_installed("pyogrio") and is_installed("reportlab")):
        return Finding(
            subject=_SUBJECT,
            level=Level.WARNING,
            found=f"{receiver}; {boundary}; maps as CSV and task data only",
            mend='pip install "agriseg[maps]" for GeoJSON, GeoPackage, shapefile, KML and PDF',
        )
    return Finding(subject=_SUBJECT, level=Level.OK, found=f"{receiver}; {boundary}")


def _problem(found: str, mend: str) -> Finding:
    return Finding(subject=_SUBJECT, level=Level.PROBLEM, found=found, mend=mend)
