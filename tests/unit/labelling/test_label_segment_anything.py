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

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SIDE, LOW, RADIUS = 64, 32, 6.0


def _save(path: Path, nodes: list[object], inputs: list[object], outputs: list[object]) -> Path:
    graph = onnx.helper.make_graph(nodes, "tiny", inputs, outputs)
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))
    return path


def _value(name: str, shape: list[int | str]) -> object:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _constant(name: str, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
    tensor = onnx.numpy_helper.from_array(array.astype(np.float32), name)
    return onnx.helper.make_node("Constant", [], [name], value=tensor)


def _encoder(path: Path, output: str = "image_embeddings") -> Path:
    """Write an encoder whose features are the mean colour."""
    nodes = [onnx.helper.make_node("GlobalAveragePool", ["image"], [output])]
    return _save(path, nodes, [_value("image", [1, 3, SIDE, SIDE])], [_value(output, [1, 3, 1, 1])])


def _decoder(path: Path) -> Path:
    """Write a decoder that answers the first click with a disc, in a low square, twice.

    The second mask is the better one by its score; the first is empty.
    """
    step = SIDE / LOW
    v, u = np.mgrid[0:LOW, 0:LOW]
    grid = np.stack([(u + 0.5) * step, (v + 0.5) * step])[None]
    node = onnx.helper.make_node
    nodes = [
        _constant("grid", grid),
        _constant("radius", np.array([RADIUS])),
        _constant("never", np.full((1, 1, LOW, LOW), -1.0)),
        _constant("scores", np.array([[0.2, 0.9]])),
        node("Identity", ["scores"], ["iou_predictions"]),
        node("Split", ["point_coords"], ["first", "rest"], axis=1, num_outputs=2),
        node("Transpose", ["first"], ["turned"], perm=[0, 2, 1]),
        node("Constant", [], ["shape"], value_ints=[1, 2, 1, 1]),
        node("Reshape", ["turned", "shape"], ["centre"]),
        node("Sub", ["grid", "centre"], ["away"]),
        node("Mul", ["away", "away"], ["squares"]),
        node("Constant", [], ["axes"], value_ints=[1]),
        node("ReduceSum", ["squares", "axes"], ["square"], keepdims=1),
        node("Sqrt", ["square"], ["distance"]),
        node("Sub", ["radius", "distance"], ["disc"]),
        node("Concat", ["never", "disc"], ["masks"], axis=1),
    ]
    inputs = [
        _value("image_embeddings", [1, 3, 1, 1]),
        _value("point_coords", [1, 2, 2]),
        _value("point_labels", [1, 2]),
        _value("mask_input", [1, 1, 16, 16]),
        _value("has_mask_input", [1]),
        _value("orig_im_size", [2]),
    ]
    outputs = [_value("masks", [1, 2, LOW, LOW]), _value("iou_predictions", [1, 2])]
    return _save(path, nodes, inputs, outputs)


def test_a_click_becomes_a_disc_where_it_was_made(tmp_path: Path) -> None:
    model = SegmentAnything(_encoder(tmp_path / "e.onnx"), _decoder(tmp_path / "d.onnx"))
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
    encoder = _encoder(tmp_path / "e.onnx", output="features")
    model = SegmentAnything(encoder, _decoder(tmp_path / "d.onnx"))
    seen = model.look(np.zeros((60, 60, 3), np.uint8))
    assert list(seen.features) == ["image_embeddings"]
    assert model.region(seen, [(30.0, 30.0)]).area_px > 50
    assert model.region(seen, []) is EMPTY


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    encoder, decoder = _encoder(tmp_path / "e.onnx"), _decoder(tmp_path / "d.onnx")
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
    model = SegmentAnything(_encoder(tmp_path / "e.onnx"), _decoder(tmp_path / "d.onnx"))
    seen = model.look(np.zeros((64, 64, 3), np.uint8))
    region = model.region(seen, [], box=Rect(20, 20, 40, 40))
    assert region.over(Rect(0, 0, 64, 64))[20, 20], "the tiny decoder looks at the first corner"
