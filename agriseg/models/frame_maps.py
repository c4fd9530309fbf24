"""From what a runtime computes of a frame to what the other stages know."""

from __future__ import annotations

from typing import NamedTuple

from agriseg.messages import (
    Float32Array,
    Frame,
    GroupingRule,
    PlantMaps,
    Segmentation,
    UInt8Array,
)


class FrameMaps(NamedTuple):
    """What every runtime computes of a frame.

    Attributes
    ----------
    labels, weed, crop : (H, W) uint8
        Classes, and probabilities from 0 to 255.
    plants : (3, h, w) float32 or None
        Centre and offsets of networks with plant heads.
    """

    labels: UInt8Array
    weed: UInt8Array
    crop: UInt8Array
    plants: Float32Array | None = None

    def segmentation(
        self, frame: Frame, forward_ms: float, name: str, rule: GroupingRule | None
    ) -> Segmentation:
        """Return the maps as the segmentation of ``frame``; without a rule, without plants."""
        maps = None
        if self.plants is not None and rule is not None:
            maps = PlantMaps(centre=self.plants[0], offset=self.plants[1:], rule=rule)
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=self.labels,
            weed_probability=self.weed,
            crop_probability=self.crop,
            forward_ms=forward_ms,
            segmenter=name,
            plants=maps,
        )
