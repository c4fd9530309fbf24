"""The steps Nozzles, Latency, Wheel and Verification: prepared, driven, then accepted."""

from __future__ import annotations

from agriseg.calibration.steps import Figure, NumberField, Tone
from agriseg.calibration.yard_step import YardStep


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


class LatencyStep(YardStep):
    """How long each valve takes to open and to close, by wet strips at two speeds."""

    name = "latency"
    instruction = (
        "Fill the tank with water, stand on dry, even ground with 10 m free ahead, and begin."
    )

    def _fields(self) -> tuple[NumberField, ...]:
        return (
            _speed("slow_m_s", "Slow speed", self._number("slow_m_s", 0.5)),
            _speed("fast_m_s", "Fast speed", self._number("fast_m_s", 2.0)),
        )

    def _figures(self) -> tuple[Figure, ...]:
        boom = self.setup.config.boom
        return (
            Figure(name="Opening, so far", value=f"{boom.open_latency_ms:g} ms"),
            Figure(name="Closing, so far", value=f"{boom.close_latency_ms:g} ms"),
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
        return (Figure(name="So far", value=f"{per_m:.1f} counts/m"),)


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
