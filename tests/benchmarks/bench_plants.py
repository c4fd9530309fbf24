"""Time of reading plants off a frame's maps: ``python tests/benchmarks/bench_plants.py``.

Frames of the simulated field with the maps that perfect plant heads would give. Figures are the
time that one thread had on a core, so that other work on the computer does not count. What the
heads add to the network's time says
``agriseg models compare lite0-fpn-detail lite0-fpn-detail-plants``.
"""

from __future__ import annotations

import argparse
import statistics
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from agriseg.messages import ClassId, GroupingRule, PlantMaps, Segmentation, UInt8Array
from agriseg.models.networks.plant_heads import PLANT_STRIDE
from agriseg.models.plant_targets import plant_targets
from agriseg.segmentation.plant_grouping import plants_by_patches, tell_plants_apart
from agriseg.simulation.training_frames import random_plant_frames

FIELD_SEED = 77
SIGMA_PX = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    seen = [
        _seen(labels, ids)
        for _, labels, ids in random_plant_frames(FIELD_SEED, args.frames, (960, 544))
    ]
    for words, tell in (("plant heads", tell_plants_apart), ("patches", plants_by_patches)):
        times_ms, plants = [], []
        for _ in range(args.rounds):
            for one in seen:
                began_s = time.thread_time()
                plants.append(len(tell(one).plants))
                times_ms.append((time.thread_time() - began_s) * 1e3)
        print(
            f"{words:12s} median {statistics.median(times_ms):6.2f} ms, slowest "
            f"{max(times_ms):6.2f} ms, {statistics.mean(plants):.0f} plants a frame"
        )


def _seen(labels: UInt8Array, ids: NDArray[np.uint16]) -> Segmentation:
    heat, dv, du, _, _ = plant_targets(ids, labels, SIGMA_PX)
    rule = GroupingRule()
    assert heat.shape[1] * PLANT_STRIDE == labels.shape[1]
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=np.where(labels == ClassId.WEED, np.uint8(255), np.uint8(0)),
        crop_probability=np.where(labels == ClassId.CROP, np.uint8(255), np.uint8(0)),
        forward_ms=0.0,
        segmenter="simulated field",
        plants=PlantMaps(centre=heat, offset=np.stack([dv, du]), rule=rule),
    )


if __name__ == "__main__":
    main()
