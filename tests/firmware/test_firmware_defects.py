"""Seeded defects: each changed copy of the firmware makes the core's tests fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from firmware_build import FIRMWARE, HARNESS, missing_packages

DEFECTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "queues while unarmed": (
        (
            "valve_scheduler.c",
            "    if (safety_state() != STATE_ARMED)\n        return OUTCOME_NOT_ARMED;\n",
            "",
        ),
    ),
    "skips the checksum": (
        (
            "framing.c",
            "    if (crc16(checksum_seed(body[0]), body, length) != CHECKSUM_RESIDUE)\n"
            "        return FRAME_BAD;\n",
            "",
        ),
    ),
    "sprays late pulses at once": (
        (
            "valve_scheduler.c",
            "    if ((int32_t)(now - valve->edge_tick) > (int32_t)LATE_TICKS)\n",
            "    if ((int32_t)(now - valve->edge_tick) == (int32_t)0x7FFFFFFF)\n",
        ),
        (
            "valve_scheduler.c",
            "    if (is_before(opens, now + MIN_LEAD_TICKS) && !follows)\n"
            "        return OUTCOME_LATE;\n",
            "    (void)follows;\n    (void)opens;\n",
        ),
    ),
    "ignores the open-time cap": (
        (
            "valve_scheduler.c",
            "    uint32_t cap = valve->began_tick + max_open_ticks;\n",
            "    uint32_t cap = valve->began_tick + 0x70000000ul;\n",
        ),
    ),
    "resumes after a latched stop": (
        (
            "safety.c",
            "    input_tripped = false;\n    if (state == STATE_ARMED && !beat_fresh)\n",
            "    input_tripped = false;\n"
            "    if (state == STATE_ESTOP && !hal_estop_pressed() && beat_fresh)\n"
            "        enter(STATE_ARMED, CAUSE_NONE);\n"
            "    if (state == STATE_ARMED && !beat_fresh)\n",
        ),
    ),
    "adds the opening latency": (
        (
            "valve_scheduler.c",
            "        pulse->start = command->start - lead_of(valve, true);\n",
            "        pulse->start = command->start + lead_of(valve, true);\n",
        ),
    ),
    "adds the way during the latency": (
        ("valve_scheduler.c", "    left -= ahead;\n", "    left += ahead;\n"),
    ),
    "has no deadman": (
        (
            "safety.c",
            "    if (state == STATE_ARMED && !beat_fresh)\n",
            "    if (state == STATE_ARMED && false)\n",
        ),
    ),
    "takes the heartbeat of any session": (
        (
            "controller.c",
            " || get_u32(from) != controller_link.session) {\n",
            ") {\n",
        ),
    ),
    "closes between abutting pulses": (
        (
            "valve_scheduler.c",
            "    if (!valve->capped && continues(valve, now)) {\n",
            "    if (!valve->capped && continues(valve, now) && false) {\n",
        ),
    ),
    "executes a repeated frame again": (
        (
            "controller.c",
            "    if (ahead == 0) {\n",
            "    if (ahead == 0 || ahead == 255) {\n",
        ),
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_seeded_defect_is_found(defect: str, tmp_path: Path) -> None:
    missing = missing_packages()
    if missing:
        pytest.skip(missing)
    sources = tmp_path / "firmware"
    shutil.copytree(FIRMWARE, sources, ignore=shutil.ignore_patterns("build"))
    for name, right, wrong in DEFECTS[defect]:
        text = (sources / name).read_text()
        assert text.count(right) == 1, f"{name} no longer holds what {defect!r} changes"
        (sources / name).write_text(text.replace(right, wrong))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
            *(HARNESS / "test_firmware_core.py", HARNESS / "test_firmware_codec.py"),
        ],
        env=os.environ | {"FIRMWARE_SOURCES": str(sources)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.findall(r"^FAILED \S+::(\S+)", done.stdout, re.MULTILINE)
    print(f"{defect}: found by {failed}")
    assert done.returncode == 1, done.stdout[-2000:]
    assert failed
