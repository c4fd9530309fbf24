"""A model that says when a frame is unlike those that it knows."""

from __future__ import annotations

from dataclasses import replace

from safetensors import SafetensorError
from safetensors.numpy import load_file

from agriseg.errors import ModelFileError
from agriseg.messages import Frame, Segmentation
from agriseg.models.bundle import ModelBundle
from agriseg.models.familiarity import FEATURES, FamiliarFrames
from agriseg.ports import Segmenter

REFERENCE_KEY = "features"


class WarySegmenter:
    """Adds to every segmentation how familiar its frame is.

    Parameters
    ----------
    segmenter : Segmenter
    familiar : FamiliarFrames
    """

    def __init__(self, segmenter: Segmenter, familiar: FamiliarFrames) -> None:
        self._segmenter = segmenter
        self._familiar = familiar

    @property
    def name(self) -> str:
        """Model and runtime."""
        return self._segmenter.name

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel, and how familiar the frame is."""
        seen = self._segmenter.segment(frame)
        found = self._familiar.judge(frame.image, seen)
        return replace(seen, unfamiliarity=found.distance, doubt=found.words)

    def close(self) -> None:
        """Release the model."""
        self._segmenter.close()


def made_wary(segmenter: Segmenter, bundle: ModelBundle) -> Segmenter:
    """Let a model say when a frame is unlike those that it knows, where its bundle tells them.

    Raises
    ------
    ModelFileError
        What the bundle tells cannot be read.
    """
    path, spec = bundle.familiar_path, bundle.manifest.familiarity
    if path is None or spec is None:
        return segmenter
    try:
        reference = load_file(path)[REFERENCE_KEY]
        return WarySegmenter(segmenter, FamiliarFrames(reference, spec.threshold))
    except (SafetensorError, KeyError, ValueError) as error:
        segmenter.close()
        raise ModelFileError(
            f"{path}: not the features of familiar frames ({error}); expected {REFERENCE_KEY!r} "
            f"of {len(FEATURES)} columns"
        ) from error
