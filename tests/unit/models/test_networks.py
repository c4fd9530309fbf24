"""Every architecture maps images to class logits; the detail branch sees single pixels."""

from __future__ import annotations

import re

import pytest
import torch

from agriseg.errors import ModelFileError
from agriseg.models.networks import ARCHITECTURES, build_network


@pytest.mark.parametrize(
    ("architecture", "stride"), [("lite0-fpn", 4), ("lite0-fpn-small", 4), ("lite0-fpn-detail", 2)]
)
def test_logits_have_the_stated_stride(architecture: str, stride: int) -> None:
    network = build_network(architecture, 3).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, 3, 64, 96))
    assert logits.shape == (2, 3, 64 // stride, 96 // stride)
    assert torch.isfinite(logits).all()


def test_detail_branch_answers_to_one_pixel_at_its_own_place() -> None:
    torch.manual_seed(1)
    network = build_network("lite0-fpn-detail", 3).eval()
    plain = torch.zeros(1, 3, 64, 64)
    dotted = plain.clone()
    dotted[0, :, 20, 42] = 1.0
    with torch.inference_mode():
        change = (network(dotted) - network(plain)).abs().sum(dim=1)[0]
    row, column = divmod(int(change.argmax()), change.shape[1])
    assert abs(row - 10) <= 2
    assert abs(column - 21) <= 2


def test_unknown_architecture_names_the_known_ones() -> None:
    with pytest.raises(ModelFileError, match=r"'u-nett' is not known.*lite0-fpn-detail"):
        build_network("u-nett", 3)


def test_every_architecture_names_its_paper() -> None:
    for name, entry in ARCHITECTURES.items():
        assert re.search(r"[A-Z]\w+.* \d{4}", entry.paper), name
