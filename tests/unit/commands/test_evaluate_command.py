"""`agriseg evaluate` from a folder of images to tables, JSON and a page; by the colour index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agriseg.app import main


def _write(folder: Path, stem: str, mask: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Write an image whose plants are all green: crop is called weed by the colour index."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    colours = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 60)], np.uint8)
    cv2.imwrite(str(folder / "images" / f"{stem}.png"), colours[np.minimum(mask, 2)])
    cv2.imwrite(str(folder / "masks" / f"{stem}.png"), mask)


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return a folder of three images: weeds alone, weeds and crop, weeds half ignored."""
    folder = tmp_path / "meadow"
    masks = np.zeros((3, 80, 120), np.uint8)
    masks[:, 20:40, 20:40] = 2
    masks[1, 50:70, 70:90] = 1
    masks[2, :, 60:] = 255
    for number, mask in enumerate(masks):
        _write(folder, f"p{number}", mask)
    (folder / "groups.json").write_text(json.dumps({"p0": "a", "p1": "a", "p2": "b"}))
    return folder


def _figures(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    path = tmp_path / "figures.json"
    assert main(["evaluate", *arguments, "--json", str(path)]) == 0
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_scores_a_folder(tmp_path: Path, field: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = _figures(tmp_path, "exg", str(field), "--gsd-mm", "5")
    scores = figures["sources"]["meadow"]
    assert (scores["images"], scores["groups"]) == (3, 2)
    assert np.sum(scores["confusion"]) == 3 * 80 * 120 - 80 * 60
    assert scores["iou"]["crop"] == 0.0
    assert scores["recall"]["weed"] > 0.95
    assert scores["plants"]["plants"] == 3
    assert scores["plants"]["recall"] == 1.0
    assert (scores["plants"]["targets"], scores["plants"]["false_targets"]) == (4, 1)
    assert scores["plants"]["crop_wetted"] > 0.95
    assert scores["panoptic"]["matched"]["weed"] == 3
    assert scores["panoptic"]["missed"]["crop"] == 1
    assert scores["boundary_f"]["weed"] > 0.6
    assert sum(b["pixels"] for b in scores["calibration"]["bins"]) == np.sum(scores["confusion"])
    assert figures["worst"][0]["image"] == "meadow/p1"
    printed = capsys.readouterr().out
    assert "| meadow | 3 |" in printed
    assert "weeds from 1 cm²" in printed


def test_without_a_scale_plants_are_judged_in_pixels(
    tmp_path: Path, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = _figures(tmp_path, "exg", str(field))["sources"]["meadow"]
    assert scores["plants"]["unit"] == "px"
    assert scores["plants"]["false_targets_per_m2"] is None
    assert "give --gsd-mm" in capsys.readouterr().out


def test_plant_ids_of_the_data_set_are_used(tmp_path: Path, field: Path) -> None:
    ids = np.zeros((80, 120), np.uint16)
    ids[20:40, 20:30] = 300
    ids[20:40, 30:40] = 301
    (field / "instances").mkdir()
    for stem in ("p0", "p1", "p2"):
        cv2.imwrite(str(field / "instances" / f"{stem}.png"), ids)
    scores = _figures(tmp_path, "exg", str(field), "--gsd-mm", "5")["sources"]["meadow"]
    assert scores["panoptic"]["truth"] == "plant ids"
    assert scores["panoptic"]["missed"]["weed"] == 6
    assert scores["plants"]["plants"] == 6


def test_page_and_worst_pictures(tmp_path: Path, field: Path) -> None:
    page, worst = tmp_path / "out" / "page.html", tmp_path / "worst"
    arguments = ["evaluate", "exg", str(field), "--html", str(page), "--worst", str(worst)]
    assert main(arguments) == 0
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 3
    assert text.count("data:image/svg+xml;base64,") == 2
    assert 'src="http' not in text
    pictures = sorted(path.name for path in worst.iterdir())
    assert pictures[0] == "01_meadow_p1.jpg"
    assert len(pictures) == 3
    assert cv2.imread(str(worst / pictures[0])) is not None


def test_a_damaged_image_ends_it_and_nothing_is_written(
    tmp_path: Path, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (field / "images" / "p2.png").write_bytes(b"not a picture")
    json_path, page = tmp_path / "figures.json", tmp_path / "page.html"
    json_path.write_text("older figures")
    arguments = ["evaluate", "exg", str(field), "--json", str(json_path), "--html", str(page)]
    assert main(arguments) == 2
    assert "p2.png: cannot be read as an image" in capsys.readouterr().err
    assert json_path.read_text() == "older figures"
    assert not page.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-model", "FIELD"], "no-such-model: no such model; expected the folder"),
        (["exg", "nowhere"], "nowhere: nothing there; expected a folder with images/"),
        (["exg", "FIELD", "--gsd-mm", "0"], "--gsd-mm 0: expected 0.02 to 50 mm"),
        (["exg", "FIELD", "--boundary-px", "-1"], "--boundary-px -1: expected 0 to 100 pixels"),
    ],
)
def test_bad_input_is_named(
    field: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [str(field) if a == "FIELD" else a for a in arguments]
    assert main(["evaluate", *filled]) == 2
    assert sentence in capsys.readouterr().err
