"""Numbers of the wire, which wrap at 32 bits, and masks of valves."""


def signed32(value: int) -> int:
    """Return ``value`` modulo 2^32 as a signed 32-bit number."""
    return (value + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


def unwrapped(value: int, near: int) -> int:
    """Return the integer equal to ``value`` modulo 2^32 that is nearest to ``near``."""
    return near + signed32(value - near)


def mask_to_int(mask: bytes) -> int:
    """Return a mask of the wire with valve n in bit n."""
    return int.from_bytes(mask, "little")
