"""Connected patches of cells."""

import numpy as np
import pytest

from agriseg.geometry.patches import TrackGrid, find_patches

GRID = TrackGrid(s0_m=10.0, y0_m=-1.0, cell_m=0.01)


def test_area_centre_and_ends_of_two_patches() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:14, 20:30] = True
    mask[30, 40] = True
    patches = find_patches(mask, GRID)
    assert patches.area_m2 == pytest.approx([0.004, 0.0001])
    assert patches.centre_m[0] == pytest.approx([10.0 + 0.245, -1.0 + 0.115])
    assert patches.s_m[0] == pytest.approx([10.195, 10.295])
    assert patches.y_m[0] == pytest.approx([-0.905, -0.865])


def test_cells_and_cover_belong_to_their_patch() -> None:
    mask = np.zeros((21, 33), bool)
    mask[3:6, 5:9] = True
    mask[20, 32] = True
    patches = find_patches(mask, GRID)
    window, cells = patches.cells_of(0, GRID)
    chosen = np.zeros_like(mask)
    chosen[window] = cells
    assert (chosen == (mask & (np.arange(21)[:, None] < 10))).all()
    cover = patches.cover(np.array([False, True]))
    assert cover[20, 32]
    assert not cover[:10].any()


def test_a_gap_of_one_cell_may_join_two_do_not() -> None:
    mask = np.zeros((20, 40), bool)
    mask[4, 4] = mask[4, 6] = True
    mask[4, 20] = mask[4, 24] = True
    assert len(find_patches(mask, GRID).area_m2) == 3


def test_nothing_gives_nothing() -> None:
    patches = find_patches(np.zeros((4, 6), bool), GRID)
    assert patches.area_m2.shape == (0,)
    assert patches.centre_m.shape == (0, 2)
