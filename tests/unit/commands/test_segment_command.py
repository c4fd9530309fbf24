"""`agriseg segment`: masks of the input's size, overlays apart, failures named."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.app import main


def _picture(path: Path, width_px: int = 80, height_px: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height_px, width_px, 3), (70, 90, 120), np.uint8)
    image[10:30, 20:50] = (40, 150, 70)
    assert cv2.imwrite(str(path), image)
    return path


def _mask(path: Path) -> np.ndarray:
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    return mask


@pytest.mark.parametrize("method", ["exg", "network"])
def test_writes_mask_and_overlay(tmp_path: Path, method: str) -> None:
    image = _picture(tmp_path / "in" / "a.png")
    out = tmp_path / "out"
    assert main(["segment", str(image), "--out", str(out), "--method", method]) == 0
    mask = _mask(out / "a.png")
    assert mask.shape == (60, 80)
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1, 2}
    assert _mask(out / "overlays" / "a.jpg").shape == (60, 80, 3)
    if method == "exg":
        assert (mask[15:25, 25:45] == 2).all()


def test_takes_folders_patterns_and_files(tmp_path: Path) -> None:
    for name in ("f/a.png", "f/b.jpg", "g/c.png", "g/d.txt.png", "h/e.bmp"):
        _picture(tmp_path / name)
    (tmp_path / "f" / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    arguments = [str(tmp_path / "f"), str(tmp_path / "g" / "*.png"), str(tmp_path / "h" / "e.bmp")]
    assert main(["segment", *arguments, "--out", str(out), "--method", "exg"]) == 0
    assert {p.name for p in out.glob("*.png")} == {
        "a.png",
        "b.png",
        "c.png",
        "d.txt.png",
        "e.png",
    }


def test_unreadable_image_is_named_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = _picture(tmp_path / "good.png")
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8 torn")
    gone = tmp_path / "gone.png"
    out = tmp_path / "out"
    status = main(["segment", str(bad), str(gone), str(good), "--out", str(out), "--method", "exg"])
    assert status == 2
    assert (out / "good.png").is_file()
    assert not (out / "bad.png").exists()
    captured = capsys.readouterr()
    assert f"{bad}: not a readable image (7 bytes)" in captured.err
    assert f"{gone}: cannot be read (No such file or directory)" in captured.err
    assert "1 of 3 images" in captured.out


def test_two_images_with_one_stem_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = _picture(tmp_path / "x" / "a.png"), _picture(tmp_path / "y" / "a.jpg")
    out = tmp_path / "out"
    assert main(["segment", str(first), str(second), "--out", str(out), "--method", "exg"]) == 2
    assert "would both be written to a.png" in capsys.readouterr().err
    assert not out.exists()


def test_the_same_image_named_twice_is_done_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _picture(tmp_path / "a.png")
    out = tmp_path / "out"
    status = main(
        ["segment", str(image), str(tmp_path / "*.png"), "--out", str(out), "--method", "exg"]
    )
    assert status == 0
    assert "1 of 1 images" in capsys.readouterr().out


def test_an_input_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = _picture(tmp_path / "a.png")
    before = image.read_bytes()
    assert main(["segment", str(image), "--out", str(tmp_path), "--method", "exg"]) == 2
    assert "would overwrite it" in capsys.readouterr().err
    assert image.read_bytes() == before


@pytest.mark.parametrize(
    ("argument", "message"),
    [("empty", "no images in this folder"), ("*.tif", "the pattern matches no image")],
)
def test_nothing_to_do_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argument: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    assert main(["segment", str(tmp_path / argument), "--out", str(out)]) == 2
    assert message in capsys.readouterr().err


def test_model_of_another_kind_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _picture(tmp_path / "a.png")
    model = tmp_path / "model.pt"
    model.write_bytes(b"\x80\x02}q\x00.")
    arguments = ["segment", str(image), "--out", str(tmp_path / "out"), "--model", str(model)]
    assert main(arguments) == 2
    assert f"{model}: not a model bundle" in capsys.readouterr().err


def test_exif_rotation_is_applied_as_a_viewer_does(tmp_path: Path) -> None:
    path = _picture(tmp_path / "turned.jpg", width_px=80, height_px=60)
    path.write_bytes(_with_orientation(path.read_bytes(), 6))
    shown = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape[:2] == (80, 60)
    out = tmp_path / "out"
    assert main(["segment", str(path), "--out", str(out), "--method", "exg"]) == 0
    assert _mask(out / "turned.png").shape == (80, 60)


def _with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Insert an EXIF block with nothing but the orientation into a JPEG file."""
    tiff = b"MM\x00*\x00\x00\x00\x08" + b"\x00\x01"
    tiff += b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0]) + b"\x00" * 4
    payload = b"Exif\x00\x00" + tiff
    segment = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    return jpeg[:2] + segment + jpeg[2:]


def test_grey_and_transparent_images_are_taken(tmp_path: Path) -> None:
    grey = np.full((40, 50), 90, np.uint8)
    clear = np.full((40, 50, 4), (70, 90, 120, 0), np.uint8)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "clear.png"), clear)
    out = tmp_path / "out"
    assert main(["segment", str(tmp_path), "--out", str(out), "--method", "exg"]) == 0
    assert _mask(out / "grey.png").shape == (40, 50)
    assert _mask(out / "clear.png").shape == (40, 50)


def _plants_by_exg(out: Path, image: Path, *arguments: str) -> int:
    return main(["segment", str(image), "--out", str(out), "--method", "exg", *arguments])


def test_plants_are_told_apart_and_listed(tmp_path: Path) -> None:
    image, out = _picture(tmp_path / "in" / "a.png"), tmp_path / "out"
    assert _plants_by_exg(out, image, "--task", "instance") == 0
    ids = _mask(out / "a.png")
    assert ids.dtype == np.uint16
    assert (ids[15:25, 25:45] == 1).all()
    (listed,) = json.loads((out / "plants.json").read_text())["images"]
    (plant,) = listed["plants"]
    assert (listed["image"], plant["class"]) == ("a.png", "weed")
    assert plant["area_px"] == np.count_nonzero(ids)
    assert plant["stem_px"] == pytest.approx([34.5, 19.5], abs=0.6)
    assert _mask(out / "overlays" / "a.jpg").shape == (60, 80, 3)


def test_coco_leaves_out_what_failed_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"torn")
    out = tmp_path / "out"
    arguments = ("--task", "panoptic", "--format", "coco-panoptic")
    assert _plants_by_exg(out, tmp_path / "in", *arguments) == 2
    assert "b.png: not a readable image" in capsys.readouterr().err
    written = json.loads((out / "panoptic.json").read_text())
    assert [image["file_name"] for image in written["images"]] == ["a.png"]
    assert _mask(out / "panoptic" / "a.png").shape == (60, 80, 3)


def test_a_format_that_cannot_say_the_task_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, out = _picture(tmp_path / "a.png"), tmp_path / "out"
    assert _plants_by_exg(out, image, "--format", "coco") == 2
    assert "--task semantic cannot be written as --format coco" in capsys.readouterr().err
    assert not out.exists()


def test_a_panoptic_picture_never_overwrites_its_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _picture(tmp_path / "panoptic" / "a.png")
    before = image.read_bytes()
    arguments = ("--task", "panoptic", "--format", "coco-panoptic")
    assert _plants_by_exg(tmp_path, image, *arguments) == 2
    assert "would overwrite it" in capsys.readouterr().err
    assert image.read_bytes() == before
