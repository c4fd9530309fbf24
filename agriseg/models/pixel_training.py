"""Fits the classical classifiers with scikit-learn, and keeps what they learned as arrays."""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agriseg.errors import DatasetError, ModelFileError
from agriseg.messages import ClassId, UInt8Array
from agriseg.models.bundle import CLASS_NAMES
from agriseg.models.dataset import CropSampler
from agriseg.models.graph import FrameGraph
from agriseg.models.networks import build_network
from agriseg.models.networks.pixel_classifiers import (
    DEPTH,
    FEATURE_COUNT,
    FEATURE_STRIDE,
    PASS_LEFT,
    TREES,
    ColourTexture,
    LinearSvm,
    RandomForest,
)
from agriseg.models.sizing import Size, network_size
from agriseg.models.training_config import InputConfig, TrainingConfig

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

Floats = NDArray[np.float32]

_PIXELS = 2_000_000
_PIXELS_PER_CROP = 500
_LEAST_IN_LEAF = 10
_TEMPERATURES = np.geomspace(0.05, 5.0, 60)
_TEMPERATURE_PIXELS = 50_000

_log = logging.getLogger(__name__)


def fit_classifier(config: TrainingConfig, sampler: CropSampler) -> nn.Module:
    """Fit the configuration's classifier to pixels of ``steps * batch`` augmented crops.

    Of the schedule only ``steps``, ``batch``, ``crop_px`` and ``class_weights`` matter. One
    configuration and one seed give one model.

    Raises
    ------
    DatasetError
        A class is missing from the crops.
    ModelFileError
        scikit-learn is not installed.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ModelFileError(
            f"architecture {config.network.architecture!r} is fitted by scikit-learn, which is "
            "not installed: pip install 'agriseg[train]'"
        )
    network = build_network(config.network.architecture, len(CLASS_NAMES)).eval()
    if not isinstance(network, (LinearSvm, RandomForest)):
        raise ModelFileError(f"{config.network.architecture!r} is not fitted by scikit-learn")
    _set_normalisation(network.features, config.input)
    pixels, labels = sample_pixels(network.features, sampler, config)
    _log.info("fitting %s to %d pixels", config.network.architecture, len(labels))
    weights = np.asarray(config.schedule.class_weights, np.float64)[labels]
    if isinstance(network, RandomForest):
        _fit_forest(network, pixels, labels, weights, config.seed)
    else:
        _fit_svm(network, pixels, labels, weights, config.seed)
    return network


def sample_pixels(
    features: ColourTexture, sampler: CropSampler, config: TrainingConfig
) -> tuple[Floats, NDArray[np.int64]]:
    """Return features ``(P, 23) float32`` and `ClassId` ``(P,)`` of pixels from all crops.

    Cells whose pixels are of several classes, or ignored, are left out.

    Raises
    ------
    DatasetError
        A class is missing.
    """
    schedule = config.schedule
    share = max(1, min(_PIXELS_PER_CROP, _PIXELS // (schedule.steps * schedule.batch)))
    rng = np.random.default_rng(config.seed)
    found: list[tuple[Floats, NDArray[np.int64]]] = []
    for step in range(schedule.steps):
        images, masks = sampler.batch(step, schedule.batch)
        with torch.inference_mode():
            maps = features(_normalised(images, config.input)).permute(0, 2, 3, 1).numpy()
        for values, mask in zip(maps, masks, strict=True):
            found.append(_draw(values.reshape(-1, FEATURE_COUNT), _pure_cells(mask), share, rng))
    pixels, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    for class_id, name in enumerate(CLASS_NAMES):
        if not np.any(labels == class_id):
            raise DatasetError(
                f"no pixel of class {name!r} in the {schedule.steps * schedule.batch} crops drawn; "
                "check the sources' masks, or raise schedule.steps"
            )
    return pixels, labels


def label_image(network: nn.Module, image: UInt8Array, settings: InputConfig) -> UInt8Array:
    """Return the classes ``(H, W) uint8`` that a network sees in a BGR image."""
    frame = Size(image.shape[1], image.shape[0])
    size = network_size(frame, settings.long_side_px)
    graph = FrameGraph(network, frame, size, settings.mean, settings.std).eval()
    with torch.inference_mode():
        labels: UInt8Array = graph(torch.from_numpy(image)[None])[0][0].numpy()
    return labels


def set_trees(network: RandomForest, forest: RandomForestClassifier) -> None:
    """Lay scikit-learn's trees out as the module's full binary trees, without loss.

    scikit-learn compares float32 features with float64 thresholds; rounding these down keeps
    every comparison.
    """
    feature = np.zeros(network.feature.shape, np.int64)
    threshold = np.full(network.threshold.shape, PASS_LEFT, np.float32)
    probability = np.zeros(network.probability.shape, np.float32)
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        at = np.zeros(1, np.int64)
        for level in range(DEPTH):
            places = np.arange(2**level) + 2**level - 1
            is_inner = tree.children_left[at] >= 0
            feature[number, places] = np.where(is_inner, tree.feature[at], 0)
            limits = np.where(is_inner, _rounded_down(tree.threshold[at]), np.float32(PASS_LEFT))
            threshold[number, places] = limits
            below = np.stack((tree.children_left[at], tree.children_right[at]), axis=1)
            at = np.where(is_inner[:, None], below, at[:, None]).reshape(-1)
        values = tree.value[at, 0]
        probability[number] = values / values.sum(axis=1, keepdims=True)
    network.load_state_dict(
        {
            **network.state_dict(),
            "feature": torch.from_numpy(feature),
            "threshold": torch.from_numpy(threshold),
            "probability": torch.from_numpy(probability),
        }
    )


def _fit_forest(
    network: RandomForest,
    pixels: Floats,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    seed: int,
) -> None:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        n_estimators=TREES,
        max_depth=DEPTH,
        min_samples_leaf=_LEAST_IN_LEAF,
        random_state=seed,
        n_jobs=1,
    )
    set_trees(network, forest.fit(pixels, labels, weights))


def _fit_svm(
    network: LinearSvm,
    pixels: Floats,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    seed: int,
) -> None:
    """Fit on standardised features, then fold their scale and the temperature into the weights."""
    from sklearn.svm import LinearSVC

    middle, spread = pixels.mean(axis=0), pixels.std(axis=0) + 1e-6
    scaled = (pixels - middle) / spread
    machine = LinearSVC(dual=False, random_state=seed).fit(scaled, labels, weights)
    some = np.random.default_rng(seed).permutation(len(labels))[:_TEMPERATURE_PIXELS]
    temperature = _best_temperature(machine.decision_function(scaled[some]), labels[some])
    slope = machine.coef_ / spread / temperature
    offset = machine.intercept_ / temperature - slope @ middle
    with torch.no_grad():
        network.classify.weight.copy_(torch.from_numpy(slope)[:, :, None, None])
        assert network.classify.bias is not None
        network.classify.bias.copy_(torch.from_numpy(offset))


def _best_temperature(decisions: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the divisor that makes the softmax of decisions the likeliest (Guo et al. 2017)."""
    truth = torch.from_numpy(labels)
    logits = torch.from_numpy(decisions)
    losses = [float(nn.functional.cross_entropy(logits / t, truth)) for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _set_normalisation(features: ColourTexture, settings: InputConfig) -> None:
    features.mean.copy_(torch.tensor(settings.mean).view(1, 3, 1, 1))
    features.std.copy_(torch.tensor(settings.std).view(1, 3, 1, 1))


def _normalised(images: UInt8Array, settings: InputConfig) -> torch.Tensor:
    size = Size(images.shape[2], images.shape[1])
    graph = FrameGraph(nn.Identity(), size, size, settings.mean, settings.std)
    return graph.normalise(torch.from_numpy(images))


def _pure_cells(mask: UInt8Array) -> NDArray[np.int64]:
    """Return each cell's class, `ClassId.IGNORE` where its pixels differ."""
    height, width = (side // FEATURE_STRIDE for side in mask.shape)
    cells = mask.reshape(height, FEATURE_STRIDE, width, FEATURE_STRIDE)
    lowest, highest = cells.min(axis=(1, 3)), cells.max(axis=(1, 3))
    pure = np.where(lowest == highest, lowest, np.uint8(ClassId.IGNORE))
    return pure.reshape(-1).astype(np.int64)


def _draw(
    values: Floats, labels: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    usable = np.flatnonzero(labels != int(ClassId.IGNORE))
    chosen = rng.permutation(usable)[:count]
    return values[chosen], labels[chosen]


def _rounded_down(values: NDArray[np.float64]) -> Floats:
    rounded = values.astype(np.float32)
    lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > values, lower, rounded).astype(np.float32)
