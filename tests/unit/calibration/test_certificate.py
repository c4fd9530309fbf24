"""The certificate of a verification drive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agriseg.calibration.certificate import (
    certificate_html,
    newest_certificate,
    write_certificate,
)
from agriseg.calibration.entries import Machine
from agriseg.calibration.steps import accept_result
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.verification import MarkScore, Verification, verification_result
from agriseg.calibration.wheel_counts import WheelRun, counts_result
from agriseg.config import Config
from agriseg.errors import CalibrationError

CONFIG = Config()
NAN = float("nan")


def mark(number: int, *, hit: bool = True, begin_m: float = 0.004) -> MarkScore:
    return MarkScore(
        s_m=2.0 + 0.4 * number,
        y_m=0.1,
        hit=hit,
        wet_share=0.98 if hit else 0.2,
        begin_error_m=begin_m if hit else NAN,
        end_error_m=-0.003 if hit else NAN,
    )


def store_with(tmp_path: Path, marks: tuple[MarkScore, ...]) -> CalibrationStore:
    store = CalibrationStore(tmp_path / "robot 7.jsonl")
    store.name_machine(Machine(name="robot 7", serial="AS-0042 <7>"))
    runs = [WheelRun(counts=41_000.0, tape_m=20.0)] * 3
    verified = verification_result(Verification(marks=marks, speed_m_s=1.0), CONFIG)
    for step, result in (("wheel", counts_result(CONFIG, runs)), ("verification", verified)):
        accept_result(
            step,
            result,
            store=store,
            configured=CONFIG,
            in_force=CONFIG,
            when=datetime(2026, 4, 1, 9, 30, tzinfo=UTC),
            operator="the owner",
        )
    return store


def test_a_passed_drive_is_certified_in_both_forms(tmp_path: Path) -> None:
    store = store_with(tmp_path, tuple(mark(i) for i in range(8)))
    certificate = newest_certificate(store)
    assert certificate.verdict == "PASSED"
    pdf, page = write_certificate(certificate, tmp_path / "out")
    assert pdf.read_bytes().startswith(b"%PDF")
    text = page.read_text(encoding="utf-8")
    for words in ("PASSED", "robot 7", "AS-0042 &lt;7&gt;", "the owner", "8 of 8", "4.0 mm"):
        assert words in text
    assert "2050.0 counts per metre" in text


def test_missed_marks_do_not_pass_and_are_shown(tmp_path: Path) -> None:
    marks = (*(mark(i) for i in range(6)), mark(6, hit=False))
    certificate = newest_certificate(store_with(tmp_path, marks))
    assert certificate.verdict == "NOT PASSED"
    text = certificate_html(certificate)
    assert "20 %, not hit" in text
    assert "not seen" in text


def test_an_edge_that_is_off_does_not_pass(tmp_path: Path) -> None:
    certificate = newest_certificate(
        store_with(tmp_path, tuple(mark(i, begin_m=0.02) for i in range(8)))
    )
    assert not certificate.passed
    assert "+20 mm from where it should" in certificate.entry.facts["warnings"][0]


def test_a_certificate_is_never_overwritten(tmp_path: Path) -> None:
    certificate = newest_certificate(store_with(tmp_path, tuple(mark(i) for i in range(8))))
    write_certificate(certificate, tmp_path / "out")
    with pytest.raises(CalibrationError, match="is not overwritten"):
        write_certificate(certificate, tmp_path / "out")


def test_without_a_drive_there_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="do the step Verification first"):
        newest_certificate(CalibrationStore(tmp_path / "machine.jsonl"))
