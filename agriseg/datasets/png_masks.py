"""PNG masks of any tool: numbers or colours, named by ``labelmap.txt`` or by the configuration."""

from __future__ import annotations

from agriseg.datasets.annotated import DataSource, images_folder
from agriseg.datasets.labels import IMAGE_SUFFIXES
from agriseg.datasets.masked import MaskedPicture, MaskedSet, MaskNames, find_image
from agriseg.datasets.voc import read_label_map
from agriseg.datasets.voc_colours import LABEL_MAP
from agriseg.errors import DatasetError

_MASKS, _INSTANCES = "masks", "instances"


def open_png(source: DataSource) -> MaskedSet:
    """Open a folder of masks beside a folder of images.

    A value is called by its number, as ``7``, or by its colour, as ``#ff0000``, unless
    ``labelmap.txt`` names the colour.

    Raises
    ------
    DatasetError
        There are no masks, or ``labelmap.txt`` is damaged.
    """
    folder = source.directory / (source.annotations or _MASKS)
    masks = sorted(path for path in folder.rglob("*.png")) if folder.is_dir() else []
    if not masks:
        raise DatasetError(
            f"{folder}: no masks; expected one .png for every image. Where they lie elsewhere, "
            f"name their folder with annotations in the source {source.name!r}"
        )
    images = images_folder(source)
    pictures = []
    for path in masks:
        stem = path.relative_to(folder).with_suffix("").as_posix()
        plants = source.directory / (source.instances or _INSTANCES) / f"{stem}.png"
        pictures.append(
            MaskedPicture(
                file_name=find_image(images, stem, IMAGE_SUFFIXES),
                mask_path=path,
                ids_path=plants if plants.is_file() else None,
            )
        )
    label_map = source.directory / LABEL_MAP
    names = MaskNames(numbers={}, colours=read_label_map(label_map) if label_map.is_file() else {})
    return MaskedSet(source=source, place=folder, pictures=tuple(pictures), names=names)
