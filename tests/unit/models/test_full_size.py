"""Full-size maps on the CPU are those of enlarging the logits themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from agriseg.models.full_size import FullSizeMaps
from agriseg.models.sizing import Size

_LEVEL = 255.0


@pytest.mark.parametrize(
    ("coarse", "frame"),
    [((34, 60), Size(240, 136)), ((34, 60), Size(317, 181)), ((8, 8), Size(200, 64))],
)
def test_maps_are_those_of_bilinear_logits_and_softmax(
    coarse: tuple[int, int], frame: Size
) -> None:
    logits = np.random.default_rng(3).normal(0.0, 6.0, (3, *coarse)).astype(np.float32)

    maps = FullSizeMaps(frame, temperature=1.25).maps(logits)

    full = functional.interpolate(
        torch.from_numpy(logits)[None],
        size=(frame.height_px, frame.width_px),
        mode="bilinear",
        align_corners=False,
    )[0]
    level = _LEVEL * torch.softmax(full / 1.25, dim=0).numpy()
    assert (maps.labels != full.argmax(dim=0).numpy()).mean() < 1e-4
    assert np.abs(maps.crop - level[1]).max() < 0.6
    assert np.abs(maps.weed - level[2]).max() < 0.6


def test_logits_beyond_all_bounds_stay_probabilities() -> None:
    logits = np.zeros((3, 4, 4), np.float32)
    logits[1], logits[2] = 1e6, -1e6

    maps = FullSizeMaps(Size(8, 8), temperature=1.0).maps(logits)

    assert (maps.labels == 1).all()
    assert (maps.crop == 255).all()
    assert (maps.weed == 0).all()


def test_maps_of_an_earlier_frame_are_not_written_over() -> None:
    full = FullSizeMaps(Size(16, 16), temperature=1.0)
    weedy = np.zeros((3, 8, 8), np.float32)
    weedy[2] = 5.0

    first = full.maps(weedy)
    full.maps(-weedy)

    assert (first.labels == 2).all()
    assert (first.weed > 240).all()
