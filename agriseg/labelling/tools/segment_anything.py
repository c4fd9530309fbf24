"""Models of the "segment anything" family, as ONNX files that the user supplies.

Kirillov et al., "Segment anything", ICCV 2023, and its descendants are exported as two files: an
encoder that looks at a picture once, and a decoder that answers clicks. Exports differ in
names and sizes; these are read from the files. The program is complete without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agriseg.errors import ModelFileError
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit, Point, Rect
from agriseg.labelling.tools.regions import EMPTY, Paint, Region, paint
from agriseg.messages import UInt8Array
from agriseg.models.onnx_runtime import require
from agriseg.opencv import cv2

FloatArray = NDArray[np.float32]

_SIDE_PX = 1024
_LOW_SIDE_PX = 256
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
_STD = np.array([58.395, 57.12, 57.375], np.float32)
_BOX_LABELS = (2.0, 3.0)
_NO_POINT = -1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPicture:
    """What the encoder made of a picture.

    Attributes
    ----------
    features : mapping of str to array
        For the decoder, by its input names.
    scale : float
        Pixels of the encoder for one of the picture.
    shape : (H, W)
        Of the picture.
    """

    features: Mapping[str, FloatArray]
    scale: float
    shape: tuple[int, int]


class SegmentAnything:
    """An encoder and a decoder, ready to be asked.

    Parameters
    ----------
    encoder, decoder : Path
        ONNX files that belong together.

    Raises
    ------
    ModelFileError
        ONNX Runtime is not installed, or a file is no such model.
    """

    def __init__(self, encoder: Path, decoder: Path) -> None:
        self._encoder = _open(encoder)
        self._decoder = _open(decoder)
        self._wanted = {one.name: one for one in self._decoder.get_inputs()}
        self._coords = _named(self._wanted, "point_coords", decoder)
        self._labels = _named(self._wanted, "point_labels", decoder)
        own = ("point_coords", "point_labels", "mask_input", "orig_im_size")
        self._features = [n for n in self._wanted if not any(part in n for part in own)]
        outputs = len(self._encoder.get_outputs())
        if len(self._encoder.get_inputs()) != 1 or not 0 < len(self._features) <= outputs:
            raise ModelFileError(
                f"{encoder}: it does not belong to {decoder}: the decoder takes "
                f"{', '.join(self._features) or 'no features'}, the encoder gives "
                f"{', '.join(one.name for one in self._encoder.get_outputs())}"
            )

    def look(self, image: UInt8Array) -> SeenPicture:
        """Let the encoder see a picture ``(H, W, 3) uint8`` BGR; seconds on a processor."""
        [put] = self._encoder.get_inputs()
        height, width = image.shape[:2]
        is_planar = len(put.shape) == 4
        sides = [side for side in put.shape[-2:] if isinstance(side, int)] if is_planar else []
        side = max(sides, default=_SIDE_PX)
        scale = side / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
        pixels = rgb.astype(np.float32)
        if is_planar:
            padded = np.zeros((side, side, 3), np.float32)
            padded[: size[1], : size[0]] = (pixels - _MEAN) / _STD
            pixels = np.ascontiguousarray(padded.transpose(2, 0, 1)[None])
        found = self._encoder.run(None, {put.name: pixels})
        names = [one.name for one in self._encoder.get_outputs()]
        by_name = dict(zip(names, found, strict=True))
        if not set(self._features) <= set(names):
            by_name = dict(zip(self._features, found, strict=False))
        features = {name: np.asarray(by_name[name], np.float32) for name in self._features}
        return SeenPicture(features=features, scale=scale, shape=(height, width))

    def region(
        self,
        seen: SeenPicture,
        inside: Sequence[Point],
        outside: Sequence[Point] = (),
        box: Rect | None = None,
    ) -> Region:
        """Return what the clicks mean; empty without any click or box.

        Parameters
        ----------
        seen : SeenPicture
        inside, outside : sequence of (u, v) px
            Clicks on the thing, and beside it.
        box : Rect, optional
            Around it.
        """
        points = [*inside, *outside]
        labels = [1.0] * len(inside) + [0.0] * len(outside)
        if box is not None:
            points += [(box.u0, box.v0), (box.u1 - 1, box.v1 - 1)]
            labels += _BOX_LABELS
        if not points:
            return EMPTY
        if box is None:
            # The exports want an empty point where there is no box.
            points.append((0.0, 0.0))
            labels.append(_NO_POINT)
        places = (np.array(points, np.float32) + 0.5) * seen.scale
        found = self._decoder.run(None, self._asked(seen, places, np.array(labels, np.float32)))
        return Region.of(_picture_mask(_best(found), seen))

    def _asked(self, seen: SeenPicture, places: FloatArray, labels: FloatArray) -> dict[str, Any]:
        """Return the decoder's inputs, with as many dimensions as it wants."""
        coords_rank = len(self._wanted[self._coords].shape)
        labels_rank = len(self._wanted[self._labels].shape)
        asked: dict[str, Any] = dict(seen.features)
        asked[self._coords] = places.reshape((1,) * (coords_rank - 2) + places.shape)
        asked[self._labels] = labels.reshape((1,) * (labels_rank - 1) + labels.shape)
        for name, one in self._wanted.items():
            if "has_mask" in name:
                asked[name] = np.zeros(1, np.float32)
            elif "mask_input" in name:
                side = [s if isinstance(s, int) else _LOW_SIDE_PX for s in one.shape[-2:]]
                asked[name] = np.zeros((1, 1, *side), np.float32)
            elif "orig_im_size" in name:
                kind = np.int64 if "int64" in one.type else np.float32
                asked[name] = np.array(seen.shape, kind)
        return asked


def segment_anything(
    document: LabelDocument,
    model: SegmentAnything,
    seen: SeenPicture,
    what: Paint,
    inside: Sequence[Point],
    outside: Sequence[Point] = (),
    box: Rect | None = None,
) -> Edit | None:
    """Paint what clicks mean to a model; ``seen`` is the document's picture."""
    return paint(document, model.region(seen, inside, outside, box), what, "segment anything")


def _open(path: Path) -> Any:
    runtime = require("onnxruntime")
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such file; choose an ONNX file")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises classes of its own
        raise ModelFileError(f"{path}: cannot be opened as an ONNX model ({error})") from error


def _named(wanted: Mapping[str, Any], part: str, path: Path) -> str:
    for name in wanted:
        if part in name:
            return name
    raise ModelFileError(
        f"{path}: not a decoder of this family: expected an input named {part}, found "
        f"{', '.join(wanted)}; exchange encoder and decoder, or export the model again"
    )


def _best(found: Sequence[Any]) -> FloatArray:
    """Return the logits ``(h, w)`` of the mask that the model trusts most."""
    arrays = [np.asarray(one, np.float32) for one in found]
    masks = next((one for one in arrays if one.ndim >= 4), None)
    if masks is None:
        raise ModelFileError("the decoder gave no masks; export the model again")
    flat = masks.reshape(-1, *masks.shape[-2:])
    scores = next((one.ravel() for one in arrays if one.ndim < 4 and one.size == len(flat)), None)
    best = 0 if scores is None else int(np.argmax(scores))
    logits: FloatArray = flat[best]
    return logits


def _picture_mask(logits: FloatArray, seen: SeenPicture) -> NDArray[np.bool_]:
    """Return logits as a mask of the picture; low ones cover the encoder's padded square."""
    height, width = seen.shape
    if logits.shape != (height, width):
        side = max(height, width)
        logits = np.asarray(cv2.resize(logits, (side, side), interpolation=cv2.INTER_LINEAR))
        logits = logits[:height, :width]
    mask: NDArray[np.bool_] = logits > 0.0
    return mask
