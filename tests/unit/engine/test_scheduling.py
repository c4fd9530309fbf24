"""Processes with deadlines stand apart from the ones that fill the processor."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone shares by session")

_TELL = """
import os
from agriseg.scheduling import REALTIME_PRIORITY, keep_deadlines, stand_apart
{act}()
policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
print(os.getsid(0) == os.getpid(), policy == os.SCHED_RR, os.sched_getparam(0).sched_priority)
"""


def _told(act: str) -> list[str]:
    code = _TELL.format(act=act)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_process_that_stands_apart_leads_a_session_and_stays_ordinary() -> None:
    assert _told("stand_apart") == ["True", "False", "0"]


def test_deadlines_take_a_real_time_priority_where_that_is_permitted() -> None:
    permitted = _may_be_real_time()
    assert _told("keep_deadlines") == (
        ["True", "True", "10"] if permitted else ["True", "False", "0"]
    )


def test_standing_apart_twice_is_no_error() -> None:
    assert _told("stand_apart(); stand_apart") == ["True", "False", "0"]


def _may_be_real_time() -> bool:
    code = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
