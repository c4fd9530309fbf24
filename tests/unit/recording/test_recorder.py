"""Recording and reading back: nothing changes, nothing blocks, a full disk stops only pictures."""

from __future__ import annotations

import errno
import threading
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from recording_samples import (
    CAPABILITIES,
    CONFIG,
    DESCRIPTION,
    SMALL_PARTS,
    STAGE,
    START_NS,
    START_S,
    frame_and_segmentation,
    messages_given,
    odometry,
    record,
    same,
    vehicle,
)

from agriseg.append_file import DiskFile
from agriseg.clock import VirtualClock
from agriseg.errors import DiskFullError, RecordingError
from agriseg.messages import RunEvent
from agriseg.recording import topics
from agriseg.recording.reader import Run, open_run
from agriseg.recording.recorder import RecorderLimits, RunRecorder
from agriseg.recording.run_directories import DiskBudget, set_starred

GIVEN_TOPICS = frozenset(topics.DATA_TOPICS) - {topics.FRAME, topics.RECORDER}


def messages_in(run: Run) -> list[object]:
    return [record.message for record in run.records(GIVEN_TOPICS)]


def test_every_message_comes_back_in_order(tmp_path: Path) -> None:
    record(tmp_path / "run", 30)
    with open_run(tmp_path / "run") as run:
        given = messages_given(30)
        read = messages_in(run)
        assert len(read) == len(given)
        assert all(same(*pair) for pair in zip(read, given, strict=True))
        assert run.recovery.is_whole
        assert run.problems == ()


def test_frames_come_back_with_picture_mask_pose_and_times(tmp_path: Path) -> None:
    record(tmp_path / "run", 30)
    with open_run(tmp_path / "run") as run:
        assert run.frame_count == 30
        for index in (29, 0, 13):
            t_s = START_S + (index + 1) * 0.05
            frame, segmentation = frame_and_segmentation(index, t_s)
            found = run.frame(index)
            assert np.array_equal(found.labels, segmentation.labels)
            assert np.abs(found.image.astype(int) - frame.image).mean() < 8.0
            assert found.record.frame_id == index
            assert found.record.t_capture_s == frame.t_capture_s
            assert found.record.vehicle == vehicle(t_s, (index + 1) * 0.05)
            assert found.record.weed_cover == pytest.approx(80 / (48 * 64))
            assert found.record.crop_cover == pytest.approx(200 / (48 * 64))
        with pytest.raises(IndexError, match="frame 30"):
            run.frame(30)


def test_a_frame_is_found_by_time(tmp_path: Path) -> None:
    record(tmp_path / "run", 30)
    with open_run(tmp_path / "run") as run:
        times = run.frame_times_s
        assert run.frame_index_at(START_S - 5.0) == 0
        assert run.frame_index_at(float(times[17]) + 0.02) == 17
        assert run.frame_index_at(START_S + 1e6) == 29


def test_a_time_window_yields_what_was_recorded_in_it(tmp_path: Path) -> None:
    record(tmp_path / "run", 30)
    with open_run(tmp_path / "run") as run:
        window = list(run.records({topics.ODOMETRY}, START_S + 0.501, START_S + 0.999))
        assert [r.message.distance_m for r in window] == pytest.approx(
            [0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
        )


def test_the_run_says_what_it_was_made_with(tmp_path: Path) -> None:
    record(tmp_path / "run", 2)
    with open_run(tmp_path / "run") as run:
        assert run.config == CONFIG
        assert run.info.versions == DESCRIPTION.versions
        assert run.info.model == DESCRIPTION.model
        assert run.info.start_ns == START_NS
        assert run.info.virtual_time


def test_parts_are_rotated_and_read_as_one(tmp_path: Path) -> None:
    record(tmp_path / "run", 200, limits=SMALL_PARTS)
    parts = sorted((tmp_path / "run").glob("video-*.mcap"))
    assert len(parts) >= 3
    with open_run(tmp_path / "run") as run:
        assert run.recovery.is_whole
        assert run.frame_count == 200
        assert [run.frame(index).record.frame_id for index in (0, 99, 199)] == [0, 99, 199]
        assert len(messages_in(run)) == len(messages_given(200))


def test_a_clock_that_jumps_moves_nothing(tmp_path: Path) -> None:
    readings = iter([START_NS] + [START_NS - 10**15] * 1000)
    record(tmp_path / "run", 20, wall_ns=lambda: next(readings))
    with open_run(tmp_path / "run") as run:
        assert run.duration_s == pytest.approx(1.0, abs=0.001)
        assert np.all(np.diff(run.frame_times_s) > 0.0)


def test_time_that_stands_still_or_steps_back_keeps_frames_apart(tmp_path: Path) -> None:
    clock = VirtualClock(START_S)
    recorder = RunRecorder(tmp_path / "run", CONFIG, DESCRIPTION, clock=clock, wait_for_room=True)
    for index in range(5):
        recorder.frame(*frame_and_segmentation(index, START_S), None, STAGE)
    recorder.close()
    with open_run(tmp_path / "run") as run:
        assert [run.frame(index).record.frame_id for index in range(5)] == list(range(5))


def test_a_second_run_does_not_overwrite_the_first(tmp_path: Path) -> None:
    record(tmp_path / "run", 3)
    with pytest.raises(RecordingError, match="there is a run here already"):
        record(tmp_path / "run", 3)
    record(tmp_path / "run", 5, replace_run=True)
    with open_run(tmp_path / "run") as run:
        assert run.frame_count == 5


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match=r"file.*cannot be recorded here"):
        record(tmp_path / "file" / "run", 1)


class SlowDisk:
    """Files that take nothing until they are let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def __call__(self, path: Path) -> DiskFile:
        self.let.wait()
        return DiskFile(path)


def test_a_disk_that_hangs_costs_pictures_never_events_and_never_the_caller(
    tmp_path: Path,
) -> None:
    disk = SlowDisk()
    recorder = record(
        tmp_path / "run",
        100,
        close=False,
        wait_for_room=False,
        open_file=disk,
        limits=replace(RecorderLimits(), pictures_waiting=4, telemetry_waiting=120),
    )
    disk.let.set()
    recorder.close()
    counters = recorder.counters
    assert counters.pictures_dropped >= 90
    assert counters.telemetry_dropped > 0
    with open_run(tmp_path / "run") as run:
        kinds = Counter(type(message).__name__ for message in messages_in(run))
        assert kinds["SprayPlan"] == 100
        assert kinds["PulseReport"] == 100
        assert kinds["RunEvent"] == 1
        frames = [r.message for r in run.records({topics.FRAME})]
        assert len(frames) == 100
        assert sum(frame.has_picture for frame in frames) == run.frame_count
        assert run.frame_count == 100 - counters.pictures_dropped


@dataclass
class LimitedDisk:
    """A disk with room for some bytes; a write beyond leaves a part of itself behind."""

    room: int

    def __call__(self, path: Path) -> LimitedFile:
        return LimitedFile(self, path)


class LimitedFile(DiskFile):
    """A file on a `LimitedDisk`."""

    def __init__(self, disk: LimitedDisk, path: Path) -> None:
        super().__init__(path)
        self._disk = disk
        self._size = 0

    def write(self, data: bytes) -> None:
        fitting = data[: max(0, self._disk.room)]
        super().write(fitting)
        self._disk.room -= len(fitting)
        self._size += len(fitting)
        if len(fitting) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def truncate(self, size: int) -> None:
        super().truncate(size)
        self._disk.room += self._size - size
        self._size = size


def test_a_full_disk_stops_pictures_says_so_and_keeps_what_was_written(tmp_path: Path) -> None:
    disk = LimitedDisk(room=60_000)
    recorder = record(tmp_path / "run", 200, open_file=disk, close=False)
    recorder.flush()
    assert isinstance(recorder.error, DiskFullError)
    assert "spraying goes on" in recorder.problem
    with open_run(tmp_path / "run") as run:
        assert not run.recovery.is_whole
        assert 20 <= run.frame_count < 200
        assert all(run.frame(index).record.frame_id == index for index in range(run.frame_count))
        read = [m for m in messages_in(run) if getattr(m, "kind", "") != "recording"]
        given = messages_given(200)
        assert len(read) > 20
        assert all(same(*pair) for pair in zip(read, given, strict=False))
    recorder.close()


def test_when_there_is_room_again_nothing_that_was_decided_is_missing(tmp_path: Path) -> None:
    disk = LimitedDisk(room=60_000)

    def make_room(index: int, recorder: RunRecorder) -> None:
        if index == 150:
            recorder.flush()
            assert recorder.problem
            disk.room = 10_000_000
            assert recorder.flush()

    recorder = record(tmp_path / "run", 200, open_file=disk, between=make_room)
    assert recorder.problem == ""
    with open_run(tmp_path / "run") as run:
        assert run.recovery.is_whole
        events = [r.message for r in run.records({topics.EVENT})]
        told = [event.text for event in events if event.kind == "recording"]
        assert "full" in told[0]
        assert told[-1] == "Pictures are recorded again."
        kept = [m for m in messages_in(run) if getattr(m, "kind", "") != "recording"]
        given = messages_given(200)
        assert len(kept) == len(given)
        assert all(same(*pair) for pair in zip(kept, given, strict=True))
        assert run.frame(run.frame_count - 1).record.frame_id == 199
        assert run.frame_count + recorder.counters.pictures_dropped == 200


def test_little_room_stops_pictures_before_the_disk_is_full(tmp_path: Path) -> None:
    free = [10**12]

    def fill(index: int, recorder: RunRecorder) -> None:
        if index in (50, 100):
            recorder.flush()
            free[0] = 10**8 if index == 50 else 10**12
            recorder.flush()
            assert bool(recorder.problem) == (index == 50)

    recorder = record(tmp_path / "run", 150, between=fill, free_bytes=lambda _: free[0])
    with open_run(tmp_path / "run") as run:
        frames = [r.message for r in run.records({topics.FRAME})]
        assert [f.frame_id for f in frames if not f.has_picture] == list(range(49, 99))
        assert recorder.counters.pictures_dropped == 50


def test_the_oldest_runs_make_room_but_never_a_starred_one(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for name in ("a", "b", "c", "d"):
        record(root / name, 20)
    set_starred(root / "a", True)
    (root / "other").mkdir()
    (root / "other" / "data.txt").write_text("not a run")
    size = sum(file.stat().st_size for file in (root / "a").iterdir())
    later_s = (root / "d" / "run.json").stat().st_mtime + 3600.0
    budget = DiskBudget(root=root, max_bytes=round(2.5 * size))
    deleted, excess = budget.clean_up(keep=[root / "d"], now_s=lambda: later_s)
    assert [path.name for path in deleted] == ["b", "c"]
    assert excess == 0
    assert sorted(path.name for path in root.iterdir()) == ["a", "d", "other"]
    deleted, excess = replace(budget, max_bytes=10).clean_up(
        keep=[root / "d"], now_s=lambda: later_s
    )
    assert deleted == []
    assert excess > size


def test_a_budget_that_only_starred_runs_fill_stops_pictures(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    record(root / "old", 20)
    set_starred(root / "old", True)
    budget = DiskBudget(root=root, max_bytes=1000)
    recorder = record(root / "new", 20, budget=budget, close=False)
    recorder.flush()
    assert "max_disk_gb" in recorder.problem
    recorder.close()
    with open_run(root / "new") as run:
        assert len(messages_in(run)) >= len(messages_given(20))


@pytest.mark.error_logs
def test_a_failure_of_the_recorder_itself_is_said_and_closing_still_works(tmp_path: Path) -> None:
    recorder = record(tmp_path / "run", 3, close=False)
    recorder.event(object())  # type: ignore[arg-type]
    recorder.flush()
    recorder.event(RunEvent(t_s=START_S, kind="note", text="too late"))
    recorder.close()
    assert "unexpected error" in recorder.problem
    with open_run(tmp_path / "run") as run:
        assert not run.recovery.is_whole


def test_after_closing_further_messages_are_ignored(tmp_path: Path) -> None:
    recorder = record(tmp_path / "run", 3)
    recorder.controller(odometry(START_S + 9.0, 9.0))
    recorder.controller(CAPABILITIES)
    recorder.close()
    with open_run(tmp_path / "run") as run:
        assert len(messages_in(run)) == len(messages_given(3))
