"""Runtimes measured in turn by a clock of our own, and the choice of the best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agriseg.evaluation.benchmark import Benchmark, MeasuredRuntime, measure_in_turn, to_remember
from agriseg.evaluation.loss import AccuracyLoss, Picture, measure_loss
from agriseg.messages import Frame, Segmentation, UInt8Array
from agriseg.models.sizing import Size


class _Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class _Fixed:
    """Gives every frame the labels that a function makes of its image, in a fixed time."""

    def __init__(
        self,
        clock: _Clock,
        seconds: float,
        label: Callable[[UInt8Array], UInt8Array] = lambda image: image[..., 0],
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._label = label
        self.name = "fixed"
        self.shown: list[float] = []

    def segment(self, frame: Frame) -> Segmentation:
        self.shown.append(self._clock.now_s)
        self._clock.now_s += self._seconds
        labels = self._label(frame.image).copy()
        return Segmentation(
            frame_id=frame.frame_id,
            t_capture_s=frame.t_capture_s,
            labels=labels,
            weed_probability=np.zeros_like(labels),
            crop_probability=np.zeros_like(labels),
            forward_ms=1.0,
            segmenter=self.name,
        )

    def close(self) -> None:
        """Nothing is held."""


def _image(value: int) -> UInt8Array:
    return np.full((10, 10, 3), value, np.uint8)


def test_runtimes_take_turns_and_every_frame_is_timed() -> None:
    clock = _Clock()
    fast, slow = _Fixed(clock, 0.01), _Fixed(clock, 0.2)
    times_ms = measure_in_turn({"fast": fast, "slow": slow}, [_image(0)], 5.0, clock)
    assert times_ms["fast"] == pytest.approx([10.0] * len(times_ms["fast"]))
    assert times_ms["slow"] == pytest.approx([200.0] * len(times_ms["slow"]))
    # A turn of the slow one ends after half a second; the first frame of a turn is not timed.
    assert len(times_ms["fast"]) / len(times_ms["slow"]) == pytest.approx(5 / 3)
    assert len(fast.shown) == len(times_ms["fast"]) * 6 // 5
    assert fast.shown[6] > slow.shown[3]
    assert 5.0 <= clock.now_s < 7.0


def test_three_rounds_are_done_however_long_they_take() -> None:
    clock = _Clock()
    times_ms = measure_in_turn({"slow": _Fixed(clock, 60.0)}, [_image(0)], 1.0, clock)
    assert len(times_ms["slow"]) == 3


def test_loss_against_truth_and_against_float32() -> None:
    clock = _Clock()
    exact = _Fixed(clock, 0.0)

    def wrong_corner(image: UInt8Array) -> UInt8Array:
        labels = image[..., 0].copy()
        labels[:2, :5] = 2
        return labels

    pictures: list[Picture] = [(_image(0), _image(0)[..., 0]), (_image(2), _image(2)[..., 0])]
    loss = measure_loss(exact, _Fixed(clock, 0.0, wrong_corner), pictures)
    assert (loss.images, loss.against) == (2, "truth")
    assert loss.mean_disagreement == pytest.approx(0.05)
    assert loss.max_disagreement == pytest.approx(0.1)
    # Soil 90 of 100; weed 100 of 110.
    assert loss.points == pytest.approx(100 * (1.0 - (0.9 + 100 / 110) / 2))
    assert not loss.is_bounded
    bare = measure_loss(exact, exact, [(image, None) for image, _ in pictures])
    assert (bare.against, bare.points, bare.is_bounded) == ("float32 labels", 0.0, True)


def _runtime(form: str, median_ms: float, points: float) -> MeasuredRuntime:
    loss = AccuracyLoss(
        images=1, against="truth", points=points, mean_disagreement=0.0, max_disagreement=0.0
    )
    return MeasuredRuntime(
        form=form, name=form, median_ms=median_ms, p95_ms=median_ms, frames=9, loss=loss
    )


def test_the_fastest_is_not_taken_when_it_loses_more_than_a_point() -> None:
    benchmark = Benchmark(
        size=Size(96, 64),
        threads=1,
        pictures="none",
        runtimes=(
            _runtime("torch-cpu", 100.0, 0.0),
            _runtime("openvino-int8", 10.0, 1.2),
            _runtime("openvino-bf16", 20.0, 0.9),
            _runtime("onnxruntime", 15.0, 0.0),
        ),
        unavailable={},
    )
    assert benchmark.best.form == "onnxruntime"
    assert benchmark.best.fps == pytest.approx(1000 / 15)
    # It has to be converted when it is opened: the start of spraying would wait for it.
    assert to_remember(benchmark).form == "openvino-bf16"
