"""``agriseg evaluate``: a model's pixel scores on held-out images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agriseg.messages import UInt8Array
    from agriseg.models.training_sources import Example
    from agriseg.ports import Segmenter
    from agriseg.segmentation.metrics import PixelScores

_PICTURE_QUALITY = 80

_DESCRIPTION = """\
Score a model on the groups that its training configuration holds out, one table row per source:
intersection over union of soil, crop and weed over all pixels of all images, and their mean.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate", help="score a model on held-out images", description=_DESCRIPTION
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="training configuration")
    parser.add_argument(
        "--data", type=Path, default=Path(), help="folder that the sources' directories lie in"
    )
    parser.add_argument(
        "--model", type=Path, metavar="BUNDLE", help="folder of a model (default: the shipped one)"
    )
    parser.add_argument(
        "--runtime", choices=("auto", "openvino", "cuda", "torch-cpu"), default="auto"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FILE.jpg",
        help="write a grid of the best, a middling and the worst images of every source",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the scores; return the exit status."""
    from agriseg.models import open_segmenter
    from agriseg.models.training_config import load_training_config
    from agriseg.models.training_sources import list_held_out
    from agriseg.segmentation.metrics import PixelScores

    config = load_training_config(args.config)
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    segmenter = open_segmenter(args.model, runtime=args.runtime, threads=args.threads)
    try:
        results = {name: _score(segmenter, name, held_out[name]) for name in held_out}
        if args.pictures is not None:
            _write_pictures(segmenter, held_out, results, args.pictures)
    finally:
        segmenter.close()
    scores = {name: sum(images, PixelScores.empty()) for name, images in results.items()}
    print(f"{segmenter.name}, held-out groups of {args.config}")
    print(_table(scores, {name: len(images) for name, images in results.items()}))
    if args.json is not None:
        args.json.write_text(json.dumps(_figures(scores), indent=2) + "\n", encoding="utf-8")
    return 0


def _score(segmenter: Segmenter, source: str, examples: Sequence[Example]) -> list[PixelScores]:
    """Score every image of a source by itself."""
    from rich.console import Console
    from rich.progress import track

    from agriseg.segmentation.metrics import PixelScores

    scores = []
    for example in track(examples, source, console=Console(stderr=True)):
        image, truth = example.load()
        scores.append(PixelScores.of(_label(segmenter, image), truth))
    return scores


def _label(segmenter: Segmenter, image: UInt8Array) -> UInt8Array:
    from agriseg.messages import Frame

    return segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image)).labels


def _write_pictures(
    segmenter: Segmenter,
    held_out: Mapping[str, Sequence[Example]],
    results: Mapping[str, Sequence[PixelScores]],
    path: Path,
) -> None:
    """Draw one row per source: the best image, a middling one and the two worst."""
    from agriseg.opencv import cv2
    from agriseg.segmentation.drawing import comparison, grid

    rows = []
    for source, scores in results.items():
        order = sorted(range(len(scores)), key=lambda i: scores[i].mean_iou, reverse=True)
        row = []
        for index in (order[0], order[len(order) // 2], order[-2], order[-1]):
            image, truth = held_out[source][index].load()
            caption = f"{source}, mean IoU {scores[index].mean_iou:.2f}"
            row.append(comparison(image, truth, _label(segmenter, image), caption))
        rows.append(row)
    encoded = cv2.imencode(".jpg", grid(rows), [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])[1]
    path.write_bytes(encoded.tobytes())


def _table(scores: Mapping[str, PixelScores], images: Mapping[str, int]) -> str:
    lines = ["| source | images | soil | crop | weed | mean IoU |", "|---|---|---|---|---|---|"]
    for source, score in scores.items():
        classes = " | ".join(f"{value:.3f}" for value in score.iou)
        lines.append(f"| {source} | {images[source]} | {classes} | {score.mean_iou:.3f} |")
    return "\n".join(lines)


def _figures(scores: Mapping[str, PixelScores]) -> dict[str, dict[str, object]]:
    return {
        source: {
            "mean_iou": score.mean_iou,
            "iou": score.iou.tolist(),
            "precision": score.precision.tolist(),
            "recall": score.recall.tolist(),
            "confusion": score.confusion.tolist(),
        }
        for source, score in scores.items()
    }
