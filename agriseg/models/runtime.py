"""Chooses what a model runs on."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Literal

from agriseg.errors import AgrisegError, ModelFileError
from agriseg.models.bundle import ModelBundle, open_bundle, shipped_model
from agriseg.models.runtime_memory import recall
from agriseg.models.sizing import Size
from agriseg.ports import Segmenter

RuntimeName = Literal["openvino", "cuda", "torch-cpu"]
RuntimeChoice = Literal["auto", "openvino", "cuda", "torch-cpu"]

_log = logging.getLogger(__name__)


def available_runtimes() -> tuple[RuntimeName, ...]:
    """Return the runtimes that this computer has, fastest first.

    torch is only asked where the computer has an NVIDIA driver: importing it takes seconds.
    """
    found: list[RuntimeName] = []
    if sees_cuda():
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
    size: Size | None = None,
) -> Segmenter:
    """Open a model for use.

    Parameters
    ----------
    model : Path, optional
        Folder of a bundle; the shipped model by default.
    runtime : str
        ``auto`` takes what `agriseg benchmark` found to be the fastest on this computer; while
        nothing is remembered, the first of `available_runtimes` that can open the model.
        Nothing is measured here: opening a model must not delay the start of spraying.
    threads : int
        CPU threads; 0 leaves one core for the rest of the program.
    cache_dir : Path, optional
        Where OpenVINO keeps compiled models, for a quicker second start.
    size : Size, optional
        Size of the frames, where it is known: the choice may differ with it.

    Raises
    ------
    ModelFileError
        The bundle is damaged, of another kind or version, or the runtime is not available.
    """
    bundle = open_bundle(shipped_model() if model is None else model)
    count = threads if threads > 0 else default_threads()
    if runtime == "auto":
        remembered = _open_remembered(bundle, count, size)
        if remembered is not None:
            return remembered
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
    return max(1, usable_cores() - 1)


def usable_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 2


def _open_remembered(bundle: ModelBundle, threads: int, size: Size | None) -> Segmenter | None:
    """Open with the runtime that was measured to be the fastest; None where none is known."""
    form = recall(bundle, size)
    if form is None:
        return None
    from agriseg.models.forms import open_form

    try:
        return open_form(bundle, form, threads, may_convert=False)
    except (AgrisegError, ImportError, RuntimeError, OSError) as error:
        _log.warning("%s was the fastest and cannot be opened (%s), trying others", form, error)
        return None


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


def sees_cuda() -> bool:
    """Return whether torch can compute on an NVIDIA GPU; imports torch only where one may be."""
    return _has_nvidia_driver() and _torch_sees_cuda()


def _has_nvidia_driver() -> bool:
    return Path("/dev/nvidiactl").exists() or bool(os.environ.get("CUDA_PATH"))


def _torch_sees_cuda() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())
