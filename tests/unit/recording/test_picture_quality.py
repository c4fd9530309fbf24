"""Pictures keep to the room of an hour, and keep the colour of small plants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recording_samples import CONFIG, record

from agriseg.config import RecordingConfig
from agriseg.messages import Frame
from agriseg.recording.picture_coding import VideoPictures
from agriseg.recording.quality import JPEG_GOOD_FOR, QUALITIES, ByteBudget
from agriseg.recording.reader import open_run
from agriseg.recording.topics import VideoPacket
from agriseg.recording.video_reader import VideoReader
from agriseg.recording.vp9 import find_vp9
from agriseg.selection.candidates import open_candidates

HOUR_S = 3600.0


def kept_in_a_minute(name: str, other_bytes: float, overshoot: float) -> tuple[float, float, int]:
    """Return GB an hour in all and of the video, and stills, of an encoder that overshoots."""
    quality = QUALITIES[name]
    budget = ByteBudget(quality)
    sizes = {"video": 0.0, "stills": 0.0}
    count, kbit_s = 0, 0
    for index in range(120 * 20):
        t_s, place_m = 5.0 + 0.05 * index, 0.05 * index
        if index % 20 == 0:
            kbit_s = budget.video_kbit_s(t_s)
        budget.other(other_bytes)
        packet = overshoot * kbit_s * 1e3 / 8.0 / 20.0
        budget.video(packet)
        still = 200_000.0 if budget.wants_still(t_s, place_m) else 0.0
        if still:
            budget.still(200_000, t_s, place_m)
        if index >= 60 * 20:
            sizes["video"] += packet
            sizes["stills"] += still
            count += still > 0.0
    scale = HOUR_S / 60.0 / 1e9
    in_all = sizes["video"] + sizes["stills"] + other_bytes * 60.0 * 20.0
    return in_all * scale, sizes["video"] * scale, count


@pytest.mark.parametrize("name", ["small", "standard", "retraining"])
@pytest.mark.parametrize("overshoot", [0.9, 1.0, 1.3])
def test_an_hour_takes_what_its_quality_says(name: str, overshoot: float) -> None:
    in_all, _, stills = kept_in_a_minute(name, 7000.0, overshoot)
    assert in_all == pytest.approx(QUALITIES[name].gb_per_hour, rel=0.06)
    assert stills >= 1


def test_the_video_takes_what_masks_and_evidence_leave() -> None:
    _, busy, _ = kept_in_a_minute("standard", 8000.0, 1.0)
    _, sparse, _ = kept_in_a_minute("standard", 4000.0, 1.0)
    assert sparse > 1.5 * busy
    _, starved, _ = kept_in_a_minute("standard", 50_000.0, 1.0)
    assert starved == pytest.approx(QUALITIES["standard"].kbit_s[0] * 1e3 / 8.0 * HOUR_S / 1e9)


def test_a_machine_that_stands_keeps_no_second_still_of_the_same_ground() -> None:
    budget = ByteBudget(QUALITIES["retraining"])
    assert budget.wants_still(1.0, 3.0)
    budget.still(100_000, 1.0, 3.0)
    assert not budget.wants_still(60.0, 3.01)
    assert budget.wants_still(60.0, 3.2)


def test_colour_is_kept_at_the_size_of_the_video() -> None:
    image = np.full((128, 128, 3), 90, np.uint8)
    image[::8, :] = (40, 150, 60)  # lines of a pixel of the video: half the colour would blur them
    image[1::8, :] = (40, 150, 60)
    library = find_vp9()
    assert library is not None
    config = RecordingConfig(video_long_side_px=64, video_kbit_s=5000)
    coding = VideoPictures(library, config, ByteBudget(QUALITIES["standard"]))
    frame = Frame(frame_id=0, t_capture_s=0.0, image=image)
    packet = coding.encode(frame, key=True)[0][1]
    coding.close()
    assert isinstance(packet, VideoPacket)
    reader = VideoReader(np.arange(1), lambda _: packet)
    seen = reader.picture(0).astype(int)
    reader.close()
    assert np.abs(seen[::4] - (40, 150, 60)).mean() < 12.0
    assert np.abs(seen[2::4] - 90).mean() < 12.0


def test_a_run_says_what_its_pictures_are_good_for_and_which_are_stills(tmp_path: Path) -> None:
    record(tmp_path / "run", 8)
    with open_run(tmp_path / "run") as run:
        assert run.pictures_good_for == QUALITIES["standard"].good_for
        assert run.metadata["agriseg.pictures"]["gb_per_hour"] == "1"
        assert run.stills.tolist() == [0]
        assert [run.frame(index).is_still for index in (0, 1)] == [True, False]
    chosen = CONFIG.model_copy(update={"recording": RecordingConfig(pictures="jpeg")})
    record(tmp_path / "jpeg", 3, config=chosen)
    with open_run(tmp_path / "jpeg") as run:
        assert run.stills.tolist() == [0, 1, 2]
        assert "label" in run.pictures_good_for


def test_frames_to_label_are_taken_from_the_stills(tmp_path: Path) -> None:
    chosen = CONFIG.model_copy(update={"recording": RecordingConfig(quality="retraining")})
    record(tmp_path / "run", 60, config=chosen)
    with open_run(tmp_path / "run") as run:
        stills, frames = set(run.stills.tolist()), run.frame_count
    assert 3 < len(stills) < frames / 2
    source = open_candidates(tmp_path / "run")
    candidates = [one.index for one in source.candidates]
    source.close()
    assert 3 <= len(candidates) < len(stills), "a step apart"
    assert set(candidates) <= stills


def test_an_older_run_of_stills_says_what_it_is_good_for() -> None:
    with open_run(Path(__file__).parents[2] / "golden" / "run-v1") as run:
        assert run.pictures_good_for == JPEG_GOOD_FOR
        assert len(run.stills) == run.frame_count
