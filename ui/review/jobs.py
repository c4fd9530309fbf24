"""What the review has done in a process of its own: exports and what-if."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import ExportError
from ui.review.process_job import Tell

if TYPE_CHECKING:
    from agriseg.replay.judging import ReplayFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportForm:
    """A format of `agriseg runs export`: name, options, what the key says, how files end."""

    name: str
    word: str
    hint: str
    suffix: str
    options: tuple[str, ...] = ()


FORMS = (
    ExportForm(name="geojson", word="GeoJSON", hint="maps, a folder", suffix="-geojson"),
    ExportForm(name="gpkg", word="GeoPackage", hint="maps, one file", suffix=".gpkg"),
    ExportForm(name="shp", word="Shapefile", hint="maps, a folder", suffix="-shapefile"),
    ExportForm(name="kml", word="KML", hint="maps, one file", suffix=".kml"),
    ExportForm(name="csv", word="CSV", hint="tables, a folder", suffix="-csv"),
    ExportForm(name="taskdata", word="ISOXML", hint="task data, ZIP", suffix="-taskdata.zip"),
    ExportForm(name="pdf", word="PDF", hint="spray record", suffix="-record.pdf"),
    ExportForm(name="html", word="HTML", hint="spray record", suffix="-record.html"),
    ExportForm(
        name="recording",
        word="Recording",
        hint="without its places",
        suffix="-shared",
        options=("--no-position",),
    ),
)


def export_run(tell: Tell, run: Path, form: ExportForm, folder: Path) -> str:
    """Write one export into ``folder``, whole or not at all; return where it is and its figures.

    Raises
    ------
    ExportError
        It is there already, or cannot be made.
    """
    from agriseg.app import build_parser

    tell(f"{form.word} is written", 0.0)
    out = folder / f"{run.name}{form.suffix}"
    if out.exists():
        raise ExportError(f"{out}: this is there already and is not overwritten; move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise ExportError(f"{folder}: cannot be written ({error.strerror})") from error
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            words = ["--format", form.name, "--out", str(scratch / out.name), *form.options]
            arguments = build_parser().parse_args(["runs", "export", str(run), *words])
            arguments.run(arguments)
        (scratch / out.name).rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    lines = [line for line in said.getvalue().splitlines() if not line.startswith(str(scratch))]
    return "\n".join([f"Written: {out}", *lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One setting to be varied: its name for `agriseg replay`, words, and values."""

    name: str
    word: str
    unit: str
    values: tuple[float, ...]
    factor: float = 1.0
    """From the value to the unit on the screen."""


SWEEPS = (
    Sweep(
        name="sensitivity",
        word="Sensitivity",
        unit="",
        values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    ),
    Sweep(
        name="weed_margin_m",
        word="Weed margin",
        unit="mm",
        values=(0.0, 0.01, 0.02, 0.03, 0.04, 0.06),
        factor=1e3,
    ),
    Sweep(
        name="crop_margin_m",
        word="Crop margin",
        unit="mm",
        values=(0.0, 0.01, 0.02, 0.03, 0.05),
        factor=1e3,
    ),
    Sweep(
        name="nozzle_pitch_m",
        word="Nozzle pitch",
        unit="mm",
        values=(0.03, 0.05, 0.08, 0.12, 0.25, 0.5),
        factor=1e3,
    ),
    Sweep(name="speed", word="Speed", unit="×", values=(0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
    Sweep(
        name="latency_ms",
        word="Latency",
        unit="ms",
        values=(0.0, 50.0, 100.0, 200.0, 300.0, 500.0),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """Figures of a run decided again, as it was and for each value of a setting."""

    sweep: Sweep
    original: ReplayFigures
    points: tuple[ReplayFigures, ...]
    notes: tuple[str, ...]


def what_if(tell: Tell, run: Path, sweep: Sweep) -> SweepResult:
    """Decide on a run again, once for each value of a setting.

    Raises
    ------
    RecordingError, ConfigError
        The run cannot be decided again.
    """
    from agriseg.replay.settings import ReplaySettings, curve_settings
    from agriseg.replay.what_if import WhatIf

    rounds, done = len(sweep.values) + 1, 0

    def progress(_what: str, share: float) -> None:
        tell("The run is decided again", (done + share) / rounds)

    replayed = WhatIf(run, progress=progress)
    points = []
    for settings in curve_settings(ReplaySettings(), sweep.name, sweep.values):
        done += 1
        points.append(replayed.replay(settings).figures)
    notes = list(replayed.original.notes)
    if replayed.original.same_pulses is False:
        notes.append(
            "decided again as it was, the pulses differ: another version of AgriSeg decides"
            " otherwise"
        )
    return SweepResult(
        sweep=sweep,
        original=replayed.original.figures,
        points=tuple(points),
        notes=tuple(notes),
    )
