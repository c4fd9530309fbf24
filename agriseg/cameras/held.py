"""A recording that stands still, as a preview, whenever the machine does not spray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from agriseg.cameras.pacing import Pacing
from agriseg.messages import Frame
from agriseg.ports import Camera, Clock

PREVIEW_RATE_HZ = 20.0
"""As often as a camera delivers: everything that watches for silence is kept content."""


class Recording(Camera, Protocol):
    """A source that waits to be read and knows how fast it was recorded."""

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        ...


class HeldRecording:
    """Shows one picture of a recording again and again until `run_on` (implements `ports.Held`).

    What passes while a model is loaded, a controller is connected and an operator looks for
    Start would otherwise belong to no run. Held, the picture that stands is delivered as a
    preview; let run on, it is delivered once more as the first frame of what follows, so that
    motion can be measured from it on. No frame is left out.

    Parameters
    ----------
    recording : Recording
        Delivers as fast as it is asked.
    clock : Clock
        Stamps and paces the frames.
    """

    is_live = False

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self._recording = recording
        self._film_pacing = Pacing(clock, recording.rate_hz, paced=True)
        self._preview_pacing = Pacing(clock, PREVIEW_RATE_HZ, paced=True)
        self._stands_at: Frame | None = None
        self._delivered = self._previews = 0
        self._is_running = False
        self._begins = False

    @property
    def name(self) -> str:
        """What the operator knows it by, and that it waits, while it does."""
        name = self._recording.name
        return name if self._is_running else f"{name}, waits for Start"

    @property
    def due_s(self) -> float:
        """When the next frame or preview can be read, seconds of the clock."""
        return self._pacing.due_s

    def run_on(self) -> None:
        """Go on from the picture that stands."""
        if not self._is_running:
            self._is_running = self._begins = True

    def hold(self) -> None:
        """Stand still at the newest picture."""
        self._is_running = False

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or a preview; None if it is not due within ``timeout_s``.

        Raises
        ------
        EOFError
            After the last frame.
        CameraError
            The recording cannot be read.
        """
        born_s = self._pacing.wait(timeout_s)
        if born_s is None:
            return None
        if self._stands_at is None or (self._is_running and not self._begins):
            self._stands_at = self._recording.read(timeout_s)
        if self._stands_at is None:
            return None
        self._begins = False
        return self._preview(born_s) if not self._is_running else self._frame(born_s)

    def controls(self) -> Mapping[str, tuple[float, float, float]]:
        """Return the controls of the recording: none."""
        return self._recording.controls()

    def set_control(self, name: str, value: float) -> float:
        """Refuse.

        Raises
        ------
        CameraError
        """
        return self._recording.set_control(name, value)

    def close(self) -> None:
        """Release the file."""
        self._recording.close()

    @property
    def _pacing(self) -> Pacing:
        return self._film_pacing if self._is_running else self._preview_pacing

    def _preview(self, born_s: float) -> Frame:
        assert self._stands_at is not None
        self._previews += 1
        return replace(
            self._stands_at, frame_id=-self._previews, t_capture_s=born_s, is_preview=True
        )

    def _frame(self, born_s: float) -> Frame:
        assert self._stands_at is not None
        self._delivered += 1
        return replace(self._stands_at, frame_id=self._delivered - 1, t_capture_s=born_s)
