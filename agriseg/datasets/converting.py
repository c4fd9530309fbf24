"""Labels go from one format to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.opening import Format, list_samples
from agriseg.datasets.writers.objects import LabelledPicture
from agriseg.datasets.writing import Images, LabelExport, WrittenFormat


def convert(
    source: DataSource,
    kind: Format,
    target: WrittenFormat,
    out: Path,
    images: Images = "copy",
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Read a data set and write it in another format; return how many pictures it has.

    Parameters
    ----------
    source : DataSource
    kind, target : Format, WrittenFormat
    out : Path
        New folder, or archive (``.zip``).
    images : str
        ``copy``, ``link`` or ``none``.
    on_progress : callable of (done, all), optional
        What it raises ends the work, and nothing is left behind.

    Raises
    ------
    DatasetError
        Anything about the files is wrong, or the target is there already.
    """
    samples = list_samples(source, kind)
    with LabelExport(target, out, source.table, images) as export:
        for number, sample in enumerate(samples, start=1):
            _, labels = sample.load_labels()
            export.add(
                LabelledPicture(
                    name=sample.stem + sample.image_path.suffix,
                    image_path=sample.image_path,
                    classes=labels.mask,
                    ids=labels.ids,
                    stems=labels.stems,
                    group=sample.group,
                )
            )
            if on_progress is not None:
                on_progress(number, len(samples))
    return len(samples)
