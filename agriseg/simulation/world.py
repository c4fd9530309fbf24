"""Ground that a robot drives over: texture, true labels and true plants, in the field frame.

Ground rasters: axis 0 grows with x (forward), axis 1 with y (left). Cell ``[i, j]`` of global
indices covers ``i * cell_m <= x < (i + 1) * cell_m`` and the same for y; its centre is at +0.5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, UInt8Array
from agriseg.simulation.light import FieldLight

Layer = Literal["colour", "labels", "plant_ids"]
CELL_M = 0.00125
"""Default size of a ground raster's cell."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePlant:
    """One plant that really stands there, in the field frame.

    ``x_m``, ``y_m`` is the middle of its visible cells' extent; ``area_m2`` their area.
    """

    plant_id: int
    class_id: ClassId
    species: str
    x_m: float
    y_m: float
    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float
    area_m2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """A piece of ground over the world's whole width.

    Attributes
    ----------
    colour : (H, W, 3) uint8, read-only
        BGR.
    labels : (H, W) uint8, read-only
        `ClassId` of each cell.
    plant_ids : (H, W) int32, read-only
        `TruePlant.plant_id`, 0 on soil.
    """

    colour: UInt8Array
    labels: UInt8Array
    plant_ids: NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (self.colour, self.labels, self.plant_ids):
            array.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """One layer of a stretch of ground; its first cell is global cell (row, column)."""

    array: NDArray[np.integer[Any]]
    row: int
    column: int
    cell_m: float


class World(ABC):
    """Ground in tiles of equal length, made or loaded when they are looked at.

    Parameters
    ----------
    name : str
    cell_m : float
    tile_rows : int
        Cells of one tile along x.
    first_column, columns : int
        Global index of the first column, and how many there are.
    x_min_m, x_max_m : float
        Where the ground ends; infinite for a field without end. Beyond lies bare ground.
    light : FieldLight
        What lights it.
    cached_tiles : int
        How many tiles are kept.
    """

    def __init__(
        self,
        *,
        name: str,
        cell_m: float,
        tile_rows: int,
        first_column: int,
        columns: int,
        x_min_m: float,
        x_max_m: float,
        light: FieldLight,
        cached_tiles: int = 12,
    ) -> None:
        self.name = name
        self.cell_m = cell_m
        self.tile_rows = tile_rows
        self.first_column = first_column
        self.columns = columns
        self.x_min_m = x_min_m
        self.x_max_m = x_max_m
        self.light = light
        self._tiles: LruCache[int, Tile] = LruCache(cached_tiles)

    @property
    def y_range_m(self) -> tuple[float, float]:
        """Right and left border of the ground."""
        return (
            self.first_column * self.cell_m,
            (self.first_column + self.columns) * self.cell_m,
        )

    def tile(self, index: int) -> Tile:
        """Return a tile; ``index`` 0 begins at x = 0."""
        return self._tiles.get(index, lambda: self._make_tile(index))

    def patch(self, layer: Layer, x_min_m: float, x_max_m: float) -> Patch:
        """Return one layer of the ground from ``x_min_m`` to at least ``x_max_m``."""
        first = int(np.floor(x_min_m / self.cell_m))
        last = max(int(np.ceil(x_max_m / self.cell_m)), first + 1)
        parts = []
        for index in range(first // self.tile_rows, (last - 1) // self.tile_rows + 1):
            array: NDArray[np.integer[Any]] = getattr(self.tile(index), layer)
            start = index * self.tile_rows
            parts.append(array[max(first - start, 0) : last - start])
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Patch(array=joined, row=first, column=self.first_column, cell_m=self.cell_m)

    @abstractmethod
    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        """Return the plants whose middle lies in ``x_min_m <= x < x_max_m``."""

    @abstractmethod
    def _make_tile(self, index: int) -> Tile:
        """Make the tile that begins at row ``index * tile_rows``."""


class LruCache(Generic[_Key, _Value]):
    """Keeps the values used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """Return the value of ``key``, made by ``make`` if it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        self._values[key] = value
        if len(self._values) > self._size:
            self._values.popitem(last=False)
        return value
