"""A run that was cut off opens, loses at most its last second, and yields nothing damaged."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from recording_samples import (
    SMALL_PARTS,
    frame_and_segmentation,
    messages_given,
    record,
    same,
)

from agriseg.errors import RecordingError
from agriseg.recording import topics
from agriseg.recording.part_reader import ChunkRef, PartReader
from agriseg.recording.reader import open_run

FRAMES = 40
TOLD_TOPICS = frozenset(topics.DATA_TOPICS) - {topics.FRAME, topics.RECORDER}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a whole run."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    record(directory, FRAMES)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def given() -> list[str]:
    """Return the printed form of each message that the run was given."""
    return [repr(message) for message in messages_given(FRAMES)]


def write_run(directory: Path, files: dict[str, bytes]) -> Path:
    directory.mkdir(exist_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)
    return directory


def chunks_of(path: Path) -> list[ChunkRef]:
    """Return where the chunks of a part are."""
    part = PartReader(path)
    part.close()
    return part.chunks


def test_cut_at_any_byte_the_data_is_a_true_beginning(
    tmp_path: Path, whole: dict[str, bytes], given: list[str]
) -> None:
    data = whole["data-0000.mcap"]
    directory = write_run(tmp_path / "run", whole)
    last = chunks_of(directory / "data-0000.mcap")[-1]
    counts: dict[int, int] = {}
    for size in [
        *range(0, len(data), 397),
        *range(last.offset - 30, last.offset + 80),
        *range(last.offset + 80, last.offset + last.length, 7),
        *range(last.offset + last.length, last.offset + last.length + 150),
        *range(len(data) - 40, len(data)),
    ]:
        (directory / "data-0000.mcap").write_bytes(data[:size])
        with open_run(directory) as run:
            read = [repr(record.message) for record in run.records(TOLD_TOPICS)]
            assert read == given[: len(read)]
            assert run.problems == ()
            assert not run.recovery.is_whole
            assert f"recovered {run.duration_s:.1f}" in run.recovery.sentence
        counts[size] = len(read)
    rising = [counts[size] for size in sorted(counts)]
    assert rising == sorted(rising)
    assert rising[-1] == len(given)


def test_cut_at_any_byte_the_pictures_are_true(tmp_path: Path, whole: dict[str, bytes]) -> None:
    video = whole["video-0000.mcap"]
    directory = write_run(tmp_path / "run", whole)
    for size in [*range(0, len(video), 3001), *range(len(video) - 300, len(video))]:
        (directory / "video-0000.mcap").write_bytes(video[:size])
        with open_run(directory) as run:
            assert not run.recovery.is_whole
            if run.frame_count:
                last = run.frame(run.frame_count - 1)
                _, expected = frame_and_segmentation(last.record.frame_id, 0.0)
                assert last.record.frame_id == run.frame_count - 1
                assert np.array_equal(last.labels, expected.labels)


def test_what_is_known_of_the_lost_end_is_said(tmp_path: Path, whole: dict[str, bytes]) -> None:
    directory = write_run(tmp_path / "run", whole)
    (directory / "video-0000.mcap").unlink()
    torn = chunks_of(directory / "data-0000.mcap")[3]
    data = whole["data-0000.mcap"][: torn.offset + torn.length // 2]
    (directory / "data-0000.mcap").write_bytes(data)
    with open_run(directory) as run:
        recovery = run.recovery
        assert recovery.recovered_s < recovery.known_s <= FRAMES * 0.05 + 1e-6
        assert recovery.known_s == pytest.approx((torn.end_ns - run.info.start_ns) * 1e-9)
        assert "the last chunk was torn" in recovery.sentence


@pytest.mark.parametrize("seed", range(4))
def test_no_flipped_bit_gets_through(
    tmp_path: Path, whole: dict[str, bytes], given: list[str], seed: int
) -> None:
    data = whole["data-0000.mcap"]
    directory = write_run(tmp_path / "run", whole)
    allowed = set(given)
    chance = random.Random(seed)
    for _ in range(60):
        damaged = bytearray(data)
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (directory / "data-0000.mcap").write_bytes(damaged)
        with suppress(RecordingError), open_run(directory) as run:
            assert {repr(r.message) for r in run.records(TOLD_TOPICS)} <= allowed


def test_zeros_behind_the_end_as_after_a_power_cut_are_not_data(
    tmp_path: Path, whole: dict[str, bytes], given: list[str]
) -> None:
    data = whole["data-0000.mcap"]
    half = len(data) // 2
    directory = write_run(tmp_path / "run", whole)
    (directory / "data-0000.mcap").write_bytes(data[:half] + bytes(len(data) - half))
    with open_run(directory) as run:
        read = [repr(record.message) for record in run.records(TOLD_TOPICS)]
        assert read == given[: len(read)]
        assert 0 < len(read) < len(given)
        assert not run.recovery.is_whole


def test_damage_in_the_middle_leaves_out_one_chunk_and_says_which(
    tmp_path: Path, whole: dict[str, bytes], given: list[str]
) -> None:
    data = bytearray(whole["data-0000.mcap"])
    directory = write_run(tmp_path / "run", whole)
    middle = chunks_of(directory / "data-0000.mcap")[2]
    data[middle.offset + middle.length // 2] ^= 0xFF
    (directory / "data-0000.mcap").write_bytes(data)
    with open_run(directory) as run:
        read = {repr(record.message) for record in run.records(TOLD_TOPICS)}
        assert read < set(given)
        assert len(given) - len(read) < 50
        assert f"chunk at byte {middle.offset} is damaged" in run.problems[0]


def test_a_run_with_a_lost_head_still_opens_by_its_small_file(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    directory = write_run(tmp_path / "run", whole)
    (directory / "data-0000.mcap").unlink()
    (directory / "video-0000.mcap").unlink()
    with open_run(directory) as run:
        assert run.duration_s == 0.0
        assert run.frame_count == 0
        assert list(run.records()) == []


def test_reading_changes_no_file(tmp_path: Path, whole: dict[str, bytes]) -> None:
    files = dict(whole)
    files["data-0000.mcap"] = files["data-0000.mcap"][:-700]
    directory = write_run(tmp_path / "run", files)
    with open_run(directory) as run:
        list(run.records())
        run.frame(run.frame_count - 1)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == files


def test_a_newer_format_is_refused_with_both_versions(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    directory = write_run(tmp_path / "run", {"run.json": whole["run.json"]})
    text = whole["run.json"].decode().replace('"format_version": "1"', '"format_version": "2"')
    (directory / "run.json").write_text(text)
    with pytest.raises(RecordingError, match=r"format version 2 .*reads versions up to 1.*update"):
        open_run(directory)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 3}', '{"run": {}}'])
def test_a_head_that_says_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RecordingError, match="head is missing or damaged"):
        open_run(tmp_path)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such folder"):
        open_run(tmp_path / "nothing")
    with pytest.raises(RecordingError, match="not a recorded run"):
        open_run(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(RecordingError, match="not a recorded run"):
        open_run(tmp_path / "notes.txt")


CHILD = """
import sys
from contextlib import suppress
from pathlib import Path
from recording_samples import SMALL_PARTS, record

def acknowledge(recorder, frames):
    while recorder.counters.frames < frames:
        pass
    print("written", flush=True)
    sys.stdin.read()

frames, rotate = int(sys.argv[2]), sys.argv[3] == "rotate"
options = {"limits": SMALL_PARTS} if rotate else {}
recorder = record(Path(sys.argv[1]), frames, close=False, **options)
acknowledge(recorder, frames)
"""


RANDOM_MOMENTS = sorted(np.random.default_rng(20).integers(2, 160, 20).tolist())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("rotate", ["rotate", "one part"])
@pytest.mark.parametrize("frames", [1, 11, 47])
def test_a_killed_recorder_loses_at_most_its_last_second(
    tmp_path: Path, repository: Path, frames: int, rotate: str
) -> None:
    kill_and_read(tmp_path / "run", repository, frames, rotate)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("frames", RANDOM_MOMENTS)
def test_killed_at_twenty_random_moments_every_run_opens(
    tmp_path: Path, repository: Path, frames: int
) -> None:
    kill_and_read(tmp_path / "run", repository, frames, "rotate" if frames % 2 else "one part")


def kill_and_read(directory: Path, repository: Path, frames: int, rotate: str) -> None:
    """Kill a recorder that was given so many frames, and check what is left."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory), str(frames), rotate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=repository,
        env={"PYTHONPATH": f"{repository}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    given = messages_given(frames)
    with open_run(directory) as run:
        read = [record.message for record in run.records(TOLD_TOPICS)]
        assert all(same(*pair) for pair in zip(read, given, strict=False))
        assert run.problems == ()
        assert run.duration_s >= frames * 0.05 - 1.0
        assert run.frame_count * 0.05 >= frames * 0.05 - 1.0
        for index in range(run.frame_count):
            _, expected = frame_and_segmentation(index, 0.0)
            assert np.array_equal(run.frame(index).labels, expected.labels)


def test_a_torn_run_of_several_parts_is_read_across_them(tmp_path: Path) -> None:
    record(tmp_path / "run", 200, limits=SMALL_PARTS)
    last = sorted((tmp_path / "run").glob("video-*.mcap"))[-1]
    last.write_bytes(last.read_bytes()[:-100])
    with open_run(tmp_path / "run") as run:
        assert not run.recovery.is_whole
        assert run.frame_count == 200
