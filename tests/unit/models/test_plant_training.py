"""Targets of the plant heads by hand; heads that learn on a trunk that stays as it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_fields import field_picture, write_source

from agriseg.app import main
from agriseg.errors import DatasetError
from agriseg.messages import UInt8Array
from agriseg.models import open_bundle
from agriseg.models.dataset import CropSampler, LabelledImage, prepare
from agriseg.models.networks import PlantOutput, build_network
from agriseg.models.plant_targets import batch_targets, plant_targets
from agriseg.models.plant_training import PlantObjective
from agriseg.models.training import Trainer
from agriseg.models.training_config import (
    PlantsConfig,
    SourceConfig,
    TrainingConfig,
    load_training_config,
)
from agriseg.models.training_events import TrainingEvent, TrainingProgress
from agriseg.models.training_sources import load_training_images
from agriseg.models.training_start import bundle_weights

Ids = NDArray[np.uint16]

CONFIG = """
version = 1
name = "heads"
seed = 2
[network]
architecture = "lite0-fpn-small-plants"
pretrained = false
start_from = "{start}"
[input]
long_side_px = 96
[schedule]
steps = 12
batch = 2
crop_px = 64
learning_rate = 1e-2
warmup_steps = 2
ema_decay = 0.5
validate_every = 12
mixed_precision = false
[export]
quantise = false
[[source]]
name = "tiny"
directory = "tiny"
weight = 1.0
held_out = ["b"]
{more}
"""


def _field(seed: int) -> tuple[UInt8Array, UInt8Array, Ids]:
    image, mask = field_picture(seed)
    return image, mask, (mask * 7).astype(np.uint16)


def _item(seed: int, *, with_ids: bool = True) -> LabelledImage:
    image, mask, ids = _field(seed)
    return prepare(str(seed), image, mask, 96, 1, ids if with_ids else None)


def test_targets_of_two_plants_by_hand() -> None:
    ids, mask = np.zeros((64, 64), np.uint16), np.zeros((64, 64), np.uint8)
    ids[8:24, 8:16], mask[8:24, 8:16] = 9, 1
    ids[40:44, 48:52], mask[40:44, 48:52] = 4, 2
    heat, dv, du, heat_weight, offset_weight = plant_targets(ids, mask, sigma_px=8.0)
    # The first reaches over cells 2..5 and 2..3, its centre lies between cells; the other is one.
    assert (dv[2, 2], du[2, 2]) == (1.5, 0.5)
    assert (dv[5, 3], du[5, 3]) == (-1.5, -0.5)
    assert (dv[10, 12], du[10, 12]) == (0.0, 0.0)
    assert heat[10, 12] == 1.0
    assert heat[10, 14] == pytest.approx(np.exp(-0.5))
    assert heat[0, 15] == 0.0
    assert (heat_weight == 1.0).all()
    assert offset_weight[2, 2] == pytest.approx(8**-0.5)
    assert offset_weight[10, 12] == 1.0
    assert np.count_nonzero(offset_weight) == 9


def test_ignored_ground_and_plants_without_id_weigh_nothing() -> None:
    ids, mask = np.zeros((32, 32), np.uint16), np.zeros((32, 32), np.uint8)
    mask[:, 16:] = 255
    mask[:16, :16] = 2
    targets = plant_targets(ids, mask, sigma_px=8.0)
    assert targets[3, 4:, :4].all()
    assert not targets[3, :4, :4].any()
    assert not targets[3, :, 4:].any()
    assert not targets[4].any()


def test_crops_without_ids_weigh_nothing() -> None:
    _, mask, ids = _field(1)
    targets = batch_targets([None, ids], np.stack([mask, mask]), 8.0)
    assert targets.shape == (2, 5, 16, 24)
    assert not targets[0].any()
    assert targets[1, 3].any()


def test_ids_move_with_the_crop_and_crops_are_the_same_with_and_without() -> None:
    sampler = CropSampler([(1.0, [_item(s) for s in range(3)])], 64, seed=4)
    images, masks, ids = sampler.plant_batch(3, 6)
    plain_images, plain_masks = sampler.batch(3, 6)
    assert np.array_equal(images, plain_images)
    assert np.array_equal(masks, plain_masks)
    for mask, one in zip(masks, ids, strict=True):
        assert one is not None
        assert np.array_equal(one, np.where(mask == 255, 0, mask * 7))


def test_images_without_ids_give_crops_without_ids() -> None:
    sampler = CropSampler([(1.0, [_item(0, with_ids=False)])], 64, seed=4)
    assert sampler.plant_batch(0, 2)[2] == [None, None]


def test_perfect_maps_cost_nothing_and_an_offset_costs_its_length() -> None:
    _, mask, ids = _field(1)
    targets = torch.from_numpy(batch_targets([ids], mask[None], 8.0))
    objective = PlantObjective(PlantsConfig(offset_weight=0.1))
    logits = torch.zeros(1, 3, 16, 24)
    assert float(objective.loss(PlantOutput(logits, targets[:, :3]), targets)) == 0.0
    wrong = targets[:, :3].clone()
    wrong[:, 1] += 2.0
    assert float(objective.loss(PlantOutput(logits, wrong), targets)) == pytest.approx(0.2)
    wrong = targets[:, :3].clone()
    wrong[:, 0] += 0.1
    assert float(objective.loss(PlantOutput(logits, wrong), targets)) == pytest.approx(2.0)


def _config(tmp_path: Path, start: str, more: str = "") -> TrainingConfig:
    return load_training_config(_write_config(tmp_path, start, more))


def _write_config(tmp_path: Path, start: str, more: str) -> Path:
    path = tmp_path / "heads.toml"
    path.write_text(CONFIG.format(start=start, more=more))
    return path


@pytest.mark.parametrize("frozen", [True, False])
def test_heads_learn_and_a_frozen_trunk_stays(tmp_path: Path, frozen: bool) -> None:
    torch.set_num_threads(1)
    more = f"[plants]\nfreeze_trunk = {str(frozen).lower()}\n"
    config = _config(tmp_path, "elsewhere", more)
    torch.manual_seed(8)
    given = build_network("lite0-fpn-small", 3).state_dict()
    sampler = CropSampler([(1.0, [_item(s) for s in range(3)])], 64, seed=4)
    losses: list[float] = []
    settings = config.schedule.model_copy(update={"validate_every": 6})
    trainer = Trainer(
        config.model_copy(update={"schedule": settings}),
        sampler,
        lambda _: {},
        tmp_path / "out",
        torch.device("cpu"),
    )
    trainer.begin_from(given)

    def hear(event: TrainingEvent) -> None:
        if isinstance(event, TrainingProgress):
            losses.append(event.loss)

    trainer.run(hear)
    assert losses[-1] < losses[0]
    after = trainer.averaged_network.state_dict()
    moved = [name for name, value in given.items() if not torch.equal(after[name], value)]
    assert (moved == []) == frozen


def _write_ids(folder: Path) -> None:
    (folder / "instances").mkdir()
    for path in sorted((folder / "masks").iterdir()):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        cv2.imwrite(str(folder / "instances" / path.name), mask.astype(np.uint16) * 500)


def test_from_a_folder_with_ids_to_a_bundle_with_heads(tmp_path: Path) -> None:
    from agriseg.models.bundle import InputSpec
    from agriseg.models.export import export_bundle

    torch.manual_seed(8)
    start = export_bundle(
        build_network("lite0-fpn-small", 3),
        tmp_path / "start",
        name="start",
        version="1",
        architecture="lite0-fpn-small",
        spec=InputSpec(long_side_px=96, mean=(0.498,) * 3, std=(0.502,) * 3),
        licence="CC-BY-SA-4.0",
        calibration=[],
    )
    folder = write_source(tmp_path / "data" / "tiny")
    _write_ids(folder)
    config = _write_config(tmp_path, "start", 'instances = "instances"')
    arguments = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main(["train", str(config), *arguments, "--threads", "1"]) == 0
    bundle = open_bundle(tmp_path / "out" / "bundle")
    assert bundle.manifest.plants is not None
    before, after = bundle_weights(start.directory), bundle_weights(bundle.directory)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_heads_alone_need_a_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_source(tmp_path / "data" / "tiny")
    config = _write_config(tmp_path, "", "")
    assert main(["train", str(config), "--data", str(tmp_path / "data")]) == 2
    assert "network.start_from is empty" in capsys.readouterr().err


def test_no_source_with_ids_is_refused(tmp_path: Path) -> None:
    write_source(tmp_path / "data" / "tiny")
    source = SourceConfig(name="tiny", directory="tiny", weight=1.0)
    with pytest.raises(DatasetError, match=r'give a source instances = "FOLDER"'):
        load_training_images([source], tmp_path / "data", 0, with_ids=True)


def test_a_missing_map_of_ids_is_named(tmp_path: Path) -> None:
    folder = write_source(tmp_path / "data" / "tiny")
    _write_ids(folder)
    (folder / "instances" / "p1.png").unlink()
    source = SourceConfig(name="tiny", directory="tiny", weight=1.0, instances="instances")
    with pytest.raises(DatasetError, match=r"p1\.png"):
        load_training_images([source], tmp_path / "data", 0, with_ids=True)


def test_simulated_fields_know_their_plants() -> None:
    source = SourceConfig(name="sim", kind="simulation", weight=1.0, frames=1, long_side_px=240)
    ((_, (item,)),) = load_training_images([source], Path(), 3, with_ids=True)
    assert item.ids is not None
    assert np.array_equal(item.ids > 0, item.mask > 0)
    assert item.ids.max() > 1
    ((_, (plain,)),) = load_training_images([source], Path(), 3)
    assert plain.ids is None
