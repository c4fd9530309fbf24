"""Every architecture: shape, gradient, learning, conversion; sizes as in the papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from tiny_fields import field_picture
from torch import nn
from torch.nn import functional

import agriseg.models
from agriseg.errors import ModelFileError
from agriseg.models.backbone_weights import lite0_backbone, load_lite0_backbone
from agriseg.models.catalog import list_architectures
from agriseg.models.cost import NetworkCost, network_cost
from agriseg.models.export import convert_network
from agriseg.models.losses import segmentation_loss
from agriseg.models.networks import (
    ARCHITECTURES,
    EfficientNetLite0,
    PlantOutput,
    TrainingOutput,
    build_network,
)
from agriseg.models.networks.ddrnet import DdrNet
from agriseg.models.networks.deconvnet import DeconvNet
from agriseg.models.networks.fast_scnn import FastScnn
from agriseg.models.networks.fcn import Fcn
from agriseg.models.networks.pidnet import PidNet
from agriseg.models.networks.segformer import SegFormer
from agriseg.models.networks.segnet import SegNet
from agriseg.models.networks.unet import UNet
from agriseg.models.networks.unpooling import energy_switches, pool_with_switches, unpool
from agriseg.models.networks.vgg import Vgg16
from agriseg.models.openvino_runtime import ov
from agriseg.models.sizing import Size

TRAINABLE = sorted(n for n, entry in ARCHITECTURES.items() if entry.learner == "gradient")
CLASS_WEIGHTS = (1.0, 1.5, 2.0)
STEPS = 5


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Return two tiny fields, ``(2, 3, 64, 96)`` normalised, and their masks."""
    pairs = [field_picture(seed) for seed in (1, 2)]
    images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in pairs])
    masks = torch.stack([torch.from_numpy(mask) for _, mask in pairs])
    return images.flip(1) / 127.5 - 1.0, masks.long()


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_logits_have_the_stated_stride(architecture: str) -> None:
    network = build_network(architecture, 4).eval()
    stride = ARCHITECTURES[architecture].stride
    with torch.inference_mode():
        logits = _logits(network(torch.zeros(1, 3, 32, 96)))
    assert logits.shape == (1, 4, 32 // stride, 96 // stride)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("architecture", TRAINABLE)
def test_every_parameter_learns_and_the_loss_falls(
    architecture: str, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    torch.manual_seed(7)
    network = build_network(architecture, 3).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for step in range(STEPS + 1):
        output = network(batch[0])
        loss = segmentation_loss(_trained_on(output), batch[1], CLASS_WEIGHTS, 1.0)
        if isinstance(output, PlantOutput):
            loss = loss + output.plants.square().mean()
        losses.append(float(loss.detach()))
        if step == STEPS:
            break
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            assert _without_gradient(network) == []
        optimizer.step()
    assert all(0.0 < value < float("inf") for value in losses)
    assert losses[-1] < losses[0] - 0.02


@pytest.mark.parametrize("architecture", TRAINABLE)
def test_openvino_computes_the_same(
    architecture: str, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    network = _lively(build_network(architecture, 3), batch[0])
    model = convert_network(network)
    model.reshape([1, 3, 64, 96])
    compiled = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    )
    with torch.inference_mode():
        expected = _logits(network(batch[0][:1]))
    found = torch.from_numpy(compiled(batch[0][:1].numpy())[0])
    assert expected.std() > 1e-3
    assert found.shape == expected.shape
    difference = (found - expected).abs()
    # Random weights amplify rounding: torch in float32 and float64 differ by 1e-3 as well.
    assert difference.mean() < 1e-2 * expected.std()
    assert difference.max() < 2e-2 * expected.abs().max()


PAPER_PARAMETERS: Mapping[str, tuple[Callable[[], nn.Module], float, float]] = {
    "FCN-8s on VGG-16": (lambda: Fcn(21, width=64, hidden=4096), 134e6, 0.01),
    "SegNet": (lambda: SegNet(11, width=64), 29.45e6, 0.01),
    "SegNet's encoder": (lambda: Vgg16(64), 14.7e6, 0.01),
    "DeconvNet": (lambda: DeconvNet(21, width=64, hidden=4096), 252e6, 0.01),
    "residual U-Net": (lambda: UNet(1, widths=(64, 128, 256, 512)), 7.8e6, 0.06),
    "Fast-SCNN": (lambda: FastScnn(19), 1.11e6, 0.03),
    "DDRNet-23-slim": (lambda: DdrNet(19, width=32), 5.7e6, 0.01),
    "PIDNet-S": (lambda: PidNet(19, width=32), 7.6e6, 0.01),
    "SegFormer-B0": (lambda: SegFormer(150), 3.8e6, 0.02),
}
PAPER_MACS: Mapping[str, tuple[Callable[[], nn.Module], Size, float]] = {
    "DDRNet-23-slim": (lambda: DdrNet(19, width=32), Size(2048, 1024), 36.3e9),
    "PIDNet-S": (lambda: PidNet(19, width=32), Size(2048, 1024), 47.6e9),
    "SegFormer-B0": (lambda: SegFormer(150), Size(512, 512), 8.4e9),
}


@pytest.mark.parametrize("name", sorted(PAPER_PARAMETERS))
def test_at_the_papers_width_there_are_the_papers_parameters(name: str) -> None:
    build, expected, tolerance = PAPER_PARAMETERS[name]
    found = network_cost(build, Size(64, 64)).parameters
    assert found == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("name", sorted(PAPER_MACS))
def test_a_forward_pass_costs_what_the_paper_says(name: str) -> None:
    build, size, expected = PAPER_MACS[name]
    assert network_cost(build, size).macs == pytest.approx(expected, rel=0.01)


def test_cost_of_one_convolution_by_hand() -> None:
    cost = network_cost(lambda: nn.Conv2d(3, 5, 3, stride=2, padding=1), Size(64, 32))
    assert cost == NetworkCost(parameters=5 * 3 * 9 + 5, macs=32 * 16 * 5 * 3 * 9)


def test_heads_of_the_training_alone_are_not_counted() -> None:
    network = build_network("fast-scnn", 3)
    every = sum(parameter.numel() for parameter in network.parameters())
    aside = sum(p.numel() for n, p in network.named_parameters() if n.startswith("auxiliary."))
    cost = network_cost(lambda: build_network("fast-scnn", 3), Size(64, 64))
    assert aside > 0
    assert cost.parameters == every - aside


@pytest.mark.parametrize(
    ("architecture", "heads", "finds_borders"),
    [
        ("fast-scnn", 2, False),
        ("bisenet-v2", 4, False),
        ("ddrnet-23-slim", 1, False),
        ("pidnet-s", 1, True),
    ],
)
def test_auxiliary_heads_speak_in_training_only(
    architecture: str, heads: int, finds_borders: bool
) -> None:
    network = build_network(architecture, 3)
    output = network.train()(torch.zeros(2, 3, 64, 64))
    assert isinstance(output, TrainingOutput)
    assert len(output.auxiliary) == heads
    assert all(logits.shape[:2] == (2, 3) for logits in output.auxiliary)
    assert (output.boundary is not None) == finds_borders
    with torch.inference_mode():
        assert isinstance(network.eval()(torch.zeros(1, 3, 64, 64)), torch.Tensor)


@pytest.mark.parametrize("architecture", TRAINABLE)
def test_a_batch_of_one_can_be_trained_on(architecture: str) -> None:
    network = build_network(architecture, 3).train()
    network(torch.zeros(1, 3, 128, 128))


@pytest.mark.parametrize(
    "architecture", sorted(n for n, entry in ARCHITECTURES.items() if entry.pretrained_backbone)
)
def test_lite0_networks_take_the_backbones_place(architecture: str) -> None:
    backbone = lite0_backbone(build_network(architecture, 3))
    own, whole = set(backbone.state_dict()), set(EfficientNetLite0().state_dict())
    later = tuple(f"blocks.{n}." for n in range(len(backbone.blocks), 16))
    assert own == {name for name in whole if not name.startswith(later)}


def test_imagenet_weights_for_another_backbone_are_refused_in_one_sentence() -> None:
    with pytest.raises(ModelFileError, match=r"UNet has no .*pretrained = false"):
        load_lite0_backbone(build_network("unet-16", 3))


def test_deeplabs_backbone_stays_at_stride_16() -> None:
    backbone = lite0_backbone(build_network("lite0-deeplab", 3)).eval()
    with torch.inference_mode():
        sides = [feature.shape[-1] for feature in backbone(torch.zeros(1, 3, 64, 64))]
    assert sides == [16, 8, 4, 4]


def test_the_zoos_page_names_every_architecture_with_its_figures() -> None:
    page = (Path(agriseg.models.__file__).parent / "ZOO.md").read_text()
    for one in list_architectures():
        row = f"| `{one.name}` | {one.paper} | {one.parameters / 1e6:.2f} M | {one.stride} |"
        assert row in page


def test_unpooling_is_that_of_torch() -> None:
    torch.manual_seed(2)
    x = torch.randn(2, 5, 8, 12).relu()
    pooled, switches = pool_with_switches(x)
    expected, indices = functional.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(pooled, expected)
    values = torch.randn_like(pooled)
    assert torch.equal(unpool(values, switches), functional.max_unpool2d(values, indices, 2))


def test_energy_switches_point_at_the_strongest_pixel() -> None:
    x = torch.zeros(1, 3, 4, 4)
    x[0, 1, 3, 0] = -2.0
    placed = unpool(torch.ones(1, 2, 2, 2), energy_switches(x))
    assert placed[0, :, 2:, :2].tolist() == [[[0.0, 0.0], [1.0, 0.0]]] * 2


def _logits(output: torch.Tensor | PlantOutput) -> torch.Tensor:
    return output.logits if isinstance(output, PlantOutput) else output


def _trained_on(
    output: torch.Tensor | TrainingOutput | PlantOutput,
) -> torch.Tensor | TrainingOutput:
    return output.logits if isinstance(output, PlantOutput) else output


def _without_gradient(network: nn.Module) -> list[str]:
    return [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or float(parameter.grad.abs().sum()) == 0.0
    ]


def _lively(network: nn.Module, images: torch.Tensor) -> nn.Module:
    """Normalise by the pictures' statistics, so that what comes out depends on what goes in."""
    torch.manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    return network.eval()
