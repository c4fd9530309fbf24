"""The run in hand: its totals, its recording, and what happened in it."""

from __future__ import annotations

import logging
import math

from agriseg.engine.parts import EngineParts
from agriseg.messages import ControllerCapabilities, RunEvent
from agriseg.pipeline_journal import PipelineStart, StepJournal
from agriseg.ports import RunSink
from agriseg.totals import TotalsMeter

_log = logging.getLogger(__name__)


class RunBook:
    """Keeps a run from Start to Stop.

    Attributes
    ----------
    is_on : bool
        Whether a run has begun and not ended; without a recording where that is switched off.
    meter : TotalsMeter
        Of this run, or of the last one.
    sink : RunSink, optional
        The recording, if there is one.
    """

    def __init__(self, parts: EngineParts) -> None:
        self._parts = parts
        self.is_on = False
        self.sink: RunSink | None = None
        self.meter = self._new_meter()
        self._start_s = math.nan
        self._last_note = "A run is recorded from Start to Stop."

    def begin(self, capabilities: ControllerCapabilities | None) -> None:
        """Begin a run.

        Raises
        ------
        RecordingError
            It cannot be recorded, and has not begun.
        """
        self.sink = self._parts.open_run()
        self.is_on = True
        self.meter = self._new_meter()
        self._start_s = self._parts.clock.now_s()
        if self.sink is None:
            return
        if capabilities is not None:
            self.sink.controller(capabilities)
        pipeline = self._parts.pipeline
        pipeline.journal = StepJournal()
        state, content = pipeline.state()
        self.sink.journal(PipelineStart(t_s=self._start_s, state=state, map=content))

    def end(self, cause: str) -> None:
        """End the run and its files."""
        self.is_on = False
        sink = self.sink
        if sink is None:
            return
        self._hand_over_steps()
        self._parts.pipeline.journal = None
        self.note("end", cause)
        self.sink = None
        sink.close()
        self._last_note = f"The last run is in {sink.directory}, its report in report.html."
        self._parts.on_run_closed(sink)

    def keep_steps(self) -> None:
        """Hand what the pipeline was given to the recording, once a frame is among it."""
        journal = self._parts.pipeline.journal
        if journal is not None and journal.is_due:
            self._hand_over_steps()

    def note(self, kind: str, text: str) -> None:
        """Write down that something happened."""
        _log.info("%s: %s", kind, text)
        if self.sink is not None:
            self.sink.event(RunEvent(t_s=self._parts.clock.now_s(), kind=kind, text=text))

    @property
    def directory(self) -> str:
        """Where the run is being recorded; empty where it is not."""
        return str(self.sink.directory) if self.sink else ""

    @property
    def is_recording(self) -> bool:
        """Whether all of the run is being kept."""
        return self.sink is not None and not self.sink.problem

    @property
    def recording_note(self) -> str:
        """What the operator should know of the recording."""
        return self._last_note if self.sink is None else self.sink.problem

    def time_s(self, now_s: float) -> float:
        """Return the time since the newest run began; 0 before the first."""
        return 0.0 if math.isnan(self._start_s) else now_s - self._start_s

    def _hand_over_steps(self) -> None:
        journal = self._parts.pipeline.journal
        if journal is not None and self.sink is not None:
            self.sink.journal(journal.take(self._parts.clock.now_s()))

    def _new_meter(self) -> TotalsMeter:
        return TotalsMeter(self._parts.boom, self._parts.config.spray.min_speed_m_s)
