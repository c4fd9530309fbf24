"""The driven ground, from a recording: weeds and crop lie where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recorded_drive import make_drive

from agriseg.messages import ClassId
from agriseg.replay.ground_tiles import driven_ground


def test_weeds_and_crop_lie_where_they_are_and_tiles_are_cut_out(tmp_path: Path) -> None:
    drive = make_drive()
    run = drive.record(tmp_path / "run", 3.2)
    ground = driven_ground(run)
    assert ground is not None
    ends_m = ground.s0_m + ground.cell_m * ground.labels.shape[1]
    checked = 0
    for s_m, y_m, radius_m in drive.field.weeds:
        if radius_m < 0.015 or not ground.s0_m + 0.1 < s_m < ends_m - 0.1:
            continue
        tile = ground.between(s_m - ground.cell_m, s_m + ground.cell_m)
        row = int((y_m - ground.y0_m) / ground.cell_m)
        assert ClassId.WEED in tile.labels[row - 1 : row + 2]
        checked += 1
    assert checked > 5
    rows = np.flatnonzero((ground.labels == ClassId.CROP).any(axis=1))
    across_m = ground.y0_m + ground.cell_m * rows
    assert np.all(np.abs(np.abs(across_m) - 0.25) < 0.09)
    assert driven_ground(run, cancelled=lambda: True) is None
