"""ONNX files: the bare network for other programs, and the whole frame model for ONNX Runtime.

The packages of the extra ``onnx`` are imported when they are needed.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from agriseg.errors import ModelFileError
from agriseg.messages import UInt8Array
from agriseg.models.bundle import InputSpec, Manifest
from agriseg.models.export import normalise_image
from agriseg.models.graph import FrameGraph
from agriseg.models.onnx_runtime import require
from agriseg.models.sizing import Size, network_size

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
INPUT_NAME, OUTPUT_NAME = "image", "logits"
FRAME_NAME = "frame"
PLANTS_NAME = "plants"
"""Second output of networks with plant heads, of the bare network and of the frame model."""
MAP_NAMES = ("labels", "weed_probability", "crop_probability")

_TRACE_SIZE_PX = 256
_SIDES = {2: "height", 3: "width"}


class _Before(nn.Module):
    """Preprocessing alone."""

    def __init__(self, graph: FrameGraph) -> None:
        super().__init__()
        self._graph = graph

    def forward(self, frames: Tensor) -> Tensor:
        return self._graph.normalise(frames)


class _After(nn.Module):
    """Full-size maps alone."""

    def __init__(self, graph: FrameGraph) -> None:
        super().__init__()
        self._graph = graph

    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self._graph.maps(logits)


def network_to_onnx(network: nn.Module, manifest: Manifest) -> ModelProto:
    """Convert a bare network, for inputs ``(1, 3, h, w)`` of any size.

    The input's normalisation and the classes are in the file's metadata.

    Raises
    ------
    ModelFileError
        The extra ``onnx`` is not installed, or the network has an operation that ONNX lacks.
    """
    onnx = require("onnx")
    example = torch.zeros(1, 3, _TRACE_SIZE_PX, _TRACE_SIZE_PX)
    sides = {INPUT_NAME: _SIDES, OUTPUT_NAME: {2: "out_height", 3: "out_width"}}
    outputs = [OUTPUT_NAME]
    if manifest.plants is not None:
        outputs.append(PLANTS_NAME)
        sides[PLANTS_NAME] = {2: "plants_height", 3: "plants_width"}
    try:
        data = _trace(network.eval(), example, [INPUT_NAME], outputs, sides)
    except RuntimeError as error:
        raise ModelFileError(
            f"{manifest.name}: architecture {manifest.architecture!r} cannot be written as ONNX "
            f"opset {OPSET} ({str(error).splitlines()[0]}); use --format openvino"
        ) from error
    model: ModelProto = onnx.load_from_string(data)
    spec = manifest.input
    notes = {
        "name": f"{manifest.name} {manifest.version}",
        "classes": json.dumps(manifest.classes),
        "input": json.dumps(spec.model_dump()),
        "input_order": "RGB, (value / 255 - mean) / std",
        "licence": manifest.licence,
    }
    onnx.helper.set_model_props(model, notes)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantise_onnx(model: ModelProto, images: Sequence[UInt8Array], spec: InputSpec) -> ModelProto:
    """Quantise to eight bits after training, with NNCF.

    Parameters
    ----------
    model : ModelProto
        Of `network_to_onnx`.
    images : sequence of (H, W, 3) uint8
        BGR images as the camera sees them.
    spec : InputSpec
    """
    require("onnxruntime")
    nncf = require("nncf", "train")
    items = [{INPUT_NAME: normalise_image(image, spec)} for image in images]
    quantised: ModelProto = nncf.quantize(
        model,
        nncf.Dataset(items),
        subset_size=len(items),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
    )
    return quantised


def build_frame_onnx(
    network: ModelProto, frame: Size, spec: InputSpec, temperature: float = 1.0
) -> ModelProto:
    """Put preprocessing in front of a network and full-size maps behind it.

    ``temperature`` divides the logits before the softmax.

    Returns
    -------
    ModelProto
        ``(1, H, W, 3) uint8`` BGR to labels, weed and crop probability, each
        ``(1, H, W) uint8``, and to the plant maps of networks with plant heads.
    """
    onnx = require("onnx")
    size = network_size(frame, spec.long_side_px)
    graph = FrameGraph(nn.Identity(), frame, size, spec.mean, spec.std, temperature).eval()
    frames = torch.zeros(1, frame.height_px, frame.width_px, 3, dtype=torch.uint8)
    before = onnx.load_from_string(_trace(_Before(graph), frames, [FRAME_NAME], ["normalised"], {}))
    logits = torch.zeros(1, 3, size.height_px // 4, size.width_px // 4)
    # The network decides at which fraction of its input the logits come.
    sides = {"raw": _SIDES}
    after = onnx.load_from_string(_trace(_After(graph), logits, ["raw"], list(MAP_NAMES), sides))
    for part, prefix in ((before, "before/"), (after, "after/")):
        part.ir_version = network.ir_version
        _prefix_inner_names(onnx, part, prefix)
    merge = onnx.compose.merge_models
    with_input = merge(before, network, io_map=[("normalised", INPUT_NAME)])
    whole: ModelProto = merge(with_input, after, io_map=[(OUTPUT_NAME, "raw")])
    return whole


def save_onnx(model: ModelProto, path: Path) -> None:
    """Write a model as one file."""
    require("onnx").save_model(model, str(path))


def _trace(
    module: nn.Module,
    example: Tensor,
    inputs: list[str],
    outputs: list[str],
    sides: dict[str, dict[int, str]],
) -> bytes:
    data = io.BytesIO()
    with torch.inference_mode(), warnings.catch_warnings():
        # The exporter by tracing is deprecated; the new one takes ten times as long, and torch is
        # pinned to a version that has both.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            data,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=sides,
        )
    return data.getvalue()


def _prefix_inner_names(onnx: Any, model: ModelProto, prefix: str) -> None:
    """Make a part's names its own, but for its inputs and outputs."""
    onnx.compose.add_prefix(model, prefix, rename_inputs=False, rename_outputs=False, inplace=True)
