"""Tiny models of the segment-anything family, as files: they answer a click with a disc."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

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


def write_encoder(path: Path, output: str = "image_embeddings") -> Path:
    """Write an encoder whose features are the mean colour."""
    nodes = [onnx.helper.make_node("GlobalAveragePool", ["image"], [output])]
    return _save(path, nodes, [_value("image", [1, 3, SIDE, SIDE])], [_value(output, [1, 3, 1, 1])])


def write_decoder(path: Path) -> Path:
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
