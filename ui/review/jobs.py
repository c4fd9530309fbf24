"""What the review has done in a process of its own: exports and what-if."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import ExportError
from ui.review.process_job import Tell

if TYPE_CHECKING:
    from agriseg.mapping.ground_track import Origin
    from agriseg.replay.judging import ReplayFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportForm:
    """A format of `agriseg runs export`: name, what the key says, how files end.

    ``needs_place`` says whether it is made of places on the earth.
    """

    name: str
    word: str
    hint: str
    suffix: str
    needs_place: bool = True


FORMS = (
    ExportForm(name="geojson", word="GeoJSON", hint="folder", suffix="-geojson"),
    ExportForm(name="gpkg", word="GeoPackage", hint="one file", suffix=".gpkg"),
    ExportForm(name="shp", word="Shapefile", hint="folder", suffix="-shapefile"),
    ExportForm(name="kml", word="KML", hint="one file", suffix=".kml"),
    ExportForm(name="csv", word="CSV", hint="tables", suffix="-csv"),
    ExportForm(name="taskdata", word="ISOXML", hint="TASKDATA", suffix="-taskdata.zip"),
    ExportForm(
        name="pdf", word="PDF", hint="spray record", suffix="-record.pdf", needs_place=False
    ),
    ExportForm(
        name="html", word="HTML", hint="spray record", suffix="-record.html", needs_place=False
    ),
    ExportForm(
        name="recording",
        word="Recording",
        hint="no places",
        suffix="-shared",
        needs_place=False,
    ),
)
RECORD_FORMS = tuple(form for form in FORMS if form.name in ("pdf", "html"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where an export is, and its figures in words."""

    path: Path
    words: str


def free_name(folder: Path, name: str, suffix: str) -> Path:
    """Return a path in ``folder`` that is not there yet: the name, or with a number behind."""
    out, number = folder / f"{name}{suffix}", 2
    while out.exists():
        out, number = folder / f"{name}-{number}{suffix}", number + 1
    return out


def export_run(
    tell: Tell, run: Path, form: ExportForm, folder: Path, origin: Origin | None = None
) -> Written:
    """Write one export into ``folder``, whole or not at all, under a name that is free.

    Raises
    ------
    ExportError, RecordingError
        The run cannot be read, or the export not be made.
    """
    from agriseg.exchange.exporting import ExportOrder
    from agriseg.exchange.exporting import export_run as export
    from agriseg.recording.report import percent, volume

    out = free_name(folder, run.name, form.suffix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    except OSError as error:
        raise ExportError(
            f"{folder}: cannot be written ({error.strerror}); choose another folder"
        ) from error
    try:
        made = export(
            ExportOrder(run=run, form=form.name, out=scratch / out.name, origin=origin), tell
        )
        (scratch / out.name).rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    words = [made.note]
    if made.figures is not None:
        figures = made.figures
        words.append(
            f"Treated {figures.treated_once_m2:,.1f} m² of {figures.driven_once_m2:,.1f} m² driven;"
            f" {volume(figures.litres_confirmed)} confirmed, saved"
            f" {percent(figures.saving_fraction)}."
        )
    return Written(path=out, words=" ".join(word for word in words if word))


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
