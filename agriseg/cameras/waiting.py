"""A recording that waits for the run: it stands still at its first frame until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agriseg.cameras.pacing import Pacing
from agriseg.messages import Frame
from agriseg.ports import Camera, Clock, Scheduled

_WAITING_RATE_HZ = 20.0


class WaitingCamera:
    """Hands out the first frame of a file again and again until `begin`, then what follows.

    Without it the frames that pass while the model is loaded and the controller is connected
    would belong to no run, and a short film would be over before the first.

    Parameters
    ----------
    camera : Camera
        A source that waits to be read (``is_live`` is false).
    clock : Clock
        Stamps the repeated frame.
    """

    is_live = False

    def __init__(self, camera: Camera, clock: Clock) -> None:
        self._camera = camera
        self._clock = clock
        self._pacing = Pacing(clock, _WAITING_RATE_HZ, paced=True)
        self._first: Frame | None = None
        self._delivered = 0
        self._has_begun = False

    @property
    def name(self) -> str:
        """What the operator knows the source by."""
        return self._camera.name

    @property
    def due_s(self) -> float:
        """When the next frame can be read, seconds of the clock."""
        if self._first is not None and not self._has_begun:
            return self._pacing.due_s
        return self._camera.due_s if isinstance(self._camera, Scheduled) else self._clock.now_s()

    def begin(self) -> None:
        """Let the recording run on from its first frame; does nothing the second time."""
        self._has_begun = True

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or the first one anew; None if it is not due by then.

        Raises
        ------
        EOFError
            After the last frame.
        CameraError
            The source cannot be read.
        """
        if self._first is not None and not self._has_begun:
            born_s = self._pacing.wait(timeout_s)
            frame = None if born_s is None else replace(self._first, t_capture_s=born_s)
        else:
            frame = self._camera.read(timeout_s)
            self._first = self._first or frame
        if frame is None:
            return None
        self._delivered += 1
        return replace(frame, frame_id=self._delivered - 1)

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the controls of the source."""
        return self._camera.controls()

    def set_control(self, name: str, value: float) -> float:
        """Set a control of the source.

        Raises
        ------
        CameraError
            It has no such control.
        """
        return self._camera.set_control(name, value)

    def close(self) -> None:
        """Release the source."""
        self._camera.close()
