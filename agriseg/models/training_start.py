"""Where a training happens, and the weights that it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from agriseg.errors import ModelFileError
from agriseg.models.bundle import open_bundle


def training_device(name: Literal["auto", "cpu", "cuda"], threads: int) -> torch.device:
    """Return where to train, and set how many CPU threads that may take (0: all).

    Raises
    ------
    ModelFileError
        CUDA is asked for and not there.
    """
    if threads > 0:
        torch.set_num_threads(threads)
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ModelFileError(
            "--device cuda: torch sees no CUDA device; choose cpu or auto, or see `agriseg doctor`"
        )
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


def bundle_weights(bundle: Path) -> Mapping[str, Tensor]:
    """Read the float32 weights of a model bundle.

    Raises
    ------
    ModelFileError
        It is no bundle, or damaged.
    """
    return load_file(open_bundle(bundle).weights_path)
