"""Photographs become ground where they belong, and bad folders are refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agriseg.errors import DatasetError
from agriseg.messages import ClassId, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.photo_ground import PhotoGround

FRAME = (240, 320)
STEP_PX = 190
GROUND_WIDTH_M = 0.4
CELL_M = GROUND_WIDTH_M / FRAME[1]


def _ground(height: int, seed: int = 0) -> UInt8Array:
    """Return textured ground with structure from 2 to 30 pixels."""
    rng = np.random.default_rng(seed)
    ground = np.zeros((height, FRAME[1], 3), np.float32)
    for size in (2, 8, 30):
        shape = (height // size + 2, FRAME[1] // size + 2)
        coarse = rng.normal(0.0, 18.0, shape).astype(np.float32)
        layer = cv2.resize(coarse, (FRAME[1] + size, height + size))
        ground += layer[:height, : FRAME[1], None]
    return np.asarray(np.clip(ground + 120.0, 0, 255), np.uint8)


def _save(folder: Path, name: str, image: UInt8Array, mask: UInt8Array) -> None:
    for part, picture in (("images", image), ("masks", mask)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / part / f"{name}.png"), picture)


@pytest.fixture
def drive(tmp_path: Path) -> tuple[Path, UInt8Array, UInt8Array]:
    """Cut seven overlapping frames from one ground; the robot drives towards its top."""
    count = 7
    height = FRAME[0] + (count - 1) * STEP_PX
    ground, mask = _ground(height), np.zeros((height, FRAME[1]), np.uint8)
    middle_of_seam = height - FRAME[0] - STEP_PX + (STEP_PX + FRAME[0]) // 2
    cv2.rectangle(
        mask, (100, middle_of_seam - 20), (120, middle_of_seam + 20), int(ClassId.WEED), -1
    )
    cv2.rectangle(mask, (200, 60), (240, 100), int(ClassId.CROP), -1)
    for index in range(count):
        top = height - FRAME[0] - index * STEP_PX
        rows = slice(top, top + FRAME[0])
        _save(tmp_path, f"{index:03d}", ground[rows], mask[rows])
    return tmp_path, ground, mask


def _open(path: Path) -> PhotoGround:
    return PhotoGround(path, ground_width_m=GROUND_WIDTH_M, x_min_m=1.0, cell_m=CELL_M)


def test_overlapping_frames_become_the_ground_they_were_taken_of(
    drive: tuple[Path, UInt8Array, UInt8Array],
) -> None:
    path, ground, mask = drive
    world = _open(path)

    colour = world.patch("colour", world.x_min_m, world.x_max_m - 1e-6).array
    labels = world.patch("labels", world.x_min_m, world.x_max_m - 1e-6).array

    assert world.is_drive
    assert world.x_max_m - world.x_min_m == pytest.approx(len(ground) * CELL_M, abs=2 * CELL_M)
    difference = np.abs(colour[: len(ground)].astype(int) - ground[::-1, ::-1])
    assert difference[:, 4:-4].mean() < 4.0
    assert np.mean(labels[: len(mask)] == mask[::-1, ::-1]) > 0.998


def test_a_plant_over_a_seam_is_one_plant(drive: tuple[Path, UInt8Array, UInt8Array]) -> None:
    world = _open(drive[0])

    weeds = [p for p in world.plants(0.0, 10.0) if p.class_id is ClassId.WEED]
    ids = world.patch("plant_ids", 1.0, world.x_max_m).array
    labels = world.patch("labels", 1.0, world.x_max_m).array

    assert len(weeds) == 1
    assert weeds[0].area_m2 == pytest.approx(21 * 41 * CELL_M**2, rel=0.06)
    assert weeds[0].x_max_m - weeds[0].x_min_m == pytest.approx(41 * CELL_M, abs=2.5 * CELL_M)
    assert set(np.unique(ids[labels == ClassId.WEED]).tolist()) == {weeds[0].plant_id}


def test_a_camera_turned_against_the_drive_is_stitched_without_steps(tmp_path: Path) -> None:
    """Frames drift by 8 pixels to the side, now more, now less; a long weed stays whole."""
    count, drift_px = 6, 8
    swerve_px = (0, 5, 0, 5, 0, 5)
    height, width = FRAME[0] + (count - 1) * STEP_PX, FRAME[1] + count * drift_px + 5
    coarse = _ground(height, seed=4)
    ground = np.concatenate((coarse, coarse[::-1, : width - FRAME[1]]), axis=1)
    mask = np.zeros((height, width), np.uint8)
    mask[300:800, 160:190] = ClassId.WEED
    for index in range(count):
        top = height - FRAME[0] - index * STEP_PX
        left = index * drift_px + swerve_px[index]
        rows, columns = slice(top, top + FRAME[0]), slice(left, left + FRAME[1])
        _save(tmp_path, f"{index}", ground[rows, columns], mask[rows, columns])

    world = _open(tmp_path)
    (weed,) = world.plants(0.0, 10.0)
    labels = world.patch("labels", weed.x_min_m + 0.02, weed.x_max_m - 0.02).array
    middles = np.array([np.flatnonzero(row).mean() for row in labels == ClassId.WEED])

    assert world.is_drive
    assert np.abs(np.diff(middles)).max() <= 1.5
    slope = (middles[-1] - middles[0]) / len(middles)
    mean_drift_px = drift_px + 5 / (count - 1)
    assert abs(slope) == pytest.approx(mean_drift_px / STEP_PX, rel=0.1)


def test_frames_of_different_places_lie_end_to_end(tmp_path: Path) -> None:
    for index in range(3):
        mask = np.zeros(FRAME, np.uint8)
        mask[0:40, 0:30] = ClassId.CROP
        _save(tmp_path, f"{index}", _ground(FRAME[0], seed=index), mask)

    world = _open(tmp_path)

    assert not world.is_drive
    assert world.x_max_m - world.x_min_m == pytest.approx(3 * FRAME[0] * CELL_M, abs=1e-9)
    crops = sorted(world.plants(0.0, 10.0), key=lambda plant: plant.x_m)
    assert [c.x_max_m for c in crops] == pytest.approx(
        [1.0 + (i + 1) * FRAME[0] * CELL_M for i in range(3)], abs=2 * CELL_M
    )
    assert all(c.y_max_m == pytest.approx(GROUND_WIDTH_M / 2, abs=2 * CELL_M) for c in crops)


def test_ignored_pixels_are_soil_and_specks_no_plants(tmp_path: Path) -> None:
    mask = np.zeros(FRAME, np.uint8)
    mask[50:80, 50:80] = ClassId.IGNORE
    mask[100, 100] = ClassId.WEED
    _save(tmp_path, "a", _ground(FRAME[0]), mask)

    world = _open(tmp_path)

    assert world.plants(0.0, 10.0) == []
    assert np.count_nonzero(world.patch("labels", 1.0, 1.3).array == ClassId.WEED) <= 1


def test_beyond_the_strip_lies_bare_ground(tmp_path: Path) -> None:
    _save(tmp_path, "a", _ground(FRAME[0]), np.full(FRAME, ClassId.WEED, np.uint8))
    world = _open(tmp_path)

    assert not world.patch("labels", world.x_max_m + 0.01, world.x_max_m + 0.5).array.any()
    assert not world.patch("labels", 0.0, 0.9).array.any()


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder 'images'"):
        _open(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="no images in it"):
        _open(tmp_path)


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    _save(tmp_path, "a", _ground(FRAME[0]), np.zeros(FRAME, np.uint8))
    (tmp_path / "masks" / "a.png").unlink()

    with pytest.raises(DatasetError, match=r"a\.png: the mask is missing"):
        _open(tmp_path)


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    _save(tmp_path, "a", _ground(FRAME[0]), np.zeros((100, 50), np.uint8))

    with pytest.raises(DatasetError, match="the mask is 50x100 pixels and its image 320x240"):
        _open(tmp_path)


def test_a_mask_with_unknown_classes_is_named(tmp_path: Path) -> None:
    _save(tmp_path, "a", _ground(FRAME[0]), np.full(FRAME, 7, np.uint8))

    with pytest.raises(DatasetError, match="holds the value 7"):
        _open(tmp_path)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    _save(tmp_path, "a", _ground(FRAME[0]), np.zeros(FRAME, np.uint8))
    (tmp_path / "images" / "a.png").write_bytes(b"no picture")

    with pytest.raises(DatasetError, match=r"a\.png: the image cannot be read"):
        _open(tmp_path)


def test_the_real_drive_is_stitched(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "sugarbeet_drive"
    if not source.is_dir():
        pytest.skip(f"no recorded drive in {source}")
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for file in sorted((source / part).iterdir())[:12]:
            (tmp_path / part / file.name).symlink_to(file)

    world = PhotoGround(tmp_path, ground_width_m=1.296, cell_m=0.001)

    length_px = (world.x_max_m - world.x_min_m) / 0.001
    assert world.is_drive
    assert length_px == pytest.approx(966 + 11 * 765, rel=0.01)
