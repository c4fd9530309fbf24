"""``agriseg evaluate``: a model's pixel scores on held-out images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agriseg.models.training_sources import Example
    from agriseg.ports import Segmenter
    from agriseg.segmentation.metrics import PixelScores

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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the scores; return the exit status."""
    from agriseg.models import open_segmenter
    from agriseg.models.training_config import load_training_config
    from agriseg.models.training_sources import list_held_out

    config = load_training_config(args.config)
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    segmenter = open_segmenter(args.model, runtime=args.runtime, threads=args.threads)
    try:
        scores = _score_all(segmenter, held_out)
    finally:
        segmenter.close()
    print(f"{segmenter.name}, held-out groups of {args.config}")
    print(_table(scores, {name: len(samples) for name, samples in held_out.items()}))
    if args.json is not None:
        args.json.write_text(json.dumps(_figures(scores), indent=2) + "\n", encoding="utf-8")
    return 0


def _score_all(
    segmenter: Segmenter, held_out: Mapping[str, Sequence[Example]]
) -> dict[str, PixelScores]:
    from rich.console import Console
    from rich.progress import track

    from agriseg.messages import Frame
    from agriseg.segmentation.metrics import PixelScores

    scores: dict[str, PixelScores] = {}
    for source, samples in held_out.items():
        total = PixelScores.empty()
        for number, sample in enumerate(track(samples, source, console=Console(stderr=True))):
            image, truth = sample.load()
            seen = segmenter.segment(Frame(frame_id=number, t_capture_s=0.0, image=image))
            total += PixelScores.of(seen.labels, truth)
        scores[source] = total
    return scores


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
