"""Runs without a window, in virtual or in real time, with progress and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from agriseg.assembly import Machine, build_realtime_machine, build_virtual_machine
from agriseg.config import Config
from agriseg.doorbell import prompt_threads
from agriseg.errors import EngineError, RecordingError
from agriseg.messages import CommandKind, EngineCommand
from agriseg.publishing.publisher import Publisher, open_publisher

SETTLE_S = 0.5
START_TIMEOUT_S = 60.0
_SHOWN_PER_S = 2.0
"""How often the progress is drawn: drawing takes the interpreter from the engine's loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlessResult:
    """Where a run's report is, its figures, and why spraying stopped by itself, if it did."""

    report_path: Path
    summary_path: Path
    summary: dict[str, Any]
    stops: tuple[str, ...] = ()

    def figures(self) -> list[tuple[str, str]]:
        """Return the figures that matter most, with their names, for the terminal."""
        summary = self.summary
        return [
            ("frames", f"{summary['frames']} ({summary['frames_dropped']} dropped)"),
            ("weeds hit", _weeds_hit(summary)),
            ("crop area sprayed", _crop_sprayed(summary)),
            ("ground sprayed", _ground_sprayed(summary)),
            ("weeds missed, seen too late", str(summary["missed_late"])),
            ("leading-edge error p99", _edge_error(summary)),
            *(("spraying stopped early", stop) for stop in self.stops),
        ]


def run_headless(
    config: Config, *, seconds: float, out: Path | None, realtime: bool
) -> HeadlessResult:
    """Run for ``seconds`` and write recording, summary and report.

    Parameters
    ----------
    config : Config
    seconds : float
        Length from the robot's start, seconds.
    out : Path, optional
        Directory of the run; a new one among the user's runs by default.
    realtime : bool
        Real time; always so with a real camera or a real controller.

    Raises
    ------
    AgrisegError
        The machine cannot be built, or spraying could not be started.
    """
    real_parts = config.controller.port != "sim" or config.camera.source != "sim"
    build = build_realtime_machine if realtime or real_parts else build_virtual_machine
    publisher = open_publisher(config.mqtt)
    try:
        machine = build(config, out=out)
        try:
            with prompt_threads():
                _drive(machine, seconds, publisher)
        finally:
            machine.close()
            _publish(machine, publisher)
    finally:
        if publisher is not None:
            publisher.close()
    return _result(machine)


def _publish(machine: Machine, publisher: Publisher | None) -> None:
    if publisher is not None:
        publisher.take(machine.engine.snapshot())


def _drive(machine: Machine, seconds: float, publisher: Publisher | None) -> None:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=_SHOWN_PER_S) as progress:
        task = progress.add_task("preparing", total=seconds)
        end_s = _start(machine) + seconds
        _check_recording(machine)
        progress.update(task, description="driving")
        start_s = end_s - seconds

        def show(now_s: float) -> None:
            progress.update(task, completed=min(seconds, now_s - start_s))
            _publish(machine, publisher)

        _step_until(machine, end_s, show)
        _settle(machine)


def _start(machine: Machine) -> float:
    """Step until spraying has begun; return the time at which the run counts from."""
    engine, clock = machine.engine, machine.clock
    give_up_s = clock.now_s() + START_TIMEOUT_S
    asked = False
    while not engine.spraying:
        machine.step()
        if not asked and not engine.not_ready():
            engine.handle(EngineCommand(kind=CommandKind.START))
            asked = True
        if engine.problem:
            raise EngineError(f"spraying could not be started: {engine.problem}")
        stops = engine.snapshot().alarms if asked else ()
        fatal = [alarm.text for alarm in stops if alarm.stops_spraying]
        if fatal or engine.finished or clock.now_s() > give_up_s:
            reasons = " ".join(fatal or engine.not_ready()) or "The source of frames has ended."
            raise EngineError(f"spraying could not be started: {reasons}")
    return clock.now_s()


def _check_recording(machine: Machine) -> None:
    """Refuse to go on without a recording: a run without a window is made for its report."""
    if machine.run_directory is not None:
        return
    problems = [alarm.text for alarm in machine.engine.snapshot().alarms]
    raise RecordingError(
        " ".join(problems) or "recording.enabled is false: a run without a window needs it"
    )


def _step_until(machine: Machine, end_s: float, show: Callable[[float], None]) -> None:
    next_show_s = machine.clock.now_s()
    while machine.clock.now_s() < end_s and not machine.engine.finished:
        machine.step()
        if machine.clock.now_s() >= next_show_s:
            show(machine.clock.now_s())
            next_show_s = machine.clock.now_s() + 0.25
    show(end_s)


def _settle(machine: Machine) -> None:
    """Close the nozzles and hear what became of the last pulses."""
    machine.engine.handle(EngineCommand(kind=CommandKind.PAUSE))
    end_s = machine.clock.now_s() + SETTLE_S
    while machine.clock.now_s() < end_s:
        machine.step()


def _result(machine: Machine) -> HeadlessResult:
    directory = machine.run_directory
    assert directory is not None
    summary_path = directory / "summary.json"
    return HeadlessResult(
        report_path=directory / "report.html",
        summary_path=summary_path,
        summary=json.loads(summary_path.read_text(encoding="utf-8")),
        stops=tuple(a.text for a in machine.engine.snapshot().alarms if a.stops_spraying),
    )


def _unknown(summary: dict[str, Any], else_why: str) -> str:
    """Say why a figure is not known; ``else_why`` where it is not for want of true labels."""
    has_truth = summary.get("truth_score") is not None
    return f"not known ({else_why if has_truth else 'no true labels'})"


def _crop_sprayed(summary: dict[str, Any]) -> str:
    share = summary.get("crop_area_sprayed_fraction")
    return _unknown(summary, "no crop passed") if share is None else f"{100.0 * share:.2f} %"


def _ground_sprayed(summary: dict[str, Any]) -> str:
    share = summary.get("sprayed_area_fraction")
    return "not known (no pulse is confirmed)" if share is None else f"{100.0 * share:.2f} %"


def _weeds_hit(summary: dict[str, Any]) -> str:
    share = summary.get("weeds_hit_fraction")
    if share is None:
        return _unknown(summary, "no weed within reach passed")
    return (
        f"{100.0 * share:.2f} % ({summary['weeds_hit']} of {summary['weeds_reachable']} reachable)"
    )


def _edge_error(summary: dict[str, Any]) -> str:
    error = (summary.get("position_error_mm") or {}).get("p99")
    return _unknown(summary, "no edge could be judged") if error is None else f"{error:.1f} mm"
