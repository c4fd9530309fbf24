"""Many replays: runs times settings, over the cores of this computer or over a cluster."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from agriseg.errors import AgrisegError, EngineError
from agriseg.replay.judging import ReplayFigures
from agriseg.replay.settings import ReplaySettings
from agriseg.replay.what_if import Outcome, ReplayCancelled, WhatIf

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcomes:
    """All replays of one run, in the order of the settings; ``problem`` where there are none."""

    run: Path
    original: Outcome | None
    outcomes: tuple[Outcome, ...]
    problem: str = ""


def replay_run(
    run: Path,
    settings: Sequence[ReplaySettings],
    *,
    workers: int = 1,
    progress: Callable[[str, float], None] = lambda _, __: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RunOutcomes:
    """Replay one run with each of the settings; what cannot be replayed is told, not raised.

    Raises
    ------
    ReplayCancelled
        It was given up.
    """
    try:
        models = tuple(dict.fromkeys(setting.model for setting in settings if setting.model))
        with WhatIf(
            run, workers=workers, models=models, progress=progress, cancelled=cancelled
        ) as what_if:
            outcomes = tuple(what_if.replay(setting) for setting in settings)
    except AgrisegError as error:
        return RunOutcomes(run=run, original=None, outcomes=(), problem=str(error))
    return RunOutcomes(run=run, original=what_if.original, outcomes=outcomes)


def sweep(
    runs: Sequence[Path],
    settings: Sequence[ReplaySettings],
    *,
    workers: int = 1,
    cluster: str = "",
    progress: Callable[[str, float], None] = lambda _, __: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[RunOutcomes]:
    """Replay many runs with many settings.

    Parameters
    ----------
    runs : sequence of Path
        On a cluster all its workers must see them under these paths.
    settings : sequence of ReplaySettings
    workers : int
        Processes on this computer; 1: no further ones.
    cluster : str
        Address of a Dask scheduler (``tcp://host:8786``); empty: this computer.
    progress, cancelled : callable
        Told what is done and the share of it, 0 to 1; asked whether to give up.

    Returns
    -------
    list of RunOutcomes
        In the order of the runs.

    Raises
    ------
    EngineError
        The cluster cannot be reached.
    ReplayCancelled
        It was given up.
    """
    if cluster:
        return _on_cluster(runs, settings, cluster, progress, cancelled)
    if workers <= 1:
        return [
            replay_run(run, settings, progress=_of(progress, run), cancelled=cancelled)
            for run in runs
        ]
    if len(runs) == 1 and any(setting.model for setting in settings):
        run = runs[0]
        return [
            replay_run(
                run, settings, workers=workers, progress=_of(progress, run), cancelled=cancelled
            )
        ]
    # Not forked: the parent may have threads, and models' runtimes do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        parts = _parts(runs, settings, workers)
        tasks = [pool.submit(replay_run, run, part) for run, part in parts]
        try:
            _wait(tasks, progress, cancelled)
        except ReplayCancelled:
            pool.shutdown(cancel_futures=True)
            raise
        return _joined(runs, [task.result() for task in tasks])


def summed_figures(outcomes: Sequence[Outcome]) -> ReplayFigures:
    """Return the sums of the figures of several runs with the same settings."""
    return ReplayFigures(
        **{
            field.name: sum(getattr(outcome.figures, field.name) for outcome in outcomes)
            for field in fields(ReplayFigures)
        }
    )


def _parts(
    runs: Sequence[Path], settings: Sequence[ReplaySettings], workers: int
) -> list[tuple[Path, Sequence[ReplaySettings]]]:
    """Split the work: by runs, and one run's settings where there are fewer runs than workers."""
    pieces = max(1, min(len(settings), workers // len(runs)))
    return [(run, settings[k::pieces]) for run in runs for k in range(pieces)]


def _joined(runs: Sequence[Path], parts: Sequence[RunOutcomes]) -> list[RunOutcomes]:
    """Put the parts of each run together again, in the order of the settings."""
    joined = []
    for run in runs:
        own = [part for part in parts if part.run == run]
        problem = next((part.problem for part in own if part.problem), "")
        count = sum(len(part.outcomes) for part in own)
        order = range(0 if problem else count)
        outcomes = tuple(own[k % len(own)].outcomes[k // len(own)] for k in order)
        joined.append(
            RunOutcomes(
                run=run,
                original=None if problem else own[0].original,
                outcomes=outcomes,
                problem=problem,
            )
        )
    return joined


def _wait(
    tasks: Sequence[Future[RunOutcomes]],
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> None:
    done = 0
    while done < len(tasks):
        if cancelled():
            raise ReplayCancelled
        try:
            for _ in as_completed(tasks, timeout=_LOOK_EVERY_S):
                if cancelled():
                    raise ReplayCancelled
        except TimeoutError:
            pass
        done = sum(task.done() for task in tasks)
        progress(f"{done} of {len(tasks)} parts", done / len(tasks))


def _on_cluster(
    runs: Sequence[Path],
    settings: Sequence[ReplaySettings],
    address: str,
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> list[RunOutcomes]:
    try:
        dask: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise EngineError(
            "--cluster needs Dask: install it with `pip install agriseg[cluster]`"
        ) from error
    try:
        client = dask.Client(address, timeout="10s")
    except OSError as error:
        raise EngineError(
            f"--cluster {address}: no Dask scheduler answers there ({error}); start one with `dask"
            " scheduler`, and workers with `dask worker ADDRESS`"
        ) from error
    with client:
        tasks = [client.submit(replay_run, run, list(settings), pure=False) for run in runs]
        for done, task in enumerate(tasks):
            while not task.done():
                if cancelled():
                    client.cancel(tasks)
                    raise ReplayCancelled
                with contextlib.suppress(dask.TimeoutError):
                    dask.wait(task, timeout=_LOOK_EVERY_S)
            progress(f"{done + 1} of {len(tasks)} runs", (done + 1) / len(tasks))
        return [task.result() for task in tasks]


def _of(progress: Callable[[str, float], None], run: Path) -> Callable[[str, float], None]:
    return lambda what, share: progress(f"{run.name}: {what}", share)
