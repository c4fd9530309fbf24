"""Memory that processes share and that nobody has to remove.

The block has no name: the processes hold it by descriptor, and the system frees it when the last
of them has let go, however it ended. Blocks with names outlive a killed process, or are removed
by a tracker that then complains of a leak.
"""

from __future__ import annotations

import ctypes
import multiprocessing

import numpy as np

from agriseg.messages import UInt8Array

SharedBlock = ctypes.Array[ctypes.c_uint8]
"""Handed to another process among the arguments of its start, and only there."""


def make_block(size: int) -> SharedBlock:
    """Return ``size`` bytes of shared memory, all zero."""
    return multiprocessing.get_context("spawn").RawArray(ctypes.c_uint8, size)


def bytes_of(block: SharedBlock) -> UInt8Array:
    """Return the block as (size,) uint8, writable and not a copy."""
    return np.frombuffer(memoryview(block), dtype=np.uint8)
