"""A paved yard: dry, grey and rough, with green marks to spray at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId
from agriseg.opencv import cv2
from agriseg.simulation.field_parameters import FieldParameters
from agriseg.simulation.light import FieldLight
from agriseg.simulation.soil import Soil
from agriseg.simulation.world import CELL_M, Tile, TruePlant, World

_CONCRETE_BGR = (148.0, 156.0, 160.0)
_MARK_BGR = (62, 148, 70)
_TILE_M = 0.25


class YardGround(World):
    """Concrete with round marks; they count as weeds, everything else as soil.

    Parameters
    ----------
    seed : int
    light : float
        0 dusk, 1 hard sunshine.
    y_min_m, y_max_m : float
        Right and left border.
    marks_m : sequence of (x, y)
        Middles of the marks in the field frame.
    mark_diameter_m : float
    """

    def __init__(
        self,
        *,
        seed: int,
        light: float,
        y_min_m: float,
        y_max_m: float,
        marks_m: Sequence[tuple[float, float]] = (),
        mark_diameter_m: float = 0.06,
    ) -> None:
        first_column = int(np.floor(y_min_m / CELL_M))
        columns = int(np.ceil(y_max_m / CELL_M)) - first_column
        sun_azimuth_rad = float(np.random.default_rng([seed, 70]).uniform(-np.pi, np.pi))
        super().__init__(
            name="simulated yard",
            cell_m=CELL_M,
            tile_rows=round(_TILE_M / CELL_M),
            first_column=first_column,
            columns=columns,
            x_min_m=-np.inf,
            x_max_m=np.inf,
            light=FieldLight(seed, light, sun_azimuth_rad),
            cached_tiles=64,
        )
        concrete = FieldParameters(
            seed=seed,
            soil_bgr=_CONCRETE_BGR,
            soil_contrast=0.3,
            grain_scale=0.7,
            straw=0.0,
            stones=0.0,
            sun_azimuth_rad=sun_azimuth_rad,
            hardness=light,
        )
        self._surface = Soil(concrete, cell_m=CELL_M, columns=columns, first_column=first_column)
        self._marks = [
            _mark(number, x_m, y_m, mark_diameter_m)
            for number, (x_m, y_m) in enumerate(marks_m, start=1)
        ]

    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        """Return the marks whose middle lies in ``x_min_m <= x < x_max_m``."""
        return [mark for mark in self._marks if x_min_m <= mark.x_m < x_max_m]

    def _make_tile(self, index: int) -> Tile:
        first_row = index * self.tile_rows
        colour = self._surface.paint(first_row, self.tile_rows)
        ids: NDArray[np.int32] = np.zeros(colour.shape[:2], np.int32)
        x = np.arange(colour.shape[0])[:, np.newaxis]
        y = np.arange(colour.shape[1])[np.newaxis, :]
        for mark in self._marks:
            column = mark.y_m / self.cell_m - self.first_column - 0.5
            row = mark.x_m / self.cell_m - first_row - 0.5
            radius = 0.5 * (mark.x_max_m - mark.x_min_m) / self.cell_m
            ids[(x - row) ** 2 + (y - column) ** 2 <= radius**2] = mark.plant_id
        painted = ids > 0
        grey = np.asarray(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY), np.float64)
        shade = grey[painted].reshape(-1, 1) / _CONCRETE_BGR[1]
        colour[painted] = np.clip(np.array(_MARK_BGR) * (0.7 + 0.3 * shade), 0, 255)
        labels = np.where(painted, np.uint8(ClassId.WEED), np.uint8(ClassId.SOIL))
        return Tile(colour=colour, labels=labels, plant_ids=ids)


def _mark(number: int, x_m: float, y_m: float, diameter_m: float) -> TruePlant:
    half_m = 0.5 * diameter_m
    return TruePlant(
        plant_id=number,
        class_id=ClassId.WEED,
        species="mark",
        x_m=x_m,
        y_m=y_m,
        x_min_m=x_m - half_m,
        x_max_m=x_m + half_m,
        y_min_m=y_m - half_m,
        y_max_m=y_m + half_m,
        area_m2=float(np.pi * half_m**2),
    )
