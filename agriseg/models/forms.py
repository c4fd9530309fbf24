"""The forms in which a model can run: a runtime and a number type, each by a name.

Finer than the choice of a runtime in the configuration: `agriseg benchmark` measures them, and
``auto`` takes the one that it remembers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from agriseg.errors import ModelFileError
from agriseg.models.bundle import ModelBundle
from agriseg.models.onnx_runtime import require
from agriseg.models.openvino_segmenter import FloatPrecision, OpenVinoSegmenter
from agriseg.models.runtime_memory import cache_directory
from agriseg.ports import Segmenter

REFERENCE = "torch-cpu"
"""Eager torch in float32: what the labels of all others are compared with."""

CONVERTED_WHEN_OPENED = frozenset({"onnxruntime", "tensorrt"})
"""Forms that take seconds to open, every time: not for ``auto``."""

_CONVERTED = "converted"
_TENSORRT = "TensorrtExecutionProvider"

Open = Callable[[ModelBundle, int, bool], Segmenter]
"""Opens a form of a bundle with so many threads; the last tells whether converting is allowed,
which takes seconds and imports torch."""


def open_form(bundle: ModelBundle, form: str, threads: int, *, may_convert: bool) -> Segmenter:
    """Open one form of a model.

    Parameters
    ----------
    bundle : ModelBundle
    form : str
        A key of `FORMS`.
    threads : int
        CPU threads.
    may_convert : bool
        Whether the network may first be converted for the runtime.

    Raises
    ------
    ModelFileError
        There is no such form, it needs something that is not installed, or would have to be
        converted first.
    """
    if form not in FORMS:
        raise ModelFileError(f"{form!r} is no form of a model; expected one of {', '.join(FORMS)}")
    missing = why_missing(bundle, form)
    if missing:
        raise ModelFileError(f"{bundle.directory}: cannot be opened as {form}: {missing}")
    return FORMS[form](bundle, threads, may_convert)


def why_missing(bundle: ModelBundle, form: str) -> str:
    """Return in words why a form cannot be opened on this computer; empty when it can."""
    reason = _MISSING.get(form)
    return "" if reason is None else reason(bundle)


def _open_torch(bundle: ModelBundle, threads: int, _: bool) -> Segmenter:
    from agriseg.models.torch_segmenter import TorchCpuSegmenter

    return TorchCpuSegmenter(bundle, threads=threads)


def _open_cuda(bundle: ModelBundle, _threads: int, _: bool) -> Segmenter:
    from agriseg.models.torch_segmenter import CudaSegmenter

    return CudaSegmenter(bundle)


def _open_int8(bundle: ModelBundle, threads: int, _: bool) -> Segmenter:
    return OpenVinoSegmenter(bundle, threads=threads)


def _open_float(
    bundle: ModelBundle, threads: int, may_convert: bool, *, precision: FloatPrecision
) -> Segmenter:
    network = _float_network(bundle, may_convert)
    return OpenVinoSegmenter(bundle, threads=threads, network=network, precision=precision)


def _open_onnx(bundle: ModelBundle, threads: int, may_convert: bool) -> Segmenter:
    return _onnx_segmenter(bundle, threads, may_convert, "ONNX Runtime", ("CPUExecutionProvider",))


def _open_tensorrt(bundle: ModelBundle, threads: int, may_convert: bool) -> Segmenter:
    options = {
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(cache_directory() / "tensorrt"),
    }
    providers = ((_TENSORRT, options), "CUDAExecutionProvider")
    return _onnx_segmenter(bundle, threads, may_convert, "TensorRT half", providers)


def _onnx_segmenter(
    bundle: ModelBundle,
    threads: int,
    may_convert: bool,
    words: str,
    providers: tuple[object, ...],
) -> Segmenter:
    if not may_convert:
        raise ModelFileError(f"{bundle.directory}: must be converted for {words} first")
    from agriseg.models.onnx_files import network_to_onnx
    from agriseg.models.onnx_segmenter import OnnxSegmenter
    from agriseg.models.torch_segmenter import load_network

    manifest = bundle.manifest
    return OnnxSegmenter(
        network_to_onnx(load_network(bundle), manifest),
        manifest.input,
        name=f"{manifest.name} {manifest.version} ({words})",
        threads=threads,
        providers=providers,
        grouping=manifest.grouping,
        temperature=manifest.temperature,
    )


def _float_network(bundle: ModelBundle, may_convert: bool) -> Path:
    """Return the network as floating-point OpenVINO file, converted once and kept."""
    if bundle.manifest.openvino_precision == "float":
        return bundle.openvino_path
    name = f"{bundle.manifest.files.weights.sha256[:16]}.xml"
    path = cache_directory() / _CONVERTED / name
    if path.is_file() and path.with_suffix(".bin").is_file():
        return path
    if not may_convert:
        raise ModelFileError(f"{path}: not there; run `agriseg benchmark` to convert the model")
    from agriseg.models.export import convert_network
    from agriseg.models.openvino_runtime import ov
    from agriseg.models.torch_segmenter import load_network

    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name("part-" + name)
    ov.save_model(convert_network(load_network(bundle)), partial_path, compress_to_fp16=False)
    partial_path.with_suffix(".bin").replace(path.with_suffix(".bin"))
    partial_path.replace(path)
    return path


def _why_no_int8(bundle: ModelBundle) -> str:
    if bundle.manifest.openvino_precision == "int8":
        return ""
    return "the bundle's OpenVINO file is in floating point; `agriseg export` makes eight bits"


def _why_no_bf16(_: ModelBundle) -> str:
    from agriseg.models.openvino_runtime import ov

    abilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "" if "BF16" in abilities else "this processor does not compute in bfloat16"


def _why_no_onnx(_: ModelBundle) -> str:
    missing = [name for name in ("onnx", "onnxruntime") if not importlib.util.find_spec(name)]
    if not missing:
        return ""
    return f"not installed: {' and '.join(missing)}; run `pip install 'agriseg[onnx]'`"


def _why_no_cuda(_: ModelBundle) -> str:
    from agriseg.models.runtime import sees_cuda

    return "" if sees_cuda() else "torch sees no CUDA device"


def _why_no_tensorrt(bundle: ModelBundle) -> str:
    missing = _why_no_cuda(bundle) or _why_no_onnx(bundle)
    if missing:
        return missing
    if _TENSORRT in require("onnxruntime").get_available_providers():
        return ""
    return "ONNX Runtime was installed without TensorRT (onnxruntime-gpu and tensorrt have it)"


FORMS: Mapping[str, Open] = {
    REFERENCE: _open_torch,
    "openvino-float32": partial(_open_float, precision="f32"),
    "openvino-bf16": partial(_open_float, precision="bf16"),
    "openvino-int8": _open_int8,
    "onnxruntime": _open_onnx,
    "cuda": _open_cuda,
    "tensorrt": _open_tensorrt,
}

_MISSING: Mapping[str, Callable[[ModelBundle], str]] = {
    "openvino-bf16": _why_no_bf16,
    "openvino-int8": _why_no_int8,
    "onnxruntime": _why_no_onnx,
    "cuda": _why_no_cuda,
    "tensorrt": _why_no_tensorrt,
}
