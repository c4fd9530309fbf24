"""Masks as outlines: every pixel comes back, damage is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from agriseg.errors import RecordingError
from agriseg.messages import ClassId
from agriseg.recording.outlines import decode_mask, decode_outlines, encode_mask, encode_outlines

CLASSES = st.sampled_from([int(class_id) for class_id in ClassId])


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24), elements=CLASSES))
def test_any_mask_comes_back(labels: np.ndarray) -> None:
    assert np.array_equal(decode_outlines(encode_outlines(labels)), labels)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_patches_with_holes_come_back(seed: int, cell: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.choice(np.array([0, 0, 0, 1, 2, 255], np.uint8), (9, 11))
    labels = np.kron(coarse, np.ones((cell, cell), np.uint8))
    assert np.array_equal(decode_outlines(encode_outlines(labels)), labels)


def test_a_full_and_an_empty_mask_come_back() -> None:
    for class_id in ClassId:
        labels = np.full((72, 128), int(class_id), np.uint8)
        data = encode_outlines(labels)
        assert len(data) < 100
        assert np.array_equal(decode_outlines(data), labels)


@pytest.mark.parametrize("cut", [0, 5, 20, 40])
def test_damaged_outlines_are_refused(cut: int) -> None:
    labels = np.zeros((30, 40), np.uint8)
    labels[4:20, 5:33] = ClassId.WEED
    with pytest.raises(RecordingError, match="cannot be decoded"):
        decode_outlines(encode_outlines(labels)[:cut])


def test_a_mask_of_specks_is_kept_as_a_picture_and_comes_back() -> None:
    rng = np.random.default_rng(1)
    specks = rng.choice(np.array([0, 1, 2, 255], np.uint8), (200, 300))
    form, data = encode_mask(specks)
    assert form == "grey"
    assert np.array_equal(decode_mask(form, data), specks)
    smooth = np.kron(specks[:10, :10], np.ones((20, 20), np.uint8))
    form, data = encode_mask(smooth)
    assert form == "outlines"
    assert np.array_equal(decode_mask(form, data), smooth)
