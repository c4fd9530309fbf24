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

SUITE = ("test_firmware_and_simulator.py", "test_firmware_codec.py", "test_firmware_core.py")
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
    "sprays with a dead wheel encoder": (
        (
            "safety.c",
            "        enter(STATE_SAFE, CAUSE_ENCODER);\n",
            "        return;\n",
        ),
    ),
    "takes an unknown ground speed for a fast one": (
        ("safety.c", " && mm_s != UNKNOWN_GROUND;\n", ";\n"),
    ),
    "takes one bit of liveness for another": (
        (
            "safety.c",
            "        CAUSE_NO_APPLICATION, CAUSE_NO_CAMERA, CAUSE_NO_MODEL, CAUSE_NO_PLANNER};\n",
            "        CAUSE_NO_APPLICATION, CAUSE_NO_MODEL, CAUSE_NO_CAMERA, CAUSE_NO_PLANNER};\n",
        ),
    ),
    "keeps PWM coils on": (
        (
            "valve_scheduler.c",
            "    if (valve->duty_phase == valve->duty_on) {\n        hal_valve(index, false);\n",
            "    if (valve->duty_phase == valve->duty_on) {\n        hal_valve(index, true);\n",
        ),
    ),
    "sets PWM while armed": (
        (
            "controller.c",
            "    if (safety_state() == STATE_ARMED)\n        return RESULT_WRONG_STATE;\n"
            "    if (period_ms",
            "    if (period_ms",
        ),
    ),
    "draws rows one too long": (
        (
            "controller.c",
            "(uint32_t)(uint8_t)(row - begin) * step;\n",
            "(uint32_t)(uint8_t)(row - begin + 1u) * step;\n",
        ),
    ),
    "draws rows on the wrong valve": (
        (
            "controller.c",
            "                    command->valve = (uint8_t)(first + i);\n",
            "                    command->valve = (uint8_t)(first | i);\n",
        ),
    ),
    "takes a picture that does not fit": (
        (
            "controller.c",
            "    if (runs > scheduler_free())\n        return RESULT_QUEUE_FULL;\n",
            "",
        ),
    ),
    "draws beyond its valves": (
        (
            "controller.c",
            "(uint16_t)from[8] + from[9] > BOARD_VALVES)\n        return RESULT_BAD_VALUE;\n",
            "false)\n        return RESULT_BAD_VALUE;\n",
        ),
    ),
    "does not count strobes": (
        (
            "telemetry.c",
            "    to = put_u16(to, strobe->number);\n",
            "    to = put_u16(to, 0);\n",
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
            *("-k", "not python and not tag"),
            *(HARNESS / name for name in SUITE),
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
