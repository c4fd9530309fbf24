"""Chooses what a model runs on."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Literal

import numpy as np

from agriseg.errors import AgrisegError, ModelFileError
from agriseg.messages import Frame
from agriseg.models.bundle import ModelBundle, open_bundle
from agriseg.models.deployed import wanted_model
from agriseg.models.runtime_memory import recall
from agriseg.models.sizing import Size
from agriseg.models.wary_segmenter import made_wary
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
    model: Path | str | None = None,
    *,
    runtime: RuntimeChoice = "auto",
    threads: int = 0,
    cache_dir: Path | None = None,
    size: Size | None = None,
) -> Segmenter:
    """Open a model for use.

    Parameters
    ----------
    model : Path or str, optional
        Folder of a bundle or name of a model; by default the deployed model, the shipped one where
        none is deployed.
    runtime : str
        ``auto`` takes what `agriseg benchmark` found to be the fastest on this computer; while
        nothing is remembered, the first of `available_runtimes` that can open the model.
        Nothing is measured here: opening a model must not delay the start of spraying.
    threads : int
        CPU threads; 0 takes `default_threads`.
    cache_dir : Path, optional
        Where OpenVINO keeps compiled models, for a quicker second start.
    size : Size, optional
        Size of the frames, where it is known: the choice may differ with it, and the model is
        made ready for it here, not at the first frame.

    Raises
    ------
    ModelFileError
        The bundle is damaged, of another kind or version, or the runtime is not available.
    """
    bundle = open_bundle(wanted_model(model))
    return made_wary(_open_chosen(bundle, runtime, threads, cache_dir, size), bundle)


def _open_chosen(
    bundle: ModelBundle,
    runtime: RuntimeChoice,
    threads: int,
    cache_dir: Path | None,
    size: Size | None,
) -> Segmenter:
    if runtime == "auto":
        remembered = _open_remembered(bundle, threads, size)
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
            return _made_ready(_open(bundle, choice, threads, cache_dir), size)
        except (ImportError, RuntimeError, OSError) as error:
            _log.warning("%s cannot run %s (%s), trying the next", choice, bundle.directory, error)
    return _made_ready(_open_or_say_why(bundle, available[-1], threads, cache_dir), size)


def default_threads(runtime: str = "openvino", cores: int | None = None) -> int:
    """Return on how many CPU threads a model runs where none are asked for.

    All cores but one, yet both of two, except with torch; why is in
    ``decisions/0006-threads-of-the-model.md``.

    Parameters
    ----------
    runtime : str
        Name of a runtime or of a form of a model.
    cores : int, optional
        Cores to share (default: those that this process may use).

    Examples
    --------
    >>> [default_threads(cores=cores) for cores in (1, 2, 4)]
    [1, 2, 3]
    >>> default_threads("torch-cpu", cores=2)
    1
    """
    cores = usable_cores() if cores is None else cores
    least = 1 if runtime == "torch-cpu" else 2
    return min(cores, max(least, cores - 1))


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
        count = threads or default_threads(form)
        return _made_ready(open_form(bundle, form, count, may_convert=False), size)
    except (AgrisegError, ImportError, RuntimeError, OSError) as error:
        _log.warning("%s was the fastest and cannot be opened (%s), trying others", form, error)
        return None


def _made_ready(segmenter: Segmenter, size: Size | None) -> Segmenter:
    """Show a segmenter one black frame: what is made for a size of frames is made now."""
    if size is None:
        return segmenter
    image = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    try:
        segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image))
    except BaseException:
        segmenter.close()
        raise
    return segmenter


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
    count = threads or default_threads(runtime)
    if runtime == "openvino":
        from agriseg.models.openvino_segmenter import OpenVinoSegmenter

        return OpenVinoSegmenter(bundle, threads=count, cache_dir=cache_dir)
    from agriseg.models.torch_segmenter import CudaSegmenter, TorchCpuSegmenter

    if runtime == "cuda":
        return CudaSegmenter(bundle)
    return TorchCpuSegmenter(bundle, threads=count)


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
