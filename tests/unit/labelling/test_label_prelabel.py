"""A model's labels as a beginning."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Edit
from agriseg.labelling.prelabel import Proposal, look_carefully, prelabel, proposal_of
from agriseg.labelling.tools.brush import brush
from agriseg.labelling.tools.plants import set_stem
from agriseg.labelling.tools.regions import Paint
from agriseg.messages import Frame, Segmentation, UInt8Array


def _do(document: LabelDocument, edit: Edit | None) -> None:
    assert edit is not None
    document.apply(edit)


def _seen() -> Segmentation:
    """Return what a model saw: a crop on the left, a weed on the right, doubtful."""
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 5:20], labels[10:30, 40:55] = 1, 2
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=labels,
        crop_probability=np.where(labels == 1, 240, 3).astype(np.uint8),
        weed_probability=np.where(labels == 2, 140, 2).astype(np.uint8),
        forward_ms=1.0,
        segmenter="test",
    )


def test_a_proposal_says_how_sure_each_pixel_is() -> None:
    proposal = proposal_of(_seen())
    assert proposal.confidence[20, 10] == 240
    assert proposal.confidence[20, 45] == 140
    assert proposal.confidence[0, 0] == 250
    numbers = {int(proposal.instances[20, u]) for u in (10, 45)}
    assert numbers == {1, 2}
    assert not proposal.instances[0].any()


def test_it_fills_an_empty_picture_and_can_be_taken_back() -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    _do(document, prelabel(document, proposal_of(_seen())))
    assert document.classes[20, 10] == 1
    assert document.confidence is not None
    assert document.confidence[20, 45] == 140
    assert document.undo_name == "pre-label"
    document.undo()
    assert not document.classes.any()
    assert not document.stems


def test_what_a_person_drew_stays_with_its_plant_number() -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    _do(document, brush(document, np.array([[12.0, 20.0, 4.0]]), Paint(class_id=2, plant=1)))
    _do(document, set_stem(document, 1, (12.0, 20.0)))
    _do(document, prelabel(document, proposal_of(_seen())))
    assert document.classes[20, 12] == 2
    assert document.instances[20, 12] == 1
    assert document.stems[1] == (12.0, 20.0)
    assert document.classes[12, 7] == 1
    assert document.instances[12, 7] > 1
    assert document.confidence is not None
    assert document.confidence[20, 12] == 255


def test_a_second_proposal_replaces_what_only_the_first_said() -> None:
    document = LabelDocument(np.zeros((40, 60, 3), np.uint8))
    _do(document, prelabel(document, proposal_of(_seen())))
    _do(document, brush(document, np.array([[12.0, 20.0, 4.0]]), Paint(class_id=0)))
    nothing = np.zeros((40, 60), np.uint8)
    empty = Proposal(
        classes=nothing,
        instances=np.zeros((40, 60), np.uint16),
        confidence=np.full((40, 60), 200, np.uint8),
    )
    _do(document, prelabel(document, empty))
    assert not document.classes.any()
    assert not document.stems
    assert document.confidence is not None
    assert document.confidence[20, 12] == 255
    assert document.confidence[20, 45] == 200


def test_a_proposal_of_another_size_is_refused() -> None:
    document = LabelDocument(np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(ValueError, match=r"the proposal is \(40, 60\), not \(50, 60\)"):
        prelabel(document, proposal_of(_seen()))


class _LeftSideSegmenter:
    """Sees weeds where the blue channel says so, and always doubts the left edge of the picture."""

    name = "left side"

    def __init__(self) -> None:
        self.looks = 0

    def segment(self, frame: Frame) -> Segmentation:
        """Return the blue channel as the probability of weed, too low on the left."""
        self.looks += 1
        weed: UInt8Array = frame.image[..., 0].copy()
        weed[:, :10] //= 4
        return Segmentation(
            frame_id=0,
            t_capture_s=0.0,
            labels=np.where(weed > 127, 2, 0).astype(np.uint8),
            crop_probability=np.zeros_like(weed),
            weed_probability=weed,
            forward_ms=1.0,
            segmenter=self.name,
        )

    def close(self) -> None:
        """Nothing is held."""


def test_a_careful_look_evens_out_what_one_side_costs() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[5:15, 2:8, 0] = 240
    segmenter = _LeftSideSegmenter()
    assert segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image)).labels.max() == 0
    seen = look_carefully(segmenter, image)
    assert segmenter.looks == 5
    assert (seen.labels == np.where(image[..., 0] > 0, 2, 0)).all()
    assert seen.weed_probability[10, 4] == (60 + 60 + 240 + 240) // 4
