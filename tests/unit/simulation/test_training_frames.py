"""Training frames are reproducible, labelled and varied."""

from __future__ import annotations

import numpy as np

from agriseg.simulation.training_frames import random_training_frames


def test_the_same_seed_gives_the_same_frames() -> None:
    one = list(random_training_frames(3, 3, (160, 128)))
    other = list(random_training_frames(3, 3, (160, 128)))

    for (image, labels), (again, again_labels) in zip(one, other, strict=True):
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(labels, again_labels)


def test_more_frames_begin_with_the_same_ones() -> None:
    few = [image for image, _ in random_training_frames(3, 2, (96, 96))]
    many = [image for image, _ in random_training_frames(3, 6, (96, 96))]

    np.testing.assert_array_equal(few[1], many[1])


def test_frames_are_of_the_asked_size_and_number_and_hold_all_classes() -> None:
    frames = list(random_training_frames(1, 10, (192, 160)))

    assert len(frames) == 10
    assert {image.shape for image, _ in frames} == {(160, 192, 3)}
    assert {labels.shape for _, labels in frames} == {(160, 192)}
    assert all(a.dtype == np.uint8 for pair in frames for a in pair)
    found = set().union(*(np.unique(labels).tolist() for _, labels in frames))
    assert found == {0, 1, 2}


def test_fields_differ_in_light() -> None:
    levels = [image.mean() for image, _ in random_training_frames(7, 24, (64, 64))]

    assert max(levels) > 1.6 * min(levels)
