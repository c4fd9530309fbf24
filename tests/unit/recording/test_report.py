"""Figures recomputed from a recording are those known by hand; the report shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recording_samples import SMALL_PARTS, record

from agriseg.errors import RecordingError
from agriseg.recording.report import write_report

REQUIRED = {
    "weeds_total",
    "weeds_hit",
    "weeds_hit_fraction",
    "crop_area_sprayed_fraction",
    "sprayed_area_fraction",
    "missed_late",
    "position_error_mm",
    "frames",
    "frames_dropped",
    "stage_ms",
    "overhead_ms",
}

TRUTH = {
    "weeds_total": 101,
    "weeds_reachable": 100,
    "weeds_hit": 99,
    "weeds_hit_fraction": 0.99,
    "weeds_not_seen": 1,
    "weeds_not_decided": 0,
    "weeds_not_reached": 0,
    "crop_area_sprayed_fraction": 0.0123,
    "crop_area_sprayed_beyond_margin_fraction": 0.0012,
    "sprayed_area_fraction": 0.0456,
    "position_error_mm": (1.5, 4.5, 6.5),
}


def test_figures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    record(tmp_path / "run", 100)
    summary = write_report(tmp_path / "run").summary
    assert set(summary) >= REQUIRED
    # 100 readings 0.05 m apart, four nozzles of 0.1 m.
    assert summary["distance_m"] == pytest.approx(4.95)
    assert summary["area_m2"] == pytest.approx(4.95 * 0.4)
    # Every tenth of 100 pulses is rejected.
    assert summary["pulses"]["commanded"] == 100
    assert summary["pulses"]["confirmed"] == 90
    assert summary["pulses"]["failed"] == 10
    assert summary["pulses"]["unanswered"] == 0
    assert summary["pulses"]["by_outcome"]["rejected"] == 10
    # 0.06 m at 1 m/s through 0.6 l/min, latencies equal.
    assert summary["litres"]["commanded"] == pytest.approx(100 * 0.06 * 0.01)
    assert summary["litres"]["confirmed"] == pytest.approx(90 * 0.06 * 0.01)
    assert summary["litres"]["measured"] == pytest.approx(0.099)
    # Four nozzles over the time between the first and the last reading.
    assert summary["litres"]["baseline"] == pytest.approx(4 * 0.01 * 4.95)
    assert summary["saving_fraction"] == pytest.approx(1.0 - 0.054 / 0.198)
    # 0.06 m and a footprint of 0.04 m each, 0.1 m wide, pulses of one nozzle 0.2 m apart.
    assert summary["treated_area_m2"] == pytest.approx(90 * 0.1 * 0.1)
    assert summary["sprayed_area_fraction"] == pytest.approx(0.9 / 1.98, abs=1e-6)
    assert summary["opening_error_mm"]["p99"] == pytest.approx(0.0, abs=1e-3)
    assert summary["weeds_seen"] == 100
    assert summary["missed_late"] == 100
    assert summary["missed"] == {"late": 100}
    assert summary["missed_length_m"] == pytest.approx(2.0)
    assert summary["frames"] == 100
    assert summary["frames_dropped"] == 0
    assert summary["stage_ms"]["segment"] == {"p50": 30.0, "p95": 30.0}
    assert summary["latency_ms"]["p50"] == pytest.approx(43.5)
    assert summary["overhead_ms"]["p95"] == 8.5
    assert summary["weed_cover_mean"] == pytest.approx(80 / (48 * 64), abs=1e-6)
    assert summary["recording"]["pictures"] == 100
    assert summary["recording"]["clock_shift_s"] is None


def test_without_the_fields_truth_its_figures_are_null_and_say_why(tmp_path: Path) -> None:
    record(tmp_path / "run", 20)
    report = write_report(tmp_path / "run")
    summary = json.loads(report.summary_path.read_text())
    assert summary == report.summary
    assert summary["truth"] == "not available: real field"
    for key in ("weeds_total", "weeds_hit_fraction", "position_error_mm"):
        assert summary[key] is None
    page = report.report_path.read_text()
    assert "Weeds found" in page
    assert "Against the field" not in page


def test_the_fields_truth_is_kept_and_found_again(tmp_path: Path) -> None:
    record(tmp_path / "run", 20)
    write_report(tmp_path / "run", TRUTH)
    report = write_report(tmp_path / "run")
    assert report.summary["truth"] == "simulation"
    assert report.summary["weeds_hit_fraction"] == 0.99
    assert report.summary["sprayed_area_fraction"] == 0.0456
    assert report.summary["position_error_mm"] == {"p50": 1.5, "p95": 4.5, "p99": 6.5}
    page = report.report_path.read_text()
    for text in ("Weeds hit", "99.0 %", "1.23 %", "0.12 %", "1.5 / 4.5 / 6.5 mm", "never seen"):
        assert text in page


def test_the_page_shows_figures_pictures_and_where_the_model_comes_from(tmp_path: Path) -> None:
    record(tmp_path / "run", 100)
    report = write_report(tmp_path / "run")
    page = report.report_path.read_text()
    for text in (
        "90",
        "of 100 commanded, 10 failed",
        "seen too late to be reached by the nozzle",
        "not opened: refused by the controller",
        "all nozzles open over the whole distance",
        "CC BY-SA 4.0",
        "A. Author",
        "test labels",
        "The recording is whole: 5.0 s.",
        "commit_lead_ms",
    ):
        assert text in page
    assert page.count("data:image/svg+xml;base64,") == 4
    assert page.count("data:image/png;base64,") == 1
    assert page.count("data:image/jpeg;base64,") >= 6
    assert "http://" not in page
    assert "https://" not in page


def test_dropped_frames_are_seen_by_the_gaps(tmp_path: Path) -> None:
    import recording_samples as samples

    from agriseg.clock import VirtualClock
    from agriseg.recording.recorder import RunRecorder

    clock = VirtualClock(samples.START_S)
    recorder = RunRecorder(
        tmp_path / "run", samples.CONFIG, samples.DESCRIPTION, clock=clock, wait_for_room=True
    )
    for index in (0, 1, 4, 5, 9):
        clock.sleep_until(samples.START_S + index * 0.05)
        frame = samples.frame_and_segmentation(index, clock.now_s())
        recorder.frame(*frame, None, samples.STAGE)
    recorder.close()
    summary = write_report(tmp_path / "run").summary
    assert summary["frames"] == 5
    assert summary["frames_dropped"] == 5
    assert summary["distance_m"] == 0.0
    assert summary["saving_fraction"] is None


def test_a_run_in_which_nothing_happened_has_a_report(tmp_path: Path) -> None:
    record(tmp_path / "run", 0)
    report = write_report(tmp_path / "run")
    assert report.summary["frames"] == 0
    assert report.summary["sprayed_area_fraction"] is None
    assert "Nothing was given up." in report.report_path.read_text()


def test_a_torn_run_is_summed_up_from_what_was_recovered(tmp_path: Path) -> None:
    record(tmp_path / "run", 200, limits=SMALL_PARTS)
    last = sorted((tmp_path / "run").glob("data-*.mcap"))[-1]
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 3])
    report = write_report(tmp_path / "run")
    assert 20 <= report.summary["frames"] < 200
    assert report.summary["pulses"]["commanded"] == report.summary["frames"]
    assert not report.summary["recording"]["is_whole"]
    assert report.summary["recording"]["sentence"] in report.report_path.read_text()


def test_a_clock_that_was_set_during_the_run_is_told(tmp_path: Path) -> None:
    from agriseg.recording.reader import open_run
    from agriseg.recording.report import read_summary

    readings = iter([10**18] + [10**18 + 3600 * 10**9] * 1000)
    record(
        tmp_path / "run",
        20,
        wall_ns=lambda: next(readings),
        wait_for_room=False,
    )
    with open_run(tmp_path / "run") as run:
        assert not run.info.virtual_time
    summary, _ = read_summary(tmp_path / "run")
    assert summary["recording"]["clock_shift_s"] == pytest.approx(3599.0, abs=0.1)


@pytest.mark.parametrize("name", ["summary.json", "report.html"])
def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    record(tmp_path / "run", 5)
    (tmp_path / "run" / name).mkdir()
    with pytest.raises(RecordingError, match="the file cannot be written") as caught:
        write_report(tmp_path / "run")
    assert str(caught.value).startswith(str(tmp_path / "run" / name))
    assert f"`agriseg runs report {tmp_path / 'run'}`" in str(caught.value)
    assert not list((tmp_path / "run").glob("*.part"))
