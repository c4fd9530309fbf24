"""``agriseg export``: a model in another form, and what that costs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import DatasetError, ModelFileError

if TYPE_CHECKING:
    from agriseg.evaluation.loss import AccuracyLoss, Picture, Pictures
    from agriseg.messages import UInt8Array
    from agriseg.models.bundle import ModelBundle

    LoadPicture = Callable[[], Picture]

_DESCRIPTION = """\
Write a model in another form: a bundle whose OpenVINO file computes in eight bits (quantised after
training by NNCF) or in floating point, or an ONNX file for other programs. The labels are compared
with those of the float32 network on the images of --data (of simulated fields without it), and an
eight-bit model that loses more than --max-loss points of mean IoU is not written."""

_CALIBRATION_IMAGES = 120
_MEASURED_IMAGES = 120
_SIMULATED = 4
_SIMULATED_SIZE_PX = (960, 544)
_NOTES_NAME = "export.json"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "export", help="write a model in another form", description=_DESCRIPTION
    )
    parser.add_argument("model", metavar="MODEL", help="folder of a model, or a shipped name")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="output folder, not yet there"
    )
    parser.add_argument("--precision", choices=("int8", "float"), default="int8")
    parser.add_argument("--format", choices=("openvino", "onnx"), default="openvino")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="images to quantise and to measure with (images/, and masks/ where there are any)",
    )
    parser.add_argument(
        "--max-loss",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="points of mean IoU that may be lost (default: 1)",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, compare, and keep the files if they are good enough; return the exit status."""
    from agriseg.evaluation.loss import list_pictures, simulated_pictures
    from agriseg.models.bundle import open_bundle
    from agriseg.models.naming import find_model

    bundle = open_bundle(find_model(args.model))
    _check(args)
    if args.data is not None:
        pictures = list_pictures(args.data)
    else:
        pictures = simulated_pictures(_SIMULATED, _SIMULATED_SIZE_PX)
    partial = args.out.with_name(args.out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        loss = _export(args, bundle, pictures, partial)
        _judge(args, loss)
        partial.rename(args.out)
    except OSError as error:
        raise ModelFileError(f"{args.out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{args.precision} {args.format} model written to {args.out}")
    print(_sentence(loss, pictures))
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.out.exists():
        raise ModelFileError(f"{args.out}: is there already; choose another --out")
    if args.precision == "int8" and args.data is None:
        raise DatasetError(
            "--precision int8 needs --data: images like those the model will see, to set the "
            "ranges of the eight-bit numbers and to measure what they cost"
        )
    if not 0.0 <= args.max_loss <= 100.0:
        raise DatasetError(f"--max-loss {args.max_loss:g}: expected 0 to 100 points of mean IoU")


def _export(
    args: argparse.Namespace, bundle: ModelBundle, pictures: Pictures, out: Path
) -> AccuracyLoss:
    """Write the files into ``out``, and compare them with float32."""
    from agriseg.evaluation.loss import measure_loss
    from agriseg.evaluation.pages import write_figures
    from agriseg.models.exporting import export_onnx, export_openvino, open_float32
    from agriseg.models.runtime import default_threads

    threads = args.threads if args.threads > 0 else default_threads()
    calibration, measured = _split(pictures, args.precision == "int8")
    write = export_openvino if args.format == "openvino" else export_onnx
    segmenter = write(bundle, out, calibration, threads)
    reference = open_float32(bundle, threads)
    try:
        loss = measure_loss(reference, segmenter, _loaded(measured))
    finally:
        segmenter.close()
        reference.close()
    notes = {
        "model": f"{bundle.manifest.name} {bundle.manifest.version}",
        "precision": args.precision,
        "format": args.format,
        "calibration_images": len(calibration),
        "measured_on": pictures.name,
        **loss.figures(),
    }
    write_figures(out / _NOTES_NAME, notes)
    return loss


def _split(pictures: Pictures, quantise: bool) -> tuple[list[UInt8Array], list[LoadPicture]]:
    """Take every other image to quantise with, the others to measure; a single one for both."""
    loads = pictures.load
    chosen = loads[::2] if quantise else []
    rest = (loads[1::2] or loads) if quantise else loads
    calibration = [load()[0] for load in _spread(chosen, _CALIBRATION_IMAGES)]
    return calibration, _spread(rest, _MEASURED_IMAGES)


def _spread(loads: Sequence[LoadPicture], count: int) -> list[LoadPicture]:
    """Choose at most ``count``, evenly over all."""
    return list(loads[:: max(1, -(-len(loads) // count))])


def _loaded(loads: Sequence[LoadPicture]) -> Iterator[Picture]:
    """Load pictures one by one, with a bar and the remaining time on standard error."""
    from rich.console import Console
    from rich.progress import track

    for load in track(loads, "comparing", console=Console(stderr=True)):
        yield load()


def _judge(args: argparse.Namespace, loss: AccuracyLoss) -> None:
    if loss.points > args.max_loss:
        raise ModelFileError(
            f"{args.out}: not written: {args.precision} loses {loss.points:.2f} points of mean IoU "
            f"against float32 on {loss.images} images, at most {args.max_loss:g} were allowed; "
            "quantise with more images like those of the field, or use --precision float"
        )


def _sentence(loss: AccuracyLoss, pictures: Pictures) -> str:
    mark = "" if loss.is_bounded else " MORE THAN ONE POINT IS LOST."
    return (
        f"Against float32 on {loss.images} images of {pictures.name}: {loss.points:.2f} points of "
        f"mean IoU lost (by {loss.against}), {100 * loss.mean_disagreement:.3f} % of the labels "
        f"differ, at most {100 * loss.max_disagreement:.3f} % in one image.{mark}"
    )
