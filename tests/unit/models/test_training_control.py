"""Pausing and stopping from outside; what a terminal is told."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agriseg.errors import DatasetError
from agriseg.models.team import Alone, share_of
from agriseg.models.training_control import FileControl, Wish
from agriseg.models.training_events import StepDone, TrainingProgress, TrainingStarted
from agriseg.training_progress import duration_words, open_speaker


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("pause", Wish.PAUSE),
        ("Stop\n", Wish.STOP),
        ("", Wish.GO_ON),
        ("run", Wish.GO_ON),
        ("pausing", Wish.GO_ON),
    ],
)
def test_the_file_says_what_is_wanted(tmp_path: Path, text: str, wish: Wish) -> None:
    control = FileControl(tmp_path / "control")
    assert control.wish() == Wish.GO_ON
    (tmp_path / "control").write_text(text)
    assert control.wish() == wish


def test_a_stop_of_an_earlier_run_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("stop")
    assert FileControl(tmp_path / "control").wish() == Wish.GO_ON
    assert not (tmp_path / "control").exists()


_SIGNALLED = """
import os, signal, sys
from pathlib import Path
from agriseg.models.training_control import FileControl, Wish, stopping_by_signals

number = int(sys.argv[2])
heard = []
signal.signal(number, lambda n, _: heard.append(n))
control = FileControl(Path(sys.argv[1]))
with stopping_by_signals(control):
    os.kill(os.getpid(), number)
    assert control.wish() == Wish.STOP
    assert heard == []
    os.kill(os.getpid(), number)
    assert heard == [number]
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_after_the_step_the_second_at_once(
    tmp_path: Path, number: signal.Signals
) -> None:
    """In a process of its own, as a training is: signals are the whole process's."""
    done = subprocess.run(
        [sys.executable, "-c", _SIGNALLED, str(tmp_path / "control"), str(int(number))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_batch_that_cannot_be_shared_is_named() -> None:
    class Third(Alone):
        rank = 2
        size = 3

    assert share_of(6, Third()) == (4, 2)
    with pytest.raises(DatasetError, match=r"schedule\.batch is 8, which 3 processes cannot"):
        share_of(8, Third())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_with_the_remaining_time() -> None:
    out, terminal = io.StringIO(), Terminal()
    speaker = open_speaker("auto", out, terminal)
    speaker.hear(
        TrainingStarted(
            step=0, steps=10, batch=2, processes=1, device="cpu", directory=Path("training")
        )
    )
    numbers = {"step": 4, "steps": 10, "loss": 0.5, "learning_rate": 0.1, "elapsed_s": 80.0}
    speaker.hear(StepDone(**numbers, crops_per_s=1.0, remaining_s=7200.0))
    speaker.hear(TrainingProgress(**numbers, remaining_s=7200.0, validation={"a.miou": 0.25}))
    speaker.close()
    assert "step 4/10" in terminal.getvalue()
    assert "2 h 00 min left" in terminal.getvalue()
    assert out.getvalue() == "step 4/10  loss 0.500  a.miou 0.250  2 h 00 min left\n"


def test_durations_are_words() -> None:
    assert [duration_words(s) for s in (5, 200, 3660)] == ["5 s", "3 min", "1 h 01 min"]
