"""Real photographs and their masks laid out as ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.light import FieldLight
from agriseg.simulation.photo_strip import Placement, lay_out, read_folder, read_image, read_mask
from agriseg.simulation.world import CELL_M, LruCache, Tile, TruePlant, World

TILE_M = 0.25
_CACHED_PIECES = 4
_IDS_PER_PIECE = 100_000
_GREATEST_PLANT_M = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Piece:
    """The part of the strip that one photograph covers; ids before merging over seams."""

    first_row: int
    colour: UInt8Array
    labels: UInt8Array
    plant_ids: NDArray[np.int32]
    plants: tuple[TruePlant, ...]


class PhotoGround(World):
    """A strip of real ground: images and masks of a folder, the images' top forward.

    Frames of one drive, which overlap, are stitched by registration; any others lie end to
    end without a gap. Plants are the connected components of the masks; one that lies over
    a seam between stitched frames is one plant. Ignored pixels (255) count as soil.

    Parameters
    ----------
    path : Path
        Folder with ``images`` and ``masks``.
    ground_width_m : float
        How wide a photograph is laid out.
    centre_y_m : float
        Where the strip's middle lies.
    x_min_m : float
        Where the strip begins.
    cell_m : float
        Resolution.
    min_plant_m2 : float
        Smaller components are no plants of their own (their labels stay).

    Raises
    ------
    DatasetError
        See `agriseg.simulation.photo_strip.read_folder`.
    """

    def __init__(
        self,
        path: Path,
        *,
        ground_width_m: float = 1.2,
        centre_y_m: float = 0.0,
        x_min_m: float = 1.0,
        cell_m: float = CELL_M,
        min_plant_m2: float = 1e-5,
    ) -> None:
        self._layout = lay_out(read_folder(path))
        self._cells_per_px = ground_width_m / self._layout.photos[0].width_px / cell_m
        self._first_row = round(x_min_m / cell_m)
        self._min_cells = max(min_plant_m2 / cell_m**2, 1.0)
        length = self._layout.placements[-1].last_px * self._cells_per_px
        super().__init__(
            name=f"ground of photographs {path.name}",
            cell_m=cell_m,
            tile_rows=round(TILE_M / cell_m),
            first_column=round((centre_y_m - ground_width_m / 2.0) / cell_m),
            columns=round(ground_width_m / cell_m),
            x_min_m=self._first_row * cell_m,
            x_max_m=(self._first_row + round(length)) * cell_m,
            light=FieldLight.as_photographed(),
        )
        self._centre_column = centre_y_m / cell_m
        self._pieces: LruCache[int, _Piece] = LruCache(_CACHED_PIECES)
        self._bare = self._bare_colour()
        self._merged = self._merge_over_seams() if self._layout.is_drive else {}

    @property
    def is_drive(self) -> bool:
        """Whether the photographs were stitched to one drive."""
        return self._layout.is_drive

    def plants(self, x_min_m: float, x_max_m: float) -> Sequence[TruePlant]:
        """Return the plants whose middle lies in ``x_min_m <= x < x_max_m``."""
        parts: dict[int, list[TruePlant]] = {}
        near = self._pieces_between(x_min_m - _GREATEST_PLANT_M, x_max_m + _GREATEST_PLANT_M)
        for index in near:
            for plant in self._piece(index).plants:
                parts.setdefault(self._merged.get(plant.plant_id, plant.plant_id), []).append(plant)
        whole = (_joined(plant_id, group) for plant_id, group in parts.items())
        return [plant for plant in whole if x_min_m <= plant.x_m < x_max_m]

    def _make_tile(self, index: int) -> Tile:
        shape = (self.tile_rows, self.columns)
        colour = np.empty((*shape, 3), np.uint8)
        colour[:] = self._bare
        labels, ids = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
        first = index * self.tile_rows
        for number in self._pieces_between(
            first * self.cell_m, (first + self.tile_rows) * self.cell_m
        ):
            piece = self._piece(number)
            start = max(piece.first_row, first)
            end = min(piece.first_row + piece.labels.shape[0], first + self.tile_rows)
            if start < end:
                here = slice(start - first, end - first)
                there = slice(start - piece.first_row, end - piece.first_row)
                colour[here] = piece.colour[there]
                labels[here] = piece.labels[there]
                ids[here] = self._renamed(piece.plant_ids[there])
        return Tile(colour=colour, labels=labels, plant_ids=ids)

    def _renamed(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        if not self._merged:
            return ids
        known, where = np.unique(ids, return_inverse=True)
        table = np.array([self._merged.get(int(i), int(i)) for i in known], np.int32)
        return np.asarray(table[where.reshape(ids.shape)], np.int32)

    def _piece(self, index: int) -> _Piece:
        return self._pieces.get(index, lambda: self._load(index))

    def _pieces_between(self, x_min_m: float, x_max_m: float) -> range:
        ends = np.array([self._row(p.last_px) for p in self._layout.placements])
        first = int(np.searchsorted(ends, np.floor(x_min_m / self.cell_m), side="right"))
        last = int(np.searchsorted(ends, np.ceil(x_max_m / self.cell_m), side="left"))
        return range(first, min(last + 1, len(ends)))

    def _row(self, forward_px: float) -> int:
        return self._first_row + round(forward_px * self._cells_per_px)

    def _load(self, index: int) -> _Piece:
        photo, placement = self._layout.photos[index], self._layout.placements[index]
        first_row = self._row(placement.first_px)
        size = (self.columns, self._row(placement.last_px) - first_row)
        image, mask = read_image(photo), read_mask(photo.mask_path)
        mask[mask == ClassId.IGNORE] = ClassId.SOIL
        labels = self._warped(mask, placement, first_row, size, cv2.INTER_NEAREST)
        ids, plants = self._components(labels, first_row, index * _IDS_PER_PIECE)
        return _Piece(
            first_row=first_row,
            colour=self._warped(image, placement, first_row, size, cv2.INTER_LINEAR),
            labels=labels,
            plant_ids=ids,
            plants=plants,
        )

    def _warped(
        self,
        image: UInt8Array,
        placement: Placement,
        first_row: int,
        size: tuple[int, int],
        interpolation: int,
    ) -> UInt8Array:
        """Return a photograph (or mask) in the strip's cells, turned into driving direction."""
        scale = self._cells_per_px * self._layout.photos[0].width_px / image.shape[1]
        if scale < 1.0 and interpolation != cv2.INTER_NEAREST:
            small = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
            scale = self.columns / image.shape[1]
        forward = self._layout.forward
        left = np.array([forward[1], -forward[0]])
        middle = (np.array(image.shape[1::-1]) - 1.0) / 2.0
        turn = np.stack((left, forward)) * scale
        target = np.array(
            [
                self._centre_column
                + placement.centre_px[1] * self._cells_per_px
                - self.first_column
                - 0.5,
                self._first_row + placement.centre_px[0] * self._cells_per_px - first_row - 0.5,
            ]
        )
        affine = np.column_stack((turn, target - turn @ middle))
        border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
        return np.asarray(
            cv2.warpAffine(image, affine, size, flags=interpolation, borderMode=border), np.uint8
        )

    def _components(
        self, labels: UInt8Array, first_row: int, first_id: int
    ) -> tuple[NDArray[np.int32], tuple[TruePlant, ...]]:
        ids = np.zeros(labels.shape, np.int32)
        plants: list[TruePlant] = []
        for class_id in (ClassId.CROP, ClassId.WEED):
            mask = np.asarray(labels == class_id, np.uint8)
            _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
            table = np.zeros(len(stats), np.int32)
            for part in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= self._min_cells):
                if part > 0:
                    table[part] = first_id + len(plants) + 1
                    plants.append(self._plant(int(table[part]), class_id, stats[part], first_row))
            ids += table[parts]
        return ids, tuple(plants)

    def _plant(
        self, plant_id: int, class_id: ClassId, stats: NDArray[np.int32], first_row: int
    ) -> TruePlant:
        column, row, width, height, area = (int(v) for v in stats)
        x_min = (first_row + row) * self.cell_m
        y_min = (self.first_column + column) * self.cell_m
        x_max, y_max = x_min + height * self.cell_m, y_min + width * self.cell_m
        return TruePlant(
            plant_id=plant_id,
            class_id=class_id,
            species=class_id.name.lower(),
            x_m=(x_min + x_max) / 2.0,
            y_m=(y_min + y_max) / 2.0,
            x_min_m=x_min,
            x_max_m=x_max,
            y_min_m=y_min,
            y_max_m=y_max,
            area_m2=area * self.cell_m**2,
        )

    def _merge_over_seams(self) -> dict[int, int]:
        """Return which plant id stands for which: parts that touch over a seam are one."""
        merged: dict[int, int] = {}
        for index in range(1, len(self._layout.photos)):
            below, above = self._piece(index - 1), self._piece(index)
            if not below.labels.size or not above.labels.size:
                continue
            for shift in (-1, 0, 1):
                a, b = _shifted_pair(below.plant_ids[-1], above.plant_ids[0], shift)
                la, lb = _shifted_pair(below.labels[-1], above.labels[0], shift)
                touching = (a > 0) & (b > 0) & (la == lb)
                for old, new in zip(b[touching].tolist(), a[touching].tolist(), strict=True):
                    merged.setdefault(old, merged.get(new, new))
        return merged

    def _bare_colour(self) -> NDArray[np.uint8]:
        """Return the mean colour of the first photograph's soil, for ground beyond the strip."""
        photo = self._layout.photos[0]
        image, mask = read_image(photo), read_mask(photo.mask_path)
        soil = image[mask == ClassId.SOIL]
        if not soil.size:
            soil = image.reshape(-1, 3)
        return np.asarray(soil.mean(axis=0), np.uint8)


def _shifted_pair(
    a: NDArray[np.integer], b: NDArray[np.integer], shift: int
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the parts of two rows that lie opposite when one is moved by ``shift``."""
    if shift > 0:
        return a[shift:], b[:-shift]
    if shift < 0:
        return a[:shift], b[-shift:]
    return a, b


def _joined(plant_id: int, parts: Sequence[TruePlant]) -> TruePlant:
    x_min, x_max = min(p.x_min_m for p in parts), max(p.x_max_m for p in parts)
    y_min, y_max = min(p.y_min_m for p in parts), max(p.y_max_m for p in parts)
    return TruePlant(
        plant_id=plant_id,
        class_id=parts[0].class_id,
        species=parts[0].species,
        x_m=(x_min + x_max) / 2.0,
        y_m=(y_min + y_max) / 2.0,
        x_min_m=x_min,
        x_max_m=x_max,
        y_min_m=y_min,
        y_max_m=y_max,
        area_m2=sum(p.area_m2 for p in parts),
    )
