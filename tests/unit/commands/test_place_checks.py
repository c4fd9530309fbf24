"""`agriseg doctor` on satellite receiver, boundary and what exports need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "boundary"))

from boundary_files import box, feature, write_geojson

from agriseg.config import parse_config
from agriseg.diagnosis.finding import Level
from agriseg.diagnosis.place_checks import check_place
from agriseg.serial_ports import SerialPort

PORT = SerialPort(device="/dev/ttyX7", description="GNSS", permitted=True, group="")


def judged(installed: bool = True, **sections: Any) -> tuple[Level, str]:
    config = parse_config(sections, source="test")
    finding = check_place(config, [PORT], lambda _: installed)
    assert (finding.level is Level.OK) == (finding.mend == "")
    return finding.level, f"{finding.found} / {finding.mend}"


@pytest.fixture
def home(tmp_path: Path) -> str:
    pond = feature(box(1, 1, 2, 2), role="no-spray")
    return str(write_geojson(tmp_path / "h.geojson", feature(box(0, 0, 9, 9), name="Home"), pond))


def test_what_is_there_is_named(home: str) -> None:
    assert judged() == (Level.OK, "receiver: auto; no boundary / ")
    level, text = judged(position={"source": "/dev/ttyX7"}, boundary={"file": home})
    assert level is Level.OK
    assert "receiver /dev/ttyX7; boundary Home, 1 no-spray zone(s)" in text


def test_what_is_missing_says_how_to_mend_it(home: str, tmp_path: Path) -> None:
    level, text = judged(position={"source": "/dev/ttyX8"})
    assert level is Level.PROBLEM
    assert "/dev/ttyX8 is configured" in text
    level, text = judged(boundary={"file": str(tmp_path / "absent.geojson")})
    assert level is Level.PROBLEM
    assert "no such boundary file" in text
    level, text = judged(boundary={"file": home}, camera={"source": "usb:0"})
    assert level is Level.PROBLEM
    assert "nothing would ever be sprayed" in text
    level, text = judged(installed=False)
    assert level is Level.WARNING
    assert "agriseg[maps]" in text
    level, text = judged(installed=False, mqtt={"host": "broker"})
    assert level is Level.PROBLEM
    assert "agriseg[mqtt]" in text
