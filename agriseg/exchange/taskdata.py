"""A run as ISO 11783-10 task data: what was applied where, for farm management programs.

Version 4.3 of the format, as isobus.net publishes its schema and data dictionary. One task with
its partfield, product, worker and device, and a time log with a record a second.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import shapely

from agriseg.errors import ExportError
from agriseg.exchange.gis_files import write_whole
from agriseg.exchange.layers import iso_time
from agriseg.exchange.time_log import Channel, LogRecord, decode, encode, header_xml
from agriseg.field_config import RecordConfig
from agriseg.mapping.applied import AppliedMap, spraying_times_s
from agriseg.messages import FixQuality, Float64Array
from agriseg.spraying.boom import Boom

DDI_SETPOINT_RATE, DDI_ACTUAL_RATE = 1, 2
DDI_WORKING_WIDTH, DDI_OFFSET_X, DDI_OFFSET_Y = 67, 134, 135
DDI_TOTAL_AREA, DDI_TOTAL_DISTANCE, DDI_TOTAL_TIME = 116, 117, 119
DDI_WORK_STATE, DDI_CONDENSED_STATE = 141, 161
DDI_TOTAL_VOLUME_ML = 351
DDI_SPEED = 397

_FOLDER = "TASKDATA"
_LOG = "TLG00001"
_DEVICE, _BOOM = "DET-1", "DET-2"
_RATE_UNIT_L_M2 = 1e-8
"""A hundredth of a cubic millimetre, in litres."""
_STATES_A_WORD = 16
_STATUS = {
    FixQuality.NONE: 0,
    FixQuality.GNSS: 1,
    FixQuality.DGNSS: 2,
    FixQuality.RTK_FIXED: 4,
    FixQuality.RTK_FLOAT: 5,
    FixQuality.ESTIMATED: 6,
    FixQuality.MANUAL: 7,
    FixQuality.SIMULATED: 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """What task data says was done: totals of the task's time, and those of its log."""

    designator: str
    area_m2: float
    distance_m: float
    duration_s: float
    litres: float
    log_litres: float
    log_area_m2: float
    records: tuple[LogRecord, ...]
    channels: tuple[Channel, ...]


def write_taskdata(
    applied: AppliedMap, record: RecordConfig, out: Path, *, overwrite: bool
) -> list[Path]:
    """Write task data: a ZIP if ``out`` ends so, else a folder that holds TASKDATA.

    Raises
    ------
    ExportError
        Nothing ties the run to the earth, ``out`` exists, or it cannot be written.
    """
    channels = _channels(applied)
    records = _log(applied)
    log = encode(records)
    files = {
        "TASKDATA.XML": _task_data(applied, record, len(log)),
        f"{_LOG}.XML": header_xml(channels),
        f"{_LOG}.BIN": log,
    }

    def write(place: Path) -> None:
        if out.suffix.lower() == ".zip":
            with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in files.items():
                    archive.writestr(f"{_FOLDER}/{name}", data)
            return
        (place / _FOLDER).mkdir()
        for name, data in files.items():
            (place / _FOLDER / name).write_bytes(data)

    is_folder = out.suffix.lower() != ".zip"
    return write_whole(out, write, is_folder=is_folder, overwrite=overwrite)


def read_taskdata(path: Path) -> TaskSummary:
    """Read back what task data says was applied.

    Raises
    ------
    ExportError
        There is no task data, or it is damaged.
    """
    files = _files(path)
    try:
        root = ElementTree.parse(io.BytesIO(files["TASKDATA.XML"])).getroot()
    except (KeyError, ElementTree.ParseError) as error:
        raise ExportError(f"{path}: this is no task data ({error})") from error
    task = root.find("TSK")
    moment = None if task is None else task.find("TIM")
    if task is None or moment is None:
        raise ExportError(f"{path}: its task data holds no task with a time")
    totals = {int(v.get("A", "0"), 16): int(v.get("B", "0")) for v in moment.findall("DLV")}
    log = task.find("TLG")
    name = log.get("A", "") if log is not None else ""
    if f"{name}.XML" not in files or f"{name}.BIN" not in files:
        raise ExportError(f"{path}: the time log {name or '(none)'} of its task is missing")
    channels, records = decode(files[f"{name}.XML"], files[f"{name}.BIN"])
    return TaskSummary(
        designator=task.get("B", ""),
        area_m2=float(totals.get(DDI_TOTAL_AREA, 0)),
        distance_m=1e-3 * totals.get(DDI_TOTAL_DISTANCE, 0),
        duration_s=float(totals.get(DDI_TOTAL_TIME, 0)),
        litres=1e-3 * totals.get(DDI_TOTAL_VOLUME_ML, 0),
        log_litres=1e-3 * _last(channels, records, DDI_TOTAL_VOLUME_ML),
        log_area_m2=_last(channels, records, DDI_TOTAL_AREA),
        records=tuple(records),
        channels=tuple(channels),
    )


def _last(channels: list[Channel], records: list[LogRecord], ddi: int) -> float:
    index = next((i for i, channel in enumerate(channels) if channel.ddi == ddi), -1)
    values = [record.values[index] for record in records if index in record.values]
    return float(values[-1]) if values else math.nan


def _files(path: Path) -> dict[str, bytes]:
    """Return the files of task data by their names in capitals."""
    try:
        if path.is_file():
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/")]
                return {name.split("/")[-1].upper(): archive.read(name) for name in names}
        folder = path / _FOLDER if (path / _FOLDER).is_dir() else path
        return {one.name.upper(): one.read_bytes() for one in folder.iterdir() if one.is_file()}
    except (OSError, zipfile.BadZipFile) as error:
        raise ExportError(f"{path}: the task data cannot be read ({error})") from error


def _channels(applied: AppliedMap) -> list[Channel]:
    words = _condensed_words(applied.config.boom.nozzle_count)
    return [
        Channel(ddi=DDI_ACTUAL_RATE, element=_BOOM),
        Channel(ddi=DDI_WORK_STATE, element=_BOOM),
        Channel(ddi=DDI_SPEED, element=_DEVICE),
        Channel(ddi=DDI_TOTAL_VOLUME_ML, element=_DEVICE),
        Channel(ddi=DDI_TOTAL_AREA, element=_DEVICE),
        *(Channel(ddi=DDI_CONDENSED_STATE + word, element=_BOOM) for word in range(words)),
    ]


def _condensed_words(nozzles: int) -> int:
    """Return how many words of condensed states are needed; there are 16 of 16 sections."""
    return min(16, math.ceil(nozzles / _STATES_A_WORD))


def _log(applied: AppliedMap) -> list[LogRecord]:
    """Return a record for each second of spraying, and the last with all totals."""
    columns = applied.history.odometry_columns()
    times = spraying_times_s(applied.history)
    if not len(columns) or not times:
        return []
    boom = Boom(applied.config.boom)
    swath_m = float(sum(nozzle.zone_width_m for nozzle in boom.nozzles))
    pulses = sorted(applied.treated, key=lambda one: one.t_s)
    opened_s = np.array([one.t_s for one in pulses])
    total_l = np.cumsum([0.0, *(one.litres for one in pulses)])
    fix_s = np.array([fix.t_s for fix in applied.fixes])
    records: list[LogRecord] = []
    area_m2, before = 0.0, 0
    for start_s, end_s in times:
        ticks = np.append(np.arange(start_s, end_s, 1.0), end_s)
        readings = np.interp(ticks, columns[:, 0], columns[:, 1])
        speeds = np.interp(ticks, columns[:, 0], columns[:, 2])
        places = _places(applied, ticks, readings)
        sprayed = np.searchsorted(opened_s, ticks, side="right")
        if end_s == times[-1][1]:
            sprayed[-1] = len(pulses)
        for row, t_s in enumerate(ticks.tolist()):
            step_m = max(0.0, float(readings[row] - readings[row - 1])) if row else 0.0
            area_m2 += step_m * swath_m
            now = int(sprayed[row])
            litres = float(total_l[now] - total_l[before])
            values = _values(
                boom,
                rate_l_m2=litres / (step_m * swath_m) if step_m > 0.0 else 0.0,
                speed_m_s=float(speeds[row]),
                litres=float(total_l[now]),
                area_m2=area_m2,
                opened={one.nozzle_id for one in pulses[before:now]},
            )
            before = now
            records.append(
                LogRecord(
                    utc_s=applied.utc_s(t_s),
                    latitude_deg=float(places[row, 1]),
                    longitude_deg=float(places[row, 0]),
                    status=_status(applied, fix_s, t_s),
                    values=dict(enumerate(values)),
                )
            )
    return records


def _places(applied: AppliedMap, ticks_s: Float64Array, readings_m: Float64Array) -> Float64Array:
    """Return (N, 2) (longitude, latitude) of base_link at host times."""
    places = np.zeros((len(ticks_s), 2))
    owner = [applied.track.section_at(t_s) for t_s in ticks_s.tolist()]
    for section in applied.track.sections:
        rows = np.array([one is section for one in owner], bool)
        if rows.any():
            own = section.places(readings_m[rows], np.zeros(int(rows.sum())))
            places[rows] = applied.track.geographic(own)
    return places


def _values(
    boom: Boom,
    *,
    rate_l_m2: float,
    speed_m_s: float,
    litres: float,
    area_m2: float,
    opened: set[int],
) -> list[int]:
    """Return the channels' values, in the order of `_channels`."""
    return [
        round(rate_l_m2 / _RATE_UNIT_L_M2),
        1 if opened else 0,
        round(1e3 * max(0.0, speed_m_s)),
        round(1e3 * litres),
        round(area_m2),
        *(_condensed(len(boom), opened, word) for word in range(_condensed_words(len(boom)))),
    ]


def _condensed(nozzles: int, opened: set[int], word: int) -> int:
    """Return 16 sections' states of two bits: 0 off, 1 on, 3 not there."""
    value = 0
    for bit in range(_STATES_A_WORD):
        nozzle = word * _STATES_A_WORD + bit
        state = 3 if nozzle >= nozzles else int(nozzle in opened)
        value |= state << (2 * bit)
    return value - 2**32 if value >= 2**31 else value


def _status(applied: AppliedMap, fix_s: Float64Array, t_s: float) -> int:
    """Return the quality of the fix before a time."""
    if not len(fix_s):
        return _STATUS[FixQuality.MANUAL]
    row = max(0, int(np.searchsorted(fix_s, t_s, side="right")) - 1)
    return _STATUS[applied.fixes[row].quality]


def _task_data(applied: AppliedMap, record: RecordConfig, log_bytes: int) -> bytes:
    root = Element(
        "ISO11783_TaskData",
        {
            "VersionMajor": "4",
            "VersionMinor": "3",
            "ManagementSoftwareManufacturer": "AgriSeg",
            "ManagementSoftwareVersion": "1",
            "TaskControllerManufacturer": "AgriSeg",
            "TaskControllerVersion": "1",
            "DataTransferOrigin": "2",
        },
    )
    _device(root, applied)
    if record.farm:
        SubElement(root, "FRM", {"A": "FRM-1", "B": record.farm[:32]})
    _partfield(root, applied, record)
    SubElement(root, "PDT", {"A": "PDT-1", "B": (record.product or "spray mix")[:32]})
    if record.operator:
        SubElement(root, "WKR", {"A": "WKR-1", "B": record.operator[:32]})
    _task(root, applied, record, log_bytes)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _partfield(root: Element, applied: AppliedMap, record: RecordConfig) -> None:
    """Write the field that was worked on: the hull of the ground that was driven."""
    outline = shapely.convex_hull(shapely.union_all(list(applied.driven)))
    name = (record.field_name or applied.run)[:32]
    attributes = {"A": "PFD-1", "C": name, "D": str(round(float(shapely.area(outline))))}
    if record.farm:
        attributes["F"] = "FRM-1"
    field = SubElement(root, "PFD", attributes)
    if outline.geom_type != "Polygon":
        return
    polygon = SubElement(field, "PLN", {"A": "1"})
    line = SubElement(polygon, "LSG", {"A": "1"})
    for longitude, latitude in applied.track.geographic(
        np.asarray(outline.exterior.coords, np.float64)
    ):
        SubElement(line, "PNT", {"A": "2", "C": f"{latitude:.9f}", "D": f"{longitude:.9f}"})


def _task(root: Element, applied: AppliedMap, record: RecordConfig, log_bytes: int) -> None:
    attributes = {"A": "TSK-1", "B": applied.run[:32], "E": "PFD-1", "G": "4"}
    if record.farm:
        attributes["D"] = "FRM-1"
    if record.operator:
        attributes["F"] = "WKR-1"
    task = SubElement(root, "TSK", attributes)
    times = spraying_times_s(applied.history)
    start_s = times[0][0] if times else applied.history.start_s
    end_s = times[-1][1] if times else start_s
    duration_s = sum(end - start for start, end in times)
    totals, figures = applied.history.totals, applied.figures
    moment = SubElement(
        task,
        "TIM",
        {
            "A": iso_time(applied.utc_s(start_s)),
            "B": iso_time(applied.utc_s(end_s)),
            "D": "4",
        },
    )
    for ddi, value in (
        (DDI_TOTAL_AREA, figures.driven_m2),
        (DDI_TOTAL_DISTANCE, 1e3 * totals.distance_m),
        (DDI_TOTAL_TIME, duration_s),
        (DDI_TOTAL_VOLUME_ML, 1e3 * figures.litres_confirmed),
    ):
        SubElement(moment, "DLV", {"A": f"{ddi:04X}", "B": str(round(value)), "C": _DEVICE})
    if record.operator:
        SubElement(task, "WAN", {"A": "WKR-1"})
    SubElement(task, "DAN", {"A": "A00086000A080AC1", "C": "DVC-1"})
    SubElement(task, "PAN", {"A": "PDT-1", "E": _BOOM})
    SubElement(task, "TLG", {"A": _LOG, "B": str(log_bytes), "C": "1"})


def _device(root: Element, applied: AppliedMap) -> None:
    boom = Boom(applied.config.boom)
    device = SubElement(
        root,
        "DVC",
        {
            "A": "DVC-1",
            "B": "AgriSeg spot sprayer",
            "C": "1",
            "D": "A00086000A080AC1",
            "F": "31000000000000",
            "G": "FF000000006E65",
        },
    )
    machine = SubElement(
        device, "DET",
        {"A": _DEVICE, "B": "1", "C": "1", "D": "Sprayer", "E": "0", "F": "0"},
    )  # fmt: skip
    bar = SubElement(
        device, "DET",
        {"A": _BOOM, "B": "2", "C": "2", "D": "Boom", "E": "1", "F": "1"},
    )  # fmt: skip
    objects = _DeviceObjects(device)
    for ddi, name in (
        (DDI_SPEED, "Speed"),
        (DDI_TOTAL_VOLUME_ML, "Applied volume"),
        (DDI_TOTAL_AREA, "Area"),
        (DDI_TOTAL_DISTANCE, "Distance"),
        (DDI_TOTAL_TIME, "Time"),
    ):
        objects.process_data(machine, ddi, name)
    objects.process_data(bar, DDI_ACTUAL_RATE, "Applied rate")
    objects.process_data(bar, DDI_WORK_STATE, "Spraying")
    for word in range(_condensed_words(len(boom))):
        objects.process_data(bar, DDI_CONDENSED_STATE + word, f"Nozzles {16 * word + 1} on")
    objects.property(bar, DDI_WORKING_WIDTH, round(1e3 * boom.width_m), "Width")
    objects.property(bar, DDI_OFFSET_X, round(1e3 * float(boom.x_m.mean())), "Ahead")
    objects.property(bar, DDI_OFFSET_Y, round(-1e3 * float(boom.y_m.mean())), "To the right")
    for nozzle in boom.nozzles[: _STATES_A_WORD * 16]:
        number = nozzle.nozzle_id
        section = SubElement(
            device,
            "DET",
            {
                "A": f"DET-{number + 3}",
                "B": str(number + 3),
                "C": "4",
                "D": f"Nozzle {number + 1}",
                "E": str(number + 2),
                "F": "2",
            },
        )
        objects.property(section, DDI_WORKING_WIDTH, round(1e3 * nozzle.zone_width_m), "Width")
        objects.property(section, DDI_OFFSET_X, round(1e3 * nozzle.x_m), "Ahead")
        objects.property(section, DDI_OFFSET_Y, round(-1e3 * nozzle.y_m), "To the right")
    objects.finish()


class _DeviceObjects:
    """Numbers process data and properties, and lists them behind the elements."""

    _FIRST = 1000

    def __init__(self, device: Element) -> None:
        self._device = device
        self._waiting: list[Element] = []

    def process_data(self, element: Element, ddi: int, name: str) -> None:
        number = self._refer(element)
        attributes = {"A": number, "B": f"{ddi:04X}", "C": "1", "D": "9", "E": name}
        self._waiting.append(Element("DPD", attributes))

    def property(self, element: Element, ddi: int, value: int, name: str) -> None:
        number = self._refer(element)
        attributes = {"A": number, "B": f"{ddi:04X}", "C": str(value), "D": name}
        self._waiting.append(Element("DPT", attributes))

    def finish(self) -> None:
        self._device.extend(sorted(self._waiting, key=lambda one: one.tag))

    def _refer(self, element: Element) -> str:
        number = str(self._FIRST + len(self._waiting))
        SubElement(element, "DOR", {"A": number})
        return number
