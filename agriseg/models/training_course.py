"""Time and losses of a run of training."""

from __future__ import annotations

import time
from collections.abc import Mapping

from agriseg.models.training_events import StepDone, TrainingProgress

_SAY_EVERY_S = 0.5


class Course:
    """Counts a run's steps and tells how long the rest will take.

    Parameters
    ----------
    steps : int
        Of the whole schedule.
    batch : int
        Crops of a step.
    first : int
        The step that the run begins at.
    """

    def __init__(self, steps: int, batch: int, first: int) -> None:
        self._steps, self._batch, self._first = steps, batch, first
        self._began_s = self._said_s = time.monotonic()
        self._losses: list[float] = []

    def count(self, loss: float) -> None:
        """Count a step."""
        self._losses.append(loss)

    def is_due(self) -> bool:
        """Whether a word about the steps is due."""
        due = time.monotonic() - self._said_s >= _SAY_EVERY_S
        if due:
            self._said_s = time.monotonic()
        return due

    def leave_out(self, pause_s: float) -> None:
        """Count a pause as no time."""
        self._began_s += pause_s

    def step_done(self, step: int, loss: float, learning_rate: float) -> StepDone:
        """Return what is to be told of the steps."""
        elapsed_s, pace_s = self._pace(step)
        return StepDone(
            step=step,
            steps=self._steps,
            loss=loss,
            learning_rate=learning_rate,
            crops_per_s=self._batch / pace_s,
            elapsed_s=elapsed_s,
            remaining_s=pace_s * (self._steps - step),
        )

    def validated(
        self, step: int, learning_rate: float, figures: Mapping[str, float], *, is_best: bool
    ) -> TrainingProgress:
        """Return what is to be told of a validation, and begin the mean of losses anew."""
        elapsed_s, pace_s = self._pace(step)
        losses, self._losses = self._losses, []
        return TrainingProgress(
            step=step,
            steps=self._steps,
            loss=sum(losses) / len(losses),
            learning_rate=learning_rate,
            elapsed_s=elapsed_s,
            remaining_s=pace_s * (self._steps - step),
            validation=figures,
            is_best=is_best,
        )

    def _pace(self, step: int) -> tuple[float, float]:
        """Return the time since the beginning, and that of one step; validations count."""
        elapsed_s = time.monotonic() - self._began_s
        return elapsed_s, max(elapsed_s / (step - self._first), 1e-9)
