"""Teaches a finished bundle how sure it may be, and which frames it knows."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch.nn import functional

from agriseg.messages import ClassId, Float64Array, Frame, UInt8Array
from agriseg.models.bundle import (
    MANIFEST_NAME,
    ConfidenceSpec,
    FamiliaritySpec,
    Manifest,
    ModelBundle,
    file_entry,
    open_bundle,
)
from agriseg.models.familiarity import (
    FamiliarFrames,
    frame_features,
    reference_and_threshold,
)
from agriseg.models.graph import FrameGraph
from agriseg.models.networks import PlantOutput
from agriseg.models.runtime import open_segmenter
from agriseg.models.sizing import Size, network_size
from agriseg.models.torch_segmenter import load_network
from agriseg.models.wary_segmenter import REFERENCE_KEY

FAMILIAR_NAME = "familiar.safetensors"
FALSE_ALARMS = 0.02
LEAST_FRAMES = 10
"""With fewer frames to learn from or to judge by, nothing is called unfamiliar."""
_FITTED_VERSION = 2

_PIXELS_PER_IMAGE = 4000
_BINS = 15
_TEMPERATURES = np.geomspace(0.2, 10.0, 400)

_log = logging.getLogger(__name__)


class Example(Protocol):
    """An image with its true mask."""

    def load(self) -> tuple[UInt8Array, UInt8Array]:
        """Return the image ``(H, W, 3) uint8`` BGR and its mask ``(H, W) uint8``."""
        ...


def fit_bundle(
    directory: Path,
    training: Callable[[], Iterable[UInt8Array]],
    held_out: Sequence[Example],
    threads: int,
) -> ModelBundle:
    """Fit a bundle's temperature and its familiar frames, and write both into it.

    Parameters
    ----------
    directory : Path
        The bundle's folder; its manifest is replaced whole.
    training : callable
        Gives BGR images of every source that the model was trained on.
    held_out : sequence of Example
        Images of groups that it was not trained on.
    threads : int
        CPU threads; 0: the default.

    Raises
    ------
    ModelFileError, DatasetError
        The bundle or an image cannot be read.
    """
    bundle = open_bundle(directory)
    if not held_out:
        return bundle
    confidence = fit_temperature(*held_out_logits(bundle, held_out), images=len(held_out))
    bundle = _rewritten(bundle, bundle.manifest.model_copy(update={"confidence": confidence}))
    familiar, spec = fit_familiarity(bundle, training(), held_out, threads)
    if familiar is None or spec is None:
        return bundle
    path = directory / FAMILIAR_NAME
    save_file({REFERENCE_KEY: familiar.reference}, path)
    path.chmod(0o644)
    files = bundle.manifest.files.model_copy(update={"familiar": file_entry(path)})
    changes = {"files": files, "familiarity": spec}
    return _rewritten(bundle, bundle.manifest.model_copy(update=changes))


def carry_fit(source: ModelBundle, target: ModelBundle) -> ModelBundle:
    """Give another form of a bundle what was fitted to the first: its network is the same."""
    manifest, path = source.manifest, source.familiar_path
    if manifest.confidence is None and path is None:
        return target
    files = target.manifest.files
    if path is not None:
        copy = target.directory / path.name
        shutil.copyfile(path, copy)
        files = files.model_copy(update={"familiar": file_entry(copy)})
    changes = {
        "files": files,
        "confidence": manifest.confidence,
        "familiarity": manifest.familiarity,
    }
    return _rewritten(target, target.manifest.model_copy(update=changes))


def held_out_logits(
    bundle: ModelBundle, held_out: Sequence[Example]
) -> tuple[Float64Array, NDArray[np.int64]]:
    """Return logits ``(N, 3)`` and true classes ``(N,)`` of a random choice of pixels.

    They are those of the float32 network, enlarged to the frame as at work.
    """
    network, spec = load_network(bundle), bundle.manifest.input
    rng = np.random.default_rng(len(held_out))
    logits, truths = [], []
    for example in held_out:
        image, truth = example.load()
        frame = Size(image.shape[1], image.shape[0])
        size = network_size(frame, spec.long_side_px)
        graph = FrameGraph(network, frame, size, spec.mean, spec.std).eval()
        with torch.inference_mode():
            output = network(graph.normalise(torch.tensor(image)[None]))
            coarse = output.logits if isinstance(output, PlantOutput) else output
            shape = (image.shape[0], image.shape[1])
            full = functional.interpolate(
                coarse.float(), size=shape, mode="bilinear", align_corners=False
            )[0]
        known = np.flatnonzero(truth != ClassId.IGNORE)
        chosen = rng.choice(known, min(_PIXELS_PER_IMAGE, known.size), replace=False)
        logits.append(full.reshape(full.shape[0], -1)[:, torch.from_numpy(chosen)].T.numpy())
        truths.append(truth.ravel()[chosen])
    return (
        np.concatenate(logits).astype(np.float64),
        np.concatenate(truths).astype(np.int64),
    )


def fit_temperature(
    logits: Float64Array, truth: NDArray[np.int64], *, images: int
) -> ConfidenceSpec:
    """Return the temperature of the least negative log likelihood.

    Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.

    Parameters
    ----------
    logits : (N, 3) float64
    truth : (N,) int64
    images : int
        That they are taken from.
    """
    losses = [_log_loss(logits / t, truth) for t in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    return ConfidenceSpec(
        temperature=round(temperature, 4),
        images=images,
        ece_before=round(_calibration_error(logits, truth), 5),
        ece_after=round(_calibration_error(logits / temperature, truth), 5),
    )


def fit_familiarity(
    bundle: ModelBundle,
    training: Iterable[UInt8Array],
    held_out: Sequence[Example],
    threads: int,
) -> tuple[FamiliarFrames | None, FamiliaritySpec | None]:
    """Return the frames that the model knows, and from where on a frame is unlike them."""
    segmenter = open_segmenter(bundle.directory, runtime="openvino", threads=threads)

    def features(image: UInt8Array) -> Float64Array:
        frame = Frame(frame_id=0, t_capture_s=0.0, image=image)
        return frame_features(image, segmenter.segment(frame))

    try:
        known = [features(image) for image in training]
        judged = [features(example.load()[0]) for example in held_out]
    finally:
        segmenter.close()
    if min(len(known), len(judged)) < LEAST_FRAMES:
        _log.info("%d frames are too few to tell unfamiliar ones by", min(len(known), len(judged)))
        return None, None
    familiar = reference_and_threshold(known, judged, FALSE_ALARMS)
    spec = FamiliaritySpec(
        threshold=round(familiar.threshold, 5), false_alarms=FALSE_ALARMS, frames=len(judged)
    )
    return familiar, spec


def _log_loss(logits: Float64Array, truth: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sum - shifted[np.arange(len(truth)), truth]).mean())


def _calibration_error(logits: Float64Array, truth: NDArray[np.int64]) -> float:
    """Return the expected calibration error in 15 bins (Guo et al. 2017, equation 3)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    claimed = shifted.max(axis=1) / shifted.sum(axis=1)
    right = (logits.argmax(axis=1) == truth).astype(np.float64)
    place = np.minimum((claimed * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(place, weights=right - claimed, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def _rewritten(bundle: ModelBundle, manifest: Manifest) -> ModelBundle:
    """Put a new manifest in the place of the old one, whole."""
    manifest = manifest.model_copy(update={"format_version": _FITTED_VERSION})
    text = json.dumps(manifest.model_dump(mode="json", exclude_none=True), indent=2)
    path = bundle.directory / MANIFEST_NAME
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)
    return open_bundle(bundle.directory)
