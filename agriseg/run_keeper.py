"""Keeps runs: opens the recorder, and writes score and report once a run has ended."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agriseg.calibration.entries import written
from agriseg.calibration.overlay import Calibrated
from agriseg.config import Config
from agriseg.models.bundle import open_bundle
from agriseg.models.deployed import wanted_model
from agriseg.ports import Clock, RunSink
from agriseg.recording.recorder import RunDescription, RunRecorder
from agriseg.recording.run_directories import DiskBudget, new_run_directory, runs_directory

_LIBRARIES = ("agriseg", "numpy", "opencv-python", "openvino", "torch")


class RunKeeper:
    """Opens one recorder for each run and finishes it.

    Parameters
    ----------
    config : Config
    clock : Clock
        The engine's.
    description : RunDescription
        What the recording says of programs and model.
    out : Path, optional
        Directory of the run, which replaces a run that is there; by default each run gets a
        new one among the user's runs.
    is_virtual : bool
        In virtual time the recorder takes its time instead of dropping pictures.
    wrap : callable
        Put around each recorder, such as what scores it against the simulation's truth.
    finish : callable
        Called with the run's directory after its files were closed.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        description: RunDescription,
        *,
        out: Path | None,
        is_virtual: bool,
        wrap: Callable[[RunSink], RunSink],
        finish: Callable[[RunSink], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._description = description
        self._out = out
        self._is_virtual = is_virtual
        self._wrap = wrap
        self._finish = finish
        self.last_directory: Path | None = None

    def open(self) -> RunSink | None:
        """Begin a run's recording; None where recording is switched off.

        Raises
        ------
        RecordingError
            The directory cannot be made or written.
        """
        recording = self._config.recording
        if not recording.enabled:
            return None
        root = runs_directory(self._config)
        directory = self._out or new_run_directory(root, datetime.now(UTC).astimezone())
        recorder = RunRecorder(
            directory,
            self._config,
            self._description,
            clock=self._clock,
            budget=DiskBudget(root=root, max_bytes=round(recording.max_disk_gb * 1e9)),
            wait_for_room=self._is_virtual,
            replace_run=self._out is not None,
        )
        self.last_directory = recorder.directory
        return self._wrap(recorder)

    def finish(self, sink: RunSink) -> None:
        """Score and report a run whose files were closed."""
        self._finish(sink)


def describe(calibration: Calibrated) -> RunDescription:
    """Return the versions of programs, and what is known of the model and the calibration."""
    versions = {"python": platform.python_version(), "system": platform.platform()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return RunDescription(
        versions=versions,
        model=_model(calibration.config),
        calibration={entry.step: written(entry) for entry in calibration.applied},
    )


def _model(config: Config) -> dict[str, str]:
    if config.model.method != "network":
        return {"method": config.model.method}
    bundle = open_bundle(wanted_model(config.model.path))
    manifest = bundle.manifest
    return {
        "method": "network",
        "name": manifest.name,
        "architecture": manifest.architecture,
        "version": manifest.version,
        "weights_sha256": manifest.files.weights.sha256,
        "licence": manifest.licence,
        "attribution": manifest.attribution,
    }
