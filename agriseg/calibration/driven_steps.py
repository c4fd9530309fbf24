"""The steps Nozzles, Latency, Wheel and Verification: prepared, driven, then accepted."""

from __future__ import annotations

import math

from agriseg.calibration.steps import (
    Chart,
    ChoiceField,
    Figure,
    NumberField,
    StepPhase,
    StepResult,
    Tone,
)
from agriseg.calibration.yard_step import YardStep
from agriseg.calibration.yard_tests import BY_FLOW
from agriseg.spraying.boom import Boom


class NozzlesStep(YardStep):
    """Where each nozzle sprays, by wet spots."""

    name = "nozzles"
    instruction = (
        "Fill the tank with water, stand on dry, even ground with 6 m free ahead, and begin."
    )

    def _fields(self) -> tuple[NumberField, ...]:
        return (
            NumberField(
                name="stops",
                label="Spots of water",
                unit="stops",
                value=self._number("stops", 8.0),
                low=2.0,
                high=40.0,
                help="More stops make the positions surer; 40 cm lie between two.",
            ),
        )

    def _figures(self) -> tuple[Figure, ...]:
        boom = self.setup.config.boom
        return (
            Figure(name="Nozzles", value=str(boom.nozzle_count)),
            Figure(name="Pitch", value=f"{100.0 * boom.pitch_m:.1f} cm"),
        )

    def _chart(self) -> Chart | None:
        if self._result is None:
            return None
        boom = Boom(self.setup.config.boom)
        along, across = by_nozzle(self._result, "x_m"), by_nozzle(self._result, "y_m")
        return Chart(
            title="Away from where it was believed to be",
            unit="mm",
            labels=tuple(str(n + 1) for n in along),
            series={
                "forward": tuple(1e3 * (x - float(boom.x_m[n])) for n, x in along.items()),
                "to the left": tuple(1e3 * (y - float(boom.y_m[n])) for n, y in across.items()),
            },
        )


METHOD, STRIPS, FLOW = "method", "strips", "flow"
"""Field of the latency step, and what can be chosen."""


class LatencyStep(YardStep):
    """How long each valve takes to open and to close, by wet strips or by the flow signal."""

    name = "latency"
    instruction = (
        "Fill the tank with water, stand on dry, even ground with 10 m free ahead, and begin."
    )

    @property
    def _is_by_flow(self) -> bool:
        return self._chosen.get(METHOD) == FLOW

    def _instruction(self, phase: StepPhase) -> str:
        if phase is StepPhase.PREPARE and self._is_by_flow:
            return "Fill the tank with water, run the pump, stand still, and begin."
        return super()._instruction(phase)

    def _options(self) -> dict[str, float]:
        return {BY_FLOW: 1.0} if self._is_by_flow else super()._options()

    def _fields(self) -> tuple[NumberField | ChoiceField, ...]:
        method = ChoiceField(
            name=METHOD,
            label="Measured by",
            value=FLOW if self._is_by_flow else STRIPS,
            choices={STRIPS: "Wet strips", FLOW: "Flow meter"},
            help="Wet strips need no flow meter and see the droplets' fall too.",
        )
        if self._is_by_flow:
            return (method,)
        return (
            method,
            _speed("slow_m_s", "Slow speed", self._number("slow_m_s", 0.5)),
            _speed("fast_m_s", "Fast speed", self._number("fast_m_s", 2.0)),
        )

    def _figures(self) -> tuple[Figure, ...]:
        boom = self.setup.config.boom
        return (
            Figure(name="Opening, so far", value=f"{boom.open_latency_ms:g} ms"),
            Figure(name="Closing, so far", value=f"{boom.close_latency_ms:g} ms"),
        )

    def _chart(self) -> Chart | None:
        if self._result is None:
            return None
        opening = by_nozzle(self._result, "open_latency_ms")
        closing = by_nozzle(self._result, "close_latency_ms")
        return Chart(
            title="Delay of each valve",
            unit="ms",
            labels=tuple(str(n + 1) for n in opening),
            series={"opens": tuple(opening.values()), "closes": tuple(closing.values())},
        )


class WheelStep(YardStep):
    """Counts per metre, by driving over a measured distance."""

    name = "wheel"
    instruction = (
        "Mark two lines a measured distance apart, stand with the wheel on the first, and begin."
    )

    def _fields(self) -> tuple[NumberField, ...]:
        return (
            NumberField(
                name="tape_m",
                label="Distance between the lines",
                unit="m",
                value=self._number("tape_m", 20.0),
                low=5.0,
                high=500.0,
                digits=2,
                help="By a tape, along the track; 20 m are usual.",
            ),
            NumberField(
                name="runs",
                label="Drives",
                unit="times",
                value=self._number("runs", 3.0),
                low=1.0,
                high=10.0,
                help="At least three show how well it repeats.",
            ),
        )

    def _figures(self) -> tuple[Figure, ...]:
        per_m = self.setup.config.wheel.counts_per_m
        before = Figure(name="So far", value=f"{per_m:.1f} counts/m")
        return (before,) if self._result is None else (before, *_distances(self._result))

    def _chart(self) -> Chart | None:
        if self._result is None:
            return None
        drives = self._result.facts["counts_per_m"]
        return Chart(
            title="Each drive",
            unit="counts/m",
            labels=tuple(str(i + 1) for i in range(len(drives))),
            series={"drive": tuple(drives)},
        )


class VerificationStep(YardStep):
    """Whether the whole machine hits what it aims at."""

    name = "verification"
    instruction = (
        "Lay out at least six green discs of 5 to 8 cm, 40 cm apart, on dry ground, and begin 2 m"
        " before them."
    )

    def _fields(self) -> tuple[NumberField, ...]:
        return (_speed("speed_m_s", "Speed", self._number("speed_m_s", 1.0)),)

    def _figures(self) -> tuple[Figure, ...]:
        if self._result is None:
            return ()
        facts = self._result.facts
        tone = Tone.OK if facts["passed"] else Tone.FAULT
        return (
            Figure(name="Hit", value=f"{facts['hits']} of {facts['marks']}", tone=tone),
            Figure(name="Leading edge, 95 %", value=f"{facts['edge_p95_mm']:.0f} mm", tone=tone),
        )

    def _chart(self) -> Chart | None:
        if self._result is None:
            return None
        scores = self._result.facts["scores"]
        limit = self._result.facts["limits"]["edge_mm"]
        return Chart(
            title="Edges of the wet ground, plus is too far forward",
            unit="mm",
            labels=tuple(str(i + 1) for i in range(len(scores))),
            series={
                "begins": tuple(score["begin_error_mm"] for score in scores),
                "ends": tuple(score["end_error_mm"] for score in scores),
            },
            low=-limit,
            high=limit,
        )


def _distances(result: StepResult) -> tuple[Figure, ...]:
    """Return the drives by tape, pictures and satellites, side by side."""

    def drives(name: str) -> str:
        values = result.facts[name]
        return " · ".join("–" if math.isnan(m) else f"{m:.2f}" for m in values) + " m"

    quality = ", ".join(sorted({word for word in result.facts["gnss_quality"] if word}))
    std_m = [value for value in result.facts["gnss_std_m"] if math.isfinite(value)]
    satellites = f"{drives('gnss_m')} ± {2.0 * max(std_m):.2f} m, {quality}" if std_m else "none"
    return (
        Figure(name="Tape", value=drives("tape_m")),
        Figure(name="Pictures", value=drives("visual_m")),
        Figure(name="Satellites", value=satellites),
    )


def by_nozzle(result: StepResult, name: str) -> dict[int, float]:
    """Return the values ``boom.nozzles.N.NAME`` of a result by nozzle."""
    found = {}
    for value in result.values:
        parts = value.key.split(".")
        if len(parts) == 4 and parts[3] == name:
            found[int(parts[2])] = float(value.value)
    return dict(sorted(found.items()))


def _speed(name: str, label: str, value: float) -> NumberField:
    return NumberField(
        name=name,
        label=label,
        unit="m/s",
        value=value,
        low=0.2,
        high=6.0,
        digits=1,
        help=f"{3.6 * value:.1f} km/h; keep it steady over the wet stretch.",
    )
