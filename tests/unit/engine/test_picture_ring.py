"""Pictures arrive whole and in order; of many the newest two."""

import numpy as np
import pytest

from agriseg.messages import BoomView, Picture
from agriseg.picture_ring import SLOT_COUNT, PictureRingReader, PictureRingWriter


def picture(frame_id: int, height: int = 6, width: int = 8) -> Picture:
    rng = np.random.default_rng(frame_id)
    return Picture(
        frame_id=frame_id,
        t_capture_s=frame_id * 0.05,
        image=rng.integers(0, 256, (height, width, 4), dtype=np.uint8),
        overlay=rng.integers(0, 256, (height, width, 4), dtype=np.uint8),
        boom=BoomView(
            nozzle_tracks_px=rng.random((3, 2, 2)) * 8, swath_px=rng.random((3, 4, 2)) * 8
        ),
    )


@pytest.fixture
def ring() -> tuple[PictureRingReader, PictureRingWriter]:
    reader = PictureRingReader(max_width_px=16, max_height_px=12, max_nozzles=4)
    return reader, PictureRingWriter(reader.handle)


def test_picture_arrives_as_it_was_sent(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    reader, writer = ring
    sent = picture(7)
    writer.write(sent)
    got = reader.read()
    assert got is not None
    assert (got.frame_id, got.t_capture_s) == (7, sent.t_capture_s)
    np.testing.assert_array_equal(got.image, sent.image)
    np.testing.assert_array_equal(got.overlay, sent.overlay)
    np.testing.assert_array_equal(got.boom.nozzle_tracks_px, sent.boom.nozzle_tracks_px)
    np.testing.assert_array_equal(got.boom.swath_px, sent.boom.swath_px)


def test_nothing_is_read_before_the_first_picture_nor_twice(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    reader, writer = ring
    assert reader.read() is None
    writer.write(picture(1))
    assert reader.read() is not None
    assert reader.read() is None


def test_two_pictures_that_came_close_after_each_other_are_both_read(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    reader, writer = ring
    seen = []
    for frame_id in range(0, 3 * SLOT_COUNT, 2):
        writer.write(picture(frame_id))
        writer.write(picture(frame_id + 1))
        while (got := reader.read()) is not None:
            np.testing.assert_array_equal(got.image, picture(got.frame_id).image)
            seen.append(got.frame_id)
    assert seen == list(range(3 * SLOT_COUNT))


def test_newest_two_pictures_win_also_after_the_ring_has_gone_round(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    reader, writer = ring
    for frame_id in range(2 * SLOT_COUNT + 1):
        writer.write(picture(frame_id, height=4 + frame_id))
    before, newest = reader.read(), reader.read()
    assert before is not None
    assert newest is not None
    assert [before.frame_id, newest.frame_id] == [2 * SLOT_COUNT - 1, 2 * SLOT_COUNT]
    assert newest.image.shape == (4 + 2 * SLOT_COUNT, 8, 4)
    assert reader.read() is None


def test_copy_is_not_touched_by_later_pictures(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    reader, writer = ring
    sent = picture(1)
    writer.write(sent)
    got = reader.read()
    for frame_id in range(2, 2 + SLOT_COUNT):
        writer.write(picture(frame_id))
    assert got is not None
    np.testing.assert_array_equal(got.image, sent.image)


def test_too_large_a_picture_is_refused(
    ring: tuple[PictureRingReader, PictureRingWriter],
) -> None:
    _, writer = ring
    with pytest.raises(ValueError, match="larger than the ring"):
        writer.write(picture(1, height=13))
