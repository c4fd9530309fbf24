"""Configuration: one TOML file into frozen, validated values.

Keys carry their unit (``open_latency_ms``). Unknown keys and values out of range are
refused with the key, the value and the range. ``config_version`` is the file's version;
version 1 is the first.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agriseg.config_errors import sentences
from agriseg.config_section import Section as _Section
from agriseg.errors import ConfigError
from agriseg.field_config import (
    BoundaryConfig,
    MqttConfig,
    PositionConfig,
    RecordConfig,
    SimulatedGnssConfig,
)
from agriseg.messages import SprayMode

CONFIG_VERSION = 1

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class IntrinsicsConfig(_Section):
    """Pinhole camera with Brown-Conrady distortion, as OpenCV's calib3d defines it.

    Pixels refer to ``width_px`` x ``height_px``; frames of another size are scaled to it.
    """

    width_px: Annotated[int, Field(ge=64, le=8192)] = 960
    height_px: Annotated[int, Field(ge=64, le=8192)] = 544
    fx_px: Annotated[float, Field(gt=10.0, le=20000.0)] = 800.0
    fy_px: Annotated[float, Field(gt=10.0, le=20000.0)] = 800.0
    cx_px: Annotated[float, Field(ge=0.0)] = 479.5
    cy_px: Annotated[float, Field(ge=0.0)] = 271.5
    k1: Annotated[float, Field(ge=-2.0, le=2.0)] = 0.0
    k2: Annotated[float, Field(ge=-2.0, le=2.0)] = 0.0
    p1: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    p2: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    k3: Annotated[float, Field(ge=-2.0, le=2.0)] = 0.0


class CameraPoseConfig(_Section):
    """Where the camera is in base_link, and how it is turned.

    At zero angles it looks straight down with the top of the picture forward.
    ``pitch_deg`` tilts the view forward, ``roll_deg`` tilts it to the left,
    ``yaw_deg`` turns the camera to the left about the vertical.
    """

    x_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 1.55
    y_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    z_m: Annotated[float, Field(gt=0.05, le=10.0)] = 1.0
    roll_deg: Annotated[float, Field(ge=-60.0, le=60.0)] = 0.0
    pitch_deg: Annotated[float, Field(ge=-30.0, le=75.0)] = 0.0
    yaw_deg: Annotated[float, Field(ge=-180.0, le=180.0)] = 0.0


PoseName = Literal["x_m", "y_m", "z_m", "roll_deg", "pitch_deg", "yaw_deg"]


class CameraConfig(_Section):
    """The source of frames.

    ``source``: ``sim`` (the simulated field), ``usb:0`` or ``usb:/dev/video0``, an ``rtsp://``,
    ``rtsps://``, ``http://`` or ``https://`` address, ``gst:`` and a GStreamer pipeline that
    ends in appsink, or the path of a video file or of a folder of images.
    """

    source: str = "sim"
    width_px: Annotated[int, Field(ge=64, le=8192)] = 960
    height_px: Annotated[int, Field(ge=64, le=8192)] = 544
    fps: Annotated[float, Field(gt=0.0, le=240.0)] = 20.0
    exposure_delay_ms: Annotated[float, Field(ge=0.0, le=500.0)] = 0.0
    """From mid-exposure to the driver handing the frame over; subtracted from the stamp."""
    moved_stop_deg: Annotated[float, Field(ge=0.0, le=45.0)] = 2.5
    """Close the nozzles when the ground passes through the picture as if the camera were turned
    by more than this against its calibration; 0: never."""
    moved_warn_deg: Annotated[float, Field(ge=0.0, le=45.0)] = 0.7
    """Warn when it does so by more than this; 0: never."""
    height_stop_fraction: Fraction = 0.05
    """Close the nozzles when the ground passes by more than this share faster or slower than the
    wheel turns, as it does when the camera stands lower or higher than calibrated; 0: never."""
    height_warn_fraction: Fraction = 0.02
    """Warn when it does so by more than this share; 0: never."""
    marks_stop_mm: Annotated[float, Field(ge=0.0, le=1000.0)] = 10.0
    """Close the nozzles when the marks of the ground step have moved in the picture by what is
    more than this on the ground; 0: never."""
    lost_after_s: Annotated[float, Field(ge=0.1, le=1.0)] = 0.8
    """A camera that is silent for longer has been lost: the nozzles close."""
    controls: dict[str, float] = Field(default_factory=dict)
    """Set when the camera is opened, in the driver's own units: exposure, auto_exposure, gain,
    white_balance_k, auto_white_balance, focus, auto_focus, brightness, contrast, saturation,
    sharpness. Such as {auto_exposure = 1, exposure = 20}."""
    intrinsics: IntrinsicsConfig = IntrinsicsConfig()
    pose: CameraPoseConfig = CameraPoseConfig()


class ModelConfig(_Section):
    """What segments the frames.

    ``path``: folder or name of a model (`agriseg models list`); empty means the deployed one
    (`agriseg models deploy`), the shipped default where none is. ``method``: ``network``, ``exg``
    (colour index) or ``truth`` (the simulated field's own labels, to judge the rest of the chain).
    """

    method: Literal["network", "exg", "truth"] = "network"
    path: str = ""
    runtime: Literal["auto", "openvino", "cuda", "torch-cpu"] = "auto"
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """CPU threads of the model; 0 takes all cores but one, yet both of two."""


class PerceptionConfig(_Section):
    """What happens while the picture is unlike those that the model knows.

    Another crop, night, mud on the lens, out of focus: what the model then says is a guess.
    """

    when_unsure: Literal["hold", "broadcast", "ignore"] = "hold"
    """``hold``: all nozzles stay closed; ``broadcast``: every nozzle sprays; ``ignore``: the alarm
    is shown and spraying goes on. Each says so on the screen and in the record."""


class NozzleConfig(_Section):
    """What differs from the boom's values for one nozzle."""

    nozzle: Annotated[int, Field(ge=0, le=255)]
    channel: Annotated[int, Field(ge=0, le=255)] | None = None
    x_m: Annotated[float, Field(ge=-20.0, le=20.0)] | None = None
    y_m: Annotated[float, Field(ge=-20.0, le=20.0)] | None = None
    open_latency_ms: Annotated[float, Field(ge=1.0, le=250.0)] | None = None
    close_latency_ms: Annotated[float, Field(ge=1.0, le=250.0)] | None = None
    flow_l_min: Annotated[float, Field(gt=0.0, le=20.0)] | None = None


class BoomConfig(_Section):
    """The row of nozzles, counted from the left (greatest y) to the right."""

    nozzle_count: Annotated[int, Field(ge=1, le=256)] = 24
    pitch_m: Annotated[float, Field(ge=0.01, le=2.0)] = 0.04
    x_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    y_offset_m: Annotated[float, Field(ge=-20.0, le=20.0)] = 0.0
    height_m: Annotated[float, Field(ge=0.05, le=2.0)] = 0.3
    footprint_along_m: Annotated[float, Field(ge=0.005, le=1.0)] = 0.03
    footprint_across_m: Annotated[float, Field(ge=0.01, le=3.0)] = 0.05
    open_latency_ms: Annotated[float, Field(ge=1.0, le=250.0)] = 12.0
    close_latency_ms: Annotated[float, Field(ge=1.0, le=250.0)] = 10.0
    fall_ms: Annotated[float, Field(ge=0.0, le=500.0)] = 20.0
    """Time from the nozzle to the ground."""
    min_open_ms: Annotated[float, Field(ge=1.0, le=1000.0)] = 5.0
    min_gap_ms: Annotated[float, Field(ge=0.0, le=1000.0)] = 5.0
    max_open_ms: Annotated[float, Field(ge=10.0, le=10000.0)] = 1000.0
    flow_l_min: Annotated[float, Field(gt=0.0, le=20.0)] = 0.4
    """At ``nominal_pressure_kpa`` with the coil on all the time."""
    pwm_period_ms: Annotated[int, Field(ge=20, le=100)] = 20
    pwm_duty_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Share of each ``pwm_period_ms`` that a coil is on while its nozzle sprays; 100: always."""
    nominal_pressure_kpa: Annotated[float, Field(gt=10.0, le=2000.0)] = 300.0
    nozzle_size: Literal[
        "", "01", "015", "02", "025", "03", "04", "05", "06", "08", "10", "15", "20"
    ] = ""
    """Size of the nozzles by ISO 10625, which their colour tells; empty: another kind."""
    spray_angle_deg: Annotated[float, Field(ge=0.0, le=160.0)] = 0.0
    """Angle of the spray, as printed on the nozzle; 0: not known."""
    nozzles: tuple[NozzleConfig, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.footprint_across_m < self.pitch_m:
            raise ValueError(
                f"footprint_across_m {self.footprint_across_m} is less than pitch_m {self.pitch_m}:"
                " strips between the nozzles would never be sprayed; raise the boom or enter the"
                " width that a nozzle really covers"
            )
        on_ms = 0.01 * self.pwm_duty_percent * self.pwm_period_ms
        if self.pwm_duty_percent < 100 and on_ms <= self.open_latency_ms:
            raise ValueError(
                f"pwm_duty_percent {self.pwm_duty_percent} of pwm_period_ms {self.pwm_period_ms}"
                f" leaves the coil on for {on_ms:g} ms at a time, and a valve with open_latency_ms"
                f" {self.open_latency_ms:g} would never open; enter a larger duty, a longer period"
                " or the latency of your PWM valves"
            )
        ids = [n.nozzle for n in self.nozzles]
        for nozzle in ids:
            if nozzle >= self.nozzle_count:
                raise ValueError(
                    f"nozzles.nozzle {nozzle} is not on a boom of {self.nozzle_count}"
                    f" (0 to {self.nozzle_count - 1})"
                )
            if ids.count(nozzle) > 1:
                raise ValueError(f"nozzles.nozzle {nozzle} is given twice")
        return self


class SprayConfig(_Section):
    """How it is decided what to spray."""

    mode: SprayMode = SprayMode.SPOT
    sensitivity: Fraction = 0.5
    """0 sprays only what is certainly weed, 1 sprays all that may be weed."""
    weed_margin_m: Annotated[float, Field(ge=0.0, le=0.5)] = 0.02
    crop_margin_m: Annotated[float, Field(ge=0.0, le=0.5)] = 0.01
    min_weed_area_m2: Annotated[float, Field(ge=0.0, le=0.1)] = 0.00001
    band_target: Literal["between_rows", "on_rows"] = "between_rows"
    band_width_m: Annotated[float, Field(ge=0.02, le=2.0)] = 0.2
    map_cell_m: Annotated[float, Field(ge=0.001, le=0.05)] = 0.004
    min_speed_m_s: Annotated[float, Field(ge=0.02, le=2.0)] = 0.05
    """Below it no valve opens: a standing robot does not spray."""
    max_speed_m_s: Annotated[float, Field(gt=0.1, le=20.0)] = 6.5
    stale_after_ms: Annotated[float, Field(ge=20.0, le=1000.0)] = 300.0
    """A frame or odometry reading older than this closes the nozzles."""
    commit_lead_ms: Annotated[float, Field(ge=5.0, le=500.0)] = 150.0
    """Pulses are sent this long before the valve must move; later only when the weed was not
    known earlier, and never too late for the controller."""


class WheelConfig(_Section):
    """The wheel encoder."""

    counts_per_m: Annotated[float, Field(gt=1.0, le=1_000_000.0)] = 2000.0
    picture_warn_fraction: Fraction = 0.3
    """Warn when encoder and pictures differ by more than this share of the faster one."""
    picture_stop_fraction: Fraction = 0.5
    """Close the nozzles when they differ by more than this share; 1: never."""
    picture_differs_s: Annotated[float, Field(ge=0.0, le=5.0)] = 0.5
    """They must differ for so long; they are compared four times a second."""


class RelayConfig(_Section):
    """A board that only understands "set outputs", as agriseg/spraying/RELAY_BOARDS.md says.

    The planner keeps to what these values leave: longer pulses, wider margins around crop.
    """

    message_period_ms: Annotated[float, Field(ge=2.0, le=100.0)] = 10.0
    """Messages are at least this far apart."""
    board_period_ms: Annotated[float, Field(ge=0.0, le=500.0)] = 200.0
    """How often the board's own loop sets its outputs: 200 on stock boards, 0 for one that
    acts on every message."""
    board_timeout_ms: Annotated[float, Field(ge=100.0, le=60000.0)] = 4200.0
    """The board switches everything off this long after the last message."""
    constant_speed_m_s: Annotated[float, Field(ge=0.05, le=15.0)] | None = None
    """Take this as the speed instead of measuring it in the pictures. The machine must really
    drive so while spraying is on; nothing checks it."""


class ControllerConfig(_Section):
    """What opens the valves.

    ``kind``: ``agriseg`` is a controller with this project's firmware; ``pgn239`` and ``pgn229``
    are relay boards with up to 16 and 64 outputs. ``port``: ``sim`` (built in), a serial port's
    name, or for relay boards also ``udp://HOST:8888``.
    """

    kind: Literal["agriseg", "pgn239", "pgn229"] = "agriseg"
    port: str = "sim"
    baud: Literal[
        9600, 19200, 38400, 57600, 115200, 230400, 250000, 460800, 500000, 921600, 1000000
    ] = 500000
    row_step_mm: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    """Put pulses on a grid of this step, so that a controller that takes rows is told many
    nozzles of a wide boom in one message; 0: no grid. Each pulse is widened to the grid, at
    most by one step at each end; before crop it is shortened instead, or left out."""
    supervise_flow: bool = True
    """Have the controller compare the measured flow with the nozzles' nominal one, so that a leak
    or a blocked nozzle is found; needs a flow meter."""
    relay: RelayConfig = RelayConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "agriseg" and self.port.startswith("udp://"):
            raise ValueError(
                f"port is {self.port!r}, but only relay boards (kind pgn239 or pgn229) are reached"
                " over UDP; an AgriSeg controller needs a serial port"
            )
        if self.kind != "agriseg" and self.row_step_mm > 0.0:
            raise ValueError(
                f"row_step_mm is {self.row_step_mm:g}, but a relay board (kind {self.kind}) takes"
                " no rows; set it to 0 or use kind agriseg"
            )
        if self.kind == "agriseg" and self.relay != RelayConfig():
            raise ValueError(
                "relay is set, but kind is agriseg: these values are for relay boards (kind pgn239"
                " or pgn229) only"
            )
        return self


class RecordingConfig(_Section):
    """Where runs are kept; ``directory`` empty means the user's data folder."""

    enabled: bool = True
    directory: str = ""
    pictures: Literal["video", "jpeg"] = "video"
    """``video``: VP9, about a tenth of the room; ``jpeg``: each picture for itself."""
    quality: Literal["small", "standard", "retraining"] = "standard"
    """Of the video and the stills beside it: at most 0.7, 1 or 4 GB an hour, all included."""
    video_kbit_s: Annotated[int, Field(ge=0, le=50000)] = 0
    """Of the video, always; 0: what ``quality`` leaves for it."""
    video_long_side_px: Annotated[int, Field(ge=0, le=8192)] = 0
    """Larger pictures are made smaller before they are compressed, smaller ones never larger;
    0: what ``quality`` says."""
    jpeg_quality: Annotated[int, Field(ge=30, le=100)] = 80
    max_disk_gb: Annotated[float, Field(gt=0.0, le=100000.0)] = 50.0


class SpeedStep(_Section):
    """From ``t_s`` after the start on, accelerate to ``speed_m_s`` by ``accel_m_s2``."""

    t_s: Annotated[float, Field(ge=0.0)]
    speed_m_s: Annotated[float, Field(ge=0.0, le=10.0)]
    accel_m_s2: Annotated[float, Field(gt=0.0, le=10.0)] = 1.5


class SimulationConfig(_Section):
    """The simulated field and robot."""

    world: str = "sim"
    """``sim``, or the path of a folder with ``images`` and ``masks`` to be laid out as ground."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    speed_m_s: Annotated[float, Field(ge=0.0, le=10.0)] = 1.0
    speed_profile: tuple[SpeedStep, ...] = ()
    crop: Literal["maize", "sugar_beet", "soybean", "peanut"] = "maize"
    row_spacing_m: Annotated[float, Field(ge=0.1, le=2.0)] = 0.5
    crop_spacing_m: Annotated[float, Field(ge=0.03, le=2.0)] = 0.2
    crop_stage: Fraction = 0.4
    """Growth stage, 0 cotyledons to 1 closing rows."""
    weeds_per_m2: Annotated[float, Field(ge=0.0, le=200.0)] = 8.0
    weed_size: Annotated[float, Field(ge=0.5, le=4.0)] = 1.6
    """Factor on the weeds' span: 1 just emerged (1 to 9 cm), 1.6 when they are usually sprayed."""
    straw: Fraction = 0.3
    stones: Fraction = 0.3
    light: Fraction = 0.6
    """0 dusk, 1 hard sunshine."""
    wobble_m: Annotated[float, Field(ge=0.0, le=0.2)] = 0.005
    slip_fraction: Annotated[float, Field(ge=0.0, le=0.2)] = 0.002
    encoder_fault_s: Annotated[float, Field(ge=0.0)] = 0.0
    """From so long after the start on, the wheel encoder gives ``encoder_fault_fraction``."""
    encoder_fault_fraction: Fraction = 1.0
    """Share of its counts that the wheel encoder still gives then; 1: no fault, 0: silence."""
    camera_fault_s: Annotated[float, Field(ge=0.0)] = 0.0
    """So long after the start the camera comes loose and tilts by ``camera_fault_deg``."""
    camera_fault_deg: Annotated[float, Field(ge=-30.0, le=30.0)] = 0.0
    """By how much its pitch changes then; 0: no fault. The labels of ``model.method`` truth do
    not follow."""
    camera_fault_pose: dict[PoseName, float] = Field(default_factory=dict)
    """By how much other values of ``camera.pose`` change then, such as {z_m = 0.03}."""
    machine_marks: Annotated[int, Field(ge=0, le=6)] = 0
    """So many painted plates on the boom's arms stand in the picture's rear part, to try with
    them how a camera that has moved is seen by fixed parts of the machine."""
    processing_latency_ms: Annotated[float, Field(ge=0.0, le=1000.0)] = 70.0
    """Assumed age of a frame when it is planned on, where time is virtual."""
    gnss: SimulatedGnssConfig = SimulatedGnssConfig()
    truth: dict[str, float] = Field(default_factory=dict)
    """What is really so on the simulated machine where it differs from what is configured, so
    that calibration can be tried. Such as {"camera.pose.pitch_deg" = 12, "boom.x_m" = 0.03}."""


class CalibrationConfig(_Section):
    """What was calibrated on this machine, kept beside this file and laid over its values.

    ``agriseg/calibration/FORMAT.md`` describes the files.
    """

    enabled: bool = True
    """Lay the calibrated values over this file's. A value that this file gives anew afterwards
    wins over the calibration before it."""
    directory: str = ""
    """Folder of the calibrations; empty means the user's configuration folder."""
    profile: str = ""
    """Which machine's or boom's calibration is used; empty means the one chosen by `agriseg
    calibrate profile use`, and ``simulated`` for the simulated camera."""
    season_days: Annotated[float, Field(gt=0.0, le=3650.0)] = 200.0
    """A calibration older than this is listed as due."""


class WindowConfig(_Section):
    """The window."""

    theme: Literal["auto", "day", "night"] = "auto"
    units: Literal["metric", "imperial"] = "metric"


class Config(_Section):
    """Everything that can be set."""

    config_version: Literal[1] = 1
    camera: CameraConfig = CameraConfig()
    model: ModelConfig = ModelConfig()
    perception: PerceptionConfig = PerceptionConfig()
    boom: BoomConfig = BoomConfig()
    spray: SprayConfig = SprayConfig()
    wheel: WheelConfig = WheelConfig()
    controller: ControllerConfig = ControllerConfig()
    position: PositionConfig = PositionConfig()
    boundary: BoundaryConfig = BoundaryConfig()
    recording: RecordingConfig = RecordingConfig()
    record: RecordConfig = RecordConfig()
    mqtt: MqttConfig = MqttConfig()
    simulation: SimulationConfig = SimulationConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    window: WindowConfig = WindowConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.boom.pwm_duty_percent < 100 and self.controller.kind != "agriseg":
            raise ValueError(
                f"boom.pwm_duty_percent is {self.boom.pwm_duty_percent}, but a relay board"
                f" (controller.kind {self.controller.kind}) cannot switch valves on and off while"
                " they spray; set it to 100 or use controller.kind agriseg"
            )
        return self


def load_config(path: Path) -> Config:
    """Read a TOML configuration file.

    Raises
    ------
    ConfigError
        The file is missing, is not TOML, or holds an unknown key or a value that cannot
        be used; the message names file, key, value and what was expected.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such configuration file; leave out --config to use the"
            " built-in values"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: the file cannot be read ({error.strerror}); check its permissions"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: this is no text file (byte {error.start} is not UTF-8); expected a"
            " configuration in TOML, as `agriseg config` writes it"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {error}; see toml.io") from error
    return parse_config(data, source=str(path))


def parse_config(data: dict[str, Any], source: str) -> Config:
    """Validate a parsed configuration; ``source`` names it in messages.

    Raises
    ------
    ConfigError
        As `load_config`.
    """
    version = data.get("config_version", CONFIG_VERSION)
    if version != CONFIG_VERSION:
        raise ConfigError(
            f"{source}: config_version is {version!r}, this program reads version"
            f" {CONFIG_VERSION}; update AgriSeg or set the file up again"
        )
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(sentences(error, Config, source)) from error
