"""Every runtime says the same about a frame, at the frame's size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_fields import field_picture

from agriseg.errors import ModelFileError
from agriseg.messages import Frame
from agriseg.models import available_runtimes, open_bundle, open_segmenter
from agriseg.models.bundle import ModelBundle
from agriseg.models.runtime import RuntimeChoice, default_threads
from agriseg.models.sizing import Size, network_size
from agriseg.ports import Segmenter


def _frame(width_px: int, height_px: int) -> Frame:
    image, _ = field_picture(5, width_px, height_px)
    return Frame(frame_id=7, t_capture_s=1.5, image=image)


def _open(bundle: ModelBundle, runtime: RuntimeChoice) -> Segmenter:
    return open_segmenter(bundle.directory, runtime=runtime, threads=1)


@pytest.mark.parametrize("size", [(96, 64), (150, 70), (64, 200)])
@pytest.mark.parametrize("runtime", ["openvino", "torch-cpu"])
def test_maps_have_the_frame_s_size(
    untrained_bundle: ModelBundle, runtime: RuntimeChoice, size: tuple[int, int]
) -> None:
    segmenter = _open(untrained_bundle, runtime)
    result = segmenter.segment(_frame(*size))
    segmenter.close()

    assert result.labels.shape == (size[1], size[0])
    assert set(np.unique(result.labels)) <= {0, 1, 2}
    assert (result.frame_id, result.t_capture_s) == (7, 1.5)
    assert result.forward_ms > 0.0
    assert result.segmenter == segmenter.name


@pytest.mark.parametrize("runtime", ["openvino", "torch-cpu"])
def test_labels_follow_the_probabilities(
    untrained_bundle: ModelBundle, runtime: RuntimeChoice
) -> None:
    segmenter = _open(untrained_bundle, runtime)
    result = segmenter.segment(_frame(96, 64))
    segmenter.close()

    weed, crop = result.weed_probability.astype(int), result.crop_probability.astype(int)
    levels = np.stack([255 - weed - crop, crop, weed])
    best = levels.max(axis=0)
    chosen = np.take_along_axis(levels, result.labels[None].astype(int), axis=0)[0]
    assert np.abs(best - chosen).max() <= 3  # rounding of three bytes


def test_runtimes_agree(untrained_bundle: ModelBundle) -> None:
    frame = _frame(160, 96)
    results = []
    for runtime in ("openvino", "torch-cpu"):
        segmenter = _open(untrained_bundle, runtime)  # type: ignore[arg-type]
        results.append(segmenter.segment(frame))
        segmenter.close()
    first, second = results
    # OpenVINO may compute in bfloat16, which these random weights magnify.
    assert (first.labels == second.labels).mean() > 0.95
    gap = np.abs(first.weed_probability.astype(int) - second.weed_probability.astype(int))
    assert gap.mean() <= 4.0


def test_earlier_result_survives_the_next_frame(untrained_bundle: ModelBundle) -> None:
    segmenter = _open(untrained_bundle, "openvino")
    first = segmenter.segment(_frame(96, 64))
    kept = first.weed_probability.copy()
    dark = np.zeros((64, 96, 3), np.uint8)
    second = segmenter.segment(Frame(frame_id=8, t_capture_s=2.0, image=dark))
    segmenter.close()

    assert np.array_equal(first.weed_probability, kept)
    assert not np.array_equal(first.weed_probability, second.weed_probability)


def test_auto_takes_the_first_available(untrained_bundle: ModelBundle) -> None:
    segmenter = open_segmenter(untrained_bundle.directory, threads=1)
    segmenter.close()
    expected = {"cuda": "CUDA", "openvino": "OpenVINO", "torch-cpu": "torch CPU"}
    assert expected[available_runtimes()[0]] in segmenter.name


@pytest.mark.skipif("cuda" in available_runtimes(), reason="this computer has a CUDA device")
def test_cuda_without_a_device_says_so(untrained_bundle: ModelBundle) -> None:
    with pytest.raises(ModelFileError, match=r"no CUDA device"):
        _open(untrained_bundle, "cuda")


@pytest.mark.skipif("cuda" not in available_runtimes(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu(untrained_bundle: ModelBundle) -> None:
    frame = _frame(160, 96)
    on_gpu, on_cpu = (_open(untrained_bundle, name) for name in ("cuda", "torch-cpu"))
    gap = np.abs(
        on_gpu.segment(frame).weed_probability.astype(int)
        - on_cpu.segment(frame).weed_probability.astype(int)
    )
    on_gpu.close()
    assert gap.max() <= 4


def test_openvino_path_imports_no_torch_and_starts_no_thread(repository: Path) -> None:
    program = (
        "import sys, threading, numpy as np\n"
        "from agriseg.messages import Frame\n"
        "from agriseg.models import open_segmenter\n"
        "s = open_segmenter(runtime='openvino', threads=1)\n"
        "s.segment(Frame(frame_id=0, t_capture_s=0.0, image=np.zeros((64, 96, 3), np.uint8)))\n"
        "print('torch' in sys.modules, threading.active_count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False 1"


def test_a_model_is_made_ready_for_the_frames_when_it_is_opened(
    untrained_bundle: ModelBundle, tmp_path: Path
) -> None:
    """The first frame finds the network compiled: the cache of compiled ones does not grow."""
    segmenter = open_segmenter(
        untrained_bundle.directory,
        runtime="openvino",
        threads=1,
        cache_dir=tmp_path,
        size=Size(96, 64),
    )
    compiled = set(tmp_path.glob("*.blob"))
    segmenter.segment(_frame(96, 64))
    after_its_size = set(tmp_path.glob("*.blob"))
    segmenter.segment(_frame(96, 96))
    after_another = set(tmp_path.glob("*.blob"))
    segmenter.close()

    assert len(compiled) == 1
    assert after_its_size == compiled
    assert len(after_another) == 2


@pytest.mark.parametrize(
    ("runtime", "cores", "threads"),
    [
        ("openvino", 1, 1),
        ("openvino", 2, 2),
        ("openvino-int8", 4, 3),
        ("torch-cpu", 2, 1),
        ("torch-cpu", 1, 1),
        ("torch-cpu", 8, 7),
    ],
)
def test_a_model_leaves_a_core_to_the_rest_but_takes_both_of_two(
    runtime: str, cores: int, threads: int
) -> None:
    assert default_threads(runtime, cores) == threads


def test_network_size_keeps_the_long_side() -> None:
    assert network_size(Size(960, 544), 960) == Size(960, 544)
    assert network_size(Size(640, 640), 960) == Size(640, 640)
    assert network_size(Size(966, 1296), 960) == Size(704, 960)
    assert network_size(Size(2000, 10), 960) == Size(960, 32)


def test_shipped_model_uses_eight_bits() -> None:
    from agriseg.models import shipped_model

    assert open_bundle(shipped_model()).manifest.openvino_precision == "int8"
