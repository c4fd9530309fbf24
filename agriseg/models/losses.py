"""What training minimises: weighted cross-entropy and a Dice term."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from agriseg.messages import ClassId

_DICE_SMOOTHING_PX = 50.0


def segmentation_loss(
    logits: Tensor, target: Tensor, class_weights: Sequence[float], dice_weight: float
) -> Tensor:
    """Return cross-entropy plus the weighted Dice loss.

    Parameters
    ----------
    logits : (N, classes, h, w) float
        Enlarged to the target's size before they are compared.
    target : (N, H, W) int64
        `ClassId` values; ignored pixels count nowhere.
    class_weights : sequence of float
        Weight of each class in the cross-entropy.
    dice_weight : float
        Weight of the Dice term (Milletari et al., "V-Net", 2016), taken per class over the batch.
    """
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
