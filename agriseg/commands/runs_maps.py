"""`agriseg runs export`, `record` and `plan`: a run for the farm's files and the next pass."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import ExportError
from agriseg.exchange.formats import FORMATS, RECORDING

if TYPE_CHECKING:
    from agriseg.mapping.applied import MapFigures
    from agriseg.mapping.ground_track import Origin

_EXPORT = """\
Write a run's maps and records in the formats of other programs: driven, seen and treated ground,
plants, weed pressure, crop rows, the return list and the track. geojson, shp and csv make a
folder with a file for each layer; gpkg and kml one file; taskdata a folder, or a ZIP if --out
ends in .zip (ISO 11783-10); pdf and html the record that the law asks of sprayer operators;
recording, with --no-position, a copy of the run itself without positions, names and accounts.
agriseg/exchange/EXPORTS.md describes every layer and attribute."""

_RECORD = """\
Enter what the law asks of whoever sprays and a machine cannot know, such as operator, product and
weather; without options, show what is entered and what is missing. It is kept beside the run."""

_PLAN = """\
Say how much mix the next pass needs: for the places of these runs that could not be sprayed, or
with --area for a whole field that is as weedy."""


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions to `agriseg runs`."""
    _add_export(actions)
    _add_record(actions)
    _add_plan(actions)


def _add_export(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("export", help="maps and records for other programs",
                                description=_EXPORT)  # fmt: skip
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of the run")
    parser.add_argument("--format", required=True, choices=FORMATS, help="what to write")
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="where to")
    parser.add_argument(
        "--no-position", action="store_true", help="with recording: leave out where it was made"
    )
    parser.add_argument(
        "--layers", metavar="A,B,...", help="only these layers (default: all that hold anything)"
    )
    parser.add_argument(
        "--cell", type=float, default=2.0, metavar="M",
        help="side of the weed map's squares in metres (default: 2)",
    )  # fmt: skip
    _add_origin(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace what is at PATH")
    parser.set_defaults(run=export_run)


def _add_record(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from agriseg.field_config import RecordConfig

    parser = actions.add_parser(
        "record", help="what the law asks of operators", description=_RECORD
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of the run")
    for key, field in RecordConfig.model_fields.items():
        is_number = key.endswith(("_m_s", "_c", "_percent", "_l_per_l"))
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            dest=key,
            type=float if is_number else str,
            metavar="N" if is_number else "TEXT",
            help=(field.description or "").replace("%", "%%") or None,
        )
    parser.add_argument("--ask", action="store_true", help="ask for what is missing")
    parser.set_defaults(run=record_run)


def _add_plan(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("plan", help="how much mix the next pass needs", description=_PLAN)
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIR", help="runs")
    parser.add_argument(
        "--area", type=float, metavar="HA", help="plan for a field of so many hectares instead"
    )
    parser.add_argument("--tank", type=float, default=0.0, metavar="L", help="size of the tank")
    parser.add_argument(
        "--reserve", type=float, default=10.0, metavar="PERCENT",
        help="added for hoses and sump (default: 10)",
    )  # fmt: skip
    parser.set_defaults(run=plan_runs)


def _add_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--origin",
        type=_origin,
        metavar="LAT,LON,COURSE",
        help="where a run without positions began, in degrees of WGS84, and the compass course that"
        " it drove",
    )


def _origin(text: str) -> Origin:
    from agriseg.mapping.ground_track import parse_origin

    try:
        return parse_origin(text)
    except ExportError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def export_run(arguments: argparse.Namespace) -> int:
    """Write one export; say what was written.

    Raises
    ------
    ExportError
        The run has no positions, or it cannot be written.
    """
    from agriseg.commands.progress_line import progress_line
    from agriseg.exchange.exporting import ExportOrder
    from agriseg.exchange.exporting import export_run as export
    from agriseg.exchange.layers import LAYERS

    if (arguments.format == RECORDING) is not arguments.no_position:
        raise ExportError(
            "--format recording and --no-position go together: a recording with its positions can"
            " be copied as a folder, and other formats are made of positions"
        )
    order = ExportOrder(
        run=arguments.directory,
        form=arguments.format,
        out=arguments.out,
        origin=arguments.origin,
        layers=tuple(arguments.layers.split(",")) if arguments.layers else LAYERS,
        cell_m=arguments.cell,
        overwrite=arguments.overwrite,
    )
    with progress_line() as progress:
        written = export(order, progress)
    for path in written.paths:
        print(path)
    if written.figures is not None:
        print(written.note)
        _print_figures(written.figures)
    return 0


def _print_figures(figures: MapFigures) -> None:
    from agriseg.recording.report import number, percent, volume

    print(
        f"Driven {number(figures.driven_m2, 1)} m² ({number(figures.driven_once_m2, 1)} m² with"
        f" overlaps once), seen {number(figures.seen_once_m2, 1)} m², treated"
        f" {number(figures.treated_once_m2, 2)} m²."
    )
    print(
        f"Commanded {volume(figures.litres_commanded)}, confirmed"
        f" {volume(figures.litres_confirmed)}, measured {volume(figures.litres_measured)}; saved"
        f" {percent(figures.saving_fraction)} of {volume(figures.litres_baseline)}:"
        f" {figures.baseline}."
    )


def record_run(arguments: argparse.Namespace) -> int:
    """Enter values, or show them."""
    from agriseg.exchange.spray_record import LABELS, REQUIRED, load_record, save_record
    from agriseg.recording.reader import open_run

    with open_run(arguments.directory) as run:
        configured, directory = run.config.record, run.directory
    changes = {
        key: getattr(arguments, key) for key in LABELS if getattr(arguments, key) is not None
    }
    if changes:
        save_record(directory, configured, changes)
    record = load_record(directory, configured)
    if arguments.ask:
        asked = {
            key: input(f"{LABELS[key]}: ").strip() for key in REQUIRED if not getattr(record, key)
        }
        asked = {key: value for key, value in asked.items() if value}
        record = save_record(directory, configured, asked) if asked else record
    for key, label in LABELS.items():
        value = getattr(record, key)
        is_missing = value in (None, "") or (key == "product_l_per_l" and not value)
        needed = " (needed)" if key in REQUIRED else ""
        print(f"{label}: {f'not stated{needed}' if is_missing else value}")
    return 0


def plan_runs(arguments: argparse.Namespace) -> int:
    """Say what the next pass needs."""
    from agriseg.commands.progress_line import progress_line
    from agriseg.mapping.applied import applied_map
    from agriseg.mapping.return_list import plan_tank, return_list
    from agriseg.recording.reader import open_run

    needed_l, area_m2, places, share = 0.0, 0.0, 0, 0.0
    driven_m2, used_l = 0.0, 0.0
    for directory in arguments.directories:
        with open_run(directory) as run, progress_line() as progress:
            applied = applied_map(run, progress=progress)
        found = return_list(applied)
        needed_l += sum(place.litres for place in found)
        area_m2 += sum(place.area_m2 for place in found)
        places += len(found)
        share = applied.config.record.product_l_per_l or share
        driven_m2 += applied.figures.driven_once_m2
        used_l += applied.figures.litres_confirmed
    if arguments.area is not None:
        if driven_m2 <= 0.0:
            raise ExportError("these runs drove over no ground, so nothing is known of its weeds")
        needed_l = used_l / driven_m2 * 1e4 * arguments.area
        print(f"As weedy as these runs: {1e4 * used_l / driven_m2:.2f} l/ha of mix.")
    else:
        print(f"To be sprayed again: {places} places, {area_m2:.2f} m².")
    plan = plan_tank(
        needed_l,
        reserve_fraction=0.01 * arguments.reserve,
        tank_l=arguments.tank,
        product_l_per_l=share,
    )
    print(f"Mix: {plan.mix_l:.2f} l, {plan.reserve_l:.2f} l of it in reserve.")
    if not math.isnan(plan.product_l):
        print(f"Product in it: {plan.product_l:.3f} l.")
    if plan.fills:
        print(f"Fills of a tank of {arguments.tank:g} l: {plan.fills}.")
    sys.stdout.flush()
    return 0
