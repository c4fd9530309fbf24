"""Sections of the configuration about the place on the earth and what is kept of the work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agriseg.config_section import Section

Baud = Literal[4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]
Text = Annotated[str, Field(max_length=200)]


class PositionConfig(Section):
    """The satellite receiver (GNSS): NMEA 0183 over a serial port or the network.

    ``source``: ``auto`` (the simulated receiver on the simulated field, none elsewhere), ``none``,
    ``sim``, a serial port's name such as ``/dev/ttyACM1``, ``tcp://192.168.1.20:9001`` (a receiver
    that serves its sentences), or ``udp://:10110`` (sentences sent to this computer). The receiver
    must send GGA; RMC or VTG, GST and HDT are used where it sends them.
    """

    source: str = "auto"
    baud: Baud = 115200
    antenna_x_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    """Where the antenna is in base_link: forward of the odometer's reference point."""
    antenna_y_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    """Where the antenna is in base_link: to the left of the middle."""
    delay_ms: Annotated[float, Field(ge=0.0, le=2000.0)] = 60.0
    """From the moment for which a position holds to the arrival of its sentence."""
    required_quality: Literal["gnss", "dgnss", "rtk-float", "rtk-fixed"] = "gnss"
    """Positions of a lesser quality count as none."""
    stale_after_ms: Annotated[float, Field(ge=200.0, le=10000.0)] = 1500.0
    """A position older than this is lost."""


class BoundaryConfig(Section):
    """Where spraying is allowed.

    ``file``: a field boundary with its no-spray zones as GeoJSON, GeoPackage, shapefile, KML or
    ISOXML (a TASKDATA folder or ZIP); empty: no limit. Outside the boundary and inside the zones
    each nozzle stays closed; without a sure position all do.
    """

    file: str = ""
    margin_m: Annotated[float, Field(ge=0.0, le=20.0)] = 0.1
    """Nozzles close this far before the boundary, besides what the position may be off."""
    max_uncertainty_m: Annotated[float, Field(ge=0.01, le=20.0)] = 1.0
    """All nozzles stay closed while the position is less sure than this (standard deviation)."""


class RecordConfig(Section):
    """What the law asks of whoever sprays, for the report (EU: Regulation 2023/564).

    Empty values can be given later with `agriseg runs record`.
    """

    operator: Text = ""
    operator_certificate: Text = ""
    farm: Text = ""
    field_name: Text = ""
    crop: Text = ""
    crop_eppo: Annotated[str, Field(max_length=6)] = ""
    """EPPO code of the crop, such as BEAVA."""
    crop_bbch: Annotated[str, Field(max_length=5)] = ""
    """Growth stage, BBCH, such as 14 or 12-16."""
    purpose: Text = ""
    """What it is used against, such as broad-leaved weeds."""
    product: Text = ""
    product_registration: Text = ""
    """The product's authorisation number."""
    product_l_per_l: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Litres of product in a litre of mix; 0: not stated."""
    equipment: Text = ""
    """The sprayer and the number of its last inspection."""
    wind_m_s: Annotated[float, Field(ge=0.0, le=50.0)] | None = None
    wind_from: Text = ""
    """Where the wind comes from, such as NW."""
    temperature_c: Annotated[float, Field(ge=-40.0, le=60.0)] | None = None
    humidity_percent: Annotated[float, Field(ge=0.0, le=100.0)] | None = None
    remarks: Annotated[str, Field(max_length=2000)] = ""


class MqttConfig(Section):
    """Publishes status and as-applied records to an MQTT broker; ``host`` empty: no publishing.

    The topics are ``PREFIX/MACHINE/status`` and ``PREFIX/MACHINE/applied``, as
    agriseg/publishing/MQTT.md says. The password is read from the environment variable
    AGRISEG_MQTT_PASSWORD or from ``password_file``, never from this file.
    """

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    tls: bool = False
    """Encrypt, and check the broker's certificate; the port is then usually 8883."""
    ca_file: str = ""
    """Certificate of the authority that signed the broker's; empty: those of the system."""
    user: str = ""
    password_file: str = ""
    prefix: Annotated[str, Field(pattern=r"^[^#+/][^#+]*$", max_length=100)] = "agriseg"
    machine: Annotated[str, Field(pattern=r"^[^#+/]+$", max_length=60)] = "robot"
    """Names this machine in the topics."""
    status_every_s: Annotated[float, Field(ge=0.2, le=3600.0)] = 2.0
    applied_every_s: Annotated[float, Field(ge=0.2, le=3600.0)] = 5.0
    store_mb: Annotated[float, Field(ge=0.1, le=10000.0)] = 50.0
    """As-applied records that wait on the disk while the broker cannot be reached; beyond, the
    oldest are given up and counted."""


class SimulatedGnssConfig(Section):
    """The satellite receiver on the simulated robot, and where its field lies."""

    latitude_deg: Annotated[float, Field(ge=-85.0, le=85.0)] = 48.0
    longitude_deg: Annotated[float, Field(ge=-180.0, le=180.0)] = 11.0
    heading_deg: Annotated[float, Field(ge=0.0, lt=360.0)] = 60.0
    """Direction of the field's x axis, clockwise from north."""
    quality: Literal["gnss", "dgnss", "rtk-float", "rtk-fixed"] = "rtk-fixed"
    noise_m: Annotated[float, Field(ge=0.0, le=20.0)] = 0.01
    """Standard deviation of each coordinate."""
    rate_hz: Annotated[float, Field(gt=0.0, le=20.0)] = 10.0
    fault: Literal["none", "no-fix", "silent", "jump"] = "none"
    """What goes wrong with it ``fault_s`` seconds after the start, for ``fault_lasts_s``."""
    fault_s: Annotated[float, Field(ge=0.0)] = 0.0
    fault_lasts_s: Annotated[float, Field(ge=0.0)] = 5.0
    jump_m: Annotated[float, Field(ge=0.0, le=1000.0)] = 5.0
