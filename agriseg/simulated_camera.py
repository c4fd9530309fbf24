"""The simulated camera as its own process, as a real one is a device of its own.

Growing and photographing the field is work that a real computer does not have. The process
takes what computing time the others leave, and draws each picture one frame ahead of its moment,
since it knows where the robot will be: it is then handed over when a camera would have it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import MonotonicClock
from agriseg.config import Config
from agriseg.config_values import true_config
from agriseg.errors import AgrisegError, CameraError, CameraLostError
from agriseg.messages import Frame, UInt8Array
from agriseg.opencv import use_one_thread
from agriseg.process_names import SIMULATED_CAMERA, show_name
from agriseg.scheduling import stand_apart
from agriseg.shared_block import SharedBlock, bytes_of, make_block
from agriseg.simulation.opening import open_world
from agriseg.simulation.trajectory import Trajectory

SLOT_COUNT = 6
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 2.0
_FRAME_WAIT_S = 0.1
_NICENESS = 5

Controls = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    name: str
    controls: Controls


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exposed:
    frame_id: int
    t_capture_s: float
    dropped_before: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    text: str
    at_end_of_world: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _SetControl:
    name: str
    value: float


class SimulatedCameraProcess:
    """A live camera over the simulated field (implements `ports.Camera`).

    Parameters
    ----------
    config : Config
    start_s : float
        Host time at which the robot begins to drive.

    Raises
    ------
    AgrisegError
        The world or the camera that ``config`` names cannot be made.
    """

    is_live = True

    def __init__(self, config: Config, start_s: float) -> None:
        block = make_block(int(np.prod(_slots_shape(config))))
        self._slots = bytes_of(block).reshape(_slots_shape(config))
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(config, start_s, block, theirs),
            name="agriseg-simulated-camera",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._end: _Ended | None = None
        self._closed = False
        started = self._await_start()
        self.name = started.name
        self._controls = dict(started.controls)

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when a frame is there; -1 after the end."""
        return -1 if self._closed or self._end is not None else self._connection.fileno()

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not yet read; None if none came within ``timeout_s``."""
        newest: _Exposed | None = None
        dropped = 0
        while self._end is None and self._poll(timeout_s if newest is None else 0.0):
            message = self._receive()
            if isinstance(message, _Ended):
                self._end = message
                break
            dropped += message.dropped_before + (newest is not None)
            newest = message
        if newest is not None:
            return Frame(
                frame_id=newest.frame_id,
                t_capture_s=newest.t_capture_s,
                image=self._slots[newest.slot].copy(),
                dropped_before=dropped,
            )
        self._raise_if_ended()
        return None

    def controls(self) -> Controls:
        """Return the controls: name to (minimum, maximum, present value)."""
        return dict(self._controls)

    def set_control(self, name: str, value: float) -> float:
        """Set a control and return its value.

        Raises
        ------
        CameraError
            There is no such control, or the value is out of its range.
        """
        low, high, _ = self._controls.get(name, (1.0, 0.0, 0.0))
        if not low <= value <= high:
            known = ", ".join(f"{k} {v[0]:g} to {v[1]:g}" for k, v in self._controls.items())
            raise CameraError(f"{name} cannot be {value:g}; this camera has: {known}")
        with contextlib.suppress(OSError):
            self._connection.send(_SetControl(name=name, value=value))
        self._controls[name] = (low, high, value)
        return value

    def close(self) -> None:
        """End the process."""
        if self._closed:
            return
        self._closed = True
        self._connection.close()
        self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(STOP_TIMEOUT_S)

    def _await_start(self) -> _Started:
        text = "the simulated camera could not be started; see the log"
        with contextlib.suppress(EOFError, OSError):
            if self._connection.poll(START_TIMEOUT_S):
                message = self._connection.recv()
                if isinstance(message, _Started):
                    return message
                text = message.text
        self.name = "simulated camera"
        self.close()
        raise CameraError(text)

    def _poll(self, timeout_s: float) -> bool:
        try:
            return self._connection.poll(timeout_s)
        except (EOFError, OSError):
            return True

    def _receive(self) -> _Exposed | _Ended:
        try:
            message: _Exposed | _Ended = self._connection.recv()
        except (EOFError, OSError):
            return _Ended(text="its process ended", at_end_of_world=False)
        return message

    def _raise_if_ended(self) -> None:
        if self._end is not None and self._end.at_end_of_world:
            raise EOFError(self._end.text)
        if self._end is not None:
            raise CameraLostError(f"The simulated camera stopped delivering: {self._end.text}.")


def _slots_shape(config: Config) -> tuple[int, int, int, int]:
    return (SLOT_COUNT, config.camera.height_px, config.camera.width_px, 3)


def _serve(config: Config, start_s: float, block: SharedBlock, connection: Connection) -> None:
    """Photograph the field until the other end is closed, in the process of its own."""
    show_name(SIMULATED_CAMERA)
    stand_apart()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    use_one_thread()
    slots = bytes_of(block).reshape(_slots_shape(config))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        try:
            _expose_all(config, start_s, slots, connection)
        except EOFError as error:
            connection.send(_Ended(text=str(error), at_end_of_world=True))
        except AgrisegError as error:
            connection.send(_Ended(text=str(error), at_end_of_world=False))


class _EarlyClock:
    """The computer's clock, fast by some time: whoever lives by it is done early."""

    def __init__(self, ahead_s: float) -> None:
        self._real = MonotonicClock()
        self._ahead_s = ahead_s

    def now_s(self) -> float:
        return self._real.now_s() + self._ahead_s

    def sleep_until(self, t_s: float) -> None:
        self._real.sleep_until(t_s - self._ahead_s)


def _expose_all(config: Config, start_s: float, slots: UInt8Array, connection: Connection) -> None:
    true = true_config(config)
    camera = SyntheticCamera(
        open_world(true),
        Trajectory(true.simulation),
        true.camera,
        _EarlyClock(1.0 / config.camera.fps),
        start_s,
        seed=config.simulation.seed,
        simulated=config.simulation,
    )
    clock = MonotonicClock()
    connection.send(_Started(name=camera.name, controls=camera.controls()))
    slot = 0
    while _obey(camera, connection):
        frame = camera.read(_FRAME_WAIT_S)
        if frame is None:
            continue
        slots[slot] = frame.image
        clock.sleep_until(camera.ready_s(frame.frame_id))
        connection.send(
            _Exposed(
                frame_id=frame.frame_id,
                t_capture_s=frame.t_capture_s,
                dropped_before=frame.dropped_before,
                slot=slot,
            )
        )
        slot = (slot + 1) % SLOT_COUNT


def _obey(camera: SyntheticCamera, connection: Connection) -> bool:
    """Set the controls that were asked for; return False once nobody is there any more."""
    try:
        while connection.poll():
            order: _SetControl = connection.recv()
            camera.set_control(order.name, order.value)
    except (EOFError, OSError):
        return False
    return True
