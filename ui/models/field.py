"""The position in words: what the receiver says, what is wrong, how to mend it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agriseg.field_config import PositionConfig
from agriseg.messages import EngineSnapshot, FixQuality, PositionFix, PositionStatus
from agriseg.positioning.opening import NONE, SIMULATED
from ui.models.figures import STALE_AFTER_S
from ui.models.receivers import ReceiverChoice
from ui.models.status import Level, LinkView
from ui.units import DASH, Units, age_text

FIX_WORDS = {
    FixQuality.NONE: "No fix",
    FixQuality.GNSS: "GNSS",
    FixQuality.DGNSS: "DGNSS",
    FixQuality.RTK_FLOAT: "RTK float",
    FixQuality.RTK_FIXED: "RTK fixed",
    FixQuality.ESTIMATED: "Estimated",
    FixQuality.MANUAL: "Set by hand",
    FixQuality.SIMULATED: "Simulated",
}
_FIX_NOTES = {
    FixQuality.GNSS: "satellites alone, metres",
    FixQuality.DGNSS: "corrected, decimetres",
    FixQuality.RTK_FLOAT: "corrections not settled, decimetres",
    FixQuality.RTK_FIXED: "corrections settled, centimetres",
    FixQuality.ESTIMATED: "the receiver guesses from its motion",
}
_RANK = (
    FixQuality.NONE,
    FixQuality.GNSS,
    FixQuality.DGNSS,
    FixQuality.RTK_FLOAT,
    FixQuality.RTK_FIXED,
)
_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """How the position stands: a word, what is wrong, how to mend it, and the facts."""

    level: Level
    title: str
    detail: str = ""
    remedy: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    icon: str = ""
    """Instead of the level's."""


def position_view(
    choice: ReceiverChoice,
    config: PositionConfig,
    snapshot: EngineSnapshot | None,
    link: LinkView,
    units: Units,
    now_s: float,
) -> PositionView:
    """Say how the position stands at ``now_s`` (monotonic host time)."""
    if snapshot is None or not link.talking:
        return _silent(choice, link)
    if now_s - snapshot.t_s > STALE_AFTER_S:
        return PositionView(
            level=Level.WARNING,
            title="Not known",
            detail=f"The field engine's newest word is {age_text(now_s - snapshot.t_s)} old: the"
            " computer does not keep up.",
            remedy="Close other programs, or choose a smaller model.",
        )
    status = snapshot.position
    if status is None or not status.receiver:
        return PositionView(
            level=Level.WARNING if status is not None and status.hold else Level.WAIT,
            title="No receiver",
            detail="Runs have no place on the earth, and no boundary can be kept.",
            remedy="Plug a satellite receiver in (NMEA 0183 over a serial port) and choose it"
            " below.",
            icon="crosshairs-off",
        )
    facts = _facts(status, units, now_s)
    fix = status.fix
    title = "No position" if fix is None else FIX_WORDS[fix.quality]
    if not status.problem:
        note = _FIX_NOTES.get(fix.quality, "") if fix is not None else ""
        return PositionView(
            level=Level.OK,
            title=title,
            detail=f"{note[0].upper()}{note[1:]}." if note else "",
            facts=facts,
        )
    if fix is not None and _is_silent(fix, config, now_s):
        title = "Silent"
    return PositionView(
        level=Level.WARNING,
        title=title,
        detail=status.problem,
        remedy=_remedy(choice, status, config, now_s),
        facts=facts,
    )


def _silent(choice: ReceiverChoice, link: LinkView) -> PositionView:
    if link.starting or link.talking:
        return PositionView(
            level=Level.WAIT,
            title="Starting",
            detail=f"The field engine starts; then {choice.name} is opened."
            if choice.source != NONE
            else "The field engine starts.",
        )
    return PositionView(
        level=Level.DANGER,
        title="Not known",
        detail=f"The field engine has been silent for {age_text(link.silent_s)}; the receiver is"
        " read by it.",
        remedy="Start the engine again; its message is at the top.",
    )


def _is_silent(fix: PositionFix, config: PositionConfig, now_s: float) -> bool:
    return now_s - fix.t_s > 1e-3 * config.stale_after_ms


def _is_poor(fix: PositionFix, config: PositionConfig) -> bool:
    if fix.quality not in _RANK:
        return fix.quality is FixQuality.MANUAL or fix.quality is FixQuality.ESTIMATED
    return _RANK.index(fix.quality) < _RANK.index(FixQuality(config.required_quality))


def _remedy(
    choice: ReceiverChoice, status: PositionStatus, config: PositionConfig, now_s: float
) -> str:
    fix = status.fix
    if fix is None:
        if choice.source == SIMULATED:
            return "The simulated robot's receiver speaks as soon as it drives."
        return (
            f"Check its plug and power, that {choice.baud} baud is set on it too, and that it"
            " sends GGA; other speeds are below."
        )
    if _is_silent(fix, config, now_s):
        return "Check the receiver's cable and power. It is listened to all the time."
    if fix.quality is FixQuality.NONE:
        return (
            "The antenna needs a free view of the sky: away from trees, halls and the machine's"
            " own roof. A first fix takes up to a minute."
        )
    if _is_poor(fix, config):
        return (
            "Wait for the corrections (radio, NTRIP) to arrive and settle, or ask for less with"
            " position.required_quality."
        )
    if math.isfinite(status.latitude_deg):
        return (
            "It is believed again once ten positions agree with what the wheel drives. If it"
            " stays: check the antenna's mount and the wheel sensor."
        )
    return "Drive a few metres straight on: that shows which way the machine points."


def _facts(status: PositionStatus, units: Units, now_s: float) -> tuple[tuple[str, str], ...]:
    fix = status.fix
    facts = [("Receiver", status.receiver)]
    if fix is not None:
        satellites = f"{fix.satellites} satellites" if fix.satellites else "satellites not told"
        facts.append(("Fix", f"{FIX_WORDS[fix.quality]}, {satellites}"))
        facts.append(("Accuracy", accuracy_text(status, units)))
        facts.append(("Place", _place(status, fix)))
        facts.append(("Heading", heading_text(status.heading_deg)))
        age = age_text(max(0.0, now_s - fix.t_s))
        corrections = ""
        if math.isfinite(fix.differential_age_s):
            corrections = f", corrections {age_text(fix.differential_age_s)}"
        facts.append(("Age", f"{age}{corrections}"))
    if status.jumps:
        facts.append(("Jumps", f"{status.jumps} since the start"))
    return tuple(facts)


def accuracy_text(status: PositionStatus, units: Units) -> str:
    """Return what the place may be off: one standard deviation."""
    accuracy_m = status.accuracy_m
    if not math.isfinite(accuracy_m) and status.fix is not None:
        accuracy_m = status.fix.accuracy_m
    if not math.isfinite(accuracy_m):
        return DASH
    return f"± {units.length(accuracy_m, 2)}"


def _place(status: PositionStatus, fix: PositionFix) -> str:
    if math.isfinite(status.latitude_deg):
        return place_text(status.latitude_deg, status.longitude_deg)
    if math.isfinite(fix.latitude_deg):
        return f"{place_text(fix.latitude_deg, fix.longitude_deg)} (antenna)"
    return DASH


def place_text(latitude_deg: float, longitude_deg: float) -> str:
    """Return a place in WGS84, to a centimetre."""
    north, east = "N" if latitude_deg >= 0.0 else "S", "E" if longitude_deg >= 0.0 else "W"
    return f"{abs(latitude_deg):.7f}° {north}  {abs(longitude_deg):.7f}° {east}"


def heading_text(heading_deg: float) -> str:
    """Return a compass course in words: ``60° NE``."""
    if not math.isfinite(heading_deg):
        return DASH
    course = round(heading_deg) % 360
    return f"{course}° {_COMPASS[round(heading_deg / 45.0) % 8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionWord:
    """What the top bar says of the position."""

    level: Level
    icon: str
    text: str
    hint: str


def position_word(snapshot: EngineSnapshot, units: Units, now_s: float) -> PositionWord | None:
    """Return the position in a word or two at ``now_s``.

    None where there is neither receiver nor boundary, and where the snapshot is not of now.
    """
    status = snapshot.position
    if status is None or now_s - snapshot.t_s > STALE_AFTER_S:
        return None
    fix = status.fix
    kind = "No position" if fix is None else FIX_WORDS[fix.quality]
    if status.hold:
        return PositionWord(
            level=Level.WARNING, icon="lock", text="Held closed", hint="by the boundary"
        )
    if status.barred:
        nozzles = "nozzle" if status.barred == 1 else "nozzles"
        return PositionWord(
            level=Level.WARNING,
            icon="vector-polygon",
            text=f"{status.barred} closed",
            hint=f"{nozzles}, boundary",
        )
    if status.problem:
        return PositionWord(
            level=Level.WARNING, icon="crosshairs-question", text=kind, hint="no place"
        )
    return PositionWord(
        level=Level.OK, icon="crosshairs-gps", text=kind, hint=accuracy_text(status, units)
    )
