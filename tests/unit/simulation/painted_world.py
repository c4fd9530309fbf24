"""A tiny world whose plants are rectangles given in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agriseg.messages import ClassId
from agriseg.simulation.light import FieldLight
from agriseg.simulation.world import Tile, TruePlant, World

CELL_M = 0.001


@dataclass(frozen=True)
class Rectangle:
    """A plant that covers x_min..x_max, y_min..y_max."""

    plant_id: int
    class_id: ClassId
    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float


class PaintedWorld(World):
    """Grey soil from x = 0 to ``length_m`` with rectangles on it."""

    def __init__(self, rectangles: Sequence[Rectangle], length_m: float = 20.0) -> None:
        super().__init__(
            name="painted world",
            cell_m=CELL_M,
            tile_rows=250,
            first_column=-700,
            columns=1400,
            x_min_m=0.0,
            x_max_m=length_m,
            light=FieldLight.as_photographed(),
        )
        self._rectangles = rectangles

    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        return [
            TruePlant(
                plant_id=r.plant_id,
                class_id=r.class_id,
                species="rectangle",
                x_m=(r.x_min_m + r.x_max_m) / 2,
                y_m=(r.y_min_m + r.y_max_m) / 2,
                x_min_m=r.x_min_m,
                x_max_m=r.x_max_m,
                y_min_m=r.y_min_m,
                y_max_m=r.y_max_m,
                area_m2=(r.x_max_m - r.x_min_m) * (r.y_max_m - r.y_min_m),
            )
            for r in self._rectangles
            if x_min_m <= (r.x_min_m + r.x_max_m) / 2 < x_max_m
        ]

    def _make_tile(self, index: int) -> Tile:
        x_m = (index * self.tile_rows + np.arange(self.tile_rows) + 0.5) * self.cell_m
        y_m = (self.first_column + np.arange(self.columns) + 0.5) * self.cell_m
        colour = np.full((self.tile_rows, self.columns, 3), 90, np.uint8)
        labels = np.zeros(colour.shape[:2], np.uint8)
        ids = np.zeros(colour.shape[:2], np.int32)
        for r in self._rectangles:
            rows = (x_m > r.x_min_m) & (x_m < r.x_max_m)
            columns = (y_m > r.y_min_m) & (y_m < r.y_max_m)
            where = np.ix_(rows, columns)
            colour[where] = (40, 200, 60)
            labels[where] = r.class_id
            ids[where] = r.plant_id
        return Tile(colour=colour, labels=labels, plant_ids=ids)
