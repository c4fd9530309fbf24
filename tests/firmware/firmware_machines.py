"""Controllers that run the real firmware in virtual time, one second per second of `advance`.

`FakeMachine` runs the core as a library of this computer, `AvrMachine` the Mega 2560's binary
in simavr, `SimulatorMachine` the reference in Python. Times are seconds since the controller
was switched on; bytes take the time that they need on a wire of 500 kbaud.
"""

from __future__ import annotations

import ctypes as c
import math
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from firmware_bridge.simulator import ControllerSimulator, SimulatorSettings
from firmware_bridge.wires import SimulatedWire

BAUD = 500_000
BYTE_S = 10.0 / BAUD
TICK_HZ = 250_000


@dataclass(frozen=True, slots=True)
class CoilEdge:
    """An output was switched; valve -1 is the master valve."""

    t_s: float
    valve: int
    on: bool


@dataclass(frozen=True, slots=True)
class WheelSegment:
    """From ``t_s`` on: encoder counts, counts per second, and per second squared."""

    t_s: float
    count: float
    speed: float
    acceleration: float = 0.0


class Machine(Protocol):
    """A controller in virtual time."""

    def advance(self, t_s: float) -> None: ...
    def write(self, data: bytes, t_s: float) -> None: ...
    def read(self) -> list[tuple[float, bytes]]: ...
    def edges(self) -> list[CoilEdge]: ...
    def turn_wheel(self, segments: Sequence[WheelSegment]) -> None: ...
    def press_estop(self, pressed: bool) -> None: ...


class _Segment(c.Structure):
    _fields_ = (
        ("t_s", c.c_double),
        ("count", c.c_double),
        ("speed", c.c_double),
        ("acceleration", c.c_double),
    )


class _Edge(c.Structure):
    _fields_ = (("tick", c.c_uint64), ("valve", c.c_int32), ("on", c.c_int32))


class _Bytes:
    """Groups the bytes that a machine sends into frames with the time of their last byte."""

    def __init__(self) -> None:
        self._part = bytearray()
        self._done: list[tuple[float, bytes]] = []

    def add(self, byte: int, t_s: float) -> None:
        self._part.append(byte)
        if byte == 0:
            self._done.append((t_s, bytes(self._part)))
            self._part.clear()

    def take(self) -> list[tuple[float, bytes]]:
        done, self._done = self._done, []
        return done


def segments_array(segments: Sequence[WheelSegment]) -> c.Array[_Segment]:
    """Return the segments as C has them."""
    return (_Segment * len(segments))(
        *((s.t_s, s.count, s.speed, s.acceleration) for s in segments)
    )


class FakeMachine:
    """The core on the test board.

    Parameters
    ----------
    library : path of what `firmware_build.build_fake` made
    first_tick : int
        The controller's clock when it is switched on.
    """

    def __init__(
        self, library: Path, *, first_tick: int = 0, boot: int = 1, cause: int = 1
    ) -> None:
        lib = c.CDLL(str(library))
        lib.fake_run.argtypes = (c.c_uint64,)
        lib.fake_write.argtypes = (c.c_char_p, c.c_uint32, c.c_uint64)
        lib.fake_read.argtypes = (c.POINTER(c.c_uint64),)
        lib.fake_edges.argtypes = (c.POINTER(c.POINTER(_Edge)),)
        lib.fake_edges.restype = c.c_uint32
        lib.fake_start.argtypes = (c.c_uint32, c.c_uint16, c.c_int)
        lib.fake_encode.restype = c.c_uint32
        self.lib = lib
        self._bytes = _Bytes()
        lib.fake_start(first_tick, boot, cause)

    def advance(self, t_s: float) -> None:
        """Let everything happen until ``t_s``."""
        self.lib.fake_run(round(t_s * TICK_HZ))

    def write(self, data: bytes, t_s: float) -> None:
        """Put bytes on the wire at ``t_s``, behind those that are on it."""
        self.lib.fake_write(data, len(data), round(t_s * TICK_HZ))

    def read(self) -> list[tuple[float, bytes]]:
        """Return the frames sent, stuffed, with delimiter and the time of their last byte."""
        tick = c.c_uint64()
        while (byte := self.lib.fake_read(c.byref(tick))) >= 0:
            self._bytes.add(byte, tick.value / TICK_HZ)
        return self._bytes.take()

    def edges(self) -> list[CoilEdge]:
        """Return all switching of outputs so far."""
        edges = c.POINTER(_Edge)()
        count = self.lib.fake_edges(c.byref(edges))
        return [
            CoilEdge(e.tick / TICK_HZ, e.valve, bool(e.on))
            for e in (edges[i] for i in range(count))
        ]

    def turn_wheel(self, segments: Sequence[WheelSegment]) -> None:
        """Let the wheel turn by these segments."""
        self.lib.fake_wheel(segments_array(segments), len(segments))

    def press_estop(self, pressed: bool) -> None:
        """Press or release the emergency stop at the machine."""
        self.lib.fake_estop(int(pressed))

    def restart(self, boot: int, cause: int) -> None:
        """Restart the controller as its watchdog does."""
        self.lib.fake_restart(boot, cause)

    def hang(self) -> None:
        """Let the main loop stand still."""
        self.lib.fake_hang(1)

    def encode(self, body: bytes) -> bytes:
        """Return type, sequence number and payload as the firmware puts them on the wire."""
        out = c.create_string_buffer(256)
        length = self.lib.fake_encode(body, len(body), out)
        return out.raw[:length]

    def decode(self, data: bytes) -> bytes | None:
        """Return type, sequence number and payload of one frame with its delimiter."""
        out = c.create_string_buffer(256)
        length = c.c_uint32()
        good = self.lib.fake_decode(data, len(data), out, c.byref(length)) == 1
        return out.raw[: length.value] if good else None


class SimulatorMachine:
    """The Python reference, with valves that follow at once."""

    def __init__(self, *, valves: int = 16) -> None:
        self._segments: tuple[WheelSegment, ...] = (WheelSegment(0.0, 0.5, 0.0),)
        settings = SimulatorSettings(
            valves=valves,
            queue=108,
            clock_ppm=0.0,
            open_latency_s=0.0,
            close_latency_s=0.0,
            max_open_ms=10_000,
        )
        self.simulator = ControllerSimulator(settings, self._count_at)
        self._wire = SimulatedWire(self.simulator, baud=BAUD)
        self._arrived: deque[tuple[float, bytes]] = deque()

    def _count_at(self, t_s: float) -> int:
        now = self._segments[0]
        for segment in self._segments:
            now = segment if segment.t_s <= t_s else now
        dt = max(t_s - now.t_s, 0.0)
        return math.floor(now.count + dt * (now.speed + 0.5 * now.acceleration * dt))

    def advance(self, t_s: float) -> None:
        """Let everything happen until ``t_s``."""
        for step_s in self._wire.moments(t_s):
            self._arrived.extend(self._wire.read(step_s))

    def write(self, data: bytes, t_s: float) -> None:
        """Put bytes on the wire at ``t_s``, behind those that are on it."""
        self._wire.write(data, t_s)

    def read(self) -> list[tuple[float, bytes]]:
        """Return the frames sent, stuffed, with delimiter and the time of their last byte."""
        arrived = list(self._arrived)
        self._arrived.clear()
        return arrived

    def edges(self) -> list[CoilEdge]:
        """Return all switching of coils so far."""
        return [CoilEdge(e.t_s, e.valve, e.is_open) for e in self.simulator.coil_edges]

    def turn_wheel(self, segments: Sequence[WheelSegment]) -> None:
        """Let the wheel turn by these segments."""
        self._segments = tuple(segments)

    def press_estop(self, pressed: bool) -> None:
        """Press or release the emergency stop at the machine."""
        now_s = self.simulator.now_s
        (self.simulator.press_estop if pressed else self.simulator.release_estop)(now_s)


class AvrMachine:
    """The Mega 2560's binary in simavr.

    Parameters
    ----------
    shim : path of what `firmware_build.build_simavr_shim` made
    elf : path of the firmware
    """

    CYCLES_PER_S = 16_000_000

    def __init__(self, shim: Path, elf: Path) -> None:
        lib = c.CDLL(str(shim))
        lib.shim_new.argtypes = (c.c_char_p,)
        lib.shim_new.restype = c.c_void_p
        for name in ("free", "strobe", "resets", "overruns", "cycle"):
            getattr(lib, f"shim_{name}").argtypes = (c.c_void_p,)
        lib.shim_cycle.restype = c.c_uint64
        lib.shim_run.argtypes = (c.c_void_p, c.c_uint64)
        lib.shim_write.argtypes = (c.c_void_p, c.c_char_p, c.c_uint32, c.c_uint64)
        lib.shim_read.argtypes = (c.c_void_p, c.POINTER(c.c_uint64))
        lib.shim_edges.argtypes = (c.c_void_p, c.POINTER(c.POINTER(_Edge)))
        lib.shim_edges.restype = c.c_uint32
        lib.shim_wheel.argtypes = (c.c_void_p, c.POINTER(_Segment), c.c_int)
        lib.shim_estop.argtypes = (c.c_void_p, c.c_int)
        lib.shim_flow.argtypes = (c.c_void_p, c.c_double, c.c_double)
        lib.shim_faults.argtypes = (c.c_void_p, c.c_uint32, c.c_uint32, c.c_double)
        lib.shim_pressure.argtypes = (c.c_void_p, c.c_uint32)
        lib.shim_hang.argtypes = (c.c_void_p, c.c_uint32)
        lib.shim_reset.argtypes = (c.c_void_p, c.c_uint8)
        lib.shim_paint_ram.argtypes = (c.c_void_p, c.c_uint32, c.c_uint8)
        lib.shim_unused_ram.argtypes = (c.c_void_p, c.c_uint32, c.c_uint8)
        lib.shim_unused_ram.restype = c.c_uint32
        self.lib = lib
        self._bytes = _Bytes()
        self.shim = lib.shim_new(str(elf).encode())
        if not self.shim:
            raise RuntimeError(f"simavr cannot load {elf}")

    def close(self) -> None:
        """Give the simulation's memory back."""
        self.lib.shim_free(self.shim)

    def _cycles(self, t_s: float) -> int:
        return round(t_s * self.CYCLES_PER_S)

    def advance(self, t_s: float) -> None:
        """Let everything happen until ``t_s``."""
        if self.lib.shim_run(self.shim, self._cycles(t_s)) != 0:
            raise RuntimeError(f"the simulated processor crashed before {t_s} s")

    def write(self, data: bytes, t_s: float) -> None:
        """Put bytes on the wire at ``t_s``, behind those that are on it."""
        self.lib.shim_write(self.shim, data, len(data), self._cycles(t_s))

    def read(self) -> list[tuple[float, bytes]]:
        """Return the frames sent, stuffed, with delimiter and the time of their last byte."""
        cycle = c.c_uint64()
        while (byte := self.lib.shim_read(self.shim, c.byref(cycle))) >= 0:
            self._bytes.add(byte, cycle.value / self.CYCLES_PER_S)
        return self._bytes.take()

    def edges(self) -> list[CoilEdge]:
        """Return all switching of outputs so far."""
        edges = c.POINTER(_Edge)()
        count = self.lib.shim_edges(self.shim, c.byref(edges))
        return [
            CoilEdge(e.tick / self.CYCLES_PER_S, e.valve, bool(e.on))
            for e in (edges[i] for i in range(count))
        ]

    def turn_wheel(self, segments: Sequence[WheelSegment]) -> None:
        """Let the wheel turn by these segments."""
        self.lib.shim_wheel(self.shim, segments_array(segments), len(segments))

    def press_estop(self, pressed: bool) -> None:
        """Press or release the emergency stop at the machine."""
        self.lib.shim_estop(self.shim, int(pressed))

    def flow(self, nozzle_ml_min: float, ul_per_pulse: float) -> None:
        """Let a flow meter turn with the open valves."""
        self.lib.shim_flow(self.shim, nozzle_ml_min, ul_per_pulse)

    def faults(
        self, *, stuck_closed: int = 0, open_coils: int = 0, leak_valves: float = 0.0
    ) -> None:
        """Set masks of faulty valves, and how many nozzles' flow leaks."""
        self.lib.shim_faults(self.shim, stuck_closed, open_coils, leak_valves)

    def hang(self, flash_address: int) -> None:
        """Let the main loop stand still at its watchdog kick, until a reset."""
        if self.lib.shim_hang(self.shim, flash_address) != 0:
            raise ValueError(f"no watchdog kick at {flash_address:#x}")

    def brown_out(self) -> None:
        """Let the supply fail for a moment."""
        self.lib.shim_reset(self.shim, 0x04)

    def paint_free_ram(self, elf: Path) -> None:
        """Mark the memory between variables and stack; call before the first `advance`."""
        self.advance(0.01)
        self.lib.shim_paint_ram(self.shim, _end_of_variables(elf), 0xA5)

    def unused_ram(self, elf: Path) -> int:
        """Return how much of the marked memory has not been touched."""
        return int(self.lib.shim_unused_ram(self.shim, _end_of_variables(elf), 0xA5))

    @property
    def resets(self) -> int:
        """How often the processor has started anew."""
        return int(self.lib.shim_resets(self.shim))

    @property
    def overruns(self) -> int:
        """Bytes that the processor took too late from its serial port."""
        return int(self.lib.shim_overruns(self.shim))


def _end_of_variables(elf: Path) -> int:
    """Return the data address behind the last variable."""
    listing = subprocess.run(["avr-nm", str(elf)], capture_output=True, text=True, check=True)
    ends = [
        int(line.split()[0], 16)
        for line in listing.stdout.splitlines()
        if line.split()[-1] in ("__bss_end", "_end")
    ]
    return max(ends) & 0xFFFF
