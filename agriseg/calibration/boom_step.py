"""The step Boom: what is bolted on, entered by hand and drawn on the live picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from agriseg.calibration.boom_file import boom_result
from agriseg.calibration.nozzle_sizes import SIZES, nozzle_size, spray_width_m
from agriseg.calibration.steps import (
    MEASURE,
    REPEAT,
    CalibrationStep,
    ChoiceField,
    Figure,
    NumberField,
    PictureMark,
    Shape,
    StepAction,
    StepPhase,
    StepResult,
    StepSetup,
    StepView,
    Tone,
)
from agriseg.calibration.yard_step import checked_number
from agriseg.config import Config, parse_config
from agriseg.errors import CalibrationError, ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.spraying.boom import Boom

OTHER = "other"
_SIZE = "nozzle_size"
_FLOW = "flow_l_min"


class BoomStep(CalibrationStep):
    """Number of nozzles, pitch, height, size by colour, spray angle and pressure.

    From angle and height follows how wide a nozzle sprays, from size and pressure how much.

    Parameters
    ----------
    setup : StepSetup
    """

    def __init__(self, setup: StepSetup) -> None:
        self._setup = setup
        self._boom = setup.config.boom
        self._entered: dict[str, Any] = self._boom.model_dump()
        self._problem = ""
        self._changed = False
        self._result: StepResult | None = None
        self._ground = _ground(setup.config)

    @property
    def view(self) -> StepView:
        """What to show now."""
        done = self._result is not None
        return StepView(
            instruction="Look at what would change; nothing does until you accept it."
            if done
            else "Enter what is on the boom; the strips in the picture show what each nozzle wets.",
            phase=StepPhase.DONE if done else StepPhase.PREPARE,
            progress=1.0 if done else 0.0,
            problems=(f"{self._problem}.",) if self._problem else (),
            fields=() if done else self._fields(),
            actions=self._actions(),
            figures=self._figures(),
            marks=self._marks(),
            picture_size=self._ground.image_size,
            result=self._result,
        )

    @property
    def has_begun(self) -> bool:
        """Whether something was entered."""
        return self._changed

    def enter(self, name: str, value: float | str) -> None:
        """Take what is on the boom.

        Raises
        ------
        CalibrationError
            There is no such field, or the number is out of its range.
        """
        if name == _SIZE:
            size = "" if value == OTHER else nozzle_size(str(value)).number
            self._set(nozzle_size=size)
            return
        for field in self._fields():
            if field.name == name and isinstance(field, NumberField):
                number = checked_number(field, value)
                self._set(**{_KEYS[name][0]: number * _KEYS[name][1]})
                return
        raise CalibrationError(f"the boom step has no field {name!r}")

    def act(self, action: str) -> None:
        """Propose what was entered, or go back to entering."""
        if action == MEASURE and not self._problem:
            self._result = boom_result(self._boom, self._setup.config, "entered by hand")
        elif action == REPEAT:
            self._result = None

    def _set(self, **values: object) -> None:
        """Take a value; what does not go together yet is told, and may still be entered."""
        data = {**self._entered, **values}
        if data["spray_angle_deg"]:
            width_m = spray_width_m(data["height_m"], data["spray_angle_deg"])
            data["footprint_across_m"] = round(width_m, 3)
        if data["nozzle_size"]:
            size = nozzle_size(data["nozzle_size"])
            data[_FLOW] = round(size.flow_at(data["nominal_pressure_kpa"]), 3)
        if "nozzle_count" in values:
            data["nozzle_count"] = round(float(data["nozzle_count"]))
            kept = [n for n in data["nozzles"] if n["nozzle"] < data["nozzle_count"]]
            data["nozzles"] = kept
        self._entered, self._changed, self._problem = data, True, ""
        try:
            boom = parse_config({"boom": data}, "what was entered").boom
            Boom(boom)
        except ConfigError as error:
            self._problem = str(error)
            return
        self._boom = boom

    def _fields(self) -> tuple[NumberField | ChoiceField, ...]:
        data = self._entered
        numbers = tuple(
            NumberField(
                name=name,
                label=label,
                unit=unit,
                value=data[_KEYS[name][0]] / _KEYS[name][1],
                low=low,
                high=high,
                digits=digits,
            )
            for name, label, unit, low, high, digits in _NUMBERS
        )
        sizes = {size.number: f"{size.number} {size.colour}" for size in SIZES}
        return (
            *numbers,
            ChoiceField(
                name=_SIZE,
                label="Nozzle size",
                value=data[_SIZE] or OTHER,
                choices={**sizes, OTHER: "other"},
                help="By the nozzle's colour, as ISO 10625 has it.",
                colours={size.number: size.rgb for size in SIZES},
            ),
        )

    def _actions(self) -> tuple[StepAction, ...]:
        if self._result is not None:
            return (StepAction(name=REPEAT, word="Change something", icon="pencil"),)
        return (
            StepAction(
                name=MEASURE,
                word="This is my boom",
                icon="check",
                enabled=self._changed and not self._problem,
                is_main=True,
            ),
        )

    def _figures(self) -> tuple[Figure, ...]:
        boom = self._boom
        overlap = boom.footprint_across_m / boom.pitch_m
        return (
            Figure(name="Width", value=f"{Boom(boom).width_m:.2f} m"),
            Figure(
                name="A nozzle wets",
                value=f"{100.0 * boom.footprint_across_m:.1f} cm across",
                tone=Tone.OK if overlap >= 1.0 else Tone.FAULT,
            ),
            Figure(
                name="A nozzle gives",
                value=f"{boom.flow_l_min:.2f} L/min at {boom.nominal_pressure_kpa:.0f} kPa",
            ),
        )

    def _marks(self) -> tuple[PictureMark, ...]:
        swaths = Boom(self._boom).view(self._ground).swath_px
        marks = []
        for nozzle, corners in enumerate(swaths):
            if np.isfinite(corners).all():
                marks.append(
                    PictureMark(
                        shape=Shape.POLYGON,
                        points_px=tuple((float(u), float(v)) for u, v in corners),
                        tone=Tone.GUIDE,
                        label=str(nozzle + 1) if nozzle % _every(len(swaths)) == 0 else "",
                    )
                )
        return tuple(marks)


_NUMBERS = (
    ("count", "Nozzles", "", 1.0, 256.0, 0),
    ("pitch_cm", "Between two nozzles", "cm", 1.0, 200.0, 1),
    ("height_cm", "Height over the ground", "cm", 5.0, 200.0, 0),
    ("angle", "Spray angle", "degrees", 0.0, 160.0, 0),
    ("pressure", "Pressure", "kPa", 20.0, 2000.0, 0),
)
_KEYS = {
    "count": ("nozzle_count", 1.0),
    "pitch_cm": ("pitch_m", 0.01),
    "height_cm": ("height_m", 0.01),
    "pressure": ("nominal_pressure_kpa", 1.0),
    "angle": ("spray_angle_deg", 1.0),
}


def _every(count: int) -> int:
    """Return which nozzles are numbered, so that the numbers do not run into each other."""
    return max(1, round(count / 8))


def _ground(config: Config) -> GroundPlane:
    camera = config.camera
    return GroundPlane(camera.intrinsics, camera.pose, (camera.width_px, camera.height_px))
