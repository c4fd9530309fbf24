"""The model through torch: on an NVIDIA GPU as a CUDA graph, or on the CPU as a last resort."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from agriseg.errors import ModelFileError
from agriseg.messages import Frame, GroupingRule, Segmentation, UInt8Array
from agriseg.models.bundle import CLASS_NAMES, ModelBundle
from agriseg.models.frame_maps import FrameMaps
from agriseg.models.graph import FrameGraph
from agriseg.models.networks import PlantOutput, build_network, channels_last
from agriseg.models.sizing import Size, network_size

_KEPT_SIZES = 3
_WARM_UP_RUNS = 3
_BYTE_MAPS = 3


def load_network(bundle: ModelBundle) -> nn.Module:
    """Build a bundle's network and give it its weights; ready to run, not to train.

    Raises
    ------
    ModelFileError
        The file is no safetensors file, or its weights do not fit the architecture.
    """
    network = build_network(bundle.manifest.architecture, len(CLASS_NAMES))
    try:
        network.load_state_dict(load_file(bundle.weights_path))
    except SafetensorError as error:
        raise ModelFileError(f"{bundle.weights_path}: not a safetensors file ({error})") from error
    except RuntimeError as error:
        raise ModelFileError(
            f"{bundle.weights_path}: the weights do not fit {bundle.manifest.architecture!r} "
            f"({str(error).splitlines()[0]})"
        ) from error
    return network.eval().requires_grad_(False)


class CudaSegmenter:
    """Segments frames on an NVIDIA GPU: half precision, channels last, one CUDA graph per size.

    The frame's bytes go through pinned memory to the device, everything else happens there, and
    three byte maps come back.

    Raises
    ------
    ModelFileError
        There is no CUDA device, or the weights do not fit.
    """

    def __init__(self, bundle: ModelBundle) -> None:
        if not torch.cuda.is_available():
            raise ModelFileError(
                "runtime cuda: torch sees no CUDA device; install the NVIDIA driver and a CUDA "
                "build of torch, or choose the runtime openvino"
            )
        self._bundle = bundle
        self._device = torch.device("cuda")
        self._network = load_network(bundle)
        self._graphs: OrderedDict[Size, _CapturedGraph] = OrderedDict()

    @property
    def name(self) -> str:
        """Model and runtime."""
        manifest = self._bundle.manifest
        return f"{manifest.name} {manifest.version} (CUDA {torch.cuda.get_device_name()})"

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        size = Size(frame.image.shape[1], frame.image.shape[0])
        captured = self._graphs.get(size)
        if captured is None:
            module = _frame_graph(self._network, self._bundle, size).to(self._device)
            captured = _CapturedGraph(_half_network(module), size, self._device)
            self._graphs[size] = captured
            if len(self._graphs) > _KEPT_SIZES:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(size)
        return _timed(frame, captured.run, self.name, self._bundle.manifest.grouping)

    def close(self) -> None:
        """Release the device's memory."""
        self._graphs.clear()
        torch.cuda.empty_cache()


class TorchCpuSegmenter:
    """Segments frames with plain torch on the CPU: slow, and needs nothing else.

    Parameters
    ----------
    bundle : ModelBundle
    threads : int
        CPU threads of torch, for the whole process.
    """

    def __init__(self, bundle: ModelBundle, *, threads: int) -> None:
        torch.set_num_threads(threads)
        self._bundle = bundle
        self._network = channels_last(load_network(bundle))

    @property
    def name(self) -> str:
        """Model and runtime."""
        manifest = self._bundle.manifest
        return f"{manifest.name} {manifest.version} (torch CPU float32)"

    def segment(self, frame: Frame) -> Segmentation:
        """Return the classes and probabilities of every pixel of ``frame``."""
        size = Size(frame.image.shape[1], frame.image.shape[0])
        graph = _frame_graph(self._network, self._bundle, size)

        def run(image: UInt8Array) -> FrameMaps:
            with torch.inference_mode():
                return FrameMaps(*(one[0].numpy() for one in graph(torch.tensor(image)[None])))

        return _timed(frame, run, self.name, self._bundle.manifest.grouping)

    def close(self) -> None:
        """Nothing is held but memory."""


class _HalfNetwork(nn.Module):
    """A network in half precision between float32 ends."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = channels_last(network.half())

    def forward(self, x: Tensor) -> Tensor | PlantOutput:
        half = x.half().contiguous(memory_format=torch.channels_last)
        output = self._network(half)
        if isinstance(output, PlantOutput):
            return PlantOutput(output.logits.float(), output.plants.float())
        logits: Tensor = output.float()
        return logits


class _CapturedGraph:
    """A module for frames of one size, recorded once and replayed without Python."""

    def __init__(self, module: nn.Module, size: Size, device: torch.device) -> None:
        shape = (1, size.height_px, size.width_px, 3)
        maps_shape = (3, size.height_px, size.width_px)
        self._host_in = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self._host_out = torch.empty(maps_shape, dtype=torch.uint8, pin_memory=True)
        self._input = torch.zeros(shape, dtype=torch.uint8, device=device)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream(device))
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            for _ in range(_WARM_UP_RUNS):
                torch.cat(module(self._input)[:_BYTE_MAPS])
        self._stream.synchronize()
        with torch.inference_mode(), torch.cuda.graph(self._graph, stream=self._stream):
            maps = module(self._input)
            self._output = torch.cat(maps[:_BYTE_MAPS])
        self._plants = maps[_BYTE_MAPS] if len(maps) > _BYTE_MAPS else None
        self._host_plants = (
            None
            if self._plants is None
            else torch.empty(self._plants.shape, dtype=self._plants.dtype, pin_memory=True)
        )

    def run(self, image: UInt8Array) -> FrameMaps:
        np.copyto(self._host_in.numpy()[0], image)
        with torch.cuda.stream(self._stream):
            self._input.copy_(self._host_in, non_blocking=True)
            self._graph.replay()
            self._host_out.copy_(self._output, non_blocking=True)
            if self._host_plants is not None and self._plants is not None:
                self._host_plants.copy_(self._plants, non_blocking=True)
        self._stream.synchronize()
        labels, weed, crop = self._host_out.numpy().copy()
        plants = None if self._host_plants is None else self._host_plants[0].numpy().copy()
        return FrameMaps(labels, weed, crop, plants)


def _half_network(module: FrameGraph) -> FrameGraph:
    module.network = _HalfNetwork(module.network)
    return module


def _frame_graph(network: nn.Module, bundle: ModelBundle, size: Size) -> FrameGraph:
    spec = bundle.manifest.input
    graph = FrameGraph(
        network,
        size,
        network_size(size, spec.long_side_px),
        spec.mean,
        spec.std,
        bundle.manifest.temperature,
    )
    return graph.eval()


def _timed(
    frame: Frame,
    run: Callable[[UInt8Array], FrameMaps],
    name: str,
    grouping: GroupingRule | None,
) -> Segmentation:
    began_s = time.perf_counter()
    maps = run(frame.image)
    forward_ms = (time.perf_counter() - began_s) * 1e3
    return maps.segmentation(frame, forward_ms, name, grouping)
