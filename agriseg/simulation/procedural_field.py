"""A field without end, grown from a seed as the robot comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, Float64Array
from agriseg.simulation.field_parameters import FieldParameters
from agriseg.simulation.leaves import Leaf
from agriseg.simulation.light import FieldLight
from agriseg.simulation.litter import Litter
from agriseg.simulation.soil import Soil, chunk_rng
from agriseg.simulation.species import (
    WEED_SIZES_M,
    WEED_SPECIES,
    WeedSpecies,
    grow_crop,
    grow_weed,
)
from agriseg.simulation.sprites import Sprite, Sun, draw_plant, lay_down
from agriseg.simulation.world import CELL_M, LruCache, Tile, TruePlant, World

TILE_M = 0.25
_IDS_PER_TILE = 1000
_FIRST_CROP_NUMBER = 500
_SMALLEST_WEED_M2 = 2.5e-5
_FIRST_ID_TILE = 1 << 20
_GAP_SHARE = 0.04
_PLACE_TRIALS = 6
_WEED_SHARES = (0.2, 0.17, 0.19, 0.14, 0.12, 0.1, 0.08)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _DrawnPlant:
    plant: TruePlant
    sprite: Sprite
    outline_m: Float64Array
    """Points (N, 2) of its leaves, in the field."""


class ProceduralField(World):
    """Rows of crop, clustered weeds, soil, straw and stones; the same for the same parameters.

    Every tile depends on the parameters and its index alone, so the order in which tiles are
    looked at does not matter, and memory does not grow along the drive.

    Parameters
    ----------
    field : FieldParameters
    y_min_m, y_max_m : float
        Right and left border.
    cell_m : float
    tile_m : float
        Length of a tile.
    """

    def __init__(
        self,
        field: FieldParameters,
        *,
        y_min_m: float = -0.8,
        y_max_m: float = 0.8,
        cell_m: float = CELL_M,
        tile_m: float = TILE_M,
    ) -> None:
        first_column = int(np.floor(y_min_m / cell_m))
        columns = int(np.ceil(y_max_m / cell_m)) - first_column
        super().__init__(
            name=f"simulated field, seed {field.seed}",
            cell_m=cell_m,
            tile_rows=max(round(tile_m / cell_m), 1),
            first_column=first_column,
            columns=columns,
            x_min_m=-np.inf,
            x_max_m=np.inf,
            light=FieldLight(field.seed, field.hardness, field.sun_azimuth_rad),
        )
        self.field = field
        self._sun = Sun.of(field)
        self._tile_m = self.tile_rows * cell_m
        self._reach_tiles = int(np.ceil(_greatest_reach_m(field) / self._tile_m))
        self._soil = Soil(field, cell_m=cell_m, columns=columns, first_column=first_column)
        self._litter = Litter(field, self.y_range_m, cell_m, self._sun)
        kept = 4 * self._reach_tiles + 12
        self._crops: LruCache[int, list[_DrawnPlant]] = LruCache(kept)
        self._weeds: LruCache[int, list[_DrawnPlant]] = LruCache(kept)

    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        """Return the plants whose middle lies in ``x_min_m <= x < x_max_m``."""
        first = int(np.floor(x_min_m / self._tile_m)) - 1
        last = int(np.floor(x_max_m / self._tile_m)) + 1
        return [
            drawn.plant
            for index in range(first, last + 1)
            for drawn in (*self._weeds_of(index), *self._crops_of(index))
            if x_min_m <= drawn.plant.x_m < x_max_m
        ]

    def _make_tile(self, index: int) -> Tile:
        first_row = index * self.tile_rows
        colour = self._soil.paint(first_row, self.tile_rows)
        for neighbour in range(index - 1, index + 2):
            self._litter.strew(colour, (first_row, self.first_column), neighbour, self._tile_m)
        labels = np.zeros(colour.shape[:2], np.uint8)
        plant_ids = np.zeros(colour.shape[:2], np.int32)
        near = range(index - self._reach_tiles, index + self._reach_tiles + 1)
        drawn = [d for i in near for d in self._weeds_of(i)]
        drawn += [d for i in near for d in self._crops_of(i)]
        shadow = 0.12 + 0.5 * self.field.hardness
        for item in drawn:
            placed = lay_down(item.sprite, colour, first_row, self.first_column, shadow)
            if placed is not None:
                mask = item.sprite.mask[placed[2:]]
                labels[placed[:2]][mask] = item.plant.class_id
                plant_ids[placed[:2]][mask] = item.plant.plant_id
        return Tile(colour=colour, labels=labels, plant_ids=plant_ids)

    def _crops_of(self, index: int) -> list[_DrawnPlant]:
        return self._crops.get(index, lambda: self._sow_crops(index))

    def _weeds_of(self, index: int) -> list[_DrawnPlant]:
        return self._weeds.get(index, lambda: self._sow_weeds(index))

    def _sow_crops(self, index: int) -> list[_DrawnPlant]:
        field = self.field
        rng = chunk_rng(field.seed, index, 10)
        reach_m = _greatest_reach_m(field)
        start_m, end_m = index * self._tile_m, (index + 1) * self._tile_m
        y_min, y_max = self.y_range_m
        first_row = int(np.ceil((y_min - reach_m - field.row_offset_m) / field.row_spacing_m))
        last_row = int(np.floor((y_max + reach_m - field.row_offset_m) / field.row_spacing_m))
        sown: list[_DrawnPlant] = []
        for row in range(first_row, last_row + 1):
            phase = _row_phase(field.seed, row)
            first = int(np.ceil(start_m / field.crop_spacing_m - phase))
            last = int(np.ceil(end_m / field.crop_spacing_m - phase))
            for seat in range(first, last):
                x_m = (seat + phase) * field.crop_spacing_m
                x_m += float(np.clip(rng.normal(0.0, 0.06), -0.2, 0.2)) * field.crop_spacing_m
                y_m = row * field.row_spacing_m + field.row_offset_m + rng.normal(0.0, 0.006)
                if rng.random() < _GAP_SHARE:
                    continue
                leaves = grow_crop(
                    field.crop, field.crop_stage, field.crop_scale, field.crop_tint, rng
                )
                sown.append(
                    self._draw(
                        leaves, (x_m, y_m), rng, index, _FIRST_CROP_NUMBER + len(sown), field.crop
                    )
                )
        return sown

    def _sow_weeds(self, index: int) -> list[_DrawnPlant]:
        rng = chunk_rng(self.field.seed, index, 11)
        near = range(index - self._reach_tiles, index + self._reach_tiles + 1)
        crop_points = [d.outline_m for i in near for d in self._crops_of(i)]
        leaves_m = np.concatenate(crop_points) if crop_points else np.zeros((0, 2))
        sown: list[_DrawnPlant] = []
        for x_m, y_m in self._weed_seats(index, rng):
            species, leaves = self._grow_weed(rng)
            foot = self._free_place(rng, leaves, (x_m, y_m), leaves_m)
            if foot is None or len(sown) == _FIRST_CROP_NUMBER:
                continue
            weed = self._draw(leaves, foot, rng, index, len(sown), species)
            if weed.plant.area_m2 >= _SMALLEST_WEED_M2:
                sown.append(weed)
        return sown

    def _weed_seats(self, index: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return (N, 2) places: half of the weeds in clusters, the others anywhere."""
        y_min, y_max = self.y_range_m
        area_m2 = (y_max - y_min) * self._tile_m
        low = (index * self._tile_m, y_min)
        high = ((index + 1) * self._tile_m, y_max)
        alone = rng.uniform(low, high, (rng.poisson(self.field.weeds_per_m2 * 0.5 * area_m2), 2))
        clusters = [alone]
        for _ in range(rng.poisson(self.field.weeds_per_m2 * 0.125 * area_m2)):
            middle = rng.uniform(low, high)
            clusters.append(middle + rng.normal(0.0, 0.06, (1 + rng.poisson(3.0), 2)))
        seats = np.concatenate(clusters)
        inside: NDArray[np.float64] = seats[
            (seats[:, 0] >= low[0])
            & (seats[:, 0] < high[0])
            & (seats[:, 1] >= y_min)
            & (seats[:, 1] < y_max)
        ]
        return inside

    def _grow_weed(self, rng: np.random.Generator) -> tuple[WeedSpecies, list[Leaf]]:
        species = WEED_SPECIES[int(rng.choice(len(WEED_SPECIES), p=_WEED_SHARES))]
        smallest, greatest = WEED_SIZES_M[species]
        span_m = smallest * (greatest / smallest) ** float(rng.beta(1.3, 1.4))
        span_m *= self.field.weed_scale
        return species, grow_weed(species, span_m, self.field.weed_tint, rng)

    def _free_place(
        self,
        rng: np.random.Generator,
        leaves: Sequence[Leaf],
        seat: tuple[float, float],
        crop_m: Float64Array,
    ) -> tuple[float, float] | None:
        """Return where the weed may stand near its seat; None when it is too crowded."""
        outline = _outline(leaves)
        reach_m = float(np.hypot(outline[:, 0], outline[:, 1]).max())
        close = rng.random() < self.field.close_weed_share
        gap_m = reach_m + (0.0 if close else self.field.clearance_m)
        place = np.array(seat)
        for _ in range(_PLACE_TRIALS):
            distance = np.hypot(crop_m[:, 0] - place[0], crop_m[:, 1] - place[1])
            if distance.size == 0 or distance.min() >= gap_m:
                return (float(place[0]), float(place[1]))
            place = np.array(seat) + rng.normal(0.0, 0.05, 2)
        return None

    def _draw(
        self,
        leaves: list[Leaf],
        foot_m: tuple[float, float],
        rng: np.random.Generator,
        index: int,
        number: int,
        species: str,
    ) -> _DrawnPlant:
        class_id = ClassId.CROP if number >= _FIRST_CROP_NUMBER else ClassId.WEED
        sprite = draw_plant(leaves, foot_m, self.cell_m, self._sun, rng)
        rows, columns = np.nonzero(sprite.mask)
        if rows.size == 0:
            rows, columns = np.array([0]), np.array([0])
        x_m = (sprite.row + np.array([rows.min(), rows.max() + 1])) * self.cell_m
        y_m = (sprite.column + np.array([columns.min(), columns.max() + 1])) * self.cell_m
        plant = TruePlant(
            plant_id=(index + _FIRST_ID_TILE) * _IDS_PER_TILE + number,
            class_id=class_id,
            species=species,
            x_m=float(x_m.mean()),
            y_m=float(y_m.mean()),
            x_min_m=float(x_m[0]),
            x_max_m=float(x_m[1]),
            y_min_m=float(y_m[0]),
            y_max_m=float(y_m[1]),
            area_m2=rows.size * self.cell_m**2,
        )
        outline = _outline(leaves) + np.array(foot_m)
        return _DrawnPlant(plant=plant, sprite=sprite, outline_m=outline)


def _outline(leaves: Sequence[Leaf]) -> Float64Array:
    return np.concatenate([np.concatenate((leaf.left, leaf.right)) for leaf in leaves])


def _row_phase(seed: int, row: int) -> float:
    return float(np.random.default_rng([seed, row + 1000, 12]).random())


def _greatest_reach_m(field: FieldParameters) -> float:
    """Return how far a crop plant or its shadow can reach from its foot."""
    longest_m = {
        "maize": 0.05 + 0.33 * field.crop_stage,
        "sugar_beet": 0.04 + 0.2 * field.crop_stage,
        "soybean": 0.05 + 0.14 * field.crop_stage,
        "peanut": 0.05 + 0.14 * field.crop_stage,
    }[field.crop]
    return float(longest_m * field.crop_scale * 1.35 + 0.1)
