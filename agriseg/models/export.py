"""From a trained network to a model bundle."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from agriseg.errors import ModelFileError
from agriseg.messages import UInt8Array
from agriseg.models.bundle import (
    CLASS_NAMES,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST_NAME,
    BundleFiles,
    InputSpec,
    Manifest,
    ModelBundle,
    file_entry,
    open_bundle,
)
from agriseg.models.openvino_runtime import ov
from agriseg.models.sizing import Size, network_size
from agriseg.opencv import cv2

if TYPE_CHECKING:
    from openvino import Model

    from agriseg.models.bundle import PlantsSpec

FILE_LIMIT_BYTES = 100_000_000
OUTPUT_NAMES = ("logits", "plants")
FIRST_VERSION = 1
"""Of the format: what bundles without plant heads are written in, for older programs to read."""

_TRACE_SIZE_PX = 256
_FILE_MODE = 0o644

_log = logging.getLogger(__name__)


def export_bundle(
    network: nn.Module,
    directory: Path,
    *,
    name: str,
    version: str,
    architecture: str,
    spec: InputSpec,
    licence: str,
    calibration: Sequence[UInt8Array],
    plants: PlantsSpec | None = None,
) -> ModelBundle:
    """Write a bundle: weights for torch and the OpenVINO file, and the manifest last.

    Parameters
    ----------
    network : nn.Module
    directory : Path
        The bundle's folder; files of an older export are replaced.
    name, version, architecture, licence : str
        For the manifest.
    spec : InputSpec
    calibration : sequence of (H, W, 3) uint8
        BGR images of the training set that set the ranges of the eight-bit numbers; none
        leaves the OpenVINO file in floating point.
    plants : PlantsSpec, optional
        How plants are read off the maps of a network with plant heads; by default as
        `PlantsSpec` says.

    Raises
    ------
    ModelFileError
        A file came out larger than a bundle may hold.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MANIFEST_NAME).unlink(missing_ok=True)
    network = network.eval().cpu()
    weights = directory / "model.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, weights)
    weights.chmod(_FILE_MODE)
    model = convert_network(network)
    if calibration:
        model = quantise(model, calibration, spec)
    topology = directory / "model.xml"
    ov.save_model(model, topology, compress_to_fp16=True)
    heads = _plants_entry(model, plants)
    files = BundleFiles(
        weights=file_entry(weights),
        openvino_model=file_entry(topology),
        openvino_weights=file_entry(topology.with_suffix(".bin")),
    )
    for entry in files.entries():
        if entry.bytes > FILE_LIMIT_BYTES:
            raise ModelFileError(
                f"{directory / entry.name}: {entry.bytes} bytes; a bundle's files hold at most "
                f"{FILE_LIMIT_BYTES}"
            )
    manifest = Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION if heads else FIRST_VERSION,
        name=name,
        version=version,
        architecture=architecture,
        classes=CLASS_NAMES,
        input=spec,
        openvino_precision="int8" if calibration else "float",
        files=files,
        licence=licence,
        attribution="MODEL_CARD.md",
        **heads,
    )
    text = json.dumps(manifest.model_dump(mode="json", exclude_none=True), indent=2)
    (directory / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
    return open_bundle(directory)


def _plants_entry(model: Model, plants: PlantsSpec | None) -> dict[str, PlantsSpec]:
    """Return the manifest's entry of the plant heads; nothing where the network has none."""
    if len(model.outputs) == 1:
        return {}
    from agriseg.models.bundle import PlantsSpec

    return {"plants": PlantsSpec() if plants is None else plants}


def convert_network(network: nn.Module) -> Model:
    """Convert a torch network to OpenVINO, for inputs ``(1, 3, h, w)`` of any size.

    Outputs are named as `OUTPUT_NAMES` says, as many as the network has.
    """
    example = torch.zeros(1, 3, _TRACE_SIZE_PX, _TRACE_SIZE_PX)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO's converter traces; torch deprecates its tracer.
        warnings.simplefilter("ignore", DeprecationWarning)
        model = ov.convert_model(network, example_input=example, input=[1, 3, -1, -1])
    for port, name in zip(model.outputs, OUTPUT_NAMES, strict=False):
        port.get_tensor().set_names({name})
    return model


def quantise(model: Model, images: Sequence[UInt8Array], spec: InputSpec) -> Model:
    """Quantise to eight bits after training, with NNCF.

    Parameters
    ----------
    model : Model
        Floating-point network.
    images : sequence of (H, W, 3) uint8
        BGR images as the camera sees them.
    spec : InputSpec
    """
    from agriseg.models.onnx_runtime import require

    nncf = require("nncf", "train")

    items = [normalise_image(image, spec) for image in images]
    _log.info("quantising with %d images", len(items))
    dataset: Iterable[NDArray[np.float32]] = nncf.Dataset(items)
    quantised: Model = nncf.quantize(
        model,
        dataset,
        subset_size=len(items),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
    )
    return quantised


def normalise_image(image: UInt8Array, spec: InputSpec) -> NDArray[np.float32]:
    """Return the network's input ``(1, 3, h, w) float32`` for a BGR image, made on the host."""
    size = network_size(Size(image.shape[1], image.shape[0]), spec.long_side_px)
    scaled = cv2.resize(image, (size.width_px, size.height_px), interpolation=cv2.INTER_LINEAR)
    rgb = scaled[:, :, ::-1].astype(np.float32) / 255.0
    normalised = (rgb - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None])
