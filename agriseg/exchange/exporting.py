"""A run in one of the formats of other programs, from its folder to the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agriseg.errors import ExportError
from agriseg.exchange.formats import RECORDING
from agriseg.exchange.gis_files import write_csv, write_gis
from agriseg.exchange.layers import LAYERS, build_layers
from agriseg.exchange.record_pages import write_html, write_pdf
from agriseg.exchange.spray_record import load_record, spray_record
from agriseg.exchange.taskdata import write_taskdata
from agriseg.mapping.applied import AppliedMap, MapFigures, Progress, applied_map
from agriseg.mapping.ground_track import Origin
from agriseg.mapping.return_list import return_list
from agriseg.recording.reader import open_run
from agriseg.recording.sharing import copy_without_position


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """What is to be written.

    Attributes
    ----------
    run : Path
        Directory of the run.
    form : str
        One of `formats.FORMATS`.
    out : Path
        File or folder, as the format makes one or the other.
    origin : Origin, optional
        Where a run without positions began.
    layers : tuple of str
        Some of `LAYERS`; for geojson, gpkg, shp, kml and csv.
    cell_m : float
        Side of the weed map's squares, 0.1 to 1000 m.
    overwrite : bool
        Replace what is at ``out``.
    """

    run: Path
    form: str
    out: Path
    origin: Origin | None = None
    layers: tuple[str, ...] = LAYERS
    cell_m: float = 2.0
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written; ``note`` says how the places came about, ``figures`` what they add up to.

    A copied recording has neither.
    """

    paths: tuple[Path, ...]
    note: str = ""
    figures: MapFigures | None = None


def export_run(order: ExportOrder, progress: Progress = lambda _, __: None) -> Exported:
    """Write a run in another format, whole or not at all.

    Parameters
    ----------
    order : ExportOrder
    progress : callable
        Told what is being done and the share of it that is done.

    Raises
    ------
    ExportError
        The run has no positions, what is to be written is there already or cannot be written.
    RecordingError
        The run cannot be read.
    """
    if order.out.exists() and not order.overwrite:
        raise ExportError(
            f"{order.out}: this exists and is not overwritten; choose another name or give"
            " --overwrite"
        )
    if not 0.1 <= order.cell_m <= 1000.0:
        raise ExportError(f"--cell is {order.cell_m:g}, expected 0.1 to 1000 metres")
    if order.form == RECORDING:
        return Exported(paths=(copy_without_position(order.run, order.out, progress),))
    with open_run(order.run) as run:
        applied = applied_map(run, order.origin, progress)
        directory = run.directory
    paths = _written(applied, directory, order, progress)
    return Exported(paths=tuple(paths), note=applied.track.note, figures=applied.figures)


def _written(
    applied: AppliedMap, directory: Path, order: ExportOrder, progress: Progress
) -> list[Path]:
    out, overwrite = order.out, order.overwrite
    if order.form in ("pdf", "html"):
        record = spray_record(applied, load_record(directory, applied.config.record))
        write = write_pdf if order.form == "pdf" else write_html
        return write(applied, record, return_list(applied), out, overwrite=overwrite)
    if order.form == "taskdata":
        entered = load_record(directory, applied.config.record)
        return write_taskdata(applied, entered, out, overwrite=overwrite)
    layers = build_layers(applied, order.layers, order.cell_m, progress)
    if not layers:
        raise ExportError(f"{directory}: the run holds nothing of what was asked for")
    if order.form == "csv":
        return write_csv(layers, out, overwrite=overwrite)
    return write_gis(layers, order.form, out, overwrite=overwrite, progress=progress)
