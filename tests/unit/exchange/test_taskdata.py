"""Task data is read by an independent parser of ISOXML, and comes back as it was."""

from __future__ import annotations

import itertools
import shutil
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

sys.path.insert(0, str(Path(__file__).parents[1] / "mapping"))

from mapped_run import LENGTH_M, record_straight

from agriseg.boundary.loading import load_boundary
from agriseg.errors import ExportError
from agriseg.exchange.taskdata import (
    DDI_CONDENSED_STATE,
    DDI_TOTAL_AREA,
    DDI_TOTAL_VOLUME_ML,
    read_taskdata,
    write_taskdata,
)
from agriseg.exchange.time_log import Channel, LogRecord, decode, encode, header_xml
from agriseg.field_config import RecordConfig
from agriseg.mapping.applied import AppliedMap, applied_map
from agriseg.recording.reader import open_run

RECORD = RecordConfig(operator="O. Perator", farm="Farm", field_name="Long acre", product="Mix")


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> AppliedMap:
    with open_run(record_straight(tmp_path_factory.mktemp("task") / "run")) as run:
        return applied_map(run)


def parsed(path: Path) -> tuple[Any, dict[str, Any]]:
    """Read with the isoxml package, which checks types, and nothing of ours."""
    io = pytest.importorskip("isoxml.util.isoxml_io")
    if path.is_file():
        shutil.unpack_archive(path, path.parent / "unpacked", "zip")
        path = path.parent / "unpacked"
    return io.isoxml_from_path(path / "TASKDATA")


@pytest.mark.parametrize("name", ["job", "job.zip"])
def test_an_independent_parser_finds_task_totals_and_places(
    applied: AppliedMap, tmp_path: Path, name: str
) -> None:
    write_taskdata(applied, RECORD, tmp_path / name, overwrite=False)
    data, binaries = parsed(tmp_path / name)
    task = data.tasks[0]
    assert task.status.name == "Completed"
    assert data.partfields[0].designator == "Long acre"
    assert data.workers[0].last_name == "O. Perator"
    assert data.products[0].designator == "Mix"
    totals = {
        int.from_bytes(value.process_data_ddi, "big"): value.process_data_value
        for value in task.times[0].data_log_values
    }
    run = applied.history.totals
    assert totals[DDI_TOTAL_AREA] == pytest.approx(run.area_m2, rel=0.005)
    assert totals[DDI_TOTAL_VOLUME_ML] == pytest.approx(1e3 * run.volume_confirmed_l, rel=0.005)
    assert totals[117] == pytest.approx(1e3 * LENGTH_M, rel=0.005)
    started = task.times[0].start.to_datetime()
    assert started == datetime.fromtimestamp(applied.start_utc_s, tz=UTC)
    assert task.time_logs[0].filelength == len(binaries["TLG00001"])
    points = data.partfields[0].polygons[0].line_strings[0].points
    ring = shapely.Polygon([(float(p.east), float(p.north)) for p in points])
    area_m2 = abs(Geod(ellps="WGS84").geometry_area_perimeter(ring)[0])
    assert area_m2 == pytest.approx(run.area_m2, rel=0.005)
    sections = [one for one in data.devices[0].elements if one.type.name == "Section"]
    assert len(sections) == 4


def test_the_log_read_by_hand_adds_up_to_the_run(applied: AppliedMap, tmp_path: Path) -> None:
    """The bytes, by the standard's table and nothing of ours."""
    write_taskdata(applied, RECORD, tmp_path / "job", overwrite=False)
    data = (tmp_path / "job" / "TASKDATA" / "TLG00001.BIN").read_bytes()
    offset, rows = 0, []
    while offset < len(data):
        ms, days, north, east, status, count = struct.unpack_from("<IHiiBB", data, offset)
        offset += 16
        values = dict(struct.unpack_from("<Bi", data, offset + 5 * i) for i in range(count))
        offset += 5 * count
        rows.append((ms, days, north * 1e-7, east * 1e-7, status, values))
    assert len(rows) == 21, "one a second, and the end"
    ms, days = rows[0][:2]
    epoch_s = datetime(1980, 1, 1, tzinfo=UTC).timestamp()
    assert epoch_s + 86400 * days + 1e-3 * ms == pytest.approx(applied.start_utc_s, abs=0.001)
    assert {row[4] for row in rows} == {4}, "RTK fixed"
    first, last = rows[0], rows[-1]
    _, _, length_m = Geod(ellps="WGS84").inv(first[3], first[2], last[3], last[2])
    assert length_m == pytest.approx(LENGTH_M, abs=0.05)
    assert last[5][3] == pytest.approx(1e3 * applied.history.totals.volume_confirmed_l, rel=0.005)
    assert last[5][4] == pytest.approx(applied.history.totals.area_m2, rel=0.005)
    by_rate_l = sum(
        1e-8 * row[5][0] * max(0, row[5][4] - before[5][4])
        for before, row in itertools.pairwise(rows)
    )
    assert by_rate_l == pytest.approx(applied.history.totals.volume_confirmed_l, rel=0.05)


def test_it_comes_back_as_it_was(applied: AppliedMap, tmp_path: Path) -> None:
    write_taskdata(applied, RECORD, tmp_path / "job.zip", overwrite=False)
    summary = read_taskdata(tmp_path / "job.zip")
    run = applied.history.totals
    assert summary.litres == pytest.approx(run.volume_confirmed_l, rel=0.005)
    assert summary.log_litres == pytest.approx(run.volume_confirmed_l, rel=0.005)
    assert summary.area_m2 == pytest.approx(run.area_m2, rel=0.005)
    assert summary.log_area_m2 == pytest.approx(run.area_m2, rel=0.005)
    assert summary.duration_s == pytest.approx(LENGTH_M, abs=1.0)
    word = next(i for i, c in enumerate(summary.channels) if c.ddi == DDI_CONDENSED_STATE)
    states = np.array([record.values[word] for record in summary.records], np.int64)
    opened = {n for n in range(4) for state in states if (int(state) >> (2 * n)) & 3 == 1}
    assert opened == {0, 1, 2, 3}
    assert all((int(state) >> 8) & 0xFF == 0xFF for state in states), "no more nozzles"


def test_its_field_serves_as_a_boundary(applied: AppliedMap, tmp_path: Path) -> None:
    write_taskdata(applied, RECORD, tmp_path / "job", overwrite=False)
    boundary = load_boundary(tmp_path / "job")
    assert boundary.name == "Long acre"
    area_m2 = abs(Geod(ellps="WGS84").geometry_area_perimeter(boundary.field)[0])
    assert area_m2 == pytest.approx(applied.figures.driven_once_m2, rel=0.005)


RECORDS = st.builds(
    LogRecord,
    utc_s=st.integers(4 * 10**11, 4 * 10**12).map(lambda ms: ms / 1000.0),
    latitude_deg=st.integers(-9 * 10**8, 9 * 10**8).map(lambda n: n / 1e7),
    longitude_deg=st.integers(-18 * 10**8, 18 * 10**8).map(lambda n: n / 1e7),
    status=st.integers(0, 15),
    values=st.dictionaries(st.integers(0, 3), st.integers(-(2**31) + 1, 2**31 - 1)),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORDS, max_size=5))
def test_every_log_comes_back(records: list[LogRecord]) -> None:
    channels = [Channel(ddi=ddi, element="DET-1") for ddi in (1, 2, 141, 351)]
    back_channels, back = decode(header_xml(channels), encode(records))
    assert back_channels == channels
    assert len(back) == len(records)
    for before, after in zip(records, back, strict=True):
        assert after.values == before.values
        assert after.status == before.status
        assert after.utc_s == pytest.approx(before.utc_s, abs=1e-3)
        assert after.latitude_deg == pytest.approx(before.latitude_deg, abs=1e-7)
        assert after.longitude_deg == pytest.approx(before.longitude_deg, abs=1e-7)


def test_a_log_that_is_cut_off_is_refused(applied: AppliedMap, tmp_path: Path) -> None:
    write_taskdata(applied, RECORD, tmp_path / "job", overwrite=False)
    log = tmp_path / "job" / "TASKDATA" / "TLG00001.BIN"
    log.write_bytes(log.read_bytes()[:-3])
    with pytest.raises(ExportError, match="cut off or damaged"):
        read_taskdata(tmp_path / "job")
    log.unlink()
    with pytest.raises(ExportError, match="TLG00001 of its task is missing"):
        read_taskdata(tmp_path / "job")
    with pytest.raises(ExportError, match="this is no task data"):
        read_taskdata(tmp_path)
