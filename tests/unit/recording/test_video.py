"""Pictures as video: any frame is found, what cannot be decoded is never shown as if it could."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recording_samples import (
    CONFIG,
    SMALL_PARTS,
    START_S,
    frame_and_segmentation,
    record,
)

from agriseg.config import RecordingConfig
from agriseg.errors import RecordingError
from agriseg.messages import Frame
from agriseg.recording import topics
from agriseg.recording.picture_coding import VideoPictures, video_size
from agriseg.recording.pictures import decode_jpeg
from agriseg.recording.quality import QUALITIES, ByteBudget
from agriseg.recording.reader import open_run
from agriseg.recording.topics import EncodedImage, VideoPacket
from agriseg.recording.video_reader import VideoReader
from agriseg.recording.vp9 import colour_planes, find_vp9


def picture(index: int) -> np.ndarray:
    return frame_and_segmentation(index, START_S)[0].image.astype(int)


def test_frames_in_any_order_are_those_read_one_after_another(tmp_path: Path) -> None:
    record(tmp_path / "run", 70, limits=SMALL_PARTS)
    with open_run(tmp_path / "run") as run:
        in_order = [run.frame(index).image for index in range(70)]
    assert all(np.abs(image - picture(i)).mean() < 8.0 for i, image in enumerate(in_order))
    with open_run(tmp_path / "run") as run:
        for index in np.random.default_rng(0).permutation(70).tolist():
            assert np.array_equal(run.frame(index).image, in_order[index])


def test_larger_pictures_are_kept_smaller_and_shown_at_the_cameras_size(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"recording": RecordingConfig(video_long_side_px=160)})
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, 160:] = (40, 160, 60)
    library = find_vp9()
    assert library is not None
    coding = VideoPictures(library, config.recording, ByteBudget(QUALITIES["standard"]))
    frame = Frame(frame_id=3, t_capture_s=1.0, image=image)
    (topic, packet), (other, still) = coding.encode(frame, key=False)
    coding.close()
    assert topic == topics.VIDEO
    assert isinstance(packet, VideoPacket)
    assert other == topics.IMAGE
    assert isinstance(still, EncodedImage)
    assert np.abs(decode_jpeg(still.data).astype(int) - image).mean() < 1.0
    reader = VideoReader(np.array([7]), lambda _: packet)
    decoded = reader.picture(7)
    reader.close()
    assert decoded.shape == (120, 160, 3)
    assert np.abs(decoded[:, :70].astype(int)).mean() < 8.0
    assert np.abs(decoded[:, 90:].astype(int) - (40, 160, 60)).mean() < 8.0


def test_without_a_vp9_encoder_pictures_are_jpeg_and_the_run_says_so(tmp_path: Path) -> None:
    record(tmp_path / "run", 5, vp9=lambda: None)
    with open_run(tmp_path / "run") as run:
        assert run.frame_count == 5
        assert np.abs(run.frame(4).image - picture(4)).mean() < 8.0
        told = [
            r.message.text for r in run.records({topics.EVENT}) if r.message.kind == "recording"
        ]
        assert len(told) == 1
        assert "libvpx" in told[0]
        assert not list(run.records({topics.VIDEO}))


def test_behind_a_lost_packet_nothing_is_shown_up_to_the_next_key(tmp_path: Path) -> None:
    record(tmp_path / "run", 45)
    with open_run(tmp_path / "run") as run:
        packets = [r.message for r in run.records({topics.VIDEO})]
    times = np.arange(45)
    whole = VideoReader(times, lambda t: packets[t])
    lost = VideoReader(times, lambda t: None if t == 25 else packets[t])
    gone = VideoReader(np.delete(times, 25), lambda t: packets[t])
    for reader in (lost, gone):
        for index in (0, 19, 20, 24, 40, 44):
            assert np.array_equal(reader.picture(index), whole.picture(index))
        for index in (26, 39):
            with pytest.raises(RecordingError, match="damaged or missing"):
                reader.picture(index)
    for reader in (whole, lost, gone):
        reader.close()


def test_a_frame_of_another_size_begins_anew() -> None:
    library = find_vp9()
    assert library is not None
    coding = VideoPictures(library, RecordingConfig(), ByteBudget(QUALITIES["standard"]))
    sizes = [(48, 64), (48, 64), (32, 96)]
    packets = [
        coding.encode(
            Frame(frame_id=i, t_capture_s=0.05 * i, image=np.zeros((*size, 3), np.uint8)), key=False
        )[0][1]
        for i, size in enumerate(sizes)
    ]
    coding.close()
    assert [packet.is_key for packet in packets] == [True, False, True]
    reader = VideoReader(np.arange(3), lambda t: packets[t])
    assert [reader.picture(i).shape[:2] for i in range(3)] == sizes
    reader.close()


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        ((1280, 720), 960, (960, 540)),
        ((960, 544), 960, (960, 544)),
        ((640, 480), 960, (640, 480)),
        ((641, 481), 960, (640, 480)),
        ((720, 1280), 960, (540, 960)),
    ],
)
def test_the_videos_size(size: tuple[int, int], limit: int, expected: tuple[int, int]) -> None:
    assert video_size(*size, limit) == expected
    image = np.zeros((size[1], size[0], 3), np.uint8)
    assert colour_planes(image, *expected).shape == (3, expected[1], expected[0])
