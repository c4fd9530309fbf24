"""Training: learns, resumes to the same end, and stops when the loss is no number."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_fields import field_picture

from agriseg.errors import ConfigError, DatasetError, ModelFileError
from agriseg.models.checkpoints import read_checkpoint
from agriseg.models.dataset import CropSampler, prepare
from agriseg.models.losses import segmentation_loss
from agriseg.models.training import LabelImage, Trainer
from agriseg.models.training_config import TrainingConfig, load_training_config
from agriseg.models.training_control import Control, Wish
from agriseg.models.training_events import (
    BatchDivided,
    StepDone,
    StopReason,
    TrainingContinued,
    TrainingEvent,
    TrainingPaused,
    TrainingProgress,
    event_line,
)
from agriseg.models.training_log import read_log
from agriseg.models.training_step import learning_rate_factor

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
steps = {steps}
batch = 4
crop_px = 64
learning_rate = {rate}
backbone_factor = 1.0
warmup_steps = 2
ema_decay = 0.8
validate_every = {steps}
checkpoint_every = 4
mixed_precision = false
[[source]]
name = "tiny"
directory = "tiny"
weight = 1.0
held_out = ["b"]
"""


def _config(tmp_path: Path, steps: int = 8, rate: float = 3e-3) -> TrainingConfig:
    path = tmp_path / f"c{steps}.toml"
    path.write_text(CONFIG.format(steps=steps, rate=rate))
    return load_training_config(path)


def _trainer(
    config: TrainingConfig,
    directory: Path,
    control: Control | None = None,
    accuracies: Iterator[float] | None = None,
) -> Trainer:
    items = [prepare(str(i), *field_picture(i), 96, 1) for i in range(3)]

    def validate(label: LabelImage) -> dict[str, float]:
        image, mask = field_picture(0)
        right = float((label(image) == mask).mean())
        return {"tiny.miou": right if accuracies is None else next(accuracies)}

    sampler = CropSampler([(1.0, items)], config.schedule.crop_px, config.seed)
    return Trainer(config, sampler, validate, directory, torch.device("cpu"), control=control)


def test_the_loss_falls(tmp_path: Path) -> None:
    heard: list[TrainingEvent] = []
    trainer = _trainer(_config(tmp_path, steps=24), tmp_path / "out")
    before = _loss_on_fixed_batch(trainer)
    assert trainer.run(heard.append) is StopReason.FINISHED
    assert _loss_on_fixed_batch(trainer) < 0.8 * before
    seen = [event for event in heard if isinstance(event, TrainingProgress)]
    assert [p.step for p in seen] == [24]
    assert 0.0 <= seen[0].validation["tiny.miou"] <= 1.0
    assert (tmp_path / "out" / "log.jsonl").read_text().count("\n") == 1


def _loss_on_fixed_batch(trainer: Trainer) -> float:
    pictures = [field_picture(i) for i in range(3)]
    images = torch.from_numpy(np.stack([image for image, _ in pictures])).float()
    x = (images.flip(3).permute(0, 3, 1, 2) / 255.0 - 0.498) / 0.502
    target = torch.from_numpy(np.stack([mask for _, mask in pictures])).long()
    network = trainer.averaged_network.train()
    with torch.no_grad():
        loss = segmentation_loss(network(x), target, (1.0, 1.0, 1.0), 1.0)
    network.eval()
    return float(loss)


def test_frozen_blocks_keep_weights_and_statistics(tmp_path: Path) -> None:
    config = _config(tmp_path, steps=4)
    schedule = config.schedule.model_copy(update={"frozen_blocks": 2, "freeze_from_step": 2})
    steps: dict[int, dict[str, torch.Tensor]] = {}

    for stop in (2, 4):
        part = schedule.model_copy(update={"steps": stop})
        trainer = _trainer(config.model_copy(update={"schedule": part}), tmp_path / "out")
        if stop == 4:
            trainer.resume()
        trainer.run(lambda _: None)
        state = read_checkpoint(tmp_path / "out" / "checkpoint.pt")["network"]
        steps[stop] = {name: value.clone() for name, value in state.items()}

    changed = {name for name, value in steps[2].items() if not torch.equal(value, steps[4][name])}
    assert not any(name.startswith(("backbone.stem", "backbone.blocks.0.")) for name in changed)
    assert not any(name.startswith("backbone.blocks.1.") for name in changed)
    assert "backbone.blocks.2.project.0.weight" in changed
    assert "backbone.blocks.2.project.1.running_mean" in changed


def test_interrupted_training_ends_like_a_whole_one(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = _trainer(_config(tmp_path, steps=8), tmp_path / "whole")
    whole.run(lambda _: None)

    class PowerCutError(Exception):
        pass

    interrupted = _trainer(_config(tmp_path, steps=8), tmp_path / "cut")
    forwards = itertools.count()

    def cut(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if next(forwards) == 6:
            raise PowerCutError

    interrupted.network.register_forward_pre_hook(cut)
    with pytest.raises(PowerCutError):
        interrupted.run(lambda _: None)
    resumed = _trainer(_config(tmp_path, steps=8), tmp_path / "cut")
    resumed.resume()
    resumed.run(lambda _: None)

    a = whole.averaged_network.state_dict()
    b = resumed.averaged_network.state_dict()
    for name, value in a.items():
        torch.testing.assert_close(value, b[name], msg=name)


def test_loss_that_is_no_number_stops_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    good = _trainer(_config(tmp_path, steps=4), tmp_path / "out")
    good.run(lambda _: None)
    saved = (tmp_path / "out" / "checkpoint.pt").read_bytes()

    broken = _trainer(_config(tmp_path, steps=8), tmp_path / "out")
    broken.resume()
    broken.begin_from(
        {
            k: v * math.nan if v.is_floating_point() else v
            for k, v in broken.averaged_network.state_dict().items()
        }
    )
    with pytest.raises(DatasetError, match=r"diverged: the loss at step 4 is nan"):
        broken.run(lambda _: None)
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == saved


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path, steps=8), tmp_path / "out")
    steps = itertools.count()

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        return gradient * (math.inf if next(steps) == 5 else 1.0)

    trainer.network.get_parameter("classify.bias").register_hook(spoil)
    with pytest.raises(DatasetError, match=r"diverged: the length of the gradient at step 5 is"):
        trainer.run(lambda _: None)
    state = read_checkpoint(tmp_path / "out" / "checkpoint.pt")
    assert state["step"] == 4
    assert all(value.isfinite().all() for value in trainer.network.state_dict().values())


def test_one_seed_gives_one_model(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    ends = []
    for seed, folder in ((2, "a"), (2, "b"), (3, "c")):
        config = _config(tmp_path, steps=3).model_copy(update={"seed": seed})
        trainer = _trainer(config, tmp_path / folder)
        trainer.run(lambda _: None)
        ends.append(trainer.averaged_network.state_dict())
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
    assert not all(torch.equal(value, ends[2][name]) for name, value in ends[0].items())


def _with_schedule(config: TrainingConfig, **changes: object) -> TrainingConfig:
    return config.model_copy(update={"schedule": config.schedule.model_copy(update=changes)})


def test_out_of_memory_goes_on_with_fewer_crops_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = _trainer(_config(tmp_path, steps=2), tmp_path / "out")
    sizes: list[int] = []

    def small_memory(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("no memory left")
        sizes.append(len(inputs[0]))

    hook = trainer.network.register_forward_pre_hook(small_memory)
    heard: list[TrainingEvent] = []
    trainer.run(heard.append)
    hook.remove()
    assert sizes == [1] * 8
    assert [(e.batch, e.crops_at_once) for e in heard if isinstance(e, BatchDivided)] == [(4, 1)]
    assert "going on with 1 crops at once, added up to the same batch of 4" in caplog.text


def test_a_crop_that_does_not_fit_alone_is_said(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path, steps=2), tmp_path / "out")

    def no_memory(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    trainer.network.register_forward_pre_hook(no_memory)
    with pytest.raises(DatasetError, match=r"out of memory with a single crop of 64 px; lower"):
        trainer.run(lambda _: None)


def test_a_divided_batch_has_the_gradient_of_the_whole_one(tmp_path: Path) -> None:
    gradients = []
    for crops_at_once in (4, 2):
        config = _with_schedule(_config(tmp_path, steps=1), dice_weight=0.0, gradient_limit=1e9)
        trainer = _trainer(config, tmp_path / f"at{crops_at_once}")
        freeze_statistics(trainer.network)
        trainer._stepper.crops_at_once = crops_at_once
        trainer.run(lambda _: None)
        bias = trainer.network.get_parameter("classify.weight").grad
        assert bias is not None
        gradients.append(bias)
    # The classes' weights make the mean over a part's pixels differ a little from that of all.
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0.15, atol=2e-3)


def freeze_statistics(network: torch.nn.Module) -> None:
    """Let batch norm use its running statistics, which do not depend on what comes together."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda module, _: module.eval() and None)


def test_training_ends_early_with_the_best_weights(tmp_path: Path) -> None:
    config = _with_schedule(_config(tmp_path, steps=20), validate_every=2, patience=2)
    accuracies = iter([0.5, 0.6, 0.6004, 0.59])
    trainer = _trainer(config, tmp_path / "out", accuracies=accuracies)
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def hear(event: TrainingEvent) -> None:
        if isinstance(event, TrainingProgress):
            state = trainer.averaged_network.state_dict()
            kept[event.step] = {name: value.clone() for name, value in state.items()}

    assert trainer.run(hear) is StopReason.EARLY
    assert list(kept) == [2, 4, 6, 8]
    for name, value in trainer.averaged_network.state_dict().items():
        assert torch.equal(value, kept[4][name])

    resumed = _trainer(config, tmp_path / "out", accuracies=iter([]))
    resumed.resume()
    assert resumed.run(lambda _: None) is StopReason.EARLY
    for name, value in resumed.averaged_network.state_dict().items():
        assert torch.equal(value, kept[4][name])


class Wishes:
    """Answers one after the other."""

    def __init__(self, *wishes: Wish) -> None:
        self._wishes = list(wishes)
        self.waited = 0

    def wish(self) -> Wish:
        return self._wishes.pop(0) if self._wishes else Wish.GO_ON

    def wait(self) -> None:
        self.waited += 1


def test_a_training_pauses_goes_on_and_stops_when_asked(tmp_path: Path) -> None:
    wishes = Wishes(Wish.GO_ON, Wish.PAUSE, Wish.PAUSE, Wish.GO_ON, Wish.GO_ON, Wish.STOP)
    heard: list[TrainingEvent] = []
    trainer = _trainer(_config(tmp_path, steps=20), tmp_path / "out", wishes)
    assert trainer.run(heard.append) is StopReason.CANCELLED
    assert wishes.waited == 2
    assert [e.step for e in heard if isinstance(e, TrainingPaused)] == [2]
    assert [e.step for e in heard if isinstance(e, TrainingContinued)] == [2]
    assert read_checkpoint(tmp_path / "out" / "checkpoint.pt")["step"] == 4

    resumed = _trainer(_config(tmp_path, steps=20), tmp_path / "out")
    resumed.resume()
    resumed.run(lambda _: None)
    whole = _trainer(_config(tmp_path, steps=20), tmp_path / "whole")
    whole.run(lambda _: None)
    for name, value in whole.averaged_network.state_dict().items():
        torch.testing.assert_close(value, resumed.averaged_network.state_dict()[name])


def test_a_resumed_training_forgets_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    config = _with_schedule(_config(tmp_path, steps=6), validate_every=1, checkpoint_every=4)
    wishes = Wishes(*[Wish.GO_ON] * 4, Wish.STOP)
    _trainer(config, tmp_path / "out", wishes).run(lambda _: None)
    assert [line["step"] for line in read_log(tmp_path / "out")] == [1, 2, 3, 4, 5]
    with (tmp_path / "out" / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "loss": 1.0}\n{"step": 7, "lo')
    resumed = _trainer(config, tmp_path / "out")
    resumed.resume()
    resumed.run(lambda _: None)
    assert [line["step"] for line in read_log(tmp_path / "out")] == [1, 2, 3, 4, 5, 6]


def test_an_event_is_a_line_of_plain_json() -> None:
    event = StepDone(
        step=3,
        steps=9,
        loss=math.nan,
        learning_rate=0.1,
        crops_per_s=2.0,
        elapsed_s=1.0,
        remaining_s=2.0,
    )
    line = event_line(event)
    assert json.loads(line) == {
        "version": 1,
        "event": "step",
        "step": 3,
        "steps": 9,
        "loss": None,
        "learning_rate": 0.1,
        "crops_per_s": 2.0,
        "elapsed_s": 1.0,
        "remaining_s": 2.0,
    }


def test_begins_from_the_weights_that_fit_and_keeps_the_others(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path), tmp_path / "out")
    before = {k: v.clone() for k, v in trainer.averaged_network.state_dict().items()}
    trainer.begin_from(
        {
            "classify.bias": torch.tensor([1.0, 2.0, 3.0]),
            "classify.weight": torch.zeros(5, 1, 1, 1),
            "head.weight": torch.zeros(1),
        }
    )
    after = trainer.averaged_network.state_dict()
    assert after["classify.bias"].tolist() == [1.0, 2.0, 3.0]
    torch.testing.assert_close(after["classify.weight"], before["classify.weight"])


def test_weights_of_another_network_are_no_beginning(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path), tmp_path / "out")
    with pytest.raises(ModelFileError, match=r"none of the given weights fits"):
        trainer.begin_from({"head.weight": torch.zeros(1)})


def test_resume_without_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no checkpoint to resume from"):
        _trainer(_config(tmp_path), tmp_path / "none").resume()


def test_checkpoint_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Code:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(mark), "w")

    path = tmp_path / "checkpoint.pt"
    torch.save({"version": 1, "payload": Code()}, path)
    with pytest.raises(ModelFileError, match=r"not a readable checkpoint"):
        read_checkpoint(path)
    assert not mark.exists()


def test_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"version": 1, "step": 3}, path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ModelFileError, match=r"not a readable checkpoint"):
        read_checkpoint(path)


def test_ignored_pixels_do_not_count() -> None:
    logits = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    target = torch.zeros(1, 32, 32, dtype=torch.long)
    target[:, :16] = 255
    other = logits.clone()
    other[:, :, :3] += 5.0 * torch.randn(1, 3, 3, 8, generator=torch.Generator().manual_seed(2))
    loss, changed = (segmentation_loss(x, target, (1.0, 1.0, 1.0), 1.0) for x in (logits, other))
    assert float(loss) == pytest.approx(float(changed))


def test_perfect_logits_cost_almost_nothing() -> None:
    target = torch.zeros(1, 64, 64, dtype=torch.long)
    target[:, :, 32:] = 2
    logits = torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float() * 40.0
    assert float(segmentation_loss(logits, target, (1.0, 1.0, 1.0), 1.0)) < 0.01


def test_learning_rate_rises_then_falls(tmp_path: Path) -> None:
    schedule = _config(tmp_path, steps=20).schedule
    factors = [learning_rate_factor(step, schedule) for step in range(21)]
    assert factors[0] == 0.5
    assert factors[2] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(factors[2:]))
    assert factors[20] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 2", "seed = -2", r"seed: .*greater than or equal to 0, found -2"),
        ("batch = 4", "bach = 4", r"schedule\.(batch|bach)"),
        ("crop_px = 64", "crop_px = 65", r"schedule\.crop_px: .*multiple of 32, found 65"),
        ("version = 1", "version = 9", r"version: .*found 9"),
        ("weight = 1.0", "weight = 1.0\nenabled = false", r"every source is switched off"),
        ("[input]", "[input", r"not a TOML file"),
    ],
)
def test_impossible_configuration_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(CONFIG.format(steps=8, rate=1e-3).replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_training_config(path)


def test_missing_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_training_config(tmp_path / "none.toml")
