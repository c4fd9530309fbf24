"""The loss counts every head, and the border head learns where classes meet."""

from __future__ import annotations

import pytest
import torch

from agriseg.models.losses import class_borders, segmentation_loss
from agriseg.models.networks import TrainingOutput

WEIGHTS = (1.0, 1.5, 2.0)


def _target() -> torch.Tensor:
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, :, 4:] = 2
    return target


def test_borders_lie_on_both_sides_of_a_change_of_class() -> None:
    border, valid = class_borders(_target())
    assert valid.all()
    assert border[0].any(dim=0).nonzero().flatten().tolist() == [3, 4]


def test_pixels_beside_ignored_ones_are_no_border_and_not_valid() -> None:
    target = _target()
    target[0, 0, 0] = 255
    border, valid = class_borders(target)
    assert (~valid[0]).nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert not border[0, :2, :2].any()


def test_auxiliary_heads_count_with_their_weight() -> None:
    torch.manual_seed(0)
    logits, other = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 2, 2)
    alone = segmentation_loss(logits, _target(), WEIGHTS, 1.0)
    aside = segmentation_loss(other, _target(), WEIGHTS, 1.0)
    both = TrainingOutput(logits, (other,), 0.4)
    total = segmentation_loss(both, _target(), WEIGHTS, 1.0)
    assert float(total) == pytest.approx(float(alone + 0.4 * aside), rel=1e-6)


def test_a_boundary_head_that_is_right_costs_less_than_one_that_is_wrong() -> None:
    border, _ = class_borders(_target())
    right = torch.where(border, 4.0, -4.0)[:, None]
    losses = [
        float(
            segmentation_loss(
                TrainingOutput(torch.zeros(1, 3, 8, 8), (), 0.4, logit), _target(), WEIGHTS, 0.0
            )
        )
        for logit in (right, torch.zeros_like(right), -right)
    ]
    assert losses[0] < losses[1] - 0.5 < losses[2] - 1.0
