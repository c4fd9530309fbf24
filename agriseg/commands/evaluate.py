"""``agriseg evaluate``: how good a model is, pixel by pixel and plant by plant."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import DatasetError

if TYPE_CHECKING:
    from agriseg.evaluation.labelled import LabelledFile
    from agriseg.evaluation.scores import Judgement, ScoredImage
    from agriseg.ports import Segmenter

_DESCRIPTION = """\
Score a model on labelled images: intersection over union, precision and recall per class,
outlines, calibration, panoptic quality, and the weed plants that the sprayer would hit. DATA is a
folder with images/ and masks/ (0 soil, 1 crop, 2 weed, 255 ignored; groups.json and instances/
are used where they are), or a training configuration (.toml), of which the held-out groups are
scored, source by source. What the figures mean is in agriseg/evaluation/SCORES.md."""

RUNTIMES = ("auto", "openvino", "cuda", "torch-cpu")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate", help="score a model on labelled images", description=_DESCRIPTION
    )
    parser.add_argument(
        "model", metavar="MODEL", help="folder of a model, a shipped model's name, or exg"
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--worst", type=Path, metavar="DIR", help="write the 20 worst images as pictures here"
    )
    parser.set_defaults(run=run)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `agriseg evaluate` and `agriseg compare` have in common."""
    parser.add_argument(
        "images", type=Path, metavar="DATA", help="folder of labelled images, or CONFIG.toml"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(), metavar="DIR", help="where CONFIG.toml's folders lie"
    )
    parser.add_argument(
        "--gsd-mm",
        type=float,
        metavar="MM",
        help="millimetres of ground per pixel: for plant sizes in cm² and the sprayer's margins",
    )
    parser.add_argument(
        "--boundary-px", type=float, default=3.0, metavar="PX", help="tolerance of outlines"
    )
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures here")


def run(args: argparse.Namespace) -> int:
    """Print the scores and write the files; return the exit status."""
    from agriseg.evaluation.drawings import draw_worst
    from agriseg.evaluation.figures import evaluation_figures, worst_images
    from agriseg.evaluation.labelled import list_labelled
    from agriseg.evaluation.opening import fitted_confidence, open_named_segmenter
    from agriseg.evaluation.pages import write_figures, write_whole
    from agriseg.evaluation.report import evaluation_page
    from agriseg.evaluation.tables import evaluation_tables

    judgement = judgement_of(args)
    files = list_labelled(args.images, args.data)
    segmenter = open_named_segmenter(args.model, runtime=args.runtime, threads=args.threads)
    try:
        scored = score_with_progress(segmenter, files, judgement)
        wanted = args.html is not None or args.worst is not None
        worst = draw_worst(segmenter, worst_images(scored)) if wanted else []
    finally:
        segmenter.close()
    figures = evaluation_figures(segmenter.name, str(args.images), scored, judgement)
    print(f"{segmenter.name} on {args.images}\n")
    print(evaluation_tables(figures))
    confidence = fitted_confidence(args.model)
    figures["confidence"] = None if confidence is None else confidence.model_dump()
    if confidence is not None:
        print(
            f"\nLogits are divided by the temperature {confidence.temperature:g}: calibration "
            f"error {confidence.ece_before:.3f} before, {confidence.ece_after:.3f} after, on the "
            f"{confidence.images} images that it was fitted to."
        )
    if judgement.rule.has_scale is False:
        print("\nWeed plants are judged in pixels and without margins: give --gsd-mm.")
    if args.json is not None:
        write_figures(args.json, figures)
    if args.html is not None:
        write_whole(args.html, evaluation_page(figures, worst).encode())
    for rank, picture in enumerate(worst if args.worst is not None else (), start=1):
        stem = picture.name.replace("/", "_")
        write_whole(args.worst / f"{rank:02d}_{stem}.jpg", picture.jpeg)
    return 0


def judgement_of(args: argparse.Namespace) -> Judgement:
    """Return how images are judged, from the command line.

    Raises
    ------
    DatasetError
        A scale or tolerance that cannot be.
    """
    from agriseg.evaluation.plants import PlantRule
    from agriseg.evaluation.scores import Judgement

    if args.gsd_mm is not None and not 0.02 <= args.gsd_mm <= 50.0:
        raise DatasetError(f"--gsd-mm {args.gsd_mm:g}: expected 0.02 to 50 mm of ground per pixel")
    if not 0.0 <= args.boundary_px <= 100.0:
        raise DatasetError(f"--boundary-px {args.boundary_px:g}: expected 0 to 100 pixels")
    return Judgement(rule=PlantRule.of(args.gsd_mm), boundary_px=args.boundary_px)


def score_with_progress(
    segmenter: Segmenter, files: list[LabelledFile], judgement: Judgement
) -> list[ScoredImage]:
    """Score images, with a bar and the remaining time on standard error."""
    from rich.console import Console
    from rich.progress import track

    from agriseg.evaluation.scores import score_images

    bar = track(files, segmenter.name, console=Console(stderr=True))
    return score_images(segmenter, bar, judgement)
