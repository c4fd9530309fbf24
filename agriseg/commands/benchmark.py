"""``agriseg benchmark``: which runtime is the fastest on this computer."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agriseg.evaluation.loss import Pictures
    from agriseg.models.bundle import ModelBundle
    from agriseg.models.sizing import Size

_DESCRIPTION = """\
Measure a model with every runtime that this computer has, in turn, in rounds: frame bytes in, byte
maps out. The labels of each are compared with those of eager float32. The fastest that loses at
most one point of mean IoU is remembered: the runtime `auto` then uses it, in the window and
everywhere, until the model, the computer or a runtime's version changes. Close other programs
first. The frames are of simulated fields, or of --images."""

_SIDE_LIMITS_PX = (64, 4096)
_SIMULATED = 4

_log = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "benchmark", help="find this computer's fastest runtime", description=_DESCRIPTION
    )
    parser.add_argument(
        "--model", metavar="MODEL", help="folder or name of a model (default: the shipped one)"
    )
    parser.add_argument(
        "--size", default="960x544", metavar="WxH", help="size of the frames (default: 960x544)"
    )
    parser.add_argument(
        "--long-side",
        type=int,
        metavar="PX",
        help="let the network look at frames of this longer side, instead of the model's own; "
        "such a measurement is not remembered",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="real images, with masks/ where there are any"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure speed")
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="CPU threads (default: all cores but one, yet both of two)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, remember the best; return the exit status."""
    from rich.console import Console

    from agriseg.evaluation.benchmark import benchmark_figures, run_benchmark, to_remember
    from agriseg.evaluation.pages import write_figures
    from agriseg.models.runtime import default_threads
    from agriseg.models.runtime_memory import remember

    size = _parse_size(args.size)
    if not 0.1 <= args.seconds <= 3600.0:
        raise ConfigError(f"--seconds {args.seconds:g}: expected 0.1 to 3600")
    bundle = _bundle(args)
    pictures = _pictures(args.images, size)
    with Console(stderr=True).status("opening") as status:
        benchmark = run_benchmark(
            bundle,
            pictures,
            size,
            threads=args.threads if args.threads > 0 else default_threads(),
            seconds=args.seconds,
            tell=status.update,
        )
    figures = benchmark_figures(bundle, benchmark)
    print(_table(figures))
    if args.long_side is None:
        print(f"remembered for the runtime auto: {figures['remembered']}")
        try:
            remember(bundle, to_remember(benchmark))
        except OSError as error:
            _log.warning("the result cannot be remembered (%s)", error)
    if args.json is not None:
        write_figures(args.json, figures)
    return 0


def _bundle(args: argparse.Namespace) -> ModelBundle:
    from dataclasses import replace

    from agriseg.models.bundle import open_bundle
    from agriseg.models.deployed import wanted_model

    bundle = open_bundle(wanted_model(args.model))
    if args.long_side is None:
        return bundle
    _check_side("--long-side", args.long_side)
    spec = bundle.manifest.input.model_copy(update={"long_side_px": args.long_side})
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"input": spec}))


def _pictures(folder: Path | None, size: Size) -> Pictures:
    from agriseg.evaluation.loss import list_pictures, simulated_pictures

    if folder is not None:
        return list_pictures(folder)
    return simulated_pictures(_SIMULATED, (size.width_px, size.height_px))


def _parse_size(text: str) -> Size:
    from agriseg.models.sizing import Size

    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 512x512")
    for side in (int(width), int(height)):
        _check_side(f"--size {text}", side)
    return Size(int(width), int(height))


def _check_side(option: str, side: int) -> None:
    low, high = _SIDE_LIMITS_PX
    if not low <= side <= high:
        raise DatasetError(f"{option}: {side} px is no side of a frame; expected {low} to {high}")


def _table(figures: Mapping[str, Any]) -> str:
    from agriseg.evaluation.tables import table

    rows = [
        [
            form,
            f"{runtime['median_ms']:.1f}",
            f"{runtime['p95_ms']:.1f}",
            f"{runtime['fps']:.1f}",
            f"{runtime['difference']['mean_iou_loss_points']:.2f}",
            f"{100 * runtime['difference']['label_disagreement_mean']:.3f}",
            f"{100 * runtime['difference']['label_disagreement_max']:.3f}",
        ]
        for form, runtime in figures["runtimes"].items()
    ]
    head = ["runtime", "median ms", "p95 ms", "frames/s", "mIoU points lost"]
    head += ["labels differ, %", "in the worst image, %"]
    machine, best = figures["machine"], figures["best"]
    lines = [
        f"{figures['model']}, frames {figures['size']} (looked at as {figures['network_size']}), "
        f"{figures['threads']} threads, {figures['pictures']}",
        f"{machine['processor']}, {machine['cores']} cores; {machine['gpu'] or 'no NVIDIA GPU'}\n",
        table(head, rows),
        "",
        *(f"not measured: {form}: {why}" for form, why in figures["unavailable"].items()),
        f"fastest within one point of mean IoU: {best['runtime']}, {best['fps']:.1f} frames/s",
    ]
    return "\n".join(lines)
