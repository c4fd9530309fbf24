"""From ``camera`` in the configuration to a camera that delivers."""

from __future__ import annotations

from pathlib import Path

from agriseg.cameras.capture import Connect, connector, has_driver_stamps
from agriseg.cameras.controls import query_v4l2_limits, require_known
from agriseg.cameras.held import HeldRecording
from agriseg.cameras.image_folder import ImageFolderCamera
from agriseg.cameras.live import LiveCamera, LiveTiming
from agriseg.cameras.pacing import Pacing
from agriseg.cameras.source import Source, SourceKind, parse_source
from agriseg.cameras.video_file import VideoFileCamera
from agriseg.config import CameraConfig
from agriseg.ports import Camera, Clock


def open_camera(
    config: CameraConfig, clock: Clock, *, paced: bool = True, connect: Connect | None = None
) -> Camera:
    """Open the source of frames that ``config`` names; the simulated field is not one of them.

    Parameters
    ----------
    config : CameraConfig
    clock : Clock
        Stamps the frames and paces files.
    paced : bool
        Files keep their rate; False reads them as fast as asked.
    connect : Connect, optional
        Opens a live device in the place of OpenCV.

    Raises
    ------
    CameraError
        The source cannot be used; the message says what was found and what to do.
    ValueError
        The source is the simulated field, which the simulation itself provides.
    """
    require_known(config.controls)
    source = parse_source(config.source)
    if source.kind is SourceKind.SIMULATION:
        raise ValueError("the simulated field is made by agriseg.simulation, not opened")
    if source.kind is SourceKind.IMAGE_FOLDER:
        return ImageFolderCamera(Path(source.address), Pacing(clock, config.fps, paced=paced))
    if source.kind is SourceKind.VIDEO_FILE:
        return VideoFileCamera(Path(source.address), clock, paced=paced)
    return _open_live(source, config, clock, connect or connector(source, config))


def open_for_machine(config: CameraConfig, clock: Clock) -> Camera:
    """Open the source as `open_camera` does; a recording stands still until it is let run.

    Raises
    ------
    CameraError
        The source cannot be used.
    """
    camera = open_camera(config, clock, paced=False)
    if isinstance(camera, (ImageFolderCamera, VideoFileCamera)):
        return HeldRecording(camera, clock)
    return camera


def _open_live(source: Source, config: CameraConfig, clock: Clock, connect: Connect) -> LiveCamera:
    device = source.device_path
    return LiveCamera(
        name=source.text,
        connect=connect,
        clock=clock,
        timing=LiveTiming(
            exposure_delay_s=config.exposure_delay_ms / 1000.0,
            driver_stamps=has_driver_stamps(source),
            lost_after_s=config.lost_after_s,
        ),
        settings=config.controls,
        query_limits=query_v4l2_limits(device) if device is not None else None,
    )
