"""Another form of a bundle: eight bits or floating point, as a bundle or as an ONNX file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from agriseg.errors import ModelFileError
from agriseg.messages import UInt8Array
from agriseg.models.bundle import ModelBundle
from agriseg.models.export import export_bundle
from agriseg.models.fitting import carry_fit
from agriseg.models.onnx_files import network_to_onnx, quantise_onnx, save_onnx
from agriseg.models.onnx_runtime import require
from agriseg.models.onnx_segmenter import OnnxSegmenter
from agriseg.models.openvino_segmenter import OpenVinoSegmenter
from agriseg.models.torch_segmenter import TorchCpuSegmenter, load_network
from agriseg.ports import Segmenter

ONNX_NAME = "model.onnx"
_CARRIED = ("MODEL_CARD.md", "training.toml")


def open_float32(bundle: ModelBundle, threads: int) -> Segmenter:
    """Open a bundle's weights with eager torch in float32: what other forms are compared with."""
    return TorchCpuSegmenter(bundle, threads=threads)


def export_openvino(
    bundle: ModelBundle, directory: Path, calibration: Sequence[UInt8Array], threads: int
) -> Segmenter:
    """Write a bundle again, with the OpenVINO file in eight bits or floating point, and open it.

    Parameters
    ----------
    bundle : ModelBundle
    directory : Path
        The new bundle's folder.
    calibration : sequence of (H, W, 3) uint8
        BGR images that set the ranges of the eight-bit numbers; none: floating point.
    threads : int
        CPU threads of the opened segmenter.

    Raises
    ------
    ModelFileError
        The weights cannot be read, or a file came out too large.
    """
    if calibration:
        require("nncf", "train")
    manifest = bundle.manifest
    written = export_bundle(
        load_network(bundle),
        directory,
        name=manifest.name,
        version=manifest.version,
        architecture=manifest.architecture,
        spec=manifest.input,
        licence=manifest.licence,
        calibration=calibration,
        plants=manifest.plants,
    )
    _carry(bundle, directory)
    return OpenVinoSegmenter(carry_fit(bundle, written), threads=threads)


def export_onnx(
    bundle: ModelBundle, directory: Path, calibration: Sequence[UInt8Array], threads: int
) -> Segmenter:
    """Write a bundle's bare network as ``model.onnx``, and open it with ONNX Runtime.

    Parameters and errors are those of `export_openvino`; the extra ``onnx`` is needed.
    """
    manifest = bundle.manifest
    network = network_to_onnx(load_network(bundle), manifest)
    if calibration:
        network = quantise_onnx(network, calibration, manifest.input)
    directory.mkdir(parents=True, exist_ok=True)
    save_onnx(network, directory / ONNX_NAME)
    _carry(bundle, directory)
    precision = "int8" if calibration else "float"
    name = f"{manifest.name} {manifest.version} (ONNX Runtime {precision})"
    return OnnxSegmenter(
        network,
        manifest.input,
        name=name,
        threads=threads,
        grouping=manifest.grouping,
        temperature=manifest.temperature,
    )


def _carry(bundle: ModelBundle, directory: Path) -> None:
    """Copy the model card, whose terms go with the weights."""
    try:
        for name in _CARRIED:
            if (bundle.directory / name).is_file():
                shutil.copyfile(bundle.directory / name, directory / name)
    except OSError as error:
        raise ModelFileError(f"{directory}: cannot be written ({error.strerror})") from error
