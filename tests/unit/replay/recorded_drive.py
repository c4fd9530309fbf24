"""A recorded drive over a field of labels, small enough to be made in seconds."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "sim"))

from label_field import Drive, LabelField, make_config, scattered

from agriseg.clock import VirtualClock
from agriseg.config import Config
from agriseg.messages import (
    ControllerCapabilities,
    Frame,
    OdometrySample,
    RunEvent,
    Segmentation,
    StageTimes,
)
from agriseg.pipeline_journal import PipelineStart, StepJournal
from agriseg.recording.recorder import RunDescription, RunRecorder

STAGE = StageTimes(
    capture_ms=1.0,
    segment_ms=1.0,
    project_ms=1.0,
    plan_ms=1.0,
    link_ms=1.0,
    forward_ms=1.0,
    overhead_ms=1.0,
)
SPEED_M_S = 1.5


class RecordedDrive(Drive):
    """A drive whose recording begins when something of the ground has been seen already."""

    def record(
        self, directory: Path, duration_s: float, *, begins_s: float = 1.1, journals: bool = True
    ) -> Path:
        self.clock = VirtualClock()
        self.begins_s = begins_s
        self.journals = journals
        self.recorder: RunRecorder | None = None
        self.directory = directory
        self.changes = {1.4: 0.83, 2.2: 0.31}
        """Sensitivities that the operator sets, and when."""
        integrate = self.pipeline.integrate

        def integrated(frame: Frame, segmentation: Segmentation) -> object:
            result = integrate(frame, segmentation)
            if self.recorder is not None:
                self.recorder.frame(frame, segmentation, result.vehicle, STAGE)
                self._hand_over()
            return result

        self.pipeline.integrate = integrated  # type: ignore[method-assign, assignment]
        self.run(duration_s)
        assert self.recorder is not None
        self._hand_over()
        self.recorder.event(RunEvent(t_s=self.clock.now_s(), kind="end", text=""))
        self.recorder.close()
        return directory

    def _begin(self, t: float) -> None:
        self.recorder = RunRecorder(
            self.directory,
            self.config,
            RunDescription(),
            clock=self.clock,
            wait_for_room=True,
            vp9=lambda: None,
        )
        self.recorder.controller(self.capabilities)
        if self.journals:
            self.pipeline.journal = StepJournal()
            state, content = self.pipeline.state()
            self.recorder.journal(PipelineStart(t_s=t, state=state, map=content))
        self.pipeline.restart(t)
        self.recorder.event(RunEvent(t_s=t, kind="spraying", text=""))

    def _hand_over(self) -> None:
        journal = self.pipeline.journal
        if journal is not None and self.recorder is not None:
            self.recorder.journal(journal.take(self.clock.now_s()))

    def _odometry(self, t: float, distance: float, speed: float) -> None:
        self.clock.sleep_until(t)
        super()._odometry(t, distance, speed)
        if self.recorder is not None:
            self.recorder.controller(
                OdometrySample(
                    t_s=t,
                    distance_m=distance,
                    speed_m_s=speed,
                    source=self.pipeline.odometry.state().source,
                )
            )

    def _plan(self, t: float) -> None:
        self.clock.sleep_until(t)
        if self.recorder is None:
            if t < self.begins_s:
                return
            self._begin(t)
        for moment in [moment for moment in self.changes if moment <= t]:
            self.pipeline.sensitivity = self.changes.pop(moment)
        plan = self.pipeline.plan(t)
        self.events += plan.events
        self.missed += plan.missed
        self.plants += plan.plants
        if self.recorder is not None and (plan.events or plan.missed or plan.plants):
            self.recorder.plan(plan)


def steady(_: float) -> float:
    return SPEED_M_S


def make_drive(
    field: LabelField | None = None,
    config: Config | None = None,
    capabilities: ControllerCapabilities | None = None,
) -> RecordedDrive:
    """Return a drive at 1.5 m/s over scattered weeds between two rows of crop."""
    drive = RecordedDrive(field or scattered(7.0, seed=4), config or make_config(), steady)
    drive.weed_value = 180
    if capabilities is not None:
        drive.capabilities = drive.pipeline.capabilities = capabilities
    return drive
