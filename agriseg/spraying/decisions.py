"""What will be done with a plant, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array, Plant, SprayMode
from agriseg.spraying.boom import Boom
from agriseg.spraying.targets import Targets


def decided(plant: Plant, targets: Targets, boom: Boom, mode: SprayMode) -> Plant:
    """Return the plant with what the planner wants done with it, and why.

    Parameters
    ----------
    plant : Plant
    targets : Targets
        Of the map that the plant was found in.
    boom : Boom
    mode : SprayMode
    """
    return replace(plant, decision=_decision(plant, targets, boom, mode))


def _decision(plant: Plant, targets: Targets, boom: Boom, mode: SprayMode) -> str:
    if plant.class_id is ClassId.CROP:
        return "crop, protected" if mode is SprayMode.SPOT else "crop"
    if mode is SprayMode.OFF:
        return "not sprayed: the mode is off"
    right, left = float(boom.zone_y_m[:, 0].min()), float(boom.zone_y_m[:, 1].max())
    if plant.y_max_m <= right or plant.y_min_m >= left:
        return "not sprayed: outside the boom"
    sprayed = _nozzles_over(plant, boom, targets.nozzle, targets.s_min_m, targets.s_max_m)
    spared = _nozzles_over(
        plant, boom, targets.crop_nozzle, targets.crop_s_min_m, targets.crop_s_max_m
    )
    if sprayed:
        words = f"to be sprayed by {_numbers(sprayed)}"
        return f"{words}, in part: crop is near" if spared else words
    if _nozzles_over(
        plant, boom, targets.barred_nozzle, targets.barred_s_min_m, targets.barred_s_max_m
    ):
        return "not sprayed: outside of the boundary or in a no-spray zone"
    if spared:
        return "not sprayed: crop is too near"
    return f"not sprayed: outside what {mode.value} mode covers"


def _nozzles_over(
    plant: Plant,
    boom: Boom,
    nozzle: NDArray[np.int64],
    s_min_m: Float64Array,
    s_max_m: Float64Array,
) -> list[int]:
    """Return the nozzles that have an extent on the plant in their zone."""
    zone = boom.zone_y_m[nozzle]
    across = (zone[:, 0] < plant.y_max_m) & (zone[:, 1] > plant.y_min_m)
    along = (s_min_m < plant.s_max_m) & (s_max_m > plant.s_min_m)
    return sorted({int(n) for n in nozzle[across & along]})


def _numbers(nozzles: Sequence[int]) -> str:
    """Return nozzles as the operator counts them, from 1 on the left."""
    first, last = nozzles[0] + 1, nozzles[-1] + 1
    return f"nozzle {first}" if first == last else f"nozzles {first} to {last}"
