"""Why a plant was sprayed or not, told from the recording; marks and notes beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recording_samples import CONFIG, START_S, record

from agriseg.errors import RecordingError
from agriseg.messages import PulseOutcome
from agriseg.recording.marks import MARKS_FILE, Mark, RunNotes, read_notes, write_notes
from agriseg.recording.reader import open_run
from agriseg.recording.story import RunStory, TimelineKind, tell


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> RunStory:
    directory = tmp_path_factory.mktemp("story") / "run"
    record(directory, 40)
    with open_run(directory) as run:
        told = tell(run)
    assert told is not None
    return told


def test_a_sprayed_plant_names_rule_nozzle_and_extents(story: RunStory) -> None:
    plant = story.plant(3)
    assert plant.plant.decision == "spray"
    assert plant.frame_id == 3
    assert plant.t_s == pytest.approx(START_S + 0.2)
    (pulse,) = [pulse for pulse in plant.pulses if pulse.event.event_id == 3]
    assert pulse.event.nozzle_id == 3
    assert pulse.report is not None
    assert pulse.report.outcome is PulseOutcome.DONE
    # Weed at 0.7 m; commanded 0.67 to 0.73, footprint 0.04, boom at 0.
    assert pulse.commanded_s_m == pytest.approx((0.65, 0.75))
    assert pulse.confirmed_s_m == pytest.approx((0.65, 0.75), abs=1e-6)
    assert pulse.off_mm == pytest.approx(0.0, abs=1e-3)
    assert plant.was_wetted


def test_a_plant_whose_pulse_was_refused_was_commanded_and_not_wetted(story: RunStory) -> None:
    plant = story.plant(9)
    (pulse,) = [pulse for pulse in plant.pulses if pulse.event.event_id == 9]
    assert pulse.report is not None
    assert pulse.report.outcome is PulseOutcome.REJECTED
    assert not pulse.confirmed_s_m[0] <= 1e9, "no confirmed ground"
    assert not any(p.event.event_id == 9 and p.off_mm == p.off_mm for p in plant.pulses)


def test_ground_that_was_given_up_is_told_with_its_reason(story: RunStory) -> None:
    # The strip given up at plan 19 lies at 0.9 to 0.92 m, below nozzle 0; weed 7 is there
    # only if the nozzle is its own.
    told = [
        (m.nozzle_id, m.reason)
        for plant in story.plants
        for m in story.plant(plant.plant_id).missed
    ]
    assert told
    assert set(told) == {(0, "late")}


def test_the_timeline_is_in_order_and_has_weeds_and_misses(story: RunStory) -> None:
    times = [point.t_s for point in story.timeline]
    assert times == sorted(times)
    kinds = [point.kind for point in story.timeline]
    assert kinds.count(TimelineKind.WEED) == 40
    assert kinds.count(TimelineKind.MISS) == 40
    assert kinds.count(TimelineKind.STATE) == 1
    weed = next(point for point in story.timeline if point.plant_id == 5)
    assert weed.t_s == pytest.approx(START_S + 0.3)


def test_nozzles_are_commanded_and_confirmed_while_their_pulse_lasts(story: RunStory) -> None:
    # Pulse 3: commanded from reading 0.67 to 0.73 m at 1 m/s, odometer 0.2 m at 0.2 s.
    commanded, confirmed = story.nozzles_at(START_S + 0.66)
    assert not commanded[3]
    assert confirmed[3], "the coil is on 30 ms before spray reaches the ground"
    commanded, confirmed = story.nozzles_at(START_S + 0.72)
    assert commanded[3]
    assert not confirmed[3]


def test_a_plant_is_found_where_it_is_drawn(story: RunStory) -> None:
    index = story.best_frame(39)
    assert index is not None
    shown = {plant.plant_id: plant for plant in story.plants_in_frame(index)}
    u, v = shown[39].outline_px.mean(axis=0)
    assert story.plant_at(index, float(u), float(v)) == 39
    assert story.plant_at(index, -5000.0, 0.0) is None


def test_telling_says_how_far_it_is_and_can_be_given_up(tmp_path: Path) -> None:
    record(tmp_path / "run", 600)
    shares: list[float] = []
    with open_run(tmp_path / "run") as run:
        assert tell(run, shares.append) is not None
        assert tell(run, cancelled=lambda: True) is None
    assert len(shares) >= 2
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_marks_and_notes_lie_beside_the_recording(tmp_path: Path) -> None:
    record(tmp_path / "run", 3)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert read_notes(tmp_path / "run") == RunNotes()
    later = Mark(mark_id=1, t_s=502.0, text="Nest im Feld: ausgelassen")
    earlier = Mark(mark_id=2, t_s=501.0, text="")
    write_notes(tmp_path / "run", RunNotes(note="wind from west", marks=(later, earlier)))
    assert read_notes(tmp_path / "run") == RunNotes(note="wind from west", marks=(earlier, later))
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("content", ["{", '{"version": 9}', "[]", '{"version": 1, "marks": 3}'])
def test_damaged_notes_are_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / MARKS_FILE).write_text(content)
    with pytest.raises(RecordingError, match=MARKS_FILE):
        read_notes(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_notes_on_a_read_only_disk_are_refused_in_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RecordingError, match="cannot be written"):
        write_notes(tmp_path, RunNotes(note="x"))


def test_the_sample_has_the_boom_that_the_figures_above_assume() -> None:
    assert CONFIG.boom.x_m == 0.0
