"""What training minimises: weighted cross-entropy and a Dice term, on every head there is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from agriseg.messages import ClassId
from agriseg.models.networks import TrainingOutput

_DICE_SMOOTHING_PX = 50.0


def segmentation_loss(
    output: Tensor | TrainingOutput,
    target: Tensor,
    class_weights: Sequence[float],
    dice_weight: float,
) -> Tensor:
    """Return cross-entropy plus the weighted Dice loss.

    Auxiliary heads add the same, weighted as the network says; a boundary head adds the
    cross-entropy of finding the borders between classes, balanced between border and interior
    (Xu et al., "PIDNet", CVPR 2023).

    Parameters
    ----------
    output : (N, classes, h, w) float, or TrainingOutput
        Enlarged to the target's size before they are compared.
    target : (N, H, W) int64
        `ClassId` values; ignored pixels count nowhere.
    class_weights : sequence of float
        Weight of each class in the cross-entropy.
    dice_weight : float
        Weight of the Dice term (Milletari et al., "V-Net", 2016), taken per class over the batch.
    """
    if isinstance(output, TrainingOutput):
        loss = _loss_of(output.logits, target, class_weights, dice_weight)
        for logits in output.auxiliary:
            part = _loss_of(logits, target, class_weights, dice_weight)
            loss = loss + output.auxiliary_weight * part
        return loss if output.boundary is None else loss + _boundary_loss(output.boundary, target)
    return _loss_of(output, target, class_weights, dice_weight)


def _loss_of(
    logits: Tensor, target: Tensor, class_weights: Sequence[float], dice_weight: float
) -> Tensor:
    logits = functional.interpolate(
        logits.float(), size=target.shape[1:], mode="bilinear", align_corners=False
    )
    weights = torch.tensor(class_weights, dtype=logits.dtype, device=logits.device)
    log_p = functional.log_softmax(logits, dim=1)
    entropy = functional.nll_loss(log_p, target, weights, ignore_index=int(ClassId.IGNORE))
    if dice_weight == 0.0:
        return entropy
    return entropy + dice_weight * _dice_loss(log_p.exp(), target)


def _dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    valid = target != int(ClassId.IGNORE)
    losses = []
    for index in range(probability.shape[1]):
        truth = (target == index).to(probability.dtype)
        guess = probability[:, index] * valid
        overlap = (guess * truth).sum()
        total = guess.sum() + truth.sum()
        losses.append(1.0 - (2.0 * overlap + _DICE_SMOOTHING_PX) / (total + _DICE_SMOOTHING_PX))
    return torch.stack(losses).mean()


def _boundary_loss(logit: Tensor, target: Tensor) -> Tensor:
    logit = functional.interpolate(
        logit.float(), size=target.shape[1:], mode="bilinear", align_corners=False
    )[:, 0]
    border, valid = class_borders(target)
    share = (border & valid).sum() / valid.sum().clamp(min=1)
    weight = torch.where(border, 1.0 - share, share) * valid
    entropy = functional.binary_cross_entropy_with_logits(
        logit, border.to(logit.dtype), weight, reduction="sum"
    )
    return entropy / weight.sum().clamp(min=1e-6)


def class_borders(target: Tensor) -> tuple[Tensor, Tensor]:
    """Find the pixels with another class among their eight neighbours.

    Parameters
    ----------
    target : (N, H, W) int64
        `ClassId` values.

    Returns
    -------
    border, valid : (N, H, W) bool
        Pixels beside an ignored one are neither border nor interior: they are not valid.
    """
    around = functional.pad(target[:, None].float(), (1, 1, 1, 1), mode="replicate")
    highest = functional.max_pool2d(around, 3, stride=1)[:, 0]
    lowest = -functional.max_pool2d(-around, 3, stride=1)[:, 0]
    valid = highest < int(ClassId.IGNORE)
    return (highest > lowest) & valid, valid
