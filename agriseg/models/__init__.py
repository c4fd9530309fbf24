"""Networks, their training and runtimes; the only place that imports torch, and only when needed.

`open_segmenter` is what the rest of the program uses; the format of a model bundle is in
``FORMAT.md``.
"""

from agriseg.models.bundle import ModelBundle, open_bundle, shipped_model
from agriseg.models.runtime import available_runtimes, open_segmenter

__all__ = [
    "ModelBundle",
    "available_runtimes",
    "open_bundle",
    "open_segmenter",
    "shipped_model",
]
