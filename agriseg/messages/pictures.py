"""Pictures, and what is seen in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from agriseg.messages.arrays import Float32Array, Float64Array, UInt8Array


class ClassId(IntEnum):
    """Pixel classes of label masks; 255 is ignored in training and scoring."""

    SOIL = 0
    CROP = 1
    WEED = 2
    IGNORE = 255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One camera picture.

    Attributes
    ----------
    frame_id : int
        Counts up from 0 within one source; a gap means dropped frames. Previews count down
        from -1.
    t_capture_s : float
        Monotonic host time at mid-exposure, stamped where the frame is born.
    image : (H, W, 3) uint8, read-only
        BGR.
    dropped_before : int
        Frames that the source discarded since the previous delivered frame.
    name : str
        File name or position in the source, empty for live cameras.
    is_preview : bool
        A recording stands still and shows this picture until it runs: it belongs to no run, and
        nothing has moved since the preview before.
    """

    frame_id: int
    t_capture_s: float
    image: UInt8Array
    dropped_before: int = 0
    name: str = ""
    is_preview: bool = False

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"a frame is (H, W, 3) uint8, got {self.image.shape} {self.image.dtype}"
            )
        self.image.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRule:
    """How plants are read off the maps of a network's plant heads.

    Attributes
    ----------
    least_centre : float
        Likeness to a centre, 0 to 1, from which a peak is one.
    spacing_cells : int
        Peaks nearer than this to a higher one are part of it.
    reach_cells : float
        Vegetation whose offset ends farther than this from any centre belongs to none of them.
    least_cells : float
        Patches of that vegetation from this area on are plants of their own.
    """

    least_centre: float = 0.15
    spacing_cells: int = 3
    reach_cells: float = 12.0
    least_cells: float = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantMaps:
    """What a network with plant heads says of one frame, in cells coarser than its pixels.

    Attributes
    ----------
    centre : (h, w) float32, read-only
        Likeness to a plant's centre, 1 at the centre.
    offset : (2, h, w) float32, read-only
        From each cell to its plant's centre along v and u, in cells.
    rule : GroupingRule
        That goes with the network.
    """

    centre: Float32Array
    offset: Float32Array
    rule: GroupingRule

    def __post_init__(self) -> None:
        if self.centre.ndim != 2 or self.offset.shape != (2, *self.centre.shape):
            raise ValueError(
                f"centre is (h, w) and offset (2, h, w), got {self.centre.shape} and "
                f"{self.offset.shape}"
            )
        self.centre.flags.writeable = False
        self.offset.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantInstance:
    """A plant as it shows in one frame.

    Attributes
    ----------
    plant_id : int
        Counts up from 1 within the frame.
    class_id : ClassId
    stem_px : (u, v)
        Where it stands, as far as one picture tells: the centre of its leaves.
    box_px : (u, v, width, height)
        Upright box around its pixels.
    area_px : int
    confidence : float
        0 to 1: likeness to a centre (1 where plants are connected patches) times the mean
        probability of its class.
    """

    plant_id: int
    class_id: ClassId
    stem_px: tuple[float, float]
    box_px: tuple[int, int, int, int]
    area_px: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """What a segmenter saw in one frame.

    Attributes
    ----------
    frame_id : int
    t_capture_s : float
    labels : (H, W) uint8, read-only
        `ClassId` of every pixel of the frame.
    weed_probability : (H, W) uint8, read-only
        Probability of weed, 0 to 255, at the frame's size.
    crop_probability : (H, W) uint8, read-only
        Probability of crop, 0 to 255, at the frame's size.
    forward_ms : float
        Time of the model alone.
    segmenter : str
        Name of what made it.
    plants : PlantMaps, optional
        From networks with plant heads; `agriseg.segmentation.plant_grouping` reads them.
    unfamiliarity : float
        How unlike the frame is to those that the model knows: doubtful above 1. NaN where the model
        cannot tell.
    doubt : str
        What makes it doubtful, to follow "The picture is"; empty where nothing does.
    """

    frame_id: int
    t_capture_s: float
    labels: UInt8Array
    weed_probability: UInt8Array
    crop_probability: UInt8Array
    forward_ms: float
    segmenter: str
    plants: PlantMaps | None = None
    unfamiliarity: float = float("nan")
    doubt: str = ""

    def __post_init__(self) -> None:
        for name in ("labels", "weed_probability", "crop_probability"):
            array: UInt8Array = getattr(self, name)
            if array.ndim != 2 or array.dtype != np.uint8 or array.shape != self.labels.shape:
                raise ValueError(f"{name} is (H, W) uint8, got {array.shape} {array.dtype}")
            array.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BoomView:
    """Where the boom's nozzles appear in the camera picture, for drawing.

    ``nozzle_tracks_px`` is (N, 2, 2) float64: for each nozzle its (u, v) at the near and
    at the far edge of what the camera sees; ``swath_px`` (N, 4, 2) the ground strip that
    the nozzle will cover, clipped to the picture.
    """

    nozzle_tracks_px: Float64Array
    swath_px: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """What the window paints: the camera picture and, over it, what the model saw.

    Attributes
    ----------
    frame_id : int
    t_capture_s : float
    image : (H, W, 4) uint8
        BGRA, opaque; Qt's Format_RGB32.
    overlay : (H, W, 4) uint8
        BGRA with premultiplied alpha; Qt's Format_ARGB32_Premultiplied. Crop and weed in
        the colours of `ui`'s legend, the rest transparent.
    boom : BoomView
        In pixels of ``image``.
    """

    frame_id: int
    t_capture_s: float
    image: UInt8Array
    overlay: UInt8Array
    boom: BoomView
