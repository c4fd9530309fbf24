"""Plant heads: the classes stay as they are, the heads learn, and every runtime returns them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_fields import field_picture

from agriseg.errors import ModelFileError
from agriseg.messages import Frame, Segmentation
from agriseg.models import open_bundle, open_segmenter
from agriseg.models.bundle import InputSpec, ModelBundle, PlantsSpec
from agriseg.models.export import export_bundle
from agriseg.models.exporting import export_onnx, export_openvino
from agriseg.models.networks import PlantOutput, build_network, freeze_trunk

FAMILIES = [
    ("lite0-fpn-detail", "lite0-fpn-detail-plants"),
    ("lite0-fpn-small", "lite0-fpn-small-plants"),
]
RULE = PlantsSpec(least_centre=0.25, spacing_cells=2)


def _lively(network: torch.nn.Module) -> torch.nn.Module:
    """Normalise by a picture's statistics, so that what comes out depends on what goes in."""
    picture = torch.from_numpy(field_picture(9)[0]).permute(2, 0, 1)[None] / 127.5 - 1.0
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(picture)
    return network.eval()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Return a bundle of a small network with plant heads and random weights."""
    torch.manual_seed(3)
    return export_bundle(
        _lively(build_network("lite0-fpn-small-plants", 3)),
        tmp_path_factory.mktemp("model") / "heads",
        name="heads",
        version="1",
        architecture="lite0-fpn-small-plants",
        spec=InputSpec(long_side_px=96, mean=(0.498,) * 3, std=(0.502,) * 3),
        licence="CC-BY-SA-4.0",
        calibration=[],
        plants=RULE,
    )


@pytest.mark.parametrize(("plain", "heads"), FAMILIES)
def test_the_same_weights_give_the_same_logits(plain: str, heads: str) -> None:
    torch.manual_seed(1)
    without = _lively(build_network(plain, 3))
    with_heads = build_network(heads, 3).eval()
    missing, unexpected = with_heads.load_state_dict(without.state_dict(), strict=False)
    assert unexpected == []
    assert all(name.startswith("plants.") for name in missing)
    x = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        output = with_heads(x)
        assert isinstance(output, PlantOutput)
        assert torch.equal(output.logits, without(x))
    assert output.plants.shape == (1, 3, 16, 24)


def test_a_frozen_trunk_keeps_weights_and_statistics() -> None:
    torch.manual_seed(2)
    network = build_network("lite0-fpn-small-plants", 3).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    freeze_trunk(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    network(torch.rand(2, 3, 64, 64)).plants.square().sum().backward()
    optimizer.step()
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert changed
    assert all(name.startswith("plants.") for name in changed)
    assert "plants.local.0.1.running_mean" in changed


def test_heads_train_in_float32_beside_a_trunk_in_bfloat16() -> None:
    network = build_network("lite0-fpn-small-plants", 3).train()
    freeze_trunk(network)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(torch.rand(1, 3, 64, 64))
    assert output.logits.dtype == torch.bfloat16
    assert output.plants.dtype == torch.float32


def test_the_manifest_says_how_plants_are_read(bundle: ModelBundle) -> None:
    text = json.loads((bundle.directory / "model.json").read_text())
    assert text["format_version"] == 2
    assert text["plants"]["least_centre"] == 0.25
    assert open_bundle(bundle.directory).manifest.grouping == RULE.rule


def test_bundles_without_heads_stay_readable_for_older_programs(
    untrained_bundle: ModelBundle,
) -> None:
    text = json.loads((untrained_bundle.directory / "model.json").read_text())
    assert text["format_version"] == 1
    assert "plants" not in text
    assert untrained_bundle.manifest.grouping is None


def _seen(bundle: ModelBundle, form: str, tmp_path: Path) -> Segmentation:
    image, _ = field_picture(5, 160, 96)
    if form == "onnx":
        segmenter = export_onnx(bundle, tmp_path / "onnx", [], 1)
    elif form == "again":
        segmenter = export_openvino(bundle, tmp_path / "again", [], 1)
    else:
        segmenter = open_segmenter(bundle.directory, runtime=form, threads=1)  # type: ignore[arg-type]
    seen = segmenter.segment(Frame(frame_id=3, t_capture_s=0.5, image=image))
    segmenter.close()
    return seen


@pytest.mark.parametrize("form", ["openvino", "onnx", "again"])
def test_every_runtime_returns_the_maps(bundle: ModelBundle, form: str, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    expected = _seen(bundle, "torch-cpu", tmp_path).plants
    found = _seen(bundle, form, tmp_path).plants
    assert expected is not None
    assert found is not None
    assert found.centre.shape == (16, 24)
    assert found.rule == RULE.rule
    assert expected.offset.std() > 0.1
    # OpenVINO may compute in bfloat16, which these random weights magnify.
    assert np.abs(found.offset - expected.offset).mean() < 0.1 * expected.offset.std()
    assert np.abs(found.centre - expected.centre).mean() < 0.1 * expected.centre.std()
    assert not found.centre.flags.writeable


def test_earlier_maps_survive_the_next_frame(bundle: ModelBundle) -> None:
    segmenter = open_segmenter(bundle.directory, runtime="openvino", threads=1)
    first = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=field_picture(5)[0])).plants
    assert first is not None
    kept = first.offset.copy()
    segmenter.segment(Frame(frame_id=1, t_capture_s=0.0, image=np.zeros((64, 96, 3), np.uint8)))
    segmenter.close()
    assert np.array_equal(first.offset, kept)


def test_models_without_heads_have_no_maps(untrained_bundle: ModelBundle) -> None:
    segmenter = open_segmenter(untrained_bundle.directory, runtime="openvino", threads=1)
    seen = segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=field_picture(5)[0]))
    segmenter.close()
    assert seen.plants is None


def test_heads_that_are_named_and_missing_are_found_at_the_opening(
    untrained_bundle: ModelBundle, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for path in untrained_bundle.directory.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((folder / "model.json").read_text())
    manifest.update(format_version=2, plants=RULE.model_dump())
    (folder / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match=r"and plant maps .*found 1 inputs and 1 outputs"):
        open_segmenter(folder, runtime="openvino", threads=1)
