"""Random forest and SVM: fitted to pixels, run without scikit-learn, the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from tiny_fields import field_picture

from agriseg.errors import DatasetError
from agriseg.messages import Frame
from agriseg.models.bundle import InputSpec
from agriseg.models.dataset import CropSampler, prepare
from agriseg.models.export import export_bundle
from agriseg.models.networks import build_network
from agriseg.models.networks.pixel_classifiers import (
    DEPTH,
    FEATURE_COUNT,
    TREES,
    ColourTexture,
    RandomForest,
)
from agriseg.models.openvino_segmenter import OpenVinoSegmenter
from agriseg.models.pixel_training import fit_classifier, label_image, sample_pixels, set_trees
from agriseg.models.torch_segmenter import TorchCpuSegmenter
from agriseg.models.training_config import TrainingConfig

CLASSIFIERS = ("linear-svm", "random-forest")


def _config(architecture: str, steps: int = 6) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "version": 1,
            "name": "tiny",
            "seed": 3,
            "network": {"architecture": architecture},
            "input": {"long_side_px": 96},
            "schedule": {"steps": steps, "batch": 4, "crop_px": 64, "learning_rate": 0.1},
            "source": [{"name": "tiny", "directory": "tiny", "weight": 1.0}],
        }
    )


def _sampler(kept: tuple[int, ...] = (0, 1, 2)) -> CropSampler:
    pictures = [field_picture(seed) for seed in range(6)]
    items = [
        prepare(str(number), image, np.where(np.isin(mask, kept), mask, 0).astype(np.uint8), 96, 1)
        for number, (image, mask) in enumerate(pictures)
    ]
    return CropSampler([(1.0, items)], 64, 3)


@pytest.fixture(scope="module", params=CLASSIFIERS)
def fitted(request: pytest.FixtureRequest) -> tuple[str, torch.nn.Module]:
    """Return a classifier of each kind, fitted to tiny fields."""
    return request.param, fit_classifier(_config(request.param), _sampler())


def test_learns_the_three_classes(fitted: tuple[str, torch.nn.Module]) -> None:
    name, network = fitted
    image, mask = field_picture(20)
    labels = label_image(network, image, _config(name).input)
    for class_id in (0, 1, 2):
        seen, true = labels == class_id, mask == class_id
        assert (seen & true).sum() / (seen | true).sum() > 0.6


def test_one_seed_gives_one_model(fitted: tuple[str, torch.nn.Module]) -> None:
    name, network = fitted
    again = fit_classifier(_config(name), _sampler())
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_every_runtime_sees_the_same(fitted: tuple[str, torch.nn.Module], tmp_path: Path) -> None:
    name, network = fitted
    settings = _config(name).input
    bundle = export_bundle(
        network,
        tmp_path / "bundle",
        name="tiny",
        version="1",
        architecture=name,
        spec=InputSpec(long_side_px=96, mean=settings.mean, std=settings.std),
        licence="CC-BY-SA-4.0",
        calibration=[],
    )
    image, _ = field_picture(21)
    expected = label_image(network, image, settings)
    assert len(np.unique(expected)) == 3
    frame = Frame(frame_id=1, t_capture_s=0.0, image=image)
    for segmenter in (TorchCpuSegmenter(bundle, threads=1), OpenVinoSegmenter(bundle, threads=1)):
        found = segmenter.segment(frame)
        assert (found.labels == expected).mean() > 0.99, segmenter.name
        segmenter.close()


def test_trees_vote_as_scikit_learns_do() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(4000, FEATURE_COUNT)).astype(np.float32)
    labels = (pixels[:, 3] > 0.4).astype(int) + (pixels[:, 7] * pixels[:, 3] > 0.1)
    forest = RandomForestClassifier(n_estimators=TREES, max_depth=DEPTH, random_state=2)
    forest.fit(pixels[:2000], labels[:2000])
    network = build_network("random-forest", 3)
    assert isinstance(network, RandomForest)
    set_trees(network, forest)
    found = network.vote(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(found, forest.predict_proba(pixels), atol=1e-6)


def test_features_are_those_of_the_colour_and_of_its_surroundings() -> None:
    network = ColourTexture()
    rgb = torch.tensor([0.2, 0.6, 0.2]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    flat = network((rgb - network.mean) / network.std)
    assert flat.shape == (1, FEATURE_COUNT, 32, 32)
    assert flat[0, :3, 5, 5].tolist() == pytest.approx([0.2, 0.6, 0.2], abs=2e-3)
    assert float(flat[0, 4].mean()) == pytest.approx(0.8, abs=2e-3)
    assert float(flat[0, 9].max()) < 0.01
    striped = rgb.clone()
    striped[:, :, :, ::4] = striped[:, :, :, 1::4] = 0.0
    textured = network((striped - network.mean) / network.std)
    assert float(textured[0, 9].mean()) > 0.1


def test_mixed_and_ignored_cells_are_left_out() -> None:
    config = _config("linear-svm", steps=1)
    image = np.zeros((64, 64, 3), np.uint8)

    class OneCrop:
        def batch(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray]:
            mask = np.full((64, 64), 255, np.uint8)
            mask[0:2, 0:6] = np.repeat([0, 1, 2], 2)
            mask[10, 10] = 1
            return image[None], mask[None]

    _, labels = sample_pixels(ColourTexture(), OneCrop(), config)
    assert sorted(labels.tolist()) == [0, 1, 2]


def test_a_class_that_never_occurs_is_named() -> None:
    with pytest.raises(DatasetError, match="no pixel of class 'weed' in the 24 crops"):
        fit_classifier(_config("random-forest"), _sampler(kept=(0, 1)))
