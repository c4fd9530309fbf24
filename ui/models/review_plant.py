"""Why a plant was sprayed, or why not, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from agriseg.mapping.return_list import ON_PURPOSE
from agriseg.messages import ClassId, MissedWeed, Plant, PulseOutcome, RunEvent
from agriseg.recording.story import PlantStory, PulseStory
from agriseg.recording.words import MISSED_REASONS, OUTCOMES
from agriseg.spraying.targets import weed_threshold
from ui.units import Units, percent


class Verdict(Enum):
    """What became of a plant."""

    SPRAYED = "sprayed"
    UNCONFIRMED = "unconfirmed"
    """Commanded, but no confirmed spray reached it."""
    MISSED = "missed"
    LEFT = "left"
    """Left on purpose."""
    CROP = "crop"
    CROP_SPRAYED = "crop sprayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantWords:
    """A plant explained: heading, one sentence, then names and texts."""

    title: str
    verdict: Verdict
    sentence: str
    rows: tuple[tuple[str, str], ...]


def verdict_of(story: PlantStory) -> Verdict:
    """Return what became of a plant."""
    if story.plant.class_id is ClassId.CROP:
        return Verdict.CROP_SPRAYED if story.was_wetted else Verdict.CROP
    if story.was_wetted:
        return Verdict.SPRAYED
    if story.pulses:
        return Verdict.UNCONFIRMED
    return Verdict.MISSED if any(is_missed(one) for one in story.missed) else Verdict.LEFT


def is_missed(missed: MissedWeed) -> bool:
    """Return whether ground was given up against what was wanted, not on purpose."""
    return missed.reason not in ON_PURPOSE


def strip_words(missed: MissedWeed, units: Units) -> PlantWords:
    """Explain ground that was given up and on which no single weed is known."""
    reason = MISSED_REASONS.get(missed.reason, missed.reason)
    length = _length(missed.s_max_m - missed.s_min_m, units)
    return PlantWords(
        title=f"Nozzle {missed.nozzle_id + 1}",
        verdict=Verdict.MISSED if is_missed(missed) else Verdict.LEFT,
        sentence=f"Why not sprayed: {reason}.",
        rows=(("Given up", f"{length} along the track"),),
    )


def plant_words(story: PlantStory, sensitivity: float, units: Units) -> PlantWords:
    """Explain a plant.

    Parameters
    ----------
    story : PlantStory
    sensitivity : float
        That was set when it was decided on, 0 to 1.
    units : Units
    """
    plant, verdict = story.plant, verdict_of(story)
    kind = "Crop" if plant.class_id is ClassId.CROP else "Weed"
    rows = [
        ("Seen", _seen(plant, sensitivity)),
        ("Size", _size(plant, units)),
        ("Rule", plant.decision or "no decision was recorded"),
        *(_pulse_row(pulse, units) for pulse in story.pulses),
        *(
            (f"Nozzle {number}", f"{_length(length, units)} given up: {reason}")
            for number, length, reason in _strips(story)
        ),
    ]
    return PlantWords(
        title=f"{kind} {plant.plant_id}",
        verdict=verdict,
        sentence=_sentence(story, verdict),
        rows=tuple(rows),
    )


def sensitivity_at(events: Sequence[RunEvent], t_s: float, configured: float) -> float:
    """Return the sensitivity that was set at a time, by the events of the run."""
    found = configured
    for event in events:
        if event.kind == "sensitivity" and event.t_s <= t_s:
            try:
                found = float(event.text.split()[-1])
            except (ValueError, IndexError):
                continue
    return found


def _sentence(story: PlantStory, verdict: Verdict) -> str:
    if verdict is Verdict.SPRAYED:
        wetted = sorted({p.event.nozzle_id + 1 for p in story.pulses if _is_wet(p, story.plant)})
        return f"Why sprayed: it is weed, and {_nozzles(wetted)} confirmed spray on it."
    if verdict is Verdict.CROP_SPRAYED:
        return "Crop, and confirmed spray reached it: a weed beside it was sprayed."
    if verdict is Verdict.CROP:
        return "Why not sprayed: it is crop."
    if verdict is Verdict.UNCONFIRMED:
        return f"Commanded, but no confirmed spray reached it: {_what_happened(story)}."
    if story.missed:
        reasons = dict.fromkeys(reason for _, _, reason in _strips(story))
        return f"Why not sprayed: {'; '.join(reasons)}."
    why = story.plant.decision.removeprefix("not sprayed: ")
    if not why or why.startswith("to be sprayed"):
        why = "it was wanted, but no pulse was commanded and no reason was recorded"
    return f"Why not sprayed: {why}."


def _seen(plant: Plant, sensitivity: float) -> str:
    seen = f"{percent(plant.confidence, 0)} sure of"
    if plant.class_id is ClassId.CROP:
        return f"{seen} crop"
    return (
        f"{seen} weed; sprayed from {percent(weed_threshold(sensitivity), 0)}"
        f" (sensitivity {sensitivity:.2f})"
    )


def _size(plant: Plant, units: Units) -> str:
    along, across = plant.s_max_m - plant.s_min_m, plant.y_max_m - plant.y_min_m
    return f"{_length(along, units)} along, {_length(across, units)} across"


def _pulse_row(pulse: PulseStory, units: Units) -> tuple[str, str]:
    event, report = pulse.event, pulse.report
    wanted = _length(event.wanted_s_max_m - event.wanted_s_min_m, units)
    commanded = _length(pulse.commanded_s_m[1] - pulse.commanded_s_m[0], units)
    lines = [f"wanted {wanted}, commanded {commanded}"]
    if report is None:
        lines.append("no answer of the controller was recorded")
    elif math.isfinite(pulse.confirmed_s_m[0]):
        confirmed = _length(pulse.confirmed_s_m[1] - pulse.confirmed_s_m[0], units)
        lines.append(f"confirmed {confirmed}{_off(pulse, units)}")
    if report is not None and report.outcome is not PulseOutcome.DONE:
        detail = f" ({report.detail})" if report.detail else ""
        lines.append(f"{OUTCOMES.get(report.outcome.value, report.outcome.value)}{detail}")
    return f"Nozzle {event.nozzle_id + 1}", ", ".join(lines)


def _off(pulse: PulseStory, units: Units) -> str:
    if not math.isfinite(pulse.off_mm):
        return ""
    size = units.short_length(1e-3 * abs(pulse.off_mm), 1)
    if float(size.value) == 0.0:
        return ", exactly where commanded"
    return f", began {size} {'late' if pulse.off_mm > 0.0 else 'early'}"


def _what_happened(story: PlantStory) -> str:
    said = dict.fromkeys(
        f"nozzle {p.event.nozzle_id + 1} "
        + (
            "gave no answer"
            if p.report is None
            else OUTCOMES.get(p.report.outcome.value, p.report.outcome.value)
        )
        for p in story.pulses
    )
    return "; ".join(said)


def _strips(story: PlantStory) -> list[tuple[int, float, str]]:
    """Return nozzle number, length in metres and reason of each strip given up."""
    return [
        (m.nozzle_id + 1, m.s_max_m - m.s_min_m, MISSED_REASONS.get(m.reason, m.reason))
        for m in story.missed
    ]


def _is_wet(pulse: PulseStory, plant: Plant) -> bool:
    return pulse.confirmed_s_m[0] < plant.s_max_m and plant.s_min_m < pulse.confirmed_s_m[1]


def _nozzles(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"nozzle {numbers[0]}"
    return f"nozzles {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _length(length_m: float, units: Units) -> str:
    return str(units.short_length(length_m))
