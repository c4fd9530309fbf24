"""Review without widgets: playing, searching, comparing, explaining."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agriseg.messages import ClassId, Plant, PulseOutcome, PulseReport, RunEvent, ValveEvent
from agriseg.recording.marks import RunNotes
from agriseg.recording.story import PlantStory, PulseStory
from ui.models.review_compare import compared
from ui.models.review_ground import PlantKind
from ui.models.review_open import OpenedRun
from ui.models.review_plant import Verdict, plant_words, sensitivity_at, verdict_of
from ui.models.review_play import SPEEDS, Playhead, neighbour
from ui.models.review_runs import RunCard, RunFilter, card_lines, matching, read_card
from ui.units import Units, UnitSystem

METRIC = Units(UnitSystem.METRIC)
TIMES_S = np.array([10.0, 10.05, 10.1, 10.2, 10.25])
NAN = float("nan")
WEED = Plant(
    plant_id=7,
    class_id=ClassId.WEED,
    s_m=1.0,
    y_m=0.0,
    s_min_m=0.98,
    s_max_m=1.02,
    y_min_m=-0.015,
    y_max_m=0.015,
    area_m2=0.001,
    confidence=0.93,
    decision="to be sprayed by nozzle 3",
)


def pulse(outcome: PulseOutcome, *, off_mm: float = NAN, detail: str = "") -> PulseStory:
    wet = (0.953, 1.05) if outcome is PulseOutcome.DONE else (NAN, NAN)
    return PulseStory(
        event=ValveEvent(
            event_id=1,
            nozzle_id=2,
            by_distance=True,
            open_at=0.5,
            close_at=0.56,
            wanted_s_min_m=0.97,
            wanted_s_max_m=1.03,
        ),
        t_s=10.0,
        report=PulseReport(
            event_id=1,
            nozzle_id=2,
            outcome=outcome,
            t_open_s=NAN,
            t_close_s=NAN,
            open_m=NAN,
            close_m=NAN,
            detail=detail,
        ),
        commanded_s_m=(0.95, 1.05),
        confirmed_s_m=wet,
        off_mm=off_mm,
    )


def story(*pulses: PulseStory, plant: Plant = WEED) -> PlantStory:
    return PlantStory(plant=plant, t_s=10.0, frame_id=3, pulses=pulses, missed=())


def test_stepping_goes_from_picture_to_picture_and_stays_within_the_run() -> None:
    head = Playhead(TIMES_S, 9.9, 10.3)
    assert head.frame_index == 0
    head.step(1)
    head.step(1)
    assert (head.frame_index, head.t_s) == (2, pytest.approx(10.1))
    head.step(-1)
    assert head.frame_index == 1
    head.step(-99)
    assert head.frame_index == 0
    head.step(99)
    assert head.frame_index == 4
    head.seek(0.0)
    assert (head.t_s, head.frame_index) == (9.9, -1)


def test_playing_follows_the_speed_and_ends_at_the_end() -> None:
    head = Playhead(TIMES_S, 10.0, 12.0)
    head.advance(1.0)
    assert head.t_s == 10.0, "it does not play yet"
    head.toggle()
    head.advance(0.5)
    assert head.t_s == pytest.approx(10.5)
    head.change_speed(-99)
    assert head.speed == SPEEDS[0] == 0.1
    head.advance(1.0)
    assert head.t_s == pytest.approx(10.6)
    head.change_speed(99)
    assert head.speed == 8.0
    head.advance(1.0)
    assert (head.t_s, head.is_playing) == (12.0, False)
    head.toggle()
    assert (head.t_s, head.is_playing) == (10.0, True), "at the end it begins anew"


def test_the_next_and_the_last_of_some_times() -> None:
    times = [1.0, 2.0, 2.0, 3.0]
    assert neighbour(times, 0.0, 1) == 0
    assert neighbour(times, 1.0, 1) == 1
    assert neighbour(times, 2.0, 1) == 3
    assert neighbour(times, 3.0, 1) is None
    assert neighbour(times, 2.0, -1) == 0
    assert neighbour(times, 1.0, -1) is None


def card(name: str, hour: int, **changes: object) -> RunCard:
    started = datetime(2026, 7, 14, hour, tzinfo=UTC)
    return replace(RunCard(directory=Path(name), started_at=started), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("faults", "words"), [(0, "no faults"), (1, "1 fault"), (2, "2 faults")])
def test_faults_are_counted_in_words(faults: int, words: str) -> None:
    summed = replace(card("a", 6, faults=faults), summary={"duration_s": 1.0})
    assert card_lines(summed, METRIC)[1].endswith(f"·  {words}")


def test_search_and_filter_newest_first() -> None:
    cards = [
        card("a", 6, place="48.1° N", starred=True),
        card("b", 9, notes=RunNotes(note="Wind from West"), faults=2),
        card("c", 7, state="The recording was cut off"),
    ]
    assert [c.directory.name for c in matching(cards, "", RunFilter.ALL)] == ["b", "c", "a"]
    assert [c.directory.name for c in matching(cards, "west WIND", RunFilter.ALL)] == ["b"]
    assert [c.directory.name for c in matching(cards, "48.1", RunFilter.ALL)] == ["a"]
    assert matching(cards, "west 48.1", RunFilter.ALL) == []
    assert [c.directory.name for c in matching(cards, "", RunFilter.STARRED)] == ["a"]
    assert [c.directory.name for c in matching(cards, "", RunFilter.FAULTS)] == ["b", "c"]


def test_what_cannot_be_opened_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"run": {"format_version": "99"}}')
    read = read_card(tmp_path)
    assert read is not None
    assert not read.opens
    assert "99" in read.state
    assert "update AgriSeg" in card_lines(read, METRIC)[2]


def test_two_runs_and_their_differences() -> None:
    first = {"area_m2": 100.0, "litres": {"confirmed": 0.5}, "saving_fraction": 0.9, "stops": 1}
    second = {"area_m2": 150.0, "litres": {"confirmed": 0.6}, "saving_fraction": 0.8, "stops": 1}
    rows = {row.name: row for row in compared(first, second, METRIC)}
    assert rows["Area"].difference == "+50.0 m²"
    assert rows["Confirmed per hectare"].first == "50.0 L/ha"
    assert rows["Confirmed per hectare"].difference == "−10.0 L/ha"
    acres = {row.name: row for row in compared(first, second, Units(UnitSystem.IMPERIAL))}
    assert acres["Confirmed per acre"].first == "5.35 gal/ac"
    assert rows["Saving"].difference == "−10.0 %"
    assert rows["Stops"].difference == "same"
    assert rows["Weeds found"].difference == "–", "not known is not zero"


def test_a_sprayed_weed_is_explained_with_nozzle_and_millimetres() -> None:
    words = plant_words(story(pulse(PulseOutcome.DONE, off_mm=3.2)), 0.5, METRIC)
    assert words.verdict is Verdict.SPRAYED
    assert "nozzle 3 confirmed" in words.sentence
    rows = dict(words.rows)
    assert rows["Seen"].startswith("93 % sure of weed; sprayed from 50 %")
    assert rows["Nozzle 3"] == (
        "wanted 60 mm, commanded 100 mm, confirmed 97 mm, began 3.2 mm late"
    )


def test_commanded_is_not_confirmed() -> None:
    refused = story(pulse(PulseOutcome.REJECTED, detail="queue is full"))
    words = plant_words(refused, 0.5, METRIC)
    assert words.verdict is Verdict.UNCONFIRMED
    assert words.sentence.startswith("Commanded, but no confirmed spray reached it")
    assert "queue is full" in dict(words.rows)["Nozzle 3"]


def test_why_not_is_the_rule_in_words() -> None:
    plant = replace(WEED, decision="not sprayed: crop is too near")
    words = plant_words(story(plant=plant), 0.5, METRIC)
    assert words.verdict is Verdict.LEFT
    assert words.sentence == "Why not sprayed: crop is too near."
    crop = plant_words(story(plant=replace(WEED, class_id=ClassId.CROP)), 0.5, METRIC)
    assert crop.verdict is Verdict.CROP


def test_the_sensitivity_is_that_of_the_time() -> None:
    events = [
        RunEvent(t_s=5.0, kind="sensitivity", text="0.70"),
        RunEvent(t_s=8.0, kind="sensitivity", text="0.20"),
    ]
    assert sensitivity_at(events, 4.0, 0.5) == 0.5
    assert sensitivity_at(events, 6.0, 0.5) == 0.7
    assert sensitivity_at(events, 9.0, 0.5) == 0.2


def test_map_and_explanation_of_a_recorded_run_agree(opened_run: OpenedRun) -> None:
    kinds = {
        PlantKind.SPRAYED: {Verdict.SPRAYED},
        PlantKind.CROP: {Verdict.CROP, Verdict.CROP_SPRAYED},
        PlantKind.MISSED: {Verdict.MISSED, Verdict.UNCONFIRMED},
        PlantKind.LEFT: {Verdict.LEFT, Verdict.MISSED, Verdict.UNCONFIRMED},
    }
    seen = 0
    for kind, placed in opened_run.map.plants.items():
        for plant_id in placed.plant_id.tolist():
            seen += 1
            assert verdict_of(opened_run.story.plant(plant_id)) in kinds[kind]
    assert seen == len(opened_run.story.plants) > 20
    assert len(opened_run.map.plants[PlantKind.SPRAYED].s_m) > 3


def test_the_chart_says_which_nozzles_were_open(opened_run: OpenedRun) -> None:
    done = next(p for p in opened_run.story.pulses if np.isfinite(p.confirmed_s_m).all())
    middle_m = 0.5 * sum(done.confirmed_s_m)
    commanded, confirmed = opened_run.chart.open_at(middle_m)
    assert done.event.nozzle_id in commanded
    assert done.event.nozzle_id in confirmed
    assert opened_run.chart.open_at(-50.0) == (frozenset(), frozenset())


def test_a_recorded_run_is_listed_with_its_figures(recorded_run: Path) -> None:
    read = read_card(recorded_run)
    assert read is not None
    assert read.opens
    assert read.state == ""
    assert read.area_m2 > 1.0
    assert 0.5 < read.saving_fraction < 1.0
    assert read.pictures > 20
    _, figures, _ = card_lines(read, METRIC)
    assert "m²" in figures
