"""``agriseg segment``: label masks and overlays of image files."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import ImageFileError

if TYPE_CHECKING:
    from agriseg.messages import UInt8Array
    from agriseg.ports import Segmenter
    from agriseg.segmentation.result_files import ResultWriter

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_OVERLAY_QUALITY = 90

_DESCRIPTION = """\
Write what is seen in every image: by default a label mask, DIR/STEM.png, which holds one byte per
pixel (0 soil, 1 crop, 2 weed) and has the width and height of the image as it is shown: a rotation
noted in the file's EXIF data is applied first. With --task instance or panoptic plants are told
apart, as PNG files and a list of plants, or as COCO. DIR/overlays/STEM.jpg is for people to look
at. The formats are described in agriseg/segmentation/RESULTS.md.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "segment", help="write what is seen in images", description=_DESCRIPTION
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGES", help="image files, folders of images, or patterns"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    parser.add_argument(
        "--model", metavar="MODEL", help="folder or name of a model (default: the one in use)"
    )
    parser.add_argument(
        "--task",
        choices=("semantic", "instance", "panoptic"),
        default="semantic",
        help="a class for every pixel (default), plants told apart, or both at once",
    )
    parser.add_argument(
        "--format",
        choices=("png", "coco", "coco-panoptic"),
        default="png",
        dest="result_format",
        help="png (default), coco for instance, or coco-panoptic for panoptic",
    )
    parser.add_argument(
        "--method",
        choices=("network", "exg"),
        default="network",
        help="network (default), or exg: excess green, which calls all vegetation weed",
    )
    parser.add_argument(
        "--runtime",
        choices=("auto", "openvino", "cuda", "torch-cpu"),
        default="auto",
        help="what the network runs on (default: the fastest there is)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="CPU threads (default: all cores but one, yet both of two)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment the images; return the exit status, 2 if any image could not be done."""
    from agriseg.segmentation.result_files import result_writer

    paths = find_images(args.images)
    writer = result_writer(args.task, args.result_format, args.out)
    _check_output(args.out, paths, writer)
    segmenter = _open_segmenter(args)
    try:
        failed = _segment_all(segmenter, paths, args.out, writer)
    finally:
        segmenter.close()
    writer.finish()
    done = len(paths) - failed
    print(f"{done} of {len(paths)} images segmented with {segmenter.name}; results in {args.out}")
    return 2 if failed else 0


def find_images(arguments: Sequence[str]) -> list[Path]:
    """Return the image files that arguments name, in order and each once.

    Parameters
    ----------
    arguments : sequence of str
        Files, folders (all images directly inside) and glob patterns.

    Raises
    ------
    ImageFileError
        A folder or pattern yields no image, a file does not exist, or two files have the same
        stem and would overwrite each other's mask.
    """
    found = find_image_files(arguments)
    by_stem: dict[str, Path] = {}
    for path in found:
        other = by_stem.setdefault(path.stem, path)
        if other != path:
            raise ImageFileError(
                f"{other} and {path} would both be written to {path.stem}.png; segment them into "
                "different output folders"
            )
    return found


def find_image_files(arguments: Sequence[str]) -> list[Path]:
    """Return the image files that arguments name, in order and each once; stems may repeat.

    Raises
    ------
    ImageFileError
        A folder or pattern yields no image, or a file does not exist.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        found.update(dict.fromkeys(_expand(argument)))
    return list(found)


def read_image(path: Path) -> UInt8Array:
    """Read an image as it is shown, (H, W, 3) uint8 BGR, EXIF rotation applied.

    Raises
    ------
    ImageFileError
        It cannot be read.
    """
    import numpy as np

    from agriseg.opencv import cv2

    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ImageFileError(
            f"{path}: cannot be read ({error.strerror}); check its name and permissions"
        ) from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise ImageFileError(
            f"{path}: not a readable image ({data.size} bytes); expected a whole JPEG, PNG, BMP,"
            " TIFF or WebP file: copy it again, or leave it out"
        )
    return np.asarray(image, dtype=np.uint8)


def _expand(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES)
        if not inside:
            raise ImageFileError(f"{path}: no images in this folder; expected {_suffix_list()}")
        return inside
    if path.exists():
        return [path]
    if glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
        files = [p for p in map(Path, matches) if p.is_file() and p.suffix.lower() in _SUFFIXES]
        if not files:
            raise ImageFileError(f"{argument}: the pattern matches no image ({_suffix_list()})")
        return files
    # A name without a file: reported when its turn comes, so that the others are still done.
    return [path]


def _suffix_list() -> str:
    return ", ".join(sorted(_SUFFIXES))


def _check_output(out: Path, paths: Sequence[Path], writer: ResultWriter) -> None:
    """Make the output folders; refuse to overwrite an input with its result."""
    try:
        (out / "overlays").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageFileError(f"{out}: cannot be made a folder ({error.strerror})") from error
    for path in paths:
        written = writer.pixel_file(path.stem)
        if written is not None and path.resolve() == written.resolve():
            raise ImageFileError(
                f"{path}: its mask would overwrite it; choose another --out than its own folder"
            )


def _open_segmenter(args: argparse.Namespace) -> Segmenter:
    if args.method == "exg":
        from agriseg.segmentation.color_index import ExcessGreenSegmenter

        return ExcessGreenSegmenter()
    from agriseg.models import open_segmenter

    return open_segmenter(args.model, runtime=args.runtime, threads=args.threads)


def _segment_all(
    segmenter: Segmenter, paths: Sequence[Path], out: Path, writer: ResultWriter
) -> int:
    """Segment every image; return how many could not be."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    failed = 0
    with Progress(
        "segmenting", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        task = progress.add_task("segmenting", total=len(paths))
        for number, path in enumerate(paths):
            try:
                _segment_one(segmenter, path, number, out, writer)
            except ImageFileError as error:
                failed += 1
                progress.console.print(str(error), markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    return failed


def _segment_one(
    segmenter: Segmenter, path: Path, number: int, out: Path, writer: ResultWriter
) -> None:
    from agriseg.messages import Frame
    from agriseg.opencv import cv2
    from agriseg.segmentation.result_files import write_file

    image = read_image(path)
    frame = Frame(frame_id=number, t_capture_s=0.0, image=image, name=path.name)
    overlay = writer.add(path.name, image, segmenter.segment(frame))
    quality = [cv2.IMWRITE_JPEG_QUALITY, _OVERLAY_QUALITY]
    encoded = cv2.imencode(".jpg", overlay, quality)[1]
    write_file(out / "overlays" / f"{path.stem}.jpg", encoded.tobytes())
