"""What lies on the ground for the step Ground: sizes and place as the operator enters them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from agriseg.calibration.steps import ChoiceField, NumberField
from agriseg.config import Config
from agriseg.errors import CalibrationError
from agriseg.geometry.boards import BoardSpec
from agriseg.messages import Float64Array

BOARD = "board"
RECTANGLE = "rectangle"

_NUMBERS: dict[str, tuple[str, float, float, str]] = {
    "length_mm": ("Rectangle, along", 10.0, 10000.0, "In the driving direction."),
    "width_mm": ("Rectangle, across", 10.0, 10000.0, "Across the driving direction."),
    "ahead_mm": (
        "Nozzles to near edge",
        -20000.0,
        20000.0,
        "On the ground, from below the nozzles forward to the target's near edge; for the board"
        " to the edge of its printed squares.",
    ),
    "left_mm": (
        "Middle, left of centre",
        -20000.0,
        20000.0,
        "From the machine's centre line to the target's middle; negative to the right.",
    ),
    "thickness_mm": ("Thickness", 0.0, 200.0, "How far the target's face is above the ground."),
    "camera_height_mm": (
        "Camera above ground",
        50.0,
        10000.0,
        "By tape, to the front of the lens. Only a check.",
    ),
    "boom_height_mm": ("Nozzles above ground", 50.0, 2000.0, "By tape, with the boom at work."),
    "placed_within_mm": (
        "Placed to within",
        0.0,
        100.0,
        "How far off the entered place may be; it is part of the stated uncertainty.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Sizes and place of the target, millimetres; None where not entered yet."""

    target: str = BOARD
    length_mm: float | None = None
    width_mm: float | None = None
    ahead_mm: float | None = None
    left_mm: float | None = 0.0
    thickness_mm: float | None = 0.0
    camera_height_mm: float | None = None
    boom_height_mm: float | None = None
    placed_within_mm: float | None = 2.0

    @property
    def names(self) -> tuple[str, ...]:
        """Fields that matter for this target, in the order in which they are entered."""
        sizes = ("length_mm", "width_mm") if self.target == RECTANGLE else ()
        return (
            *sizes,
            "ahead_mm",
            "left_mm",
            "camera_height_mm",
            "boom_height_mm",
            "thickness_mm",
            "placed_within_mm",
        )

    @property
    def missing(self) -> str:
        """What has to be entered before anything can be measured, in a sentence; or empty."""
        for name in self.names:
            if field_of(self, name) is None:
                label, _, _, explanation = _NUMBERS[name]
                return f"Enter {label.lower()!r} first. {explanation}"
        return ""

    def with_field(self, name: str, value: float | str) -> Layout:
        """Return the layout with one field changed.

        Raises
        ------
        CalibrationError
            There is no such field, or the number is out of its range.
        """
        if name == "target" and value in (BOARD, RECTANGLE):
            return replace(self, target=str(value))
        if name not in _NUMBERS:
            raise CalibrationError(f"the ground step has no field {name!r} of value {value!r}")
        label, low, high, _ = _NUMBERS[name]
        number = float(value)
        if not low <= number <= high:
            raise CalibrationError(
                f"{label.lower()}: {number:g} mm cannot be; expected {low:g} to {high:g} mm"
            )
        return replace(self, **{name: number})  # type: ignore[arg-type]

    def scaled(self, factor: float) -> Layout:
        """Return the layout with the rectangle's sides entered in another unit."""
        return replace(
            self,
            length_mm=None if self.length_mm is None else factor * self.length_mm,
            width_mm=None if self.width_mm is None else factor * self.width_mm,
        )


def field_of(layout: Layout, name: str) -> float | None:
    """Return one of the numbers of a layout."""
    assert name in {item.name for item in fields(layout)}
    value: float | None = getattr(layout, name)
    return value


def ground_fields(layout: Layout, note: str) -> tuple[NumberField | ChoiceField, ...]:
    """Return the fields to enter; ``note`` is added to the help of the place."""
    target = ChoiceField(
        name="target",
        label="Target on the ground",
        value=layout.target,
        choices={BOARD: "Board", RECTANGLE: "Rectangle"},
        help="The board of the Camera step, or four marks whose distances you measured.",
    )
    numbers = tuple(
        NumberField(
            name=name,
            label=_NUMBERS[name][0],
            unit="mm",
            value=field_of(layout, name),
            low=_NUMBERS[name][1],
            high=_NUMBERS[name][2],
            help=" ".join((_NUMBERS[name][3], note)).strip(),
        )
        for name in layout.names
    )
    return (target, *numbers)


def points_of_board(layout: Layout, config: Config, board: BoardSpec) -> Float64Array:
    """Return the board's corners (N, 3) in base_link, its top edge forward."""
    width_m, height_m = (1e-3 * side for side in board.size_mm)
    near_m, middle_m = _near_edge_m(layout, config)
    corners = board.corners_m
    forward = near_m + height_m - corners[:, 1]
    left = middle_m + 0.5 * width_m - corners[:, 0]
    return np.column_stack((forward, left, _height_m(layout, len(corners))))


def points_of_rectangle(layout: Layout, config: Config) -> Float64Array:
    """Return the corners (4, 3) in base_link: near left, far left, far right, near right."""
    near_m, middle_m = _near_edge_m(layout, config)
    far_m = near_m + 1e-3 * (layout.length_mm or 0.0)
    half_m = 0.5e-3 * (layout.width_mm or 0.0)
    forward = np.array([near_m, far_m, far_m, near_m])
    left = middle_m + np.array([half_m, half_m, -half_m, -half_m])
    return np.column_stack((forward, left, _height_m(layout, 4)))


def _near_edge_m(layout: Layout, config: Config) -> tuple[float, float]:
    return (
        config.boom.x_m + 1e-3 * (layout.ahead_mm or 0.0),
        1e-3 * (layout.left_mm or 0.0),
    )


def _height_m(layout: Layout, count: int) -> Float64Array:
    return np.full(count, 1e-3 * (layout.thickness_mm or 0.0))
