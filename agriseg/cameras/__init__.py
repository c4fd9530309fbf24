"""Sources of frames: devices, streams, files and the simulated field."""

from agriseg.cameras.listing import CameraDevice, list_cameras
from agriseg.cameras.opening import open_camera

__all__ = ["CameraDevice", "list_cameras", "open_camera"]
