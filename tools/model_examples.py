"""Draw the picture grid of a model card: good and bad cases of the held-out groups.

One row per source: the best image, a middling one and the two worst, by mean IoU; the truth above,
what the model says below.

    python tools/model_examples.py assets/models/field-lite0 --data DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from agriseg.messages import Frame, UInt8Array
from agriseg.models import open_segmenter
from agriseg.models.training_config import load_training_config
from agriseg.models.training_sources import Example, list_held_out
from agriseg.opencv import cv2
from agriseg.ports import Segmenter
from agriseg.segmentation.drawing import comparison, grid
from agriseg.segmentation.metrics import PixelScores

JPEG_QUALITY = 85


def main() -> None:
    """Write ``examples.jpg`` into the bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder of a model with its training.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder of the sources")
    args = parser.parse_args()
    config = load_training_config(args.bundle / "training.toml")
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    segmenter = open_segmenter(args.bundle)
    rows = [_row(segmenter, name, examples) for name, examples in held_out.items()]
    segmenter.close()
    picture = cv2.imencode(".jpg", grid(rows), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    (args.bundle / "examples.jpg").write_bytes(picture.tobytes())


def _row(segmenter: Segmenter, source: str, examples: Sequence[Example]) -> list[UInt8Array]:
    scored = []
    for index, example in enumerate(examples):
        image, truth = example.load()
        labels = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image)).labels
        scored.append((PixelScores.of(labels, truth).mean_iou, index, labels))
    scored.sort(key=lambda one: one[:2], reverse=True)
    row = []
    for mean_iou, index, labels in (scored[0], scored[len(scored) // 2], *scored[-2:]):
        image, truth = examples[index].load()
        row.append(comparison(image, truth, labels, f"{source}, mean IoU {mean_iou:.2f}"))
    return row


if __name__ == "__main__":
    main()
