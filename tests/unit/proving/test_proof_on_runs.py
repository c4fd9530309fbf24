"""Two models on a recorded run: ground that one would spray and the other not, worst first."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))

import cv2
import numpy as np
import pytest
from painted_drive import SIZE, make_painted_drive, painted

from agriseg.messages import ClassId
from agriseg.models.bundle import file_entry, open_bundle, shipped_model
from agriseg.proving.prove import prove
from agriseg.proving.runs import MOST_PLACES, compare_on_run, find_places, paint_places
from agriseg.replay.judging import Reference
from agriseg.replay.what_if import ReplayCancelled

CELL_M = 0.01


def _reference() -> Reference:
    labels = np.zeros((100, 300), np.uint8)
    labels[40:60, 100:120] = ClassId.CROP
    labels[10:20, 200:210] = ClassId.WEED
    return Reference(labels=labels, cell_m=CELL_M, s0_m=2.0, y0_m=-0.5, weeds=())


def test_places_say_what_they_are_and_where() -> None:
    cells = np.zeros((100, 300), bool)
    cells[45:55, 95:115] = True
    cells[80:83, 10:20] = True
    cells[90, 90] = True
    crop, plain = sorted(
        find_places(cells, _reference(), is_new=True), key=lambda place: -place.area_m2
    )
    assert (crop.kind, plain.kind) == ("crop newly sprayed", "newly sprayed")
    assert crop.area_m2 == pytest.approx(200 * CELL_M**2)
    assert crop.crop_m2 == pytest.approx(150 * CELL_M**2)
    assert (crop.s_m, crop.y_m) == (pytest.approx(3.05), pytest.approx(0.0))
    assert (crop.length_m, crop.width_m) == (pytest.approx(0.2), pytest.approx(0.1))
    (gone,) = find_places(_reference().labels == ClassId.WEED, _reference(), is_new=False)
    assert gone.kind == "weed no longer sprayed"
    assert gone.weed_m2 == pytest.approx(gone.area_m2) == pytest.approx(1e-2)
    (bare,) = find_places(cells & (np.arange(300) < 50), _reference(), is_new=False)
    assert bare.kind == "no longer sprayed"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_painted_drive().record(tmp_path_factory.mktemp("proven") / "run", 2.0)


def test_a_model_that_finds_nothing_no_longer_sprays_the_weeds(run: Path) -> None:
    found = compare_on_run(run, Path("exg"), shipped_model())
    assert found.old_litres > 0.0
    gone = [place for place in found.places if place.kind == "weed no longer sprayed"]
    assert found.only_old_m2 + found.both_m2 > 0.01
    assert len(found.places) <= MOST_PLACES
    assert found.place_count >= len(found.places)
    areas = [place.area_m2 for place in gone]
    assert areas == sorted(areas, reverse=True)
    for place in found.places:
        if place.frame_id >= 0:
            assert 0.0 <= place.u_px <= SIZE[0]
            assert 0.0 <= place.v_px <= SIZE[1]


def test_the_same_model_twice_differs_nowhere(run: Path) -> None:
    found = compare_on_run(run, Path("exg"), Path("exg"))
    assert found.places == ()
    assert found.only_old_m2 == found.only_new_m2 == 0.0
    assert found.both_m2 > 0.0
    assert found.old_litres == found.new_litres


def test_giving_up_is_heard(run: Path) -> None:
    with pytest.raises(ReplayCancelled):
        compare_on_run(run, Path("exg"), Path("exg"), cancelled=lambda: True)


def test_pictures_show_the_place_and_each_models_labels() -> None:
    labels = np.zeros(SIZE[::-1], np.uint8)
    cv2.circle(labels, (500, 300), 30, int(ClassId.WEED), -1)
    (place,) = find_places(_reference().labels == ClassId.WEED, _reference(), is_new=False)
    place = replace(place, frame_id=7, u_px=500.0, v_px=300.0)
    unseen = replace(place, frame_id=8)
    nothing = np.zeros_like(labels)
    (picture,) = paint_places(
        [place, unseen], {7: painted(labels)}, {"old": {7: labels}, "new": {7: nothing}}, 1000.0
    )
    plain, old, new = np.split(picture, 3, axis=1)
    assert np.array_equal(plain, new), "where a model sees nothing, the picture stays as it is"
    middle = np.s_[140:180, 140:180]
    assert np.abs(old[middle].astype(int) - plain[middle]).mean() > 20.0


def _renamed(tmp_path: Path) -> Path:
    """Return the shipped model with other float weights, which the CPU runtime does not use."""
    folder = tmp_path / "other"
    folder.mkdir()
    for path in shipped_model().iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    manifest = json.loads((folder / "model.json").read_text())
    manifest["files"]["weights"] = file_entry(weights).model_dump()
    manifest["version"] = "9"
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.slow
def test_a_proof_keeps_what_runs_say_and_those_that_cannot_be_replayed(
    run: Path, tmp_path: Path
) -> None:
    proof = prove(
        shipped_model(), _renamed(tmp_path), [], [run, tmp_path / "no-run"], tmp_path / "out"
    )
    good, bad = proof.runs
    assert good.problem == ""
    assert good.old_litres == good.new_litres
    assert good.only_new_m2 == good.places == 0
    assert json.loads((tmp_path / "out" / "run" / "places.json").read_text()) == []
    assert "no-run" in bad.problem
    assert not proof.is_offered
    assert proof.new.version == "9"
    assert proof.old.weights_sha256 == open_bundle(shipped_model()).manifest.files.weights.sha256
