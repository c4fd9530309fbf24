"""Pictures for the window: the frame as it is, classes in the legend's colours."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.messages import BoomView, ClassId, Frame
from agriseg.overlay import CROP_RGB, OVERLAY_ALPHA, WEED_RGB, PicturePainter

BOOM = BoomView(nozzle_tracks_px=np.zeros((1, 2, 2)), swath_px=np.zeros((1, 4, 2)))


def _frame(width_px: int, height_px: int, frame_id: int = 0) -> Frame:
    image = np.random.default_rng(frame_id).integers(0, 256, (height_px, width_px, 3), np.uint8)
    return Frame(frame_id=frame_id, t_capture_s=0.5, image=image)


@pytest.mark.parametrize(
    ("class_id", "rgb"), [(ClassId.CROP, CROP_RGB), (ClassId.WEED, WEED_RGB), (ClassId.SOIL, None)]
)
def test_a_class_has_its_colour_on_the_frame_s_pixels(
    class_id: ClassId, rgb: tuple[int, int, int] | None
) -> None:
    frame, labels = _frame(40, 30), np.zeros((30, 40), np.uint8)
    labels[10:12, 5:9] = class_id

    picture = PicturePainter(1280, 960).paint(frame, labels, BOOM)

    alpha = round(255 * OVERLAY_ALPHA) if rgb else 0
    blue_green_red = [round(c * OVERLAY_ALPHA) for c in reversed(rgb)] if rgb else [0, 0, 0]
    assert (picture.overlay[10:12, 5:9] == [*blue_green_red, alpha]).all()
    assert not picture.overlay[:10].any()
    np.testing.assert_array_equal(picture.image[..., :3], frame.image)
    assert (picture.image[..., 3] == 255).all()
    assert (picture.frame_id, picture.t_capture_s) == (0, 0.5)


def test_nothing_of_the_picture_before_is_left() -> None:
    painter, weeds = PicturePainter(1280, 960), np.full((30, 40), ClassId.WEED, np.uint8)
    painter.paint(_frame(40, 30), weeds, BOOM)

    plain = painter.paint(_frame(40, 30, 1), None, BOOM)
    assert not plain.overlay.any()
    np.testing.assert_array_equal(plain.image[..., :3], _frame(40, 30, 1).image)

    painter.paint(_frame(40, 30), weeds, BOOM)
    assert painter.paint(_frame(20, 60), None, BOOM).overlay.shape == (60, 20, 4)


def test_large_frames_are_made_smaller_with_their_labels() -> None:
    frame, labels = _frame(400, 200), np.zeros((200, 400), np.uint8)
    labels[:, 200:] = ClassId.CROP

    picture = PicturePainter(100, 100).paint(frame, labels, BOOM)

    assert picture.image.shape == picture.overlay.shape == (50, 100, 4)
    assert not picture.overlay[:, :50].any()
    assert picture.overlay[:, 50:, 3].all()
