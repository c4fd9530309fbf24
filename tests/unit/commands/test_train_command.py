"""`agriseg train` and `agriseg evaluate` on a data set of circles, from files to a bundle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from safetensors.numpy import load_file

from agriseg.app import main
from agriseg.models.training_log import read_log

CONFIG = """
version = 1
name = "circles"
seed = 5
[network]
architecture = "lite0-fpn-small"
pretrained = false
[input]
long_side_px = 96
[schedule]
steps = 2
batch = 2
crop_px = 64
learning_rate = 1e-3
warmup_steps = 1
validate_every = 1
validation_images = 1
checkpoint_every = 1
mixed_precision = false
[export]
quantise = false
[[source]]
name = "circles"
directory = "circles"
weight = 1.0
held_out = ["b"]
licence = "CC0-1.0"
attribution = "A. Gardener"
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "circles"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for index in range(4):
        mask = np.zeros((64, 96), np.uint8)
        cv2.circle(mask, (20 + 10 * index, 30), 9, 1, -1)
        cv2.circle(mask, (80, 20), 6, 2, -1)
        image = np.array([(60, 80, 110), (40, 160, 60), (30, 190, 160)], np.uint8)[mask]
        cv2.imwrite(str(folder / "images" / f"p{index}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"p{index}.png"), mask)
    groups = {"p0": "a", "p1": "a", "p2": "b", "p3": "b"}
    (folder / "groups.json").write_text(json.dumps(groups))
    return folder.parent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "circles.toml"
    path.write_text(CONFIG)
    return path


def test_trains_exports_and_scores(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "training"
    shared = [str(config), "--data", str(data)]
    arguments = ["train", *shared, "--out", str(out), "--threads", "1", "--device", "cpu"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "step 2/2" in printed
    assert "circles.miou" in printed
    assert f"model written to {out / 'bundle'}" in printed
    _check_card_and_report(out)

    figures = tmp_path / "figures.json"
    arguments = ["evaluate", str(out / "bundle"), *shared, "--runtime", "openvino"]
    arguments += ["--threads", "1", "--json", str(figures)]
    assert main(arguments) == 0
    assert "| circles | 2 |" in capsys.readouterr().out
    scores = json.loads(figures.read_text())["sources"]["circles"]
    assert np.sum(scores["confusion"]) == 2 * 64 * 96
    assert scores["groups"] == 1


def _check_card_and_report(out: Path) -> None:
    card = (out / "bundle" / "MODEL_CARD.md").read_text()
    assert "| circles | folder | 2 images | 2 (b) | CC0-1.0 | A. Gardener |" in card
    assert "2 of 2 steps of 2 crops of 64x64, seed 5; trained to the end" in card
    assert "| circles | 2 | 0." in card
    assert (out / "bundle" / "training.toml").read_text() == CONFIG
    page = (out / "report.html").read_text()
    assert "Training of circles 1.0" in page
    assert "A. Gardener" in page
    assert page.count("data:image/jpeg") == 2
    assert "Mean IoU on held-out images over the steps" in page
    assert [line["step"] for line in read_log(out)] == [1, 2]
    assert list((out / "tensorboard").glob("events.out.tfevents.*"))
    assert (out / "samples" / "circles.jpg").is_file()
    assert not (out / "bundle.partial").exists()


def test_another_program_reads_its_course_and_stops_it(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "training"
    config.write_text(CONFIG.replace("steps = 2", "steps = 50"))
    arguments = ["train", str(config), "--data", str(data), "--out", str(out), "--device", "cpu"]
    command = [sys.executable, "-m", "agriseg", *arguments, "--progress", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "validation" and not (out / "control").exists():
                (out / "control").write_text("stop\n")
    assert process.returncode == 130
    events = [line["event"] for line in lines]
    assert events[0] == "started"
    assert lines[-1] == {
        "version": 1,
        "event": "stopped",
        "step": lines[-1]["step"],
        "reason": "cancelled",
    }
    assert lines[-1]["step"] < 50
    assert "circles.miou" in lines[events.index("validation")]["validation"]
    assert (out / "checkpoint.pt").is_file()
    assert not (out / "bundle").exists()

    config.write_text(CONFIG.replace("steps = 2", f"steps = {lines[-1]['step'] + 1}"))
    assert main([*arguments, "--resume", "--progress", "json"]) == 0
    last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert last[0]["step"] == lines[-1]["step"]
    assert last[-1] == {
        "version": 1,
        "event": "model",
        "bundle": str(out / "bundle"),
        "report": str(out / "report.html"),
    }


def test_a_failure_is_told_to_another_program(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(config), "--data", str(tmp_path), "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--progress", "json"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "failed"
    assert "no such folder" in json.loads(line)["message"]


@pytest.mark.parametrize(("group", "part"), [("a", "training images"), ("b", "held-out images")])
def test_a_class_that_is_missing_from_a_part_of_the_data_is_named(
    group: str,
    part: str,
    tmp_path: Path,
    data: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = json.loads((data / "circles" / "groups.json").read_text())
    for path in (data / "circles" / "masks").iterdir():
        if names[path.stem] == group:
            mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), np.where(mask == 2, 0, mask).astype(np.uint8))
    arguments = ["train", str(config), "--data", str(data), "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert f"no pixel of weed in the {part}" in said
    assert 'missing_classes = ["weed"]' in said
    assert not (tmp_path / "out").exists()


def test_learns_from_a_teacher_from_coco_labels_with_pasted_plants(
    tmp_path: Path, data: Path, config: Path
) -> None:
    arguments = ["--data", str(data), "--threads", "1", "--device", "cpu"]
    assert main(["train", str(config), *arguments, "--out", str(tmp_path / "teacher")]) == 0
    _as_coco(data / "circles")
    text = CONFIG.replace(
        "[export]",
        "[augmentation]\npaste_share = 1.0\n[distillation]\nteacher = 'teacher/bundle'\n[export]",
    )
    source = 'kind = "coco"\nclasses = { "beet" = "crop", "dock" = "weed" }\n'
    config.write_text(text + source)
    assert main(["train", str(config), *arguments, "--out", str(tmp_path / "student")]) == 0
    card = (tmp_path / "student" / "bundle" / "MODEL_CARD.md").read_text()
    assert "**Teacher**: `bundle`, share 0.5" in card
    assert "| circles | coco | 2 images | 2 (b) |" in card
    assert "plants pasted between them" in card


def _as_coco(folder: Path) -> None:
    """Give the folder's labels as a COCO file, and take its masks away."""
    images, annotations = [], []
    for number, path in enumerate(sorted((folder / "masks").iterdir())):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        images.append({"id": number, "file_name": path.name, "width": 96, "height": 64})
        for category in (1, 2):
            runs = coco_mask.encode(np.asfortranarray((mask == category).astype(np.uint8)))
            runs["counts"] = runs["counts"].decode()
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": category,
                    "iscrowd": 0,
                    "segmentation": runs,
                }
            )
    categories = [{"id": 1, "name": "beet"}, {"id": 2, "name": "dock"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(coco))
    shutil.rmtree(folder / "masks")


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path, data: Path, config: Path) -> None:
    out = tmp_path / "training"
    arguments = ["--data", str(data), "--out", str(out), "--device", "cpu", "--threads", "1"]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    command = [sys.executable, *launch, "-m", "agriseg", "train", str(config), *arguments]
    done = subprocess.run(
        [*command, "--progress", "json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["processes"] == 2
    assert [e["event"] for e in events].count("model") == 1
    assert (out / "bundle" / "model.json").is_file()


def test_a_training_begins_from_the_bundle_that_the_configuration_names(
    tmp_path: Path, data: Path, config: Path
) -> None:
    def train(
        path: Path, out: Path
    ) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        arguments = ["train", str(path), "--data", str(data), "--out", str(out)]
        assert main([*arguments, "--threads", "1", "--device", "cpu"]) == 0
        return load_file(out / "bundle" / "model.safetensors")

    still = CONFIG.replace("learning_rate = 1e-3", "learning_rate = 1e-12")
    first = train(config, tmp_path / "first")
    follow_up = tmp_path / "follow-up.toml"
    follow_up.write_text(
        still.replace("seed = 5", "seed = 6").replace(
            "[input]", 'start_from = "first/bundle"\n[input]'
        )
    )
    second = train(follow_up, tmp_path / "second")
    weights = [key for key in first if key.endswith(".weight")]
    for key in weights:
        np.testing.assert_allclose(second[key], first[key], atol=1e-5, err_msg=key)


def test_a_finished_training_is_not_overwritten(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "training"
    out.mkdir()
    (out / "checkpoint.pt").write_bytes(b"hours of work")
    arguments = ["train", str(config), "--data", str(data), "--out", str(out), "--device", "cpu"]
    assert main(arguments) == 2
    assert "a training is there already" in capsys.readouterr().err
    assert (out / "checkpoint.pt").read_bytes() == b"hours of work"


def test_missing_data_is_named(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(config), "--data", str(tmp_path), "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert f"{tmp_path / 'circles' / 'images'}: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("architecture", ["random-forest", "linear-svm"])
def test_fits_a_classical_classifier_in_one_go(
    architecture: str,
    tmp_path: Path,
    data: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config.write_text(
        CONFIG.replace("lite0-fpn-small", architecture)
        .replace("steps = 2", "steps = 8")
        .replace("quantise = false", "quantise = true")
    )
    out = tmp_path / "training"
    arguments = ["train", str(config), "--data", str(data), "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().err
    assert float(printed.split("circles.miou ")[1].split()[0]) > 0.6
    manifest = json.loads((out / "bundle" / "model.json").read_text())
    assert manifest["architecture"] == architecture
    assert manifest["openvino_precision"] == "float"
    assert main([*arguments, "--resume"]) == 2
    assert "fitted in one go" in capsys.readouterr().err


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_named(
    tmp_path: Path, data: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(config), "--data", str(data), "--device", "cuda"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "torch sees no CUDA device" in capsys.readouterr().err
