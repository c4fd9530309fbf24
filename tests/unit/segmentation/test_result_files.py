"""Results as PNG and COCO, read back by pycocotools, and by the published panoptic encoding."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO

from agriseg.datasets.annotated import DataSource
from agriseg.datasets.opening import list_samples
from agriseg.errors import ImageFileError
from agriseg.messages import GroupingRule, PlantMaps, Segmentation
from agriseg.segmentation.plant_grouping import tell_plants_apart
from agriseg.segmentation.result_files import ResultFormat, Task, result_writer

torchmetrics = pytest.importorskip("torchmetrics")

IMAGE = np.full((48, 64, 3), 120, np.uint8)


def _seen(*, with_heads: bool = True) -> Segmentation:
    """Return two weeds that touch and a crop plant with a hole, four pixels a cell."""
    labels = np.zeros((48, 64), np.uint8)
    labels[8:24, 8:40] = 2
    labels[28:44, 40:60] = 1
    labels[34:38, 48:52] = 0
    plants = None
    if with_heads:
        centre = np.zeros((12, 16), np.float32)
        centre[[4, 4, 9], [4, 7, 12]] = 1.0
        offset = np.zeros((2, 12, 16), np.float32)
        rule = GroupingRule(spacing_cells=1, reach_cells=50.0, least_cells=1.0)
        plants = PlantMaps(centre=centre, offset=offset, rule=rule)
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=np.where(labels == 2, np.uint8(255), np.uint8(0)),
        crop_probability=np.where(labels == 1, np.uint8(255), np.uint8(0)),
        forward_ms=0.0,
        segmenter="drawn",
        plants=plants,
    )


def _write(task: Task, result_format: ResultFormat, out: Path) -> None:
    writer = result_writer(task, result_format, out)
    for name in ("a.jpg", "b.png"):
        overlay = writer.add(name, IMAGE, _seen())
        assert overlay.shape == IMAGE.shape
        assert not np.array_equal(overlay, IMAGE)
    writer.finish()


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_semantic_pixels_are_classes(tmp_path: Path) -> None:
    _write("semantic", "png", tmp_path)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), _seen().labels)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.png", "b.png"]


@pytest.mark.parametrize(("task", "factor"), [("instance", 0), ("panoptic", 10_000)])
def test_plant_pixels_and_their_list(tmp_path: Path, task: Task, factor: int) -> None:
    _write(task, "png", tmp_path)
    pixels = np.asarray(Image.open(tmp_path / "b.png")).astype(np.int64)
    expected = tell_plants_apart(_seen()).panoptic
    assert np.array_equal(pixels, expected.ids + expected.classes.astype(np.int64) * factor)
    listed = _read(tmp_path / "plants.json")
    assert (listed["schema"], listed["segmenter"]) == ("agriseg-plants", "drawn")
    image = listed["images"][1]
    assert (image["image"], image["file"], image["width"]) == ("b.png", "b.png", 64)
    assert image["told_apart_by"] == "plant heads"
    assert [plant["class"] for plant in image["plants"]] == ["weed", "weed", "crop"]
    assert sum(plant["area_px"] for plant in image["plants"]) == np.count_nonzero(_seen().labels)


def test_patches_are_named_so(tmp_path: Path) -> None:
    writer = result_writer("instance", "png", tmp_path)
    writer.add("a.jpg", IMAGE, _seen(with_heads=False))
    writer.finish()
    (image,) = _read(tmp_path / "plants.json")["images"]
    assert image["told_apart_by"] == "connected patches"
    assert len(image["plants"]) == 2


def test_pycocotools_reads_the_instances(tmp_path: Path) -> None:
    _write("instance", "coco", tmp_path)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "instances.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["a.jpg", "b.png"]
    assert {c["name"]: c["id"] for c in coco.loadCats(coco.getCatIds())} == {"crop": 1, "weed": 2}
    panoptic = tell_plants_apart(_seen())
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[2]))
    assert len(annotations) == 3
    for annotation, plant in zip(annotations, panoptic.plants, strict=True):
        mask = coco.annToMask(annotation)
        assert np.array_equal(mask > 0, panoptic.panoptic.ids == plant.plant_id)
        assert annotation["area"] == mask.sum() == plant.area_px
        assert annotation["bbox"] == list(plant.box_px)
        assert annotation["category_id"] == plant.class_id
        assert annotation["stem"] == list(plant.stem_px)
        assert 0.0 < annotation["score"] <= 1.0


def _decoded(out: Path, number: int) -> tuple[np.ndarray[Any, Any], dict[int, int]]:
    """Read one image of a COCO panoptic set as its specification says."""
    data = _read(out / "panoptic.json")
    annotation = data["annotations"][number]
    assert annotation["image_id"] == data["images"][number]["id"]
    colours = np.asarray(Image.open(out / "panoptic" / annotation["file_name"])).astype(np.int64)
    assert colours.ndim == 3
    ids = colours[..., 0] + 256 * colours[..., 1] + 256**2 * colours[..., 2]
    segments = {s["id"]: s for s in annotation["segments_info"]}
    assert set(np.unique(ids)) == set(segments)
    for key, segment in segments.items():
        v, u = np.nonzero(ids == key)
        assert segment["area"] == v.size
        width, height = u.max() - u.min() + 1, v.max() - v.min() + 1
        assert segment["bbox"] == [u.min(), v.min(), width, height]
        assert segment["iscrowd"] == 0
    categories = {c["id"]: c for c in data["categories"]}
    assert all(segment["category_id"] in categories for segment in segments.values())
    assert {c["name"]: c["isthing"] for c in categories.values()} == {
        "crop": 1,
        "weed": 1,
        "soil": 0,
    }
    return ids, {key: segment["category_id"] for key, segment in segments.items()}


def test_panoptic_colours_are_the_segments(tmp_path: Path) -> None:
    _write("panoptic", "coco-panoptic", tmp_path)
    ids, kinds = _decoded(tmp_path, 1)
    expected = tell_plants_apart(_seen()).panoptic
    plants = expected.ids > 0
    assert np.array_equal(ids[plants], expected.ids[plants])
    assert {kinds[int(key)] for key in np.unique(ids[~plants])} == {3}
    # Another library's quality of the decoded segments against the map that was meant.
    metric = torchmetrics.detection.PanopticQuality(things={1, 2}, stuffs={3})
    read = np.stack([np.vectorize(kinds.get)(ids), ids], axis=-1)
    meant = np.stack([np.where(plants, expected.classes, 3), expected.ids], axis=-1)
    metric.update(torch.from_numpy(read)[None], torch.from_numpy(meant.astype(np.int64))[None])
    assert float(metric.compute()) == 1.0


def test_numbers_beyond_a_byte_are_kept(tmp_path: Path) -> None:
    labels = np.zeros((48, 64), np.uint8)
    labels[::2, ::2] = 1
    seen = _seen(with_heads=False)
    seen = Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        weed_probability=seen.weed_probability,
        crop_probability=labels * np.uint8(255),
        forward_ms=0.0,
        segmenter="dots",
    )
    writer = result_writer("panoptic", "coco-panoptic", tmp_path)
    writer.add("a.png", IMAGE, seen)
    writer.finish()
    ids, kinds = _decoded(tmp_path, 0)
    assert len(kinds) == 24 * 32 + 1
    assert ids.max() == 24 * 32 + 1


@pytest.mark.parametrize(
    ("task", "result_format", "file"),
    [("instance", "coco", "instances.json"), ("panoptic", "coco-panoptic", "panoptic.json")],
)
def test_our_own_reader_takes_it_as_training_data(
    tmp_path: Path, task: Task, result_format: ResultFormat, file: str
) -> None:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for name in ("a.jpg", "b.png"):
        cv2.imwrite(str(folder / "images" / name), IMAGE)
    _write(task, result_format, folder)
    source = DataSource(name="set", directory=folder, annotations=file, images="images")
    samples = list_samples(source, result_format)
    _, labels = samples[0].load_labels()
    expected = tell_plants_apart(_seen()).panoptic
    assert np.array_equal(labels.mask, expected.classes)
    assert labels.ids is not None
    assert len(np.unique(labels.ids)) == 4
    assert np.array_equal(labels.ids > 0, expected.ids > 0)


@pytest.mark.parametrize(
    ("task", "result_format"),
    [("semantic", "coco"), ("instance", "coco-panoptic"), ("panoptic", "coco")],
)
def test_a_format_that_cannot_say_it_is_refused(
    tmp_path: Path, task: Task, result_format: ResultFormat
) -> None:
    with pytest.raises(ImageFileError, match=f"--task {task} cannot be written as --format"):
        result_writer(task, result_format, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "panoptic").write_text("in the way")
    writer = result_writer("panoptic", "coco-panoptic", tmp_path)
    with pytest.raises(ImageFileError, match=r"panoptic/a\.png: cannot be written"):
        writer.add("a.png", IMAGE, _seen())
