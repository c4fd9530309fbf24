"""`agriseg compare`: a model without any notion of plants beside the colour index."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from agriseg.app import main
from agriseg.models import shipped_model


@pytest.fixture
def meadow(tmp_path: Path) -> Path:
    """Return three images of green squares in two groups."""
    folder = tmp_path / "meadow"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        mask = np.zeros((64, 96), np.uint8)
        mask[20:40, 20 + 10 * number : 45 + 10 * number] = 2
        image = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 60)], np.uint8)[mask]
        cv2.imwrite(str(folder / "images" / f"p{number}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{number}.png"), mask)
    (folder / "groups.json").write_text(json.dumps({"p0": "a", "p1": "a", "p2": "b"}))
    return folder


def test_models_side_by_side(
    tmp_path: Path, meadow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.html"
    network = str(shipped_model())
    arguments = ["compare", "exg", network, str(meadow), "--gsd-mm", "5", "--threads", "1"]
    arguments += ["--runtime", "openvino", "--json", str(figures), "--html", str(page)]
    assert main(arguments) == 0
    compared = json.loads(figures.read_text())
    assert (compared["images"], compared["groups"]) == (3, 2)
    assert "only 2 groups" in compared["note"]
    assert compared["reference"] == "exg"
    index, other = compared["models"]["exg"], compared["models"][network]
    assert index["figures"]["iou_weed"]["value"] > 0.9
    assert index["differences"] == {}
    gap = other["figures"]["mean_iou"]["value"] - index["figures"]["mean_iou"]["value"]
    assert other["differences"]["mean_iou"]["value"] == pytest.approx(gap)
    printed = capsys.readouterr().out
    assert f"| figure | exg | {network} |" in printed
    assert "only 2 groups" in printed
    assert "data:image/svg+xml" in page.read_text()


@pytest.mark.parametrize("models", [["exg"], ["exg", "exg"]])
def test_one_model_is_no_comparison(
    meadow: Path, models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *models, str(meadow)]) == 2
    assert "expected two or more different models" in capsys.readouterr().err
