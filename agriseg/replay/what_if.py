"""Runs one recorded run again with other settings, and compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from agriseg.config import Config
from agriseg.messages import ClassId
from agriseg.models.naming import find_model
from agriseg.recording.reader import Run, open_run
from agriseg.replay.driver import Decisions, Evidence, RecordedEvidence, drive
from agriseg.replay.judging import GroundStrip, Reference, ReplayFigures
from agriseg.replay.model_evidence import PictureLook, look_again
from agriseg.replay.recorded_input import read_input, recorded_patches
from agriseg.replay.retiming import Retiming
from agriseg.replay.settings import ReplaySettings

EXCESS_GREEN = "exg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One replay.

    Attributes
    ----------
    settings : ReplaySettings
    figures : ReplayFigures
        By the pulses that it commands, judged by the reference.
    same_pulses : bool, optional
        Whether every pulse is that of the run; None where that cannot be asked.
    notes : tuple of str
        What makes the replay less than exact.
    """

    settings: ReplaySettings
    figures: ReplayFigures
    same_pulses: bool | None = None
    notes: tuple[str, ...] = ()


class WhatIf:
    """A run, read once, decided again as often as wanted; not to be shared between threads.

    To be closed, or used in a ``with`` statement, where a model looks at pictures.

    The reference is the run decided again as it was: its weeds and its crop, as the model saw
    them when they left the view. Without recorded evidence (older recordings) the model looks at
    the pictures again, which are not quite what it saw then.

    Parameters
    ----------
    run : Path
    workers : int
        Processes for models that look at pictures.
    models : sequence of str
        Those that will be asked for: with several workers they begin to look at once, while the run
        is decided as it was.
    progress, cancelled : callable
        Told what is being done and the share of it, 0 to 1; asked whether to give up.

    Raises
    ------
    RecordingError
        The run cannot be opened or decided again.
    ReplayCancelled
        It was given up.
    """

    def __init__(
        self,
        run: Path,
        *,
        workers: int = 1,
        models: Sequence[str] = (),
        progress: Callable[[str, float], None] = lambda _, __: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = run
        self._workers = workers
        self._progress = progress
        self._cancelled = cancelled
        self._seen: dict[str, PictureLook] = {}
        try:
            self._begin(run, models)
        except BaseException:
            self.close()
            raise

    def _begin(self, run: Path, models: Sequence[str]) -> None:
        with open_run(run) as recording:
            self.input = read_input(recording)
            self._has_patches = self.input.start is not None
        if self._workers > 1:
            for model in models[:1]:
                self._look(model)
        self._strip = GroundStrip(self.input.config)
        decisions = self._drive(ReplaySettings(), self.input.config, self._strip)
        self._reference = Reference(
            labels=self._strip.labels(),
            cell_m=self._strip.cell_m,
            s0_m=self._strip.s0_m,
            y0_m=self._strip.y0_m,
            weeds=[plant for plant in decisions.plants if plant.class_id is ClassId.WEED],
        )
        self.original = self._outcome(ReplaySettings(), self.input.config, decisions)

    def replay(self, settings: ReplaySettings) -> Outcome:
        """Decide again with other settings.

        Raises
        ------
        ConfigError, RecordingError, ModelFileError
            A setting cannot be used.
        ReplayCancelled
            It was given up.
        """
        if settings.is_unchanged:
            return self.original
        return self._outcome(settings, *self.decide(settings))

    def decide(self, settings: ReplaySettings) -> tuple[Config, Decisions]:
        """Return the configuration with other settings, and what is decided with it.

        Raises
        ------
        ConfigError, RecordingError, ModelFileError
            A setting cannot be used.
        ReplayCancelled
            It was given up.
        """
        config = settings.applied(self.input.config)
        return config, self._drive(settings, config, None)

    def close(self) -> None:
        """End what still looks at pictures."""
        for seen in self._seen.values():
            seen.close()
        self._seen.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def reference(self) -> Reference:
        """The ground and the weeds that decisions are judged by."""
        return self._reference

    def _drive(
        self, settings: ReplaySettings, config: Config, strip: GroundStrip | None
    ) -> Decisions:
        steps, poses = self.input.steps, None
        if settings.is_retimed:
            retiming = Retiming(steps, settings.speed_factor, settings.added_latency_s)
            steps, poses = retiming.steps(), retiming.poses(self.input.poses)
        elif settings.model or not self._has_patches:
            poses = self.input.poses
        seen = self._look(settings.model) if settings.model or not self._has_patches else None
        with open_run(self._path) as run:
            evidence = self._evidence(run, seen)
            decisions = drive(
                config,
                self.input.start,
                steps,
                self.input.capabilities,
                evidence,
                keeps_operator=settings.keeps_operator,
                poses=poses,
                on_frame=strip.add if strip is not None else lambda _: None,
                progress=lambda share: self._progress(settings.words(), share),
                cancelled=self._cancelled,
            )
        if decisions is None:
            raise ReplayCancelled
        return decisions

    def _evidence(self, run: Run, seen: PictureLook | None) -> Evidence:
        return seen if seen is not None else RecordedEvidence(recorded_patches(run))

    def _look(self, model: str) -> PictureLook:
        if model not in self._seen:
            asked = self.input.config.model
            if model == EXCESS_GREEN:
                asked = asked.model_copy(update={"method": "exg"})
            elif model:
                changes = {"path": str(find_model(model)), "method": "network"}
                asked = asked.model_copy(update=changes)
            self._seen[model] = look_again(self._path, asked, self._workers)
        return self._seen[model]

    def _outcome(self, settings: ReplaySettings, config: Config, decisions: Decisions) -> Outcome:
        same = None
        if settings.is_unchanged and self._has_patches:
            same = decisions.events == list(self.input.commanded)
        return Outcome(
            settings=settings,
            figures=self._reference.judge(config, decisions),
            same_pulses=same,
            notes=self.input.gaps,
        )


class ReplayCancelled(Exception):  # noqa: N818  # not an error: it was asked for
    """A replay was given up because that was asked for."""
