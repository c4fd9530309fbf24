"""Checks, agreement of two labellers, statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from label_projects import CROP, WEED, dab, new_project, write_photos

from agriseg.clock import VirtualClock
from agriseg.errors import LabelError
from agriseg.labelling.agreement import Agreement, compare_projects, disputes
from agriseg.labelling.checks import CheckRules, FindingKind, check_labels, mend
from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.pictures import PictureState
from agriseg.labelling.project import LabelProject
from agriseg.labelling.statistics import project_statistics
from agriseg.labelling.stored import StoredLabels
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.regions import ERASER, Paint
from agriseg.opencv import cv2

RULES = CheckRules(speck=2e-4, hole=8e-4, unlabelled=2e-3)


def _field() -> LabelDocument:
    """Return a picture of two leaves on soil, labelled as they are."""
    image = np.full((200, 300, 3), (60, 80, 100), np.uint8)
    document = LabelDocument(image.copy())
    for u, what in ((80, CROP), (220, WEED)):
        cv2.circle(image, (u, 100), 40, (40, 160, 60), -1)
        edit = brush(document, np.array([[u, 100.0, 40.0]]), what)
        assert edit is not None
        document.apply(edit)
    labels = StoredLabels.of(document)
    return LabelDocument(image, labels.classes, labels.instances)


def _do(document: LabelDocument, edit: Edit | None) -> None:
    assert edit is not None
    document.apply(edit)


def _kinds(document: LabelDocument) -> list[FindingKind]:
    labels = StoredLabels.of(document)
    return [one.kind for one in check_labels(document.image, labels, ClassList(), RULES)]


def test_right_labels_give_no_finding() -> None:
    assert _kinds(_field()) == []


@pytest.mark.parametrize(
    ("spot", "what", "kind"),
    [
        ((80.0, 100.0, 3.0), ERASER, FindingKind.HOLE),
        ((150.0, 20.0, 1.2), CROP, FindingKind.SPECK),
        ((150.0, 20.0, 9.0), CROP, FindingKind.BARE_LABEL),
        ((220.0, 100.0, 9.0), Paint(class_id=1, plant=2), FindingKind.TWO_CLASSES),
        ((220.0, 100.0, 50.0), ERASER, FindingKind.UNLABELLED),
        ((220.0, 100.0, 50.0), Paint(class_id=2), FindingKind.UNNUMBERED),
    ],
)
def test_each_mistake_is_found_and_said(
    spot: tuple[float, float, float], what: Paint, kind: FindingKind
) -> None:
    document = _field()
    _do(document, brush(document, np.array([spot]), what))
    [finding] = check_labels(document.image, StoredLabels.of(document), ClassList(), RULES)
    assert finding.kind is kind
    u, v = int(spot[0]), int(spot[1])
    if kind is not FindingKind.TWO_CLASSES:
        assert finding.region.over(document.rect)[v, u]
    assert finding.words


def test_gaps_between_leaves_are_no_holes_but_green_ones_are() -> None:
    document = _field()
    image = document.image.copy()
    cv2.circle(image, (80, 100), 12, (60, 80, 100), -1)
    labels = StoredLabels.of(document)
    labels.classes[(image == (60, 80, 100)).all(axis=2)] = 0
    labels.instances[labels.classes == 0] = 0
    assert [f.kind for f in check_labels(image, labels, ClassList(), RULES)] == []
    [finding] = check_labels(document.image, labels, ClassList(), RULES)
    assert finding.kind is FindingKind.HOLE
    assert "green" in finding.words


def test_stems_away_from_their_plants_are_found() -> None:
    document = _field()
    stems = {1: (290.0, 10.0), 2: (221.0, 99.0), 9: (5.0, 5.0)}
    _do(document, document.edit("stem", document.rect, stems=stems))
    found = check_labels(document.image, StoredLabels.of(document), ClassList(), RULES)
    assert {(one.kind, one.plant) for one in found} == {
        (FindingKind.STEM_OUTSIDE, 1),
        (FindingKind.STEM_OUTSIDE, 9),
    }
    for finding in found:
        _do(document, mend(document, finding))
    assert dict(document.stems) == {2: (221.0, 99.0)}


def test_what_can_be_mended_is() -> None:
    document = _field()
    for spot, what in (
        ((80.0, 100.0, 3.0), ERASER),
        ((150.0, 20.0, 1.2), CROP),
        ((150.0, 60.0, 9.0), WEED),
        ((220.0, 100.0, 50.0), ERASER),
    ):
        _do(document, brush(document, np.array([spot]), what))
    found = check_labels(document.image, StoredLabels.of(document), ClassList(), RULES)
    assert len(found) == 4
    for finding in found:
        what = Paint(class_id=2, plant=8) if finding.kind is FindingKind.UNLABELLED else None
        _do(document, mend(document, finding, what))
    assert _kinds(document) == []
    assert document.classes[100, 80] == 1
    assert document.classes[100, 220] == 2
    unlabelled = [f for f in found if f.kind is FindingKind.UNLABELLED]
    assert mend(document, unlabelled[0]) is None, "which class it is, a person says"


def _labels(radius_px: float, class_id: int = 1) -> StoredLabels:
    document = LabelDocument(np.zeros((100, 100, 3), np.uint8))
    what = Paint(class_id=class_id, plant=1)
    _do(document, brush(document, np.array([[50.0, 50.0, radius_px]]), what))
    return StoredLabels.of(document)


def test_agreement_with_oneself_is_full() -> None:
    agreement = Agreement.of(_labels(20.0), _labels(20.0), ClassList())
    assert agreement.mean_iou == 1.0
    assert agreement.kappa == pytest.approx(1.0)
    assert agreement.plant_counts["crop"] == (1, 0, 0)
    assert disputes(_labels(20.0), _labels(20.0), ClassList()) == []


def test_agreement_is_the_same_from_either_side() -> None:
    small, large = _labels(18.0), _labels(24.0)
    one, other = Agreement.of(small, large, ClassList()), Agreement.of(large, small, ClassList())
    area = [int((labels.classes == 1).sum()) for labels in (small, large)]
    assert one.iou[1] == pytest.approx(area[0] / area[1])
    assert one.iou == pytest.approx(other.iou, nan_ok=True)
    assert one.kappa == pytest.approx(other.kappa)
    assert 0.0 < one.kappa < 1.0
    [dispute] = disputes(small, large, ClassList())
    assert (dispute.first.name, dispute.second.name) == ("SOIL", "CROP")
    assert dispute.region.area_px > 300


def test_ground_that_either_ignores_is_left_out() -> None:
    crop, weed = _labels(20.0), _labels(20.0, class_id=2)
    assert Agreement.of(crop, weed, ClassList()).iou[1:].tolist() == [0.0, 0.0]
    assert Agreement.of(crop, weed, ClassList()).plant_counts == {
        "crop": (0, 1, 0),
        "weed": (0, 0, 1),
    }
    weed.classes[weed.classes == 2] = 255
    agreement = Agreement.of(crop, weed, ClassList())
    assert agreement.iou[0] == 1.0
    assert np.isnan(agreement.iou[1])
    assert agreement.plant_counts["crop"] == (0, 0, 0)


def test_plants_are_compared_where_both_numbered_them() -> None:
    numbered, bare, empty = _labels(20.0), _labels(20.0), _labels(20.0)
    bare.instances[:] = 0
    empty.instances[:], empty.classes[:] = 0, 0
    assert Agreement.of(numbered, bare, ClassList()).plant_counts["crop"] == (0, 0, 0)
    assert Agreement.of(numbered, empty, ClassList()).plant_counts["crop"] == (0, 1, 0)
    assert Agreement.of(empty, numbered, ClassList()).plant_counts["crop"] == (0, 0, 1)


def test_projects_are_compared_by_the_content_of_their_pictures(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    renamed = [photo.rename(photo.with_name(f"other{n}.png")) for n, photo in enumerate(photos)]
    with (
        new_project(tmp_path) as mine,
        LabelProject.create(tmp_path / "theirs") as theirs,
    ):
        theirs.add_pictures(renamed)
        with pytest.raises(LabelError, match="no picture that both have finished in common"):
            compare_projects(mine, theirs)
        for stem, other, u in (("photo0", "other0", 20.0), ("photo1", "other1", 40.0)):
            for project, name, at in ((mine, stem, 20.0), (theirs, other, u)):
                picture = project.open_picture(name)
                dab(picture.document, at, 20.0)
                picture.close()
                project.set_state(name, PictureState.DONE)
        worst, best = compare_projects(mine, theirs)
        assert (worst.stem, worst.other_stem) == ("photo1", "other1")
        assert worst.agreement.iou[1] == 0.0
        assert best.agreement.mean_iou == 1.0
        total = worst.agreement + best.agreement
        assert 0.0 < total.iou[1] < 1.0


def test_statistics_count_states_pixels_plants_and_time(tmp_path: Path) -> None:
    clock = VirtualClock()
    with new_project(tmp_path, clock=clock, who="Ada") as project:
        picture = project.open_picture("photo0")
        dab(picture.document, 15.0, 20.0)
        clock.sleep_until(30.0)
        dab(picture.document, 40.0, 20.0, WEED)
        dab(picture.document, 52.0, 20.0, Paint(class_id=2, plant=3))
        picture.close()
        project.set_state("photo0", PictureState.DONE)
        found = project_statistics(project)
    assert found.states[PictureState.DONE] == 1
    assert found.states[PictureState.TO_DO] == 2
    assert found.counted == 1
    crop, weed = found.classes[1], found.classes[2]
    assert (crop.plants, weed.plants) == (1, 2)
    assert weed.pixels == 2 * crop.pixels
    assert crop.median_plant_px == crop.pixels
    assert sum(one.share for one in found.classes) == pytest.approx(1.0)
    assert found.work_s == found.seconds_per_picture == 30.0
    assert found.by_labeller == {"Ada": 1}
