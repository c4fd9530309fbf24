"""The model through ONNX Runtime: on the CPU, or by TensorRT where its provider is installed."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from agriseg.messages import Frame, GroupingRule, Segmentation
from agriseg.models.bundle import InputSpec
from agriseg.models.frame_maps import FrameMaps
from agriseg.models.onnx_files import FRAME_NAME, MAP_NAMES, PLANTS_NAME, build_frame_onnx
from agriseg.models.onnx_runtime import require
from agriseg.models.sizing import Size

if TYPE_CHECKING:
    from onnx import ModelProto

_KEPT_SIZES = 3


class OnnxSegmenter:
    """Segments frames with ONNX Runtime; for a frame of another size a session is made once.

    Parameters
    ----------
    network : ModelProto
        Bare network, of `agriseg.models.onnx_files.network_to_onnx`.
    spec : InputSpec
    name : str
        Model and runtime.
    threads : int
        CPU threads.
    providers : sequence of str or (str, options)
        Execution providers of ONNX Runtime, in order of preference.
    grouping : GroupingRule, optional
        How plants are told apart, where the network has plant heads.

    temperature : float
        Logits are divided by it before the softmax.

    Raises
    ------
    ModelFileError
        The extra ``onnx`` is not installed.
    """

    def __init__(
        self,
        network: ModelProto,
        spec: InputSpec,
        *,
        name: str,
        threads: int,
        providers: tuple[Any, ...] = ("CPUExecutionProvider",),
        grouping: GroupingRule | None = None,
        temperature: float = 1.0,
    ) -> None:
        self._onnxruntime = require("onnxruntime")
        self._network = network
        self._spec = spec
        self._temperature = temperature
        self._name = name
        self._providers = list(providers)
        self._threads = threads
        self._grouping = grouping
        self._outputs = list(MAP_NAMES) if grouping is None else [*MAP_NAMES, PLANTS_NAME]
        self._sessions: OrderedDict[Size, Any] = OrderedDict()

    @property
    def name(self) -> str:
        """Model and runtime."""
        return self._name

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        session = self._session(Size(frame.image.shape[1], frame.image.shape[0]))
        began_s = time.perf_counter()
        found = session.run(self._outputs, {FRAME_NAME: frame.image[None]})
        forward_ms = (time.perf_counter() - began_s) * 1e3
        labels, weed, crop = (np.asarray(one[0], np.uint8) for one in found[: len(MAP_NAMES)])
        plants = None if self._grouping is None else np.asarray(found[-1][0], np.float32)
        maps = FrameMaps(labels, weed, crop, plants)
        return maps.segmentation(frame, forward_ms, self.name, self._grouping)

    def close(self) -> None:
        """Release the sessions."""
        self._sessions.clear()

    def _session(self, size: Size) -> Any:
        found = self._sessions.get(size)
        if found is None:
            found = self._open(size)
            self._sessions[size] = found
            if len(self._sessions) > _KEPT_SIZES:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(size)
        return found

    def _open(self, size: Size) -> Any:
        options = self._onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Waiting threads must not take the cores from the rest of the program.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = build_frame_onnx(self._network, size, self._spec, self._temperature)
        return self._onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=self._providers
        )
