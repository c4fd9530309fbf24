"""Documents: edits, undo and redo, strokes of several edits, listeners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agriseg.labelling.document import Change, ChangeKind, LabelDocument
from agriseg.labelling.edits import Edit, Rect, edit_from_bytes, edit_to_bytes
from agriseg.labelling.tools.brush import brush, erase
from agriseg.labelling.tools.regions import Paint

CROP, WEED = Paint(class_id=1, plant=1), Paint(class_id=2, plant=2)


def _blank(height: int = 40, width: int = 60) -> LabelDocument:
    return LabelDocument(np.zeros((height, width, 3), np.uint8))


def _dab(document: LabelDocument, u: float, v: float, what: Paint = CROP) -> Rect:
    edit = brush(document, np.array([[u, v, 4.0]]), what)
    assert edit is not None
    return document.apply(edit)


def _state(document: LabelDocument) -> tuple[bytes, bytes, bytes, dict[int, tuple[float, float]]]:
    confidence = document.confidence
    return (
        document.classes.tobytes(),
        document.instances.tobytes(),
        b"" if confidence is None else confidence.tobytes(),
        dict(document.stems),
    )


def test_a_new_document_is_soil_without_plants() -> None:
    document = _blank()
    assert not document.classes.any()
    assert not document.instances.any()
    assert document.confidence is None
    assert document.undo() is None
    assert document.redo() is None


def test_what_it_hands_out_cannot_be_written() -> None:
    document = _blank()
    for array in (document.image, document.classes, document.instances):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_undo_and_redo_return_the_rectangle_that_changed() -> None:
    document = _blank()
    touched = _dab(document, 20.0, 10.0)
    assert touched == Rect(16, 6, 25, 15)
    after = _state(document)
    assert document.undo_name == "brush"
    assert document.undo() == touched
    assert not document.classes.any()
    assert document.redo_name == "brush"
    assert document.redo() == touched
    assert _state(document) == after


def test_a_stroke_of_many_edits_is_one_step() -> None:
    document = _blank()
    document.begin("weed")
    for u in range(10, 50, 5):
        _dab(document, float(u), 20.0, WEED)
    document.end()
    assert document.undo_name == "weed"
    assert document.undo() == Rect(6, 16, 50, 25)
    assert not document.classes.any()
    assert document.undo() is None
    document.redo()
    assert document.classes[20, 12] == 2
    assert document.classes[20, 47] == 2


def test_undo_within_an_open_stroke_takes_the_whole_stroke_back() -> None:
    document = _blank()
    document.begin("weed")
    _dab(document, 10.0, 20.0)
    document.undo()
    assert not document.classes.any()
    _dab(document, 30.0, 20.0)
    _dab(document, 40.0, 20.0)
    document.undo()
    assert document.classes[20, 30] == 1, "the stroke had ended: these are steps of their own"


def test_two_strokes_cannot_be_open() -> None:
    document = _blank()
    document.begin("one")
    with pytest.raises(ValueError, match="'one' is still open"):
        document.begin("two")


def test_a_new_edit_ends_redo() -> None:
    document = _blank()
    _dab(document, 10.0, 10.0)
    document.undo()
    _dab(document, 30.0, 10.0)
    assert document.redo() is None
    assert document.classes[10, 10] == 0


def test_an_edit_for_another_state_is_refused() -> None:
    document = _blank()
    late = brush(document, np.array([[10.0, 10.0, 3.0]]), CROP)
    assert late is not None
    _dab(document, 12.0, 10.0, WEED)
    with pytest.raises(ValueError, match="made for revision 0, the document is at 1"):
        document.apply(late)


def test_what_changes_nothing_is_no_edit() -> None:
    document = _blank()
    _dab(document, 20.0, 10.0)
    assert brush(document, np.array([[20.0, 10.0, 4.0]]), CROP) is None
    assert erase(document, np.array([[50.0, 30.0, 3.0]])) is None


def test_erasing_clears_class_and_plant() -> None:
    document = _blank()
    _dab(document, 20.0, 10.0)
    edit = erase(document, np.array([[20.0, 10.0, 9.0]]))
    assert edit is not None
    document.apply(edit)
    assert not document.classes.any()
    assert not document.instances.any()


def test_painting_makes_a_doubtful_label_sure_and_undo_doubtful_again() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    document = LabelDocument(image, confidence=np.full((40, 60), 90, np.uint8))
    _dab(document, 20.0, 10.0)
    assert document.confidence is not None
    assert document.confidence[10, 20] == 255
    assert document.confidence[10, 30] == 90
    document.undo()
    assert (document.confidence == 90).all()


def test_stems_are_part_of_edits() -> None:
    document = _blank()
    edit = document.edit("stem", Rect(0, 0, 0, 0), stems={3: (12.5, 7.0)})
    assert edit is not None
    assert document.apply(edit).united(Rect(12, 7, 13, 8)) == Rect(12, 7, 13, 8)
    assert dict(document.stems) == {3: (12.5, 7.0)}
    assert document.next_plant() == 4
    document.undo()
    assert not document.stems
    assert document.next_plant() == 4, "a number that was used is not given again"


def test_an_edit_beyond_the_picture_is_refused_whole() -> None:
    document = _blank()
    larger = _blank(80, 80)
    edit = brush(larger, np.array([[70.0, 70.0, 4.0]]), CROP)
    assert edit is not None
    with pytest.raises(ValueError, match="the picture has 60 x 40 pixels"):
        document.apply(edit)
    assert document.undo() is None


def test_listeners_hear_rectangles_and_recorders_hear_edits() -> None:
    document = _blank()
    rects: list[Rect] = []
    changes: list[Change] = []
    stop = document.listen(rects.append)
    document.record(changes.append)
    document.begin("stroke")
    _dab(document, 10.0, 10.0)
    _dab(document, 14.0, 10.0)
    document.end()
    document.undo()
    stop()
    document.redo()
    assert rects == [Rect(6, 6, 15, 15), Rect(13, 6, 19, 15), Rect(6, 6, 19, 15)]
    assert [(c.kind, c.joins) for c in changes] == [
        (ChangeKind.APPLY, False),
        (ChangeKind.APPLY, True),
        (ChangeKind.UNDO, False),
        (ChangeKind.UNDO, True),
        (ChangeKind.REDO, False),
        (ChangeKind.REDO, True),
    ]


_DABS = st.tuples(
    st.sampled_from(["dab", "erase", "undo", "redo", "begin", "end", "stem"]),
    st.integers(-3, 63),
    st.integers(-3, 43),
    st.integers(1, 3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_DABS, max_size=25))
def test_a_replayed_journal_gives_the_same_labels_and_history(
    actions: list[tuple[str, int, int, int]],
) -> None:
    document, copy = _blank(), _blank()
    changes: list[Change] = []
    document.record(changes.append)
    for action in actions:
        _act(document, *action)
    for change in changes:
        copy.replay(
            Change(
                kind=change.kind,
                edit=edit_from_bytes(edit_to_bytes(change.edit)),
                joins=change.joins,
            )
        )
    assert _state(copy) == _state(document)
    assert (copy.undo_name != "", copy.redo_name != "") == (
        document.undo_name != "",
        document.redo_name != "",
    )
    while document.undo() is not None:
        copy.undo()
        assert _state(copy) == _state(document)
    assert not document.classes.any()
    assert copy.undo() is None


def _act(document: LabelDocument, action: str, u: int, v: int, class_id: int) -> None:
    tip = np.array([[float(u), float(v), 3.0]])
    edit: Edit | None = None
    if action == "dab":
        edit = brush(document, tip, Paint(class_id=class_id, plant=class_id))
    elif action == "erase":
        edit = erase(document, tip)
    elif action == "stem":
        inside = document.rect.u1 > u >= 0 and document.rect.v1 > v >= 0
        edit = document.edit("stem", document.rect, stems={class_id: (u, v)} if inside else {})
    elif action == "undo":
        document.undo()
    elif action == "redo":
        document.redo()
    elif action == "begin":
        document.end()
        document.begin("stroke")
    else:
        document.end()
    if edit is not None:
        document.apply(edit)


def test_something_else_is_not_read_as_an_edit() -> None:
    with pytest.raises(ValueError, match="not an edit"):
        edit_from_bytes(b"\xff\xff\xff\xff{}")
