"""libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer on the firmware's core.

It runs for ten seconds, in the continuous integration for sixty (`.ci/run`). Ten minutes of it::

    FUZZ_SECONDS=600 python -m pytest tests/firmware/test_firmware_fuzz.py -s
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from firmware_build import CORE, FIRMWARE, HARNESS, missing_packages, run

pytestmark = pytest.mark.timeout(3600)

SECONDS = int(os.environ.get("FUZZ_SECONDS", "10"))


def _beginning(first_tick: int, *actions: bytes) -> bytes:
    """Return an input that arms and then does these."""
    return first_tick.to_bytes(4, "little") + b"\1" + b"".join(actions)


def _action(kind: int, wait: int, argument: bytes) -> bytes:
    return bytes((kind | wait << 3, len(argument))) + argument


def _rows(bits: int) -> bytes:
    """Return a picture of the ground, ahead of a wheel that turns."""
    head = (2000).to_bytes(4, "little") + b"\7\0" + (320).to_bytes(2, "little") + b"\0\x0f\0"
    return _action(5, 3, b"\x19\1" + head + bytes((bits,)) * 20)


def _seeds() -> list[bytes]:
    pulses = (40_000).to_bytes(4, "little") + b"\2" + bytes(range(18))
    spray = [_action(5, 3, bytes((kind, 1)) + pulses) for kind in (0x16, 0x17)]
    turn = _action(2, 20, bytes((0, 0x88, 0x13, 10)))
    beat = _action(4, 0x14, b"")
    return [
        _beginning(0, *spray, beat, beat, beat),
        _beginning(2**32 - 60_000, turn, beat, spray[1], beat, turn, beat, spray[0], beat),
        _beginning(2**31 - 60_000, spray[0], _action(3, 1, b"\1"), beat, _action(3, 1, b"\0")),
        _beginning(9, turn, beat, _rows(0x55), beat, _action(4, 0x14, b"\xe8\x03"), beat, turn),
        _beginning(2**31, _action(5, 3, b"\x18\1\x14\0\2\x32\x64"), turn, _rows(0xFF), beat),
        _beginning(5, *(_action(5, 1, bytes((kind, 1)) + b"\0" * 20) for kind in range(1, 27))),
    ]


def test_no_input_breaks_the_core(tmp_path: Path) -> None:
    missing = missing_packages(clang=True)
    if missing:
        pytest.skip(missing)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(_seeds()):
        (corpus / f"seed{number}").write_bytes(seed)
    target = tmp_path / "fuzz"
    run(
        [
            "clang",
            *("-std=c11", "-g", "-O1", "-fsanitize=fuzzer,address,undefined"),
            *("-fno-sanitize-recover=undefined", '-DBOARD_HEADER="fake_board.h"'),
            *("-DRX_SIZE=4096", "-DTX_SIZE=4096", "-DMAX_EDGES=4096"),
            *(f"-I{FIRMWARE}", f"-I{HARNESS}"),
            *(FIRMWARE / name for name in CORE),
            *(HARNESS / "fake_board.c", HARNESS / "fuzz_core.c", "-lm", "-o", target),
        ]
    )
    done = subprocess.run(
        [target, f"-max_total_time={SECONDS}", "-max_len=2048", "-print_final_stats=1", corpus],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    statistics = [line for line in done.stderr.splitlines() if line.startswith("stat::")]
    print("\n".join(statistics))
    assert done.returncode == 0, done.stderr[-4000:]
