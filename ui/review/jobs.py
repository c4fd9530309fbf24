"""What the review has done in a process of its own: exports and what-if."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import ExportError
from ui.models.what_if import Sweep
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
class SweepResult:
    """Figures of a run decided again, as it was and for each value of a setting."""

    sweep: Sweep
    original: ReplayFigures
    points: tuple[ReplayFigures, ...]
    notes: tuple[str, ...]


def what_if(tell: Tell, run: Path, sweep: Sweep) -> SweepResult:
    """Decide on a run again, once for each value of a setting, or by a model alone.

    Raises
    ------
    RecordingError, ConfigError, ModelFileError
        The run cannot be decided again.
    """
    from agriseg.replay.settings import ReplaySettings, curve_settings
    from agriseg.replay.what_if import WhatIf

    base = ReplaySettings(model=sweep.model)
    asked = curve_settings(base, sweep.name, sweep.values) if sweep.name else [base]
    rounds, done = len(asked) + 1, 0
    doing = f"{sweep.model_word} looks again" if sweep.model else "The run is decided again"

    def progress(_what: str, share: float) -> None:
        tell(doing, (done + share) / rounds)

    models = (sweep.model,) if sweep.model else ()
    workers = (os.cpu_count() or 1) if sweep.model else 1
    points = []
    with WhatIf(run, workers=workers, models=models, progress=progress) as replayed:
        for settings in asked:
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
