"""``agriseg compare``: models side by side on the same images."""

from __future__ import annotations

import argparse

from agriseg.commands.evaluate import add_data_arguments, judgement_of, score_with_progress
from agriseg.errors import DatasetError

_DESCRIPTION = """\
Score models on the same labelled images, and say which differences are more than chance: every
figure with its 95 % interval, and the paired difference to the first model, by bootstrap over
groups of images. DATA and the figures are those of `agriseg evaluate`."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "compare", help="compare models on labelled images", description=_DESCRIPTION
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="folders of models, shipped names, or exg"
    )
    add_data_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison and write the files; return the exit status."""
    from agriseg.evaluation.comparison import (
        comparison_figures,
        comparison_page,
        comparison_table,
    )
    from agriseg.evaluation.labelled import list_labelled
    from agriseg.evaluation.opening import open_named_segmenter
    from agriseg.evaluation.pages import write_figures, write_whole

    if len(args.models) < 2 or len(set(args.models)) < len(args.models):
        raise DatasetError(
            f"{', '.join(args.models)}: expected two or more different models to compare"
        )
    judgement = judgement_of(args)
    files = list_labelled(args.images, args.data)
    scored = {}
    for name in args.models:
        segmenter = open_named_segmenter(name, runtime=args.runtime, threads=args.threads)
        try:
            scored[name] = score_with_progress(segmenter, files, judgement)
        finally:
            segmenter.close()
    figures = comparison_figures(scored, str(args.images), judgement)
    print(f"{figures['images']} images in {figures['groups']} groups of {args.images}\n")
    print(comparison_table(figures))
    print(f"\nIn brackets 95 % intervals; then the difference to {figures['reference']}, * where")
    print("its interval does not hold zero.", figures["note"])
    if args.json is not None:
        write_figures(args.json, figures)
    if args.html is not None:
        write_whole(args.html, comparison_page(figures).encode())
    return 0
