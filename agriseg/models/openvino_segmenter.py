"""The model on the CPU, through OpenVINO; does not import torch."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agriseg.errors import ModelFileError
from agriseg.messages import ClassId, Float32Array, Frame, Segmentation, UInt8Array
from agriseg.models.bundle import CLASS_NAMES, InputSpec, ModelBundle
from agriseg.models.frame_maps import FrameMaps
from agriseg.models.openvino_runtime import cpu_settings, ov
from agriseg.models.sizing import Size, network_size

if TYPE_CHECKING:
    from openvino import InferRequest, Model, Output

FloatPrecision = Literal["", "f32", "bf16"]

_KEPT_SIZES = 3

ops = ov.opset13
preprocess = ov.preprocess


class OpenVinoSegmenter:
    """Segments frames with OpenVINO; a frame of another size is compiled for once.

    Parameters
    ----------
    bundle : ModelBundle
    threads : int
        CPU threads of the model.
    cache_dir : Path, optional
        Where compiled models are kept for the next start.
    network : Path, optional
        OpenVINO file of the same network to use instead of the bundle's.
    precision : str
        What floating-point layers compute in, ``f32`` or ``bf16``; empty leaves it to OpenVINO.

    Raises
    ------
    ModelFileError
        The bundle's OpenVINO file is not a segmentation network of three classes, or has not the
        plant heads that the manifest names.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        *,
        threads: int,
        cache_dir: Path | None = None,
        network: Path | None = None,
        precision: FloatPrecision = "",
    ) -> None:
        self._bundle = bundle
        self._network = bundle.openvino_path if network is None else network
        self._words = precision or bundle.manifest.openvino_precision
        self._core = ov.Core()
        if cache_dir is not None:
            self._core.set_property({"CACHE_DIR": str(cache_dir)})
        self._settings = cpu_settings(threads)
        if precision:
            self._settings["INFERENCE_PRECISION_HINT"] = precision
        self._has_heads = bundle.manifest.plants is not None
        _check_network(self._read_network(), self._network, has_heads=self._has_heads)
        self._requests: OrderedDict[Size, InferRequest] = OrderedDict()

    @property
    def name(self) -> str:
        """Model and runtime."""
        manifest = self._bundle.manifest
        return f"{manifest.name} {manifest.version} (OpenVINO {self._words})"

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        height_px, width_px = frame.image.shape[:2]
        request = self._request(Size(width_px, height_px))
        began_s = time.perf_counter()
        request.infer([frame.image[None]], share_inputs=True)
        forward_ms = (time.perf_counter() - began_s) * 1e3
        labels, weed, crop = (_copy_out(request, index) for index in range(3))
        plants = _copy_plants(request) if self._has_heads else None
        maps = FrameMaps(labels, weed, crop, plants)
        return maps.segmentation(frame, forward_ms, self.name, self._bundle.manifest.grouping)

    def close(self) -> None:
        """Release the compiled models."""
        self._requests.clear()

    def _request(self, frame: Size) -> InferRequest:
        found = self._requests.get(frame)
        if found is None:
            manifest = self._bundle.manifest
            model = build_frame_model(
                self._read_network(), frame, manifest.input, manifest.temperature
            )
            found = self._core.compile_model(model, "CPU", self._settings).create_infer_request()
            self._requests[frame] = found
            if len(self._requests) > _KEPT_SIZES:
                self._requests.popitem(last=False)
        self._requests.move_to_end(frame)
        return found

    def _read_network(self) -> Model:
        return self._core.read_model(self._network)


def build_frame_model(
    network: Model, frame: Size, spec: InputSpec, temperature: float = 1.0
) -> Model:
    """Put preprocessing in front of a network and full-size maps behind it.

    Parameters
    ----------
    network : Model
        Normalised RGB ``(1, 3, h, w)`` to logits ``(1, 3, h / k, w / k)``, of any size; the
        second output, where there is one, holds the plant maps.
    frame : Size
        Size of the frames and of the maps.
    spec : InputSpec
    temperature : float
        Logits are divided by it before the softmax.

    Returns
    -------
    Model
        ``(1, H, W, 3) uint8`` BGR to labels, weed and crop probability, each
        ``(1, 1, H, W) uint8``, and plant maps ``(1, 3, h / 4, w / 4) float32`` where the network
        has plant heads.
    """
    size = network_size(frame, spec.long_side_px)
    network.reshape([1, len(CLASS_NAMES), size.height_px, size.width_px])
    return _with_preprocessing(_with_maps(network, frame, temperature), frame, size, spec)


def _with_maps(network: Model, frame: Size, temperature: float) -> Model:
    shape = np.array([frame.height_px, frame.width_px], np.int64)
    full = ops.interpolate(
        network.output(0).get_node().input_value(0),
        shape,
        "linear_onnx",
        "sizes",
        coordinate_transformation_mode="half_pixel",
        axes=np.array([2, 3], np.int64),
    )
    soil, crop, weed = ops.split(full, 1, len(CLASS_NAMES)).outputs()
    labels = ops.select(
        ops.greater(weed, ops.maximum(soil, crop)),
        np.float32(ClassId.WEED),
        ops.select(ops.greater(crop, soil), np.float32(ClassId.CROP), np.float32(ClassId.SOIL)),
    )
    if temperature != 1.0:
        factor = np.float32(1.0 / temperature)
        soil, crop, weed = (ops.multiply(one, factor).output(0) for one in (soil, crop, weed))
    maps = [labels, _level(weed, soil, crop), _level(crop, soil, weed)]
    results = [ops.convert(one, "u8") for one in maps]
    for port in network.outputs[1:]:
        results.append(ops.convert(port.get_node().input_value(0), "f32"))
    return ov.Model(results, network.get_parameters(), "frame_model")


def _level(this: Output, other: Output, third: Output) -> Any:
    """Softmax probability of one of three logits, rounded to 0..255."""
    rest = ops.add(ops.exp(ops.subtract(other, this)), ops.exp(ops.subtract(third, this)))
    level = ops.divide(np.float32(255.0), ops.add(rest, np.float32(1.0)))
    return ops.add(level, np.float32(0.5))


def _with_preprocessing(model: Model, frame: Size, size: Size, spec: InputSpec) -> Model:
    steps = preprocess.PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_shape([1, frame.height_px, frame.width_px, 3])
    tensor.set_color_format(preprocess.ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    process = steps.input().preprocess().convert_element_type(ov.Type.f32)
    process.convert_color(preprocess.ColorFormat.RGB)
    if size != frame:
        process.resize(preprocess.ResizeAlgorithm.RESIZE_LINEAR)
    process.mean([value * 255.0 for value in spec.mean])
    process.scale([value * 255.0 for value in spec.std])
    return steps.build()


def _check_network(network: Model, path: Path, *, has_heads: bool) -> None:
    inputs, outputs = len(network.inputs), len(network.outputs)
    expected = ["3", str(len(CLASS_NAMES)), *(["3"] if has_heads else [])]
    if inputs == 1 and outputs == len(expected) - 1:
        channels = [
            str(port.get_partial_shape()[1])
            for port in (network.input(0), *network.outputs)
            if port.get_partial_shape().rank == 4
        ]
        if channels == expected:
            return
    heads = " and plant maps (1, 3, h / 4, w / 4)" if has_heads else ""
    raise ModelFileError(
        f"{path}: not a segmentation network; expected one input "
        f"(1, 3, h, w) and one output (1, {len(CLASS_NAMES)}, h / k, w / k){heads}, "
        f"found {inputs} inputs and {outputs} outputs"
    )


def _copy_plants(request: InferRequest) -> Float32Array:
    data: Float32Array = request.get_output_tensor(3).data
    return np.array(data[0], dtype=np.float32, copy=True)


def _copy_out(request: InferRequest, index: int) -> UInt8Array:
    """Copy a map out of the runtime's memory, which the next frame overwrites."""
    data: UInt8Array = request.get_output_tensor(index).data
    return np.array(data[0, 0], dtype=np.uint8, copy=True)
