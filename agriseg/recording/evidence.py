"""The pipeline's state and evidence as messages of a recording, and back."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from agriseg.errors import RecordingError
from agriseg.pipeline_journal import FramePatch, MapPatch, MapState, PipelineStart
from agriseg.recording.pictures import decode_grey, encode_grey
from agriseg.recording.topics import EncodedImage, RecordedStart

_BYTES_A_CELL = 9


def recorded_start(start: PipelineStart) -> RecordedStart:
    """Return a state as it is recorded."""
    content = start.map
    planes = b"".join(
        (
            content.weed_mean.astype("<f4").tobytes(),
            content.crop_mean.astype("<f4").tobytes(),
            content.count.tobytes(),
        )
    )
    column, row = content.origin or (None, None)
    return RecordedStart(
        t_s=start.t_s,
        state=start.state,
        map_side=len(content.count),
        map_planes=base64.b64encode(zlib.compress(planes, 1)).decode(),
        map_column=column,
        map_row=row,
    )


def pipeline_start(recorded: RecordedStart) -> PipelineStart:
    """Return the state that `recorded_start` was given.

    Raises
    ------
    RecordingError
        The map's planes are damaged.
    """
    side = recorded.map_side
    try:
        planes = zlib.decompress(base64.b64decode(recorded.map_planes, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise RecordingError(f"the recorded map cannot be read ({error})") from error
    if len(planes) != _BYTES_A_CELL * side * side:
        raise RecordingError(f"the recorded map has {len(planes)} bytes for {side} cells square")
    means = np.frombuffer(planes, "<f4", 2 * side * side).reshape(2, side, side).astype(np.float32)
    count = np.frombuffer(planes, np.uint8, offset=8 * side * side).reshape(side, side)
    origin = None
    if recorded.map_column is not None and recorded.map_row is not None:
        origin = (recorded.map_column, recorded.map_row)
    content = MapState(weed_mean=means[0], crop_mean=means[1], count=count.copy(), origin=origin)
    return PipelineStart(t_s=recorded.t_s, state=recorded.state, map=content)


def encode_patch(patch: FramePatch) -> EncodedImage:
    """Return the evidence of a frame as a grey PNG, weed above crop."""
    stacked = np.concatenate((patch.patch.weed, patch.patch.crop))
    return EncodedImage(frame_number=patch.frame_id, format="png", data=encode_grey(stacked))


def decode_patch(image: EncodedImage) -> MapPatch:
    """Return the evidence that `encode_patch` wrote.

    Raises
    ------
    RecordingError
        It is damaged.
    """
    stacked = decode_grey(image.data)
    rows, odd = divmod(len(stacked), 2)
    if odd:
        raise RecordingError(f"a recorded patch of evidence has {len(stacked)} rows")
    return MapPatch(weed=stacked[:rows].copy(), crop=stacked[rows:].copy())
