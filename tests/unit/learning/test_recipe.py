"""A job's pictures are put aside, and its recipe is one that `agriseg train` takes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from learning_samples import make_spec, write_labels

from agriseg.errors import DatasetError, LearningError
from agriseg.learning.recipe import NEW_SHARE, toml_text, training_config, write_config
from agriseg.learning.spec import check_spec, choose_folder, read_spec, write_spec
from agriseg.learning.staging import read_staged, stage
from agriseg.models.bundle import open_bundle, shipped_model
from agriseg.models.training_config import TrainingConfig, load_training_config


def _quiet(words: str, share: float) -> None:
    assert words
    assert 0.0 <= share <= 1.0


def _config(job: Path, tmp_path: Path, *roles: str, simulated: int = 4) -> TrainingConfig:
    folders = [(write_labels(tmp_path / f"set{k}", 8), role) for k, role in enumerate(roles)]
    spec = make_spec(shipped_model(), *folders)  # type: ignore[arg-type]
    spec = spec.model_copy(update={"simulated_frames": simulated})
    staged = stage(job, spec, _quiet)
    config = training_config(spec, staged, open_bundle(shipped_model()))
    return load_training_config(write_config(job, config))


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "job").mkdir()
    return tmp_path / "job"


def test_half_is_new_and_the_old_model_teaches_the_rest(job: Path, tmp_path: Path) -> None:
    config = _config(job, tmp_path, "new", "replay", "protected")
    weights = {source.name: source.weight for source in config.source}
    assert set(weights) == {"set0", "set1", "simulation"}, "protected pictures are not learned"
    assert weights["set0"] == pytest.approx(NEW_SHARE)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert config.distillation.sources == ("set1", "simulation")
    assert config.distillation.teacher == config.network.start_from == "start"
    assert config.schedule.freeze_statistics
    manifest = open_bundle(shipped_model()).manifest
    assert config.network.architecture == manifest.architecture
    assert config.input.mean == manifest.input.mean


def test_with_nothing_old_there_is_no_teacher(job: Path, tmp_path: Path) -> None:
    config = _config(job, tmp_path, "new", simulated=0)
    assert [source.weight for source in config.source] == [1.0]
    assert config.distillation.teacher == ""


def test_later_changes_of_labels_do_not_reach_the_job(job: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "maize")
    spec = make_spec(shipped_model(), (labels, "new"))
    (first,) = stage(job, spec, _quiet)
    before = cv2.imread(str(job / "data/maize/masks/p0.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(labels / "masks" / "p0.png"), np.zeros((64, 96), np.uint8))
    assert stage(job, spec, _quiet) == (first,)
    after = cv2.imread(str(job / "data/maize/masks/p0.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(before, after)
    assert before.max() == 2


def test_the_checksum_follows_labels_and_pictures(tmp_path: Path) -> None:
    def checksum(name: str, change: bool) -> str:
        folder = write_labels(tmp_path / name / "maize")
        if change:
            mask = cv2.imread(str(folder / "masks/p1.png"), cv2.IMREAD_UNCHANGED)
            mask[0, 0] = 2
            cv2.imwrite(str(folder / "masks/p1.png"), mask)
        (tmp_path / f"job-{name}").mkdir()
        spec = make_spec(shipped_model(), (folder, "new"))
        return stage(tmp_path / f"job-{name}", spec, _quiet)[0].sha256

    assert checksum("a", False) == checksum("b", False)
    assert checksum("a2", False) != checksum("c", True)


def test_every_fourth_group_of_what_is_new_is_held_out(job: Path, tmp_path: Path) -> None:
    loose = write_labels(tmp_path / "loose", 9, groups=False)
    grouped = write_labels(tmp_path / "grouped", 6)
    whole = write_labels(tmp_path / "whole", 3, groups=False)
    (whole / "groups.json").write_text('{"p0": "x", "p1": "x", "p2": "x"}')
    data = ((loose, "new"), (grouped, "new"), (whole, "new"))
    staged = {one.name: one for one in stage(job, make_spec(shipped_model(), *data), _quiet)}
    assert staged["loose"].held_out_groups == ("p2", "p6")
    assert (staged["loose"].trained, staged["loose"].held_out) == (7, 2)
    assert staged["grouped"].held_out == 0 or staged["grouped"].trained > 0
    assert staged["whole"].trained == 3, "a single group is learned from whole"


def test_a_spread_of_what_was_learned_before_is_enough(job: Path, tmp_path: Path) -> None:
    old = write_labels(tmp_path / "old", 12, groups=False)
    choice = choose_folder(old, "replay").model_copy(update={"most_images": 4})
    spec = make_spec(shipped_model(), (write_labels(tmp_path / "new"), "new"))
    spec = spec.model_copy(update={"data": (*spec.data, choice)})
    staged = stage(job, spec, _quiet)
    assert staged[1].trained == 4
    names = sorted(path.stem for path in (job / "data/old/images").iterdir())
    assert names[0] == "p0"
    assert names[-1] == "p9"


def test_a_stage_that_broke_off_is_done_anew(job: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "maize")
    (job / "data.part" / "maize").mkdir(parents=True)
    (job / "staged.json").write_text("[{")
    assert read_staged(job) is None
    (one,) = stage(job, make_spec(shipped_model(), (labels, "new")), _quiet)
    assert one.trained + one.held_out == 4
    assert not (job / "data.part").exists()


def test_a_mask_of_another_size_is_named(job: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "maize")
    cv2.imwrite(str(labels / "masks" / "p1.png"), np.zeros((10, 10), np.uint8))
    with pytest.raises(DatasetError, match=r"p1\.png: mask is 10x10"):
        stage(job, make_spec(shipped_model(), (labels, "new")), _quiet)
    assert not (job / "data").exists()


def test_jobs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "maize")
    with pytest.raises(LearningError, match="nothing to learn from"):
        check_spec(make_spec(shipped_model(), (labels, "protected")))
    other = write_labels(tmp_path / "other" / "maize")
    with pytest.raises(LearningError, match="two sets of pictures are called maize"):
        check_spec(make_spec(shipped_model(), (labels, "new"), (other, "protected")))
    with pytest.raises(LearningError, match="gone: no such folder"):
        check_spec(make_spec(shipped_model(), (tmp_path / "gone", "new")))


def test_a_description_comes_back_as_it_was(job: Path, tmp_path: Path) -> None:
    spec = make_spec(shipped_model(), (write_labels(tmp_path / "maize"), "new"))
    write_spec(job, spec)
    assert read_spec(job) == spec
    (job / "job.json").write_text('{"format": "agriseg-learning"}')
    with pytest.raises(LearningError, match="made_at"):
        read_spec(job)
    with pytest.raises(LearningError, match="no job of learning"):
        read_spec(tmp_path)


def test_configurations_with_odd_names_come_back(tmp_path: Path) -> None:
    import tomllib

    config = {
        "name": 'a "quoted" \\ name – ü',
        "on": True,
        "table": {"list": ["x", "y"], "rate": 1e-3},
        "source": [{"name": "a"}, {"name": "b", "weights": [0.5, 2]}],
    }
    assert tomllib.loads(toml_text(config)) == config
