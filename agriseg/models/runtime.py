"""Chooses what a model runs on."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Literal

from agriseg.errors import AgrisegError, ModelFileError
from agriseg.models.bundle import ModelBundle, open_bundle, shipped_model
from agriseg.ports import Segmenter

RuntimeName = Literal["openvino", "cuda", "torch-cpu"]
RuntimeChoice = Literal["auto", "openvino", "cuda", "torch-cpu"]

_log = logging.getLogger(__name__)


def available_runtimes() -> tuple[RuntimeName, ...]:
    """Return the runtimes that this computer has, fastest first.

    torch is only asked where the computer has an NVIDIA driver: importing it takes seconds.
    """
    found: list[RuntimeName] = []
    if _has_nvidia_driver() and _torch_sees_cuda():
        found.append("cuda")
    if importlib.util.find_spec("openvino") is not None:
        found.append("openvino")
    if importlib.util.find_spec("torch") is not None:
        found.append("torch-cpu")
    return tuple(found)


def open_segmenter(
    model: Path | None = None,
    *,
    runtime: RuntimeChoice = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
) -> Segmenter:
    """Open a model for use.

    Parameters
    ----------
    model : Path, optional
        Folder of a bundle; the shipped model by default.
    runtime : str
        ``auto`` takes the first of `available_runtimes` that can open the model.
    threads : int
        CPU threads; 0 leaves one core for the rest of the program.
    cache_dir : Path, optional
        Where OpenVINO keeps compiled models, for a quicker second start.

    Raises
    ------
    ModelFileError
        The bundle is damaged, of another kind or version, or the runtime is not available.
    """
    bundle = open_bundle(shipped_model() if model is None else model)
    count = threads if threads > 0 else default_threads()
    available = available_runtimes() if runtime == "auto" else (runtime,)
    if not available:
        raise ModelFileError(
            "no runtime for the model: neither openvino nor torch is installed; run "
            "`pip install openvino`"
        )
    for choice in available[:-1]:
        try:
            return _open(bundle, choice, count, cache_dir)
        except (ImportError, RuntimeError, OSError) as error:
            _log.warning("%s cannot run %s (%s), trying the next", choice, bundle.directory, error)
    return _open_or_say_why(bundle, available[-1], count, cache_dir)


def default_threads() -> int:
    """Return one less than the cores that this process may use, at least 1."""
    return (
        max(1, len(os.sched_getaffinity(0)) - 1)
        if hasattr(os, "sched_getaffinity")
        else max(1, (os.cpu_count() or 2) - 1)
    )


def _open_or_say_why(
    bundle: ModelBundle, runtime: RuntimeName, threads: int, cache_dir: Path | None
) -> Segmenter:
    try:
        return _open(bundle, runtime, threads, cache_dir)
    except AgrisegError:
        raise
    except (ImportError, RuntimeError, OSError) as error:
        raise ModelFileError(
            f"{bundle.directory}: cannot be opened with {runtime} ({error}); "
            f"this computer has {', '.join(available_runtimes()) or 'no runtime'}"
        ) from error


def _open(
    bundle: ModelBundle, runtime: RuntimeName, threads: int, cache_dir: Path | None
) -> Segmenter:
    if runtime == "openvino":
        from agriseg.models.openvino_segmenter import OpenVinoSegmenter

        return OpenVinoSegmenter(bundle, threads=threads, cache_dir=cache_dir)
    from agriseg.models.torch_segmenter import CudaSegmenter, TorchCpuSegmenter

    if runtime == "cuda":
        return CudaSegmenter(bundle)
    return TorchCpuSegmenter(bundle, threads=threads)


def _has_nvidia_driver() -> bool:
    return Path("/dev/nvidiactl").exists() or bool(os.environ.get("CUDA_PATH"))


def _torch_sees_cuda() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
