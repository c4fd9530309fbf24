"""What the engine works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agriseg.boundary.field_boundary import FieldBoundary
from agriseg.config import Config
from agriseg.geometry.machine_marks import MachineMark
from agriseg.pipeline import FieldPipeline
from agriseg.ports import Camera, Clock, PositionReceiver, RunSink, SprayController
from agriseg.segmenting import Segmenting
from agriseg.spraying.boom import Boom


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine works with; built by `agriseg.assembly`."""

    config: Config
    clock: Clock
    camera: Camera
    segmenting: Segmenting
    boom: Boom
    pipeline: FieldPipeline
    controller: SprayController
    reopen_controller: Callable[[], None] | None
    """Connects again after the link has ended; None where that cannot help."""
    open_run: Callable[[], RunSink | None]
    """Begins the recording of a run; None where runs are not recorded."""
    on_run_closed: Callable[[RunSink], None]
    """Called after a run's files were closed, to write its report."""
    receiver: PositionReceiver | None = None
    """Says where on the earth the machine is; None: nobody does."""
    boundary: FieldBoundary | None = None
    """Where spraying is allowed; None: everywhere."""
    marks: tuple[MachineMark, ...] = ()
    """Fixed parts of the machine in the camera's view, as they looked when it was calibrated."""
