"""The certificate of a verification drive, as a PDF and as an HTML page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from agriseg.calibration.entries import CalibrationEntry, Machine
from agriseg.calibration.store import CalibrationStore
from agriseg.errors import CalibrationError

VERIFICATION = "verification"
_A4_INCH = (8.27, 11.69)
_ROWS_A_PAGE = 34
_GREEN, _RED, _GREY = "#1b7f3b", "#b3261e", "#5b6470"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says.

    Attributes
    ----------
    machine : Machine
    entry : CalibrationEntry
        The accepted verification.
    rests_on : tuple of CalibrationEntry
        The newest accepted calibration of every other step at that time.
    """

    machine: Machine
    entry: CalibrationEntry
    rests_on: tuple[CalibrationEntry, ...]

    @property
    def passed(self) -> bool:
        """Whether the drive was passed."""
        return bool(self.entry.facts["passed"])

    @property
    def verdict(self) -> str:
        """The result in a word."""
        return "PASSED" if self.passed else "NOT PASSED"

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The figures with their names."""
        facts = self.entry.facts
        limits = facts["limits"]
        return (
            ("Machine", self.machine.name),
            ("Serial number", self.machine.serial or "not given"),
            ("Date", self.entry.accepted_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")),
            ("Operator", self.entry.operator or "not given"),
            ("Method", self.entry.method),
            (
                "Marks hit",
                f"{facts['hits']} of {facts['marks']}"
                f" (at least {100.0 * limits['hits_share']:.0f} %)",
            ),
            (
                "Leading edge, 95 %",
                f"{_mm(facts['edge_p95_mm'])} (at most {limits['edge_mm']:.0f} mm)",
            ),
            ("Trailing edge, 95 %", _mm(facts.get("end_p95_mm"))),
            ("Margin sprayed around a mark", _mm(facts["margin_mm"])),
        )

    @property
    def scores(self) -> Sequence[dict[str, Any]]:
        """The marks, in the order of the drive."""
        return [dict(score) for score in self.entry.facts["scores"]]

    @property
    def steps(self) -> tuple[tuple[str, str, str], ...]:
        """Name, date and summary of the calibrations that the machine drove with."""
        return tuple(
            (
                entry.step,
                entry.accepted_at.astimezone().strftime("%Y-%m-%d"),
                str(entry.facts.get("summary", entry.method)),
            )
            for entry in self.rests_on
        )


def newest_certificate(store: CalibrationStore, operator: str = "") -> Certificate:
    """Return the certificate of the newest accepted verification.

    ``operator`` is who drove, where it is not the one who accepted it or nobody was named then.

    Raises
    ------
    CalibrationError
        There is none.
    """
    entry = store.newest(VERIFICATION)
    if entry is None:
        raise CalibrationError(
            "no verification drive was accepted yet; do the step Verification first"
        )
    before = [e for e in store.in_force() if e.entry_id < entry.entry_id]
    newest = {e.step: e for e in before if e.step != VERIFICATION}
    if operator:
        entry = replace(entry, operator=operator)
    return Certificate(machine=store.machine, entry=entry, rests_on=tuple(newest.values()))


def write_certificate(
    certificate: Certificate, folder: Path, *, numbered: bool = False
) -> tuple[Path, Path]:
    """Write both files and return their paths; nothing that exists is overwritten.

    Parameters
    ----------
    certificate : Certificate
    folder : Path
        Made if it is not there.
    numbered : bool, optional
        Add a number to the names where the certificate of this drive was written already.

    Raises
    ------
    CalibrationError
        A file exists or cannot be written.
    """
    moment = certificate.entry.accepted_at.astimezone().strftime("%Y%m%d-%H%M")
    stem = f"verification-{certificate.machine.name.replace(' ', '-')}-{moment}"
    pdf, page = _paths(folder, stem)
    number = 2
    while numbered and (pdf.exists() or page.exists()):
        pdf, page = _paths(folder, f"{stem}-{number}")
        number += 1
    for path in (pdf, page):
        if path.exists():
            raise CalibrationError(
                f"{path}: this file exists and is not overwritten; choose another folder"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(certificate_html(certificate), encoding="utf-8")
        _write_pdf(certificate, pdf)
    except OSError as error:
        raise CalibrationError(
            f"{folder}: the certificate cannot be written ({error.strerror}); choose another folder"
        ) from error
    return pdf, page


def _paths(folder: Path, stem: str) -> tuple[Path, Path]:
    return folder / f"{stem}.pdf", folder / f"{stem}.html"


def certificate_html(certificate: Certificate) -> str:
    """Return the certificate as one HTML page."""
    environment = Environment(
        loader=PackageLoader("agriseg.calibration", "."),
        autoescape=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("certificate.html.jinja")
    return template.render(certificate=certificate, mm=_mm)


def _write_pdf(certificate: Certificate, path: Path) -> None:
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    scores = certificate.scores
    with PdfPages(path, metadata={"Title": f"Verification drive: {certificate.verdict}"}) as pdf:
        figure = Figure(figsize=_A4_INCH)
        _head(figure, certificate)
        _plot(figure, scores)
        pdf.savefig(figure)
        for first in range(0, len(scores), _ROWS_A_PAGE):
            table = Figure(figsize=_A4_INCH)
            _table(table, scores[first : first + _ROWS_A_PAGE], first)
            pdf.savefig(table)


def _head(figure: Any, certificate: Certificate) -> None:
    colour = _GREEN if certificate.passed else _RED
    figure.text(0.08, 0.945, "Verification drive", fontsize=22, weight="bold")
    figure.text(0.08, 0.905, certificate.verdict, fontsize=20, weight="bold", color=colour)
    y = 0.865
    for name, value in certificate.lines:
        figure.text(0.08, y, name, fontsize=10, color=_GREY)
        figure.text(0.38, y, value, fontsize=10)
        y -= 0.022
    figure.text(0.08, y - 0.01, "Calibrated with", fontsize=10, weight="bold")
    y -= 0.034
    for step, date, summary in certificate.steps:
        figure.text(0.08, y, f"{step}, {date}", fontsize=8, color=_GREY)
        figure.text(0.26, y, _shortened(summary, 100), fontsize=8)
        y -= 0.017
    figure.text(
        0.08,
        0.035,
        "Measured by the machine's own camera on the ground, before and after spraying water."
        " It shows what the machine did on this day.",
        fontsize=7,
        color=_GREY,
    )


def _plot(figure: Any, scores: Sequence[dict[str, Any]]) -> None:
    axes = figure.add_axes((0.12, 0.09, 0.8, 0.34))
    numbers = list(range(1, len(scores) + 1))
    for key, label, marker in (
        ("begin_error_mm", "leading edge", "o"),
        ("end_error_mm", "trailing edge", "x"),
    ):
        values = [_number(score[key]) for score in scores]
        axes.plot(numbers, values, marker, label=label, color="black", markerfacecolor="none")
    missed = [n for n, score in zip(numbers, scores, strict=True) if not score["hit"]]
    if missed:
        axes.plot(missed, [0.0] * len(missed), "s", label="not hit", color=_RED)
    axes.axhline(0.0, color=_GREY, linewidth=0.8)
    axes.set_xlabel("mark")
    axes.set_ylabel("error, mm (plus: too far forward)")
    axes.set_xticks(numbers)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, fontsize=8, frameon=False)


def _table(figure: Any, scores: Sequence[dict[str, Any]], first: int) -> None:
    figure.text(0.08, 0.945, "Marks", fontsize=16, weight="bold")
    columns = (0.08, 0.18, 0.32, 0.46, 0.58, 0.74)
    names = ("mark", "along, m", "across, m", "wetted", "leading edge", "trailing edge")
    for x, name in zip(columns, names, strict=True):
        figure.text(x, 0.91, name, fontsize=9, color=_GREY)
    for row, score in enumerate(scores):
        y = 0.89 - 0.024 * row
        cells = (
            str(first + row + 1),
            f"{score['s_m']:.2f}",
            f"{score['y_m']:+.2f}",
            f"{score['wet_percent']:.0f} %" + ("" if score["hit"] else " not hit"),
            _mm(score["begin_error_mm"]),
            _mm(score["end_error_mm"]),
        )
        for x, cell in zip(columns, cells, strict=True):
            figure.text(x, y, cell, fontsize=9, color="black" if score["hit"] else _RED)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _mm(value: float | None) -> str:
    return "not seen" if not math.isfinite(_number(value)) else f"{_number(value):.1f} mm"


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
