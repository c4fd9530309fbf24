"""What can be tried on a recorded run: a setting over the user's own range, by a chosen model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agriseg.models.naming import shipped_models, user_models
from ui.units import Units, UnitSystem

MOST_POINTS = 40
_M_PER_INCH = 0.0254


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One setting to be varied: its name for `agriseg replay`, words, and values.

    Attributes
    ----------
    name : str
        Empty: nothing is varied, the model alone is another.
    word, unit : str
    values : tuple of float
        In the unit that `agriseg replay` takes.
    factor : float
        From the value to the unit on the screen.
    limits : (float, float)
        What may be asked for, in the unit of the values.
    model : str
        Folder or name of a model that looks at the recorded pictures; empty: what was seen then.
    model_word : str
    """

    name: str
    word: str
    unit: str
    values: tuple[float, ...]
    factor: float = 1.0
    limits: tuple[float, float] = (0.0, 1.0)
    model: str = ""
    model_word: str = ""

    def shown(self, value: float) -> str:
        """Return a value in the unit on the screen."""
        return f"{value * self.factor:.3g}"

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.word}, {self.unit}" if self.unit else self.word


SWEEPS = (
    Sweep(
        name="sensitivity",
        word="Sensitivity",
        unit="",
        values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    ),
    Sweep(
        name="weed_margin_m",
        word="Weed margin",
        unit="mm",
        values=(0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06),
        factor=1e3,
        limits=(0.0, 0.5),
    ),
    Sweep(
        name="crop_margin_m",
        word="Crop margin",
        unit="mm",
        values=(0.0, 0.01, 0.02, 0.03, 0.04, 0.05),
        factor=1e3,
        limits=(0.0, 0.5),
    ),
    Sweep(
        name="nozzle_pitch_m",
        word="Nozzle pitch",
        unit="mm",
        values=(0.03, 0.05, 0.08, 0.12, 0.25, 0.5),
        factor=1e3,
        limits=(0.01, 2.0),
    ),
    Sweep(
        name="speed",
        word="Speed",
        unit="×",
        values=(0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0),
        limits=(0.1, 10.0),
    ),
    Sweep(
        name="latency_ms",
        word="Added latency",
        unit="ms",
        values=(0.0, 50.0, 100.0, 200.0, 300.0, 500.0),
        limits=(-1000.0, 5000.0),
    ),
    Sweep(
        name="min_weed_area_m2",
        word="Smallest weed",
        unit="mm²",
        values=(0.00001, 0.00005, 0.0001, 0.0002, 0.0004),
        factor=1e6,
        limits=(0.0, 0.1),
    ),
    Sweep(name="", word="Model only", unit="", values=()),
)
"""What is tried if nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A model that can look at the recorded pictures: for `agriseg replay`, and for people."""

    name: str
    words: str
    detail: str


AS_SEEN = ModelChoice(name="", words="What was seen in the run", detail="exact, and quickest")


def model_choices() -> tuple[ModelChoice, ...]:
    """Return what can see the run: what was seen then, the user's models, the shipped ones."""
    mine, shipped = user_models(), shipped_models()
    found = [
        ModelChoice(name=str(path), words=name, detail="your model") for name, path in mine.items()
    ]
    found += [
        ModelChoice(name=str(path), words=name, detail="comes with AgriSeg")
        for name, path in shipped.items()
        if name not in mine
    ]
    exg = ModelChoice(name="exg", words="Excess green", detail="colour index: all green is weed")
    return (AS_SEEN, *found, exg)


def in_units(sweep: Sweep, units: Units) -> Sweep:
    """Return a setting with lengths in the units on the screen."""
    if units.system is UnitSystem.METRIC or sweep.unit not in ("mm", "mm²"):
        return sweep
    if sweep.unit == "mm":
        return replace(sweep, unit="in", factor=1.0 / _M_PER_INCH)
    return replace(sweep, unit="in²", factor=1.0 / _M_PER_INCH**2)


def asked_sweep(sweep: Sweep, first: str, last: str, count: str, model: ModelChoice) -> Sweep | str:
    """Return a setting over the range that was typed, or what is wrong with it.

    Parameters
    ----------
    sweep : Sweep
        In the units on the screen.
    first, last, count : str
        As typed: first and last value, and how many in all. What is as `range_of` gave it keeps
        the sweep's own values.
    model : ModelChoice
    """
    if not sweep.name:
        if not model.name:
            return "Choose a model that looks at the pictures: without one nothing changes."
        return replace(sweep, model=model.name, model_word=model.words)
    sweep = replace(sweep, model=model.name, model_word=model.words if model.name else "")
    if (first, last, count) == range_of(sweep):
        return sweep
    try:
        low, high = (float(text.strip().replace(",", ".")) for text in (first, last))
        points = int(count.strip())
    except ValueError:
        return f"{sweep.title}: from, to and how many values must be numbers."
    least, most = sweep.limits
    if not least <= low / sweep.factor <= high / sweep.factor <= most:
        return (
            f"{sweep.title}: from {first} to {last} cannot be tried; expected rising values between"
            f" {sweep.shown(least)} and {sweep.shown(most)}."
        )
    if not 2 <= points <= MOST_POINTS or low == high:
        return f"{sweep.title}: expected 2 to {MOST_POINTS} values from one to another."
    step = (high - low) / (points - 1)
    values = tuple(round((low + step * place) / sweep.factor, 9) for place in range(points))
    return replace(sweep, values=values)


def range_of(sweep: Sweep) -> tuple[str, str, str]:
    """Return first and last value and how many there are, as they are typed."""
    if not sweep.values:
        return "", "", ""
    return sweep.shown(sweep.values[0]), sweep.shown(sweep.values[-1]), str(len(sweep.values))
