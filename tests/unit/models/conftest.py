"""A tiny data set and a small untrained model, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_fields import field_picture, write_source

from agriseg.models.bundle import InputSpec, ModelBundle

MEAN_STD = ((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with a small source."""
    return write_source(tmp_path / "data" / "tiny")


def _make_lively(network: torch.nn.Module) -> None:
    """Normalise by a picture's statistics, so that what comes out depends on what goes in."""
    picture = torch.from_numpy(field_picture(9)[0]).permute(2, 0, 1)[None] / 127.5 - 1.0
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(picture)
        network.get_parameter("classify.weight").mul_(4.0)


@pytest.fixture(scope="session")
def untrained_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Return a bundle of a small network with random weights, in floating point."""
    from agriseg.models.export import export_bundle
    from agriseg.models.networks import build_network

    torch.manual_seed(3)
    network = build_network("lite0-fpn-small", 3)
    _make_lively(network)
    return export_bundle(
        network,
        tmp_path_factory.mktemp("model") / "tiny",
        name="tiny",
        version="1",
        architecture="lite0-fpn-small",
        spec=InputSpec(long_side_px=96, mean=MEAN_STD[0], std=MEAN_STD[1]),
        licence="CC-BY-SA-4.0",
        calibration=[],
    )
