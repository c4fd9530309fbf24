"""The model on the CPU, through OpenVINO; does not import torch."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from agriseg.errors import ModelFileError
from agriseg.messages import Frame, Segmentation, UInt8Array
from agriseg.models.bundle import CLASS_NAMES, InputSpec, ModelBundle
from agriseg.models.frame_maps import FrameMaps
from agriseg.models.full_size import FullSizeMaps
from agriseg.models.openvino_runtime import cpu_settings, ov
from agriseg.models.sizing import Size, network_size
from agriseg.opencv import cv2

if TYPE_CHECKING:
    from openvino import InferRequest, Model

FloatPrecision = Literal["", "f32", "bf16"]

_KEPT_SIZES = 3

preprocess = ov.preprocess


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What looks at frames of one size."""

    request: InferRequest
    size: Size
    full: FullSizeMaps

    def maps(self, image: UInt8Array) -> FrameMaps:
        # OpenCV resizes bytes in a tenth of the time of the same layer before the network.
        side = (self.size.width_px, self.size.height_px)
        seen = cv2.resize(image, side, interpolation=cv2.INTER_LINEAR)
        self.request.infer([seen[None]], share_inputs=True)
        plants = None
        if len(self.request.results) > 1:
            # The runtime's memory is overwritten by the next frame.
            plants = np.array(self.request.get_output_tensor(1).data[0], np.float32)
        return self.full.maps(self.request.get_output_tensor(0).data[0], plants)


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
        self._looks: OrderedDict[Size, _Look] = OrderedDict()

    @property
    def name(self) -> str:
        """Model and runtime."""
        manifest = self._bundle.manifest
        return f"{manifest.name} {manifest.version} (OpenVINO {self._words})"

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        height_px, width_px = frame.image.shape[:2]
        look = self._look(Size(width_px, height_px))
        began_s = time.perf_counter()
        maps = look.maps(frame.image)
        forward_ms = (time.perf_counter() - began_s) * 1e3
        return maps.segmentation(frame, forward_ms, self.name, self._bundle.manifest.grouping)

    def close(self) -> None:
        """Release the compiled models."""
        self._looks.clear()

    def _look(self, frame: Size) -> _Look:
        found = self._looks.get(frame)
        if found is None:
            manifest = self._bundle.manifest
            size = network_size(frame, manifest.input.long_side_px)
            model = build_picture_model(self._read_network(), size, manifest.input)
            compiled = self._core.compile_model(model, "CPU", self._settings)
            found = _Look(
                request=compiled.create_infer_request(),
                size=size,
                full=FullSizeMaps(frame, manifest.temperature),
            )
            self._looks[frame] = found
            if len(self._looks) > _KEPT_SIZES:
                self._looks.popitem(last=False)
        self._looks.move_to_end(frame)
        return found

    def _read_network(self) -> Model:
        return self._core.read_model(self._network)


def build_picture_model(network: Model, size: Size, spec: InputSpec) -> Model:
    """Put what is done to every pixel in front of a network.

    Parameters
    ----------
    network : Model
        Normalised RGB ``(1, 3, h, w)`` to logits ``(1, 3, h / k, w / k)``, of any size; the
        second output, where there is one, holds the plant maps.
    size : Size
        Size that the network looks at.
    spec : InputSpec

    Returns
    -------
    Model
        ``(1, h, w, 3) uint8`` BGR to the network's outputs in ``float32``.
    """
    network.reshape([1, len(CLASS_NAMES), size.height_px, size.width_px])
    steps = preprocess.PrePostProcessor(network)
    tensor = steps.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(preprocess.ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    process = steps.input().preprocess().convert_element_type(ov.Type.f32)
    process.convert_color(preprocess.ColorFormat.RGB)
    process.mean([value * 255.0 for value in spec.mean])
    process.scale([value * 255.0 for value in spec.std])
    for index in range(len(network.outputs)):
        steps.output(index).tensor().set_element_type(ov.Type.f32)
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
