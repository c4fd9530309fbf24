"""Where runs are kept, what they are called, which may be deleted when the disk fills."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import platformdirs

from agriseg.config import Config
from agriseg.errors import RecordingError

logger = logging.getLogger(__name__)

RUN_FILE = "run.json"
CONFIG_FILE = "config.json"
SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"
STAR_FILE = "starred"

DATA_PREFIX = "data"
VIDEO_PREFIX = "video"

_STILL_WRITTEN_S = 120.0
"""A run whose files changed this recently may belong to a living recorder."""


def runs_directory(config: Config) -> Path:
    """Return the folder of all runs: as configured, or in the user's data folder."""
    if config.recording.directory:
        return Path(config.recording.directory).expanduser()
    return Path(platformdirs.user_data_dir("agriseg", appauthor=False)) / "runs"


def new_run_directory(root: Path, started: datetime) -> Path:
    """Return a path below ``root`` that no run has yet, named after its start."""
    name = started.strftime("%Y%m%d-%H%M%S")
    path = root / name
    count = 2
    while path.exists():
        path = root / f"{name}-{count}"
        count += 1
    return path


def is_run(path: Path) -> bool:
    """Return whether a directory holds a run."""
    return (path / RUN_FILE).is_file() or next(path.glob(f"{DATA_PREFIX}-*.mcap"), None) is not None


def find_runs(root: Path) -> list[Path]:
    """Return the runs directly below ``root``, oldest name first."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and is_run(path))


def is_starred(run: Path) -> bool:
    """Return whether a run is kept whatever the disk budget says."""
    return (run / STAR_FILE).is_file()


def set_starred(run: Path, starred: bool) -> None:
    """Star a run, or take the star away.

    Raises
    ------
    RecordingError
        There is no run, or its folder cannot be written.
    """
    if not is_run(run):
        raise RecordingError(f"{run}: there is no run here; `agriseg runs list` shows them all")
    try:
        if starred:
            (run / STAR_FILE).touch()
        else:
            (run / STAR_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise RecordingError(f"{run}: the star cannot be changed ({error.strerror})") from error


def remove_run_files(run: Path) -> None:
    """Delete what a recorder and a report wrote into ``run``, and nothing else.

    Raises
    ------
    RecordingError
        The run is starred, or a file cannot be deleted.
    """
    if is_starred(run):
        raise RecordingError(f"{run}: this run is starred; choose another folder or unstar it")
    names = [RUN_FILE, CONFIG_FILE, SUMMARY_FILE, REPORT_FILE]
    files = [run / name for name in names]
    files += [*run.glob(f"{DATA_PREFIX}-*.mcap"), *run.glob(f"{VIDEO_PREFIX}-*.mcap")]
    try:
        for file in files:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise RecordingError(f"{run}: the old run cannot be replaced ({error.strerror})") from error


def size_of(run: Path) -> int:
    """Return the bytes of all files of a run."""
    return sum(_size(path) for path in run.rglob("*") if path.is_file())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskBudget:
    """How much all runs below ``root`` may take together, in bytes."""

    root: Path
    max_bytes: int

    def plan(
        self, keep: Sequence[Path] = (), now_s: Callable[[], float] = time.time
    ) -> tuple[list[Path], int]:
        """Return which runs would have to go, oldest first, and what would still be too much.

        Starred runs, those in ``keep`` and those written to within the last two minutes stay.

        Returns
        -------
        leaving : list of Path
        excess : int
            Bytes above the budget that cannot be freed, 0 where all fits.
        """
        kept = {path.resolve() for path in keep}
        runs = find_runs(self.root)
        sizes = {run: size_of(run) for run in runs}
        excess = sum(sizes.values()) - self.max_bytes
        leaving: list[Path] = []
        for run in sorted(runs, key=_begun_s):
            if excess <= 0:
                break
            if run.resolve() in kept or is_starred(run) or run.is_symlink() or is_busy(run, now_s):
                continue
            excess -= sizes[run]
            leaving.append(run)
        return leaving, max(excess, 0)

    def clean_up(
        self, keep: Sequence[Path], now_s: Callable[[], float] = time.time
    ) -> tuple[list[Path], int]:
        """Delete the oldest runs until the rest fits; see `plan`.

        Returns
        -------
        deleted : list of Path
        excess : int
            Bytes above the budget that could not be freed, 0 where all fits.
        """
        leaving, excess = self.plan(keep, now_s)
        deleted: list[Path] = []
        for run in leaving:
            shutil.rmtree(run, ignore_errors=True)
            excess += size_of(run)
            deleted.append(run)
            logger.info("deleted %s to stay within the disk budget", run)
        return deleted, excess


def is_busy(run: Path, now_s: Callable[[], float] = time.time) -> bool:
    """Return whether a run was written to within two minutes: its recorder may be alive."""
    return now_s() - _changed_s(run) < _STILL_WRITTEN_S


def delete_run(run: Path, now_s: Callable[[], float] = time.time) -> int:
    """Delete a run with all its files; return the bytes that this freed.

    Raises
    ------
    RecordingError
        There is no run, it is starred or still being written, or it cannot be deleted.
    """
    if not is_run(run) or run.is_symlink():
        raise RecordingError(f"{run}: there is no run here; `agriseg runs list` shows them all")
    if is_starred(run):
        raise RecordingError(f"{run}: this run is starred; take the star away to delete it")
    if is_busy(run, now_s):
        raise RecordingError(
            f"{run}: this run was written to within the last two minutes and may still be going on;"
            " end it, or wait"
        )
    freed = size_of(run)
    try:
        shutil.rmtree(run)
    except OSError as error:
        raise RecordingError(f"{run}: the run cannot be deleted ({error.strerror})") from error
    return freed


def _begun_s(run: Path) -> float:
    file = run / RUN_FILE
    return file.stat().st_mtime if file.exists() else run.stat().st_mtime


def _changed_s(run: Path) -> float:
    return max((path.stat().st_mtime for path in run.iterdir()), default=run.stat().st_mtime)
