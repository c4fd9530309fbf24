"""Supplied encoder and decoder files: tiny ones that answer a click with a disc."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agriseg.errors import ModelFileError
from agriseg.labelling.document import LabelDocument
from agriseg.labelling.edits import Rect
from agriseg.labelling.tools.regions import EMPTY, Paint
from agriseg.labelling.tools.segment_anything import SegmentAnything, segment_anything

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from tiny_anything import RADIUS, SIDE, write_decoder, write_encoder


def test_a_click_becomes_a_disc_where_it_was_made(tmp_path: Path) -> None:
    model = SegmentAnything(write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx"))
    document = LabelDocument(np.zeros((100, 200, 3), np.uint8))
    seen = model.look(document.image)
    edit = segment_anything(document, model, seen, Paint(class_id=2, plant=1), [(150.0, 40.0)])
    assert edit is not None
    document.apply(edit)
    v, u = np.mgrid[0:100, 0:200]
    radius = RADIUS * 200 / SIDE
    truth = (u - 150) ** 2 + (v - 40) ** 2 <= radius**2
    found = document.classes == 2
    assert (found & truth).sum() / (found | truth).sum() > 0.93


def test_features_with_other_names_are_taken_in_their_order(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "e.onnx", output="features")
    model = SegmentAnything(encoder, write_decoder(tmp_path / "d.onnx"))
    seen = model.look(np.zeros((60, 60, 3), np.uint8))
    assert list(seen.features) == ["image_embeddings"]
    assert model.region(seen, [(30.0, 30.0)]).area_px > 50
    assert model.region(seen, []) is EMPTY


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    encoder, decoder = write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx")
    with pytest.raises(ModelFileError, match=r"e\.onnx: not a decoder of this family"):
        SegmentAnything(decoder, encoder)
    with pytest.raises(ModelFileError, match=r"d\.onnx: it does not belong to"):
        SegmentAnything(decoder, decoder)
    with pytest.raises(ModelFileError, match="there is no such file"):
        SegmentAnything(tmp_path / "x.onnx", decoder)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="cannot be opened as an ONNX model"):
        SegmentAnything(tmp_path / "bad.onnx", decoder)


def test_a_box_alone_is_enough(tmp_path: Path) -> None:
    model = SegmentAnything(write_encoder(tmp_path / "e.onnx"), write_decoder(tmp_path / "d.onnx"))
    seen = model.look(np.zeros((64, 64, 3), np.uint8))
    region = model.region(seen, [], box=Rect(20, 20, 40, 40))
    assert region.over(Rect(0, 0, 64, 64))[20, 20], "the tiny decoder looks at the first corner"
