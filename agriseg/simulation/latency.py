"""Gives a simulated camera's frames the age that a real computer's would have."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from agriseg.messages import Frame
from agriseg.ports import Camera, Clock


class LatencyCamera:
    """Hands over each frame a fixed time after its exposure; for virtual time.

    Parameters
    ----------
    camera : Camera
    latency_s : float
        From mid-exposure to the frame being segmented and ready to be planned on.
    clock : Clock
    """

    is_live = True

    def __init__(self, camera: Camera, latency_s: float, clock: Clock) -> None:
        self._camera = camera
        self._latency_s = latency_s
        self._clock = clock
        self._waiting: deque[Frame] = deque()
        self._ended = False

    @property
    def name(self) -> str:
        """Name of the camera behind it."""
        return self._camera.name

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002  # virtual time: no wait
        """Return the oldest frame that is due; waits for none, whatever ``timeout_s`` says.

        Raises
        ------
        EOFError
            The source has ended and all its frames were handed over.
        """
        self._collect()
        if self._waiting:
            if self._waiting[0].t_capture_s + self._latency_s <= self._clock.now_s():
                return self._waiting.popleft()
        elif self._ended:
            raise EOFError
        return None

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the controls of the camera behind it."""
        return self._camera.controls()

    def set_control(self, name: str, value: float) -> float:
        """Set a control of the camera behind it."""
        return self._camera.set_control(name, value)

    def close(self) -> None:
        """Release the camera behind it."""
        self._camera.close()

    def _collect(self) -> None:
        try:
            while not self._ended and (frame := self._camera.read(0.0)) is not None:
                self._waiting.append(frame)
        except EOFError:
            self._ended = True
