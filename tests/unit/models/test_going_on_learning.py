"""Going on learning: the old model teaches what it knew, and statistics stay as they were."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_fields import field_picture

from agriseg.errors import ConfigError
from agriseg.messages import UInt8Array
from agriseg.models.bundle import InputSpec
from agriseg.models.dataset import CropSampler, prepare
from agriseg.models.distillation import Teacher
from agriseg.models.networks import build_network
from agriseg.models.training import LabelImage, Trainer
from agriseg.models.training_config import (
    DistillationConfig,
    TrainingConfig,
    load_training_config,
)
from agriseg.models.training_objective import Batch, Objective

CONFIG = """
version = 1
name = "tiny"
seed = 2
[network]
architecture = "lite0-fpn-small"
pretrained = false
[input]
long_side_px = 96
[schedule]
steps = 3
batch = 4
crop_px = 64
learning_rate = 3e-3
warmup_steps = 1
mixed_precision = false
freeze_statistics = true
validate_every = 100
[distillation]
teacher = "unused"
sources = ["old"]
[[source]]
name = "new"
directory = "new"
weight = 1.0
[[source]]
name = "old"
directory = "old"
weight = 1.0
"""


class Asked(torch.nn.Module):
    """A teacher that notes how many pictures it was asked about, and always says weed."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.counts.append(len(x))
        logits = torch.zeros(len(x), 3, 16, 16)
        logits[:, 2] = 9.0
        return logits


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return load_training_config(path)


def _teacher(asked: Asked) -> Teacher:
    spec = InputSpec(long_side_px=96, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    return Teacher(asked, spec, DistillationConfig(teacher="t", share=0.8))


def _sampler(config: TrainingConfig) -> CropSampler:
    new, old = ([prepare(f"{n}{i}", *field_picture(i), 96, 1) for i in range(2)] for n in "no")
    return CropSampler([(1.0, new), (1.0, old)], config.schedule.crop_px, config.seed)


def _trainer(config: TrainingConfig, directory: Path, asked: Asked) -> Trainer:
    def validate(label: LabelImage) -> dict[str, float]:
        return {"new.miou": 0.5}

    device = torch.device("cpu")
    return Trainer(config, _sampler(config), validate, directory, device, teacher=_teacher(asked))


def test_statistics_stay_as_they_began(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = _trainer(config, tmp_path / "out", Asked())
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    trainer.run(lambda _: None)
    after = trainer.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.endswith(".weight") for name in changed)
    assert not any("running_" in name for name in changed)


def test_the_teacher_is_asked_about_its_own_sources_alone(
    config: TrainingConfig, tmp_path: Path
) -> None:
    asked = Asked()
    _trainer(config, tmp_path / "out", asked).run(lambda _: None)
    sampler = _sampler(config)
    expected = [int((sampler.batch_sources(step, 4) == 1).sum()) for step in range(3)]
    assert 0 < sum(expected) < 12
    assert asked.counts == [count for count in expected if count]


def _loss(taught: Sequence[bool] | None, asked: Asked | None) -> float:
    config = TrainingConfig.model_validate(_plain_config())
    torch.manual_seed(0)
    network = build_network(config.network.architecture, 3)
    objective = Objective(
        config, network, torch.device("cpu"), teacher=None if asked is None else _teacher(asked)
    )
    network.eval()
    pictures = [field_picture(i) for i in range(2)]
    images: UInt8Array = np.stack([image[:, :64] for image, _ in pictures])
    masks: UInt8Array = np.stack([mask[:, :64] for _, mask in pictures])
    flags = None if taught is None else np.array(taught)
    return float(objective(Batch(images=images, masks=masks, taught=flags)).detach())


def _plain_config() -> dict[str, object]:
    return tomllib.loads(CONFIG)


def test_what_is_new_is_learned_from_labels_alone() -> None:
    plain = _loss(None, None)
    nobody, everybody = Asked(), Asked()
    assert _loss([False, False], nobody) == plain
    assert nobody.counts == []
    assert _loss([True, True], everybody) == _loss(None, Asked()) != plain
    half = Asked()
    assert _loss([True, False], half) not in (plain, _loss([True, True], Asked()))
    assert half.counts == [1]


def test_sources_of_the_teacher_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG.replace('sources = ["old"]', 'sources = ["older"]'))
    with pytest.raises(ConfigError, match=r"distillation\.sources: 'older'.*new, old"):
        load_training_config(path)


def test_the_result_keeps_its_share_of_what_it_began_with(
    config: TrainingConfig, tmp_path: Path
) -> None:
    def trained(share: float) -> dict[str, torch.Tensor]:
        schedule = config.schedule.model_copy(update={"keep_start": share})
        part = config.model_copy(update={"schedule": schedule})
        trainer = _trainer(part, tmp_path / f"out{share}", Asked())
        start = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        trainer.keep_of(start)
        trainer.run(lambda _: None)
        return start | {f"end.{k}": v for k, v in trainer.averaged_network.state_dict().items()}

    whole, mixed = trained(0.0), trained(0.25)
    name = "classify.weight"
    assert not torch.equal(whole[name], whole[f"end.{name}"])
    expected = 0.75 * whole[f"end.{name}"] + 0.25 * whole[name]
    torch.testing.assert_close(mixed[f"end.{name}"], expected)
