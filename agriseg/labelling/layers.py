"""The arrays and points behind a document: read, compared, and written by edits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from agriseg.labelling.edits import (
    LAYER_DTYPES,
    Edit,
    Layer,
    LayerArray,
    LayerChange,
    Point,
    Rect,
    StemChange,
    packed,
)
from agriseg.opencv import cv2

SURE = 255
"""Confidence of what a person has decided."""

_FILL = {Layer.CLASSES: 0, Layer.INSTANCES: 0, Layer.CONFIDENCE: SURE}


class PictureLayers:
    """What is known of every pixel, and the stems.

    Parameters
    ----------
    shape : (H, W)
    given : mapping of Layer to (H, W) array
        Copied. What is not given is soil, without plant, and sure.
    stems : mapping of plant number to (u, v) px

    Raises
    ------
    ValueError
        A shape or type is other than the layer's.
    """

    def __init__(
        self, shape: tuple[int, int], given: Mapping[Layer, LayerArray], stems: Mapping[int, Point]
    ) -> None:
        self._shape = shape
        self._arrays: dict[Layer, LayerArray] = {}
        for layer, array in given.items():
            if array.shape != shape or array.dtype != LAYER_DTYPES[layer]:
                raise ValueError(
                    f"{layer} is {shape} {LAYER_DTYPES[layer].__name__}, got {array.shape} "
                    f"{array.dtype}"
                )
            self._arrays[layer] = array.copy()
        for layer in (Layer.CLASSES, Layer.INSTANCES):
            self._array(layer)
        self.stems: dict[int, Point] = dict(stems)
        self.highest_plant = max(int(self._arrays[Layer.INSTANCES].max()), *self.stems, 0)

    def view(self, layer: Layer) -> LayerArray | None:
        """Return a read-only view that shows later edits; None for a layer that is not there."""
        array = self._arrays.get(layer)
        if array is None:
            return None
        view = array.view()
        view.flags.writeable = False
        return view

    def difference(
        self,
        name: str,
        rect: Rect,
        news: Mapping[Layer, LayerArray],
        stems: Mapping[int, Point | None],
    ) -> Edit | None:
        """Return the edit that makes ``rect`` what is given; None where it is so already."""
        changes = [self._change(layer, rect, array) for layer, array in news.items()]
        moved = tuple(
            StemChange(plant=plant, before=self.stems.get(plant), after=point)
            for plant, point in stems.items()
            if self.stems.get(plant) != point
        )
        found = tuple(change for change in changes if change is not None)
        return Edit(name=name, layers=found, stems=moved) if found or moved else None

    def write(self, edit: Edit) -> None:
        """Make an edit.

        Raises
        ------
        ValueError
            It leaves the picture; then nothing is changed.
        """
        height, width = self._shape
        if edit.rect != edit.rect.clipped(width, height):
            raise ValueError(
                f"the edit {edit.name!r} touches {edit.rect}, the picture has {width} x {height} "
                "pixels"
            )
        for change in edit.layers:
            content = change.content()
            self._array(change.layer)[change.rect.window] = content
            if change.layer is Layer.INSTANCES:
                self.highest_plant = max(self.highest_plant, int(content.max()))
        for stem in edit.stems:
            self._move_stem(stem)

    def _move_stem(self, stem: StemChange) -> None:
        if stem.after is None:
            self.stems.pop(stem.plant, None)
        else:
            self.stems[stem.plant] = stem.after
            self.highest_plant = max(self.highest_plant, stem.plant)

    def _array(self, layer: Layer) -> LayerArray:
        if layer not in self._arrays:
            self._arrays[layer] = np.full(self._shape, _FILL[layer], LAYER_DTYPES[layer])
        return self._arrays[layer]

    def _change(self, layer: Layer, rect: Rect, news: LayerArray) -> LayerChange | None:
        """Return the change inside the smallest rectangle around the pixels that differ."""
        array = self._arrays.get(layer)
        shape = (rect.height_px, rect.width_px)
        old = np.full(shape, _FILL[layer], news.dtype) if array is None else array[rect.window]
        u, v, width, height = cv2.boundingRect((news != old).view(np.uint8))
        if width == 0:
            return None
        inner = np.s_[v : v + height, u : u + width]
        return LayerChange(
            layer=layer,
            rect=Rect(rect.u0 + u, rect.v0 + v, rect.u0 + u + width, rect.v0 + v + height),
            before=packed(old[inner]),
            after=packed(news[inner]),
        )
