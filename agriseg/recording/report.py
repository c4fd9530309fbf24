"""Writes a run's ``summary.json`` and ``report.html``: figures and pictures in one page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from agriseg.config import Config
from agriseg.recording import charts
from agriseg.recording.ground import sprayed_extents
from agriseg.recording.history import RunHistory, read_history
from agriseg.recording.reader import Run, open_run
from agriseg.recording.run_directories import REPORT_FILE, SUMMARY_FILE
from agriseg.recording.samples import choose_samples
from agriseg.recording.summary import load_truth, save_truth, summarize, write_json, write_text
from agriseg.recording.words import MISSED_REASONS, OUTCOMES

LOSSES = {
    "weeds_not_seen": "never seen as weed",
    "weeds_not_decided": "seen, but less than half was commanded to be sprayed",
    "weeds_not_reached": "commanded, but not wetted",
}

_NOT_KNOWN = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Where a report is, and its figures."""

    summary_path: Path
    report_path: Path
    summary: dict[str, Any]


def read_summary(directory: Path) -> tuple[dict[str, Any], Config]:
    """Recompute a run's summary from its recording; nothing is written.

    Raises
    ------
    RecordingError
        The run cannot be opened, or its configuration is missing.
    """
    with open_run(directory) as run:
        summary = summarize(run, read_history(run, run.config), load_truth(run.directory))
        return summary, run.config


def write_report(directory: Path, truth: Mapping[str, object] | None = None) -> RunReport:
    """Write the summary and the report of a run, whole or cut off, beside its recording.

    Parameters
    ----------
    directory : Path
    truth : mapping, optional
        The simulation's score of the run; kept as ``truth.json`` and found there by later
        reports. Without one its figures are null.

    Raises
    ------
    RecordingError
        The run cannot be opened, or the files cannot be written.
    """
    with open_run(directory) as run:
        if truth is not None:
            save_truth(run.directory, truth)
        history = read_history(run, run.config)
        summary = summarize(run, history, load_truth(run.directory))
        page = render(run, history, summary)
        summary_path, report_path = run.directory / SUMMARY_FILE, run.directory / REPORT_FILE
        write_json(summary_path, summary)
        write_text(report_path, page)
    return RunReport(summary_path=summary_path, report_path=report_path, summary=summary)


def render(run: Run, history: RunHistory, summary: Mapping[str, Any]) -> str:
    """Return the report's page, complete in itself."""
    extents = sprayed_extents(history)
    environment = Environment(
        loader=PackageLoader("agriseg.recording", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    return environment.get_template("report.html.jinja").render(
        summary=summary,
        cards=_cards(summary),
        started=run.info.started_at.astimezone().strftime("%d %B %Y, %H:%M"),
        strip_map=charts.strip_map(history, extents),
        nozzles=charts.nozzle_chart(history),
        over_time=[
            chart
            for chart in (charts.speed_chart(history), charts.cover_chart(history))
            if chart is not None
        ],
        latency=charts.latency_chart(history),
        samples=choose_samples(run, history),
        missed_reasons=MISSED_REASONS,
        outcomes=OUTCOMES,
        losses=LOSSES,
        settings=_settings(history.config),
        controller=history.capabilities,
        notes=[event for event in history.events if event.kind == "note"],
        start_s=history.start_s,
    )


def number(value: float | None, decimals: int = 0) -> str:
    """Return a number with thin spaces between thousands; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return _NOT_KNOWN
    return f"{value:,.{decimals}f}".replace(",", "\u202f")


def percent(value: float | None, decimals: int = 1) -> str:
    """Return a fraction as percent; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return _NOT_KNOWN
    return f"{100.0 * value:.{decimals}f} %"


def volume(litres: float | None) -> str:
    """Return a volume in litres, below one litre in millilitres; a dash if not known."""
    if litres is None or not math.isfinite(litres):
        return _NOT_KNOWN
    if litres < 1.0:
        return f"{number(1e3 * litres, 1)} ml"
    return f"{number(litres, 2)} l"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One of the figures at the head of the report."""

    name: str
    value: str
    detail: str


def _cards(summary: Mapping[str, Any]) -> list[Card]:
    litres, pulses = summary["litres"], summary["pulses"]
    cards = [
        Card(
            name="Ground sprayed",
            value=percent(summary["sprayed_area_fraction"]),
            detail="of the ground under the boom, by the field's truth"
            if summary["truth_score"]
            else f"of {number(summary['area_m2'], 1)} m² under the boom, as confirmed",
        ),
        Card(
            name="Spray liquid, confirmed",
            value=volume(litres["confirmed"]),
            detail=f"commanded {volume(litres['commanded'])},"
            f" measured {volume(litres['measured'])}",
        ),
        Card(
            name="Saved",
            value=percent(summary["saving_fraction"]),
            detail=f"against {volume(litres['baseline'])} with all nozzles open",
        ),
        Card(
            name="Pulses confirmed",
            value=number(pulses["confirmed"]),
            detail=f"of {number(pulses['commanded'])} commanded, {number(pulses['failed'])} failed",
        ),
    ]
    return [_weed_card(summary), *cards, _missed_card(summary)]


def _weed_card(summary: Mapping[str, Any]) -> Card:
    if summary["weeds_hit_fraction"] is None:
        return Card(
            name="Weeds found",
            value=number(summary["weeds_seen"]),
            detail="in the fused map; the field's truth is not known",
        )
    return Card(
        name="Weeds hit",
        value=percent(summary["weeds_hit_fraction"]),
        detail=f"{number(summary['weeds_hit'])} of"
        f" {number(summary['weeds_reachable'])} within reach, by the field's truth",
    )


def _missed_card(summary: Mapping[str, Any]) -> Card:
    others = sum(summary["missed"].values()) - summary["missed_late_strips"]
    return Card(
        name="Missed, seen too late",
        value=number(summary["missed_late"]),
        detail=f"{number(others)} nozzle strips given up for other reasons",
    )


def _settings(config: Config) -> dict[str, dict[str, str]]:
    """Return the configuration as sections of keys and values in words."""
    sections: dict[str, dict[str, str]] = {}
    for section, values in config.model_dump(mode="json").items():
        if isinstance(values, dict):
            sections[section] = dict(_flat("", values))
    return sections


def _flat(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            rows += _flat(f"{prefix}{key}.", value)
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            rows.append((prefix + key, text or "(empty)"))
    return rows
