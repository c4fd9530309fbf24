"""Learning from a teacher: the loss of the paper, and which files are teachers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from agriseg.errors import ModelFileError
from agriseg.models.bundle import ModelBundle
from agriseg.models.checkpoints import write_checkpoint
from agriseg.models.distillation import distillation_loss, open_teacher
from agriseg.models.networks import build_network
from agriseg.models.training_config import DistillationConfig, InputConfig

SETTINGS = DistillationConfig(teacher="t")
INPUT = InputConfig(long_side_px=96)


def _logits(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_the_divergence_of_softened_answers() -> None:
    student, teacher = _logits(1), _logits(2)
    target = torch.zeros(2, 8, 8, dtype=torch.long)
    log_p = functional.log_softmax(student / 3.0, dim=1).permute(0, 2, 3, 1).reshape(-1, 3)
    q = functional.softmax(teacher / 3.0, dim=1).permute(0, 2, 3, 1).reshape(-1, 3)
    expected = 9.0 * functional.kl_div(log_p, q, reduction="batchmean")
    torch.testing.assert_close(distillation_loss(student, teacher, target, 3.0), expected)
    assert float(distillation_loss(student, student, target, 3.0)) == pytest.approx(0.0, abs=1e-6)


def test_ignored_pixels_teach_nothing() -> None:
    target = torch.zeros(2, 32, 32, dtype=torch.long)
    target[:, :16] = 255
    student = _logits(1)
    other = student.clone()
    other[:, :, :4] += 3.0
    loss, changed = (distillation_loss(x, _logits(2), target, 2.0) for x in (student, other))
    torch.testing.assert_close(loss, changed)


def test_a_bundle_teaches_what_it_says(untrained_bundle: ModelBundle) -> None:
    teacher = open_teacher(untrained_bundle.directory, SETTINGS, INPUT)
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    logits = teacher.logits(frames)
    assert logits.shape == (1, 3, 16, 16)
    assert not logits.requires_grad
    assert float(teacher.loss(logits, logits, torch.zeros(1, 64, 64).long())) < 1e-6


def test_a_checkpoint_is_a_teacher(tmp_path: Path) -> None:
    network = build_network("lite0-fpn-small", 3).eval()
    state = {"architecture": "lite0-fpn-small", "average": network.state_dict()}
    write_checkpoint(tmp_path / "checkpoint.pt", state)
    teacher = open_teacher(tmp_path / "checkpoint.pt", SETTINGS, INPUT)
    frames = torch.full((1, 64, 64, 3), 90, dtype=torch.uint8)
    x = torch.full((1, 3, 64, 64), (90 / 255 - 0.498) / 0.502)
    with torch.no_grad():
        torch.testing.assert_close(teacher.logits(frames), network(x), rtol=1e-3, atol=1e-4)


def test_what_is_no_teacher_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone: no such teacher; distillation\.teacher"):
        open_teacher(tmp_path / "gone", SETTINGS, INPUT)
    other = build_network("fast-scnn", 3)
    state = {"architecture": "lite0-fpn-small", "average": other.state_dict()}
    write_checkpoint(tmp_path / "checkpoint.pt", state)
    with pytest.raises(ModelFileError, match=r"the weights do not fit their architecture"):
        open_teacher(tmp_path / "checkpoint.pt", SETTINGS, INPUT)
