"""What frames are made of."""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import ClassVar, Protocol, Self

from firmware_bridge.errors import FrameError
from firmware_bridge.schema import MAGIC


class Frame(Protocol):
    """What every frame class has."""

    TYPE: ClassVar[int]

    def payload(self) -> bytes:
        """Return the bytes between sequence number and checksum."""
        ...


class Packed:
    """A frame whose payload is one fixed structure of its fields, in their order."""

    __slots__ = ()
    TYPE: ClassVar[int]
    _STRUCT: ClassVar[struct.Struct]

    def payload(self) -> bytes:
        names = self.__slots__
        if not names:
            return b""
        values = attrgetter(*names)(self)
        packed: bytes = self._STRUCT.pack(*(values if len(names) > 1 else (values,)))
        return packed

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        if len(payload) != cls._STRUCT.size:
            raise bad_length(cls.__name__, len(payload), cls._STRUCT.size)
        return cls(*cls._STRUCT.unpack(payload))


def bad_length(name: str, found: int, expected: int) -> FrameError:
    return FrameError("length", f"{name} has {found} payload bytes, expected {expected}")


def item_count(name: str, payload: bytes, *, head: int, item: int, most: int) -> int:
    """Return the number of items, which the last byte of the head holds."""
    n = payload[head - 1] if len(payload) >= head else 0
    if not 1 <= n <= most:
        raise FrameError("length", f"{name} holds {n} items, expected 1 to {most}")
    if len(payload) != head + n * item:
        raise bad_length(name, len(payload), head + n * item)
    return n


def require_magic(magic: bytes) -> None:
    if magic != MAGIC:
        raise FrameError("value", f"a hello begins with {magic!r}, expected {MAGIC!r}")
