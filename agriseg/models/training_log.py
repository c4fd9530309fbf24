"""What a training leaves behind of its course: ``log.jsonl``, and curves for TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.models.training_events import StepDone, TrainingEvent, TrainingProgress

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_NAME = "log.jsonl"
TENSORBOARD_NAME = "tensorboard"

_log = logging.getLogger(__name__)


def write_log(directory: Path, progress: TrainingProgress) -> None:
    """Add a validation's figures as a line of JSON."""
    directory.mkdir(parents=True, exist_ok=True)
    line = {
        "step": progress.step,
        "loss": progress.loss,
        "learning_rate": progress.learning_rate,
        "elapsed_s": progress.elapsed_s,
        **{k: v if math.isfinite(v) else None for k, v in progress.validation.items()},
    }
    with (directory / LOG_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_log(directory: Path) -> list[dict[str, Any]]:
    """Return the lines of the log; a line that a power cut tore is left out."""
    path = directory / LOG_NAME
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            _log.warning("%s: a torn line is left out", path)
    return lines


def rewind_log(directory: Path, step: int) -> None:
    """Forget what came after the step at which a training is resumed."""
    path = directory / LOG_NAME
    if path.is_file():
        kept = [line for line in read_log(directory) if line["step"] <= step]
        partial = path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        partial.replace(path)


class Curves:
    """Loss, learning rate, pace and IoU for TensorBoard.

    Parameters
    ----------
    directory : Path
        Of the training; the curves go to ``tensorboard/`` in it.
    first_step : int
        Curves of an earlier run are forgotten from here on.
    """

    def __init__(self, directory: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: SummaryWriter = SummaryWriter(
            str(directory / TENSORBOARD_NAME), purge_step=first_step
        )

    def hear(self, event: TrainingEvent) -> None:
        """Draw what an event tells."""
        if isinstance(event, StepDone):
            self._draw("train/loss", event.loss, event.step)
            self._draw("train/learning_rate", event.learning_rate, event.step)
            self._draw("train/crops_per_s", event.crops_per_s, event.step)
        elif isinstance(event, TrainingProgress):
            self._draw("train/mean_loss", event.loss, event.step)
            for name, value in event.validation.items():
                source, figure = name.rsplit(".", 1)
                self._draw(f"held_out_{figure}/{source}", value, event.step)
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _draw(self, name: str, value: float, step: int) -> None:
        if math.isfinite(value):
            self._writer.add_scalar(name, value, step)


def open_curves(directory: Path, first_step: int, *, wanted: bool) -> Curves | None:
    """Return curves where they are wanted and TensorBoard is installed."""
    if not wanted:
        return None
    if importlib.util.find_spec("tensorboard") is None:
        _log.warning(
            "no curves for TensorBoard: it is not installed (pip install 'agriseg[train]'); "
            "%s has the same figures",
            directory / LOG_NAME,
        )
        return None
    return Curves(directory, first_step)
