"""OpenVINO, imported in one place so that it tells nobody about it.

``from agriseg.models.openvino_runtime import ov`` instead of ``import openvino as ov``: on import
the package reports usage over the network through ``openvino_telemetry``, in a thread of its own,
unless that package cannot be imported. A sprayer in a field reports to nobody.
"""

from __future__ import annotations

import sys
from typing import Any, cast

# None in sys.modules makes `import openvino_telemetry` fail, which OpenVINO and NNCF allow for.
cast("dict[str, Any]", sys.modules).setdefault("openvino_telemetry", None)

import openvino as ov  # noqa: E402

__all__ = ["cpu_settings", "ov"]


def cpu_settings(threads: int) -> dict[str, str | int]:
    """Return how one network computes on the CPU: one frame at a time, as soon as possible.

    Its threads are not tied to cores: tied, each would wait for whatever else runs on its core
    while another one is idle.
    """
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
