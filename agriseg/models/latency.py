"""How long architectures take on this computer, with random weights."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agriseg.models.export import convert_network
from agriseg.models.networks import build_network
from agriseg.models.openvino_runtime import cpu_settings, ov
from agriseg.models.sizing import Size
from agriseg.models.timing import Turns, time_in_turn

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Times of one network over all rounds, in milliseconds."""

    median_ms: float
    slowest_tenth_ms: float
    """Nine rounds of ten were faster."""
    rounds: int


def latencies(
    runs: Mapping[str, Callable[[], object]],
    rounds: int,
    now_s: Callable[[], float] = time.perf_counter,
) -> dict[str, Latency]:
    """Time each of several computations once a round; see `agriseg.models.timing`.

    Parameters
    ----------
    runs : mapping of name to callable
    rounds : int
        At least 1.
    now_s : callable
        The clock, in seconds.
    """
    times_ms = time_in_turn(runs, Turns(rounds=rounds), now_s)
    return {name: _summary(values) for name, values in times_ms.items()}


def cpu_latencies(
    architectures: Sequence[str], size: Size, *, classes: int, rounds: int, threads: int
) -> dict[str, Latency]:
    """Time architectures with random weights through OpenVINO on the CPU, the network alone.

    Parameters
    ----------
    architectures : sequence of str
    size : Size
        Size of the networks' input; both sides multiples of 32.
    classes, rounds, threads : int
    """
    runs = {}
    for name in architectures:
        _log.info("preparing %s", name)
        runs[name] = prepared_run(name, size, classes, threads)
    return latencies(runs, rounds)


def cpu_precision() -> str:
    """Return the number type that the CPU runtime computes in where it may choose, as ``bf16``."""
    kind = ov.Core().get_property("CPU", "INFERENCE_PRECISION_HINT")
    return str(kind.get_type_name()) if hasattr(kind, "get_type_name") else str(kind)


def prepared_run(name: str, size: Size, classes: int, threads: int) -> Callable[[], object]:
    """Return one forward pass of an architecture with random weights, ready to be timed."""
    torch.manual_seed(0)
    model = convert_network(build_network(name, classes).eval())
    model.reshape([1, 3, size.height_px, size.width_px])
    request = ov.Core().compile_model(model, "CPU", cpu_settings(threads)).create_infer_request()
    shape = (1, 3, size.height_px, size.width_px)
    picture = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def run() -> object:
        return request.infer([picture], share_inputs=True)

    return run


def _summary(values_ms: Sequence[float]) -> Latency:
    return Latency(
        median_ms=statistics.median(values_ms),
        slowest_tenth_ms=float(np.percentile(values_ms, 90)),
        rounds=len(values_ms),
    )
