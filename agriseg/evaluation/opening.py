"""Opens what a name on the command line means: a bundle, a shipped model, or a method."""

from __future__ import annotations

from agriseg.models.bundle import ConfidenceSpec, open_bundle
from agriseg.models.naming import find_model
from agriseg.models.runtime import RuntimeChoice, open_segmenter
from agriseg.ports import Segmenter
from agriseg.segmentation.color_index import ExcessGreenSegmenter

EXCESS_GREEN = "exg"


def fitted_confidence(name: str) -> ConfidenceSpec | None:
    """Return what was fitted to a model's probabilities; None where nothing was.

    Parameters
    ----------
    name : str
        As for `open_named_segmenter`.
    """
    return None if name == EXCESS_GREEN else open_bundle(find_model(name)).manifest.confidence


def open_named_segmenter(
    name: str, *, runtime: RuntimeChoice = "auto", threads: int = 0
) -> Segmenter:
    """Open a model or method for use.

    Parameters
    ----------
    name : str
        Path of a bundle, name of a shipped model, or ``exg`` for the colour index.
    runtime, threads
        As for `agriseg.models.open_segmenter`.

    Raises
    ------
    ModelFileError
        There is no such model, or it cannot be opened.
    """
    if name == EXCESS_GREEN:
        return ExcessGreenSegmenter()
    return open_segmenter(find_model(name), runtime=runtime, threads=threads)
