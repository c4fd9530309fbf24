"""The step Ground: where the camera is and how it looks down, from a target on the ground."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from agriseg.calibration.board_finder import BoardFinder, Sighting
from agriseg.calibration.camera_step import last_board
from agriseg.calibration.entries import CalibrationEntry, MeasuredValue
from agriseg.calibration.ground_fit import (
    POSE,
    GroundFit,
    Placing,
    fit_ground,
    ground_std_m,
    working_area_px,
)
from agriseg.calibration.ground_target import (
    BOARD,
    RECTANGLE,
    Layout,
    field_of,
    ground_fields,
    points_of_board,
    points_of_rectangle,
)
from agriseg.calibration.mark_choice import MarkChoice, marks_of
from agriseg.calibration.steps import (
    MEASURE,
    REPEAT,
    CalibrationStep,
    Figure,
    PictureMark,
    Question,
    Shape,
    StepAction,
    StepPhase,
    StepResult,
    StepSetup,
    StepView,
    Tone,
)
from agriseg.config_values import true_config
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane, image_from_base
from agriseg.geometry.intrinsics import Lens
from agriseg.geometry.machine_marks import MachineMark
from agriseg.messages import CommandKind, EngineCommand, Float64Array, Frame, UInt8Array
from agriseg.opencv import cv2
from agriseg.simulation.props import PROP, RECTANGLE_M, Prop, ground_place

FRAMES = 20
"""So many pictures of the board are averaged: it lies still."""

TAPPED_PX = 0.7
"""Standard deviation, along one axis, of a corner that was tapped and refined."""

KEEP = "keep"
SCALE = "scale-"
"""Answers to an implausible size: it is right; it was meant to be so many times larger."""

REMOVE_MARK = "remove-mark"
"""Action: no longer watch the part that was tapped last."""

_MOST_PAUSES = 100
_STILL_PX = 1.0
_MOST_RESTARTS = 5
_IMPLAUSIBLE = 1.6


class GroundStep(CalibrationStep):
    """Finds the board by itself, or takes the four corners of a rectangle from the operator.

    Parameters
    ----------
    setup : StepSetup
        Its intrinsics are used as they are in force.
    """

    def __init__(self, setup: StepSetup) -> None:
        self._config = setup.config
        self._board = last_board(setup)
        self._finder = BoardFinder(self._board)
        lens = setup.store.newest("camera")
        self._lens_covariance = (
            np.array(lens.facts["covariance"], np.float64)
            if lens is not None and "covariance" in lens.facts
            else None
        )
        ground = setup.store.newest("ground")
        self._choice = MarkChoice(_marks_before(ground))
        self._layout = self._first_layout()
        self._orders: list[EngineCommand] = []
        self._size = (0, 0)
        self._image: UInt8Array | None = None
        self._sighting: Sighting | None = None
        self._is_measuring = False
        self._seen: dict[int, list[Float64Array]] = defaultdict(list)
        self._frames = 0
        self._pauses = 0
        self._restarts = 0
        self._moved_px = 0.0
        self._tapped: list[tuple[float, float]] = []
        self._problem = ""
        self._question: Question | None = None
        self._is_sized = False
        self._fit: GroundFit | None = None
        self._std_m: tuple[GroundFit, float] | None = None

    @property
    def view(self) -> StepView:
        """What to show now."""
        is_open = not self._is_measuring and self._fit is None and self._question is None
        return StepView(
            instruction=self._instruction(),
            phase=self._phase(),
            progress=self._progress(),
            problems=self._problems(),
            fields=ground_fields(self._layout, self._sim_help()) if is_open else (),
            actions=self._actions(),
            figures=self._figures(),
            marks=self._marks(),
            picture_size=self._size,
            question=self._question,
            result=self._result() if self._fit is not None and self._question is None else None,
        )

    @property
    def has_begun(self) -> bool:
        """Whether there is something to lose."""
        return self._is_measuring or self._fit is not None or self._question is not None

    def enter(self, name: str, value: float | str) -> None:
        """Take how the target was laid out.

        Raises
        ------
        CalibrationError
            There is no such field, or the number is out of its range.
        """
        self._layout = self._layout.with_field(name, value)
        self._is_sized = False
        if name == "target" and self._is_simulated:
            self._layout = self._first_layout(self._layout.target)

    def act(self, action: str) -> None:
        """Begin to measure, answer a question, or begin anew."""
        if self._question is not None:
            self._answer(action)
        elif action == MEASURE and self._fit is None:
            self._begin()
        elif action == REMOVE_MARK:
            self._choice.remove_last()
        elif action == REPEAT:
            self._forget()
            self._begin()

    @property
    def marks_are_settled(self) -> bool:
        """Whether each tapped part of the machine was looked at long enough."""
        return self._choice.is_settled

    def take_point(self, u_px: float, v_px: float) -> None:
        """Take a point tapped in the picture.

        While a rectangle is measured it is a corner: near left, then clockwise. Once there is a
        result it is a fixed part of the machine, to watch the camera by.

        Raises
        ------
        CalibrationError
            The part cannot be watched.
        """
        if self._fit is not None and self._question is None and self._image is not None:
            self._choice.tap(self._image, u_px, v_px)
            return
        if not self._is_measuring or self._layout.target != RECTANGLE:
            return
        self._tapped.append(self._refined(u_px, v_px))
        if len(self._tapped) == 4:
            self._compute(np.array(self._tapped), points_of_rectangle(self._layout, self._config))

    def take_picture(self, frame: Frame) -> None:
        """Look for the board and average its corners."""
        image = np.asarray(frame.image)
        self._image = image
        self._size = (image.shape[1], image.shape[0])
        if self._fit is not None:
            self._choice.follow(image)
        if self._layout.target != BOARD or self._fit is not None:
            return
        self._sighting = self._finder.find(image)
        if not self._is_measuring:
            return
        if self._sighting is None or self._sighting.problem:
            self._pauses += 1
            if self._pauses > _MOST_PAUSES:
                self._give_up("The board was not seen well enough for too long.")
            return
        self._average(self._sighting)

    def take_orders(self) -> tuple[EngineCommand, ...]:
        """Return what the simulated camera is to show."""
        orders, self._orders = tuple(self._orders), []
        return orders

    def close(self) -> None:
        """Take the simulated target away."""
        self._show_prop(Prop.NONE)

    # Measuring

    @property
    def _is_simulated(self) -> bool:
        return self._config.camera.source == "sim"

    def _begin(self) -> None:
        self._problem = self._layout.missing
        if self._problem:
            return
        self._is_measuring = True
        self._show_prop(Prop.BOARD_ON_GROUND if self._layout.target == BOARD else Prop.RECTANGLE)

    def _forget(self) -> None:
        self._seen.clear()
        self._tapped.clear()
        self._frames = self._pauses = self._restarts = 0
        self._moved_px = 0.0
        self._choice.clear()
        self._fit = None
        self._question = None
        self._problem = ""
        self._is_measuring = False
        self._is_sized = False

    def _give_up(self, why: str) -> None:
        self._is_measuring = False
        self._problem = why
        self._show_prop(Prop.NONE)

    def _average(self, sighting: Sighting) -> None:
        if self._has_moved(sighting):
            self._restarts += 1
            if self._restarts > _MOST_RESTARTS:
                self._give_up(
                    f"The board or the camera moved by {self._moved_px:.1f} px while it was"
                    " measured: let nobody step on the machine, and repeat."
                )
                return
            self._seen.clear()
            self._frames = 0
        for corner_px, number in zip(sighting.corners_px, sighting.ids, strict=True):
            self._seen[int(number)].append(corner_px)
        self._frames += 1
        if self._frames < FRAMES:
            return
        often = [n for n, corners in self._seen.items() if len(corners) >= FRAMES // 2]
        means = np.array([np.median(self._seen[n], axis=0) for n in sorted(often)])
        points = points_of_board(self._layout, self._config, self._board)
        self._compute(means, points[sorted(often)])

    def _has_moved(self, sighting: Sighting) -> bool:
        """Return whether the board lies elsewhere than in the pictures before.

        Pictures may still be on their way that were taken before the board was laid down:
        then the average begins anew.
        """
        apart = [
            corner_px - np.median(self._seen[int(number)], axis=0)
            for corner_px, number in zip(sighting.corners_px, sighting.ids, strict=True)
            if int(number) in self._seen
        ]
        if not apart:
            return bool(self._seen)
        moved_px = float(np.median(np.hypot(*np.array(apart).T)))
        if moved_px <= _STILL_PX:
            return False
        self._moved_px = max(self._moved_px, moved_px)
        return True

    def _compute(self, image_px: Float64Array, points_m: Float64Array) -> None:
        self._is_measuring = False
        is_board = self._layout.target == BOARD
        within_m = 1e-3 * (self._layout.placed_within_mm or 0.0)
        width_m, _ = self._target_size_m()
        try:
            self._fit = fit_ground(
                intrinsics=self._config.camera.intrinsics,
                size=self._size,
                image_px=image_px,
                points_m=points_m,
                lens_covariance=self._lens_covariance,
                placing=Placing(
                    along_m=within_m,
                    across_m=within_m,
                    turn_rad=math.sqrt(2.0) * within_m / width_m,
                    about_m=(float(points_m[:, 0].min()), float(points_m[:, 1].mean())),
                ),
                least_noise_px=0.02 if is_board else TAPPED_PX,
            )
        except CalibrationError as error:
            self._problem = str(error)
            return
        if self._image is not None:
            self._choice.offer_again(self._image)
        if not self._is_sized:
            self._ask_about_size(image_px, points_m)

    def _ask_about_size(self, image_px: Float64Array, points_m: Float64Array) -> None:
        """Ask when camera height by the picture and by the tape are far apart."""
        assert self._fit is not None
        expected_m = 1e-3 * (self._layout.camera_height_mm or 0.0)
        ratio = expected_m / self._fit.pose.z_m
        if expected_m <= 0.0 or 1.0 / _IMPLAUSIBLE < ratio < _IMPLAUSIBLE:
            return
        factor = min((10.0, 0.1, 1000.0, 0.001, 25.4), key=lambda f: abs(math.log(ratio / f)))
        fits = abs(math.log(ratio / factor)) < math.log(_IMPLAUSIBLE)
        what = "squares" if self._layout.target == BOARD else "rectangle"
        answers = [StepAction(name=KEEP, word="It is right as entered", icon="check")]
        if fits and self._layout.target == RECTANGLE:
            length, width = self._layout.length_mm or 0.0, self._layout.width_mm or 0.0
            answers.insert(
                0,
                StepAction(
                    name=f"{SCALE}{factor:g}",
                    word=f"I meant {length * factor:.0f} x {width * factor:.0f} mm",
                    icon="ruler",
                    is_main=True,
                ),
            )
        answers.append(StepAction(name=REPEAT, word="Repeat", icon="restart"))
        self._question = Question(
            text=(
                f"With this {what} the camera would be {1e3 * self._fit.pose.z_m:.0f} mm above the"
                f" ground, and {1e3 * expected_m:.0f} mm were entered for it. Sizes are in"
                " millimetres: is the entered size right?"
            ),
            answers=tuple(answers),
        )
        self._pending = (image_px, points_m)

    def _answer(self, action: str) -> None:
        self._question = None
        self._is_sized = True
        if action.startswith(SCALE):
            self._layout = self._layout.scaled(float(action.removeprefix(SCALE)))
            image_px, _ = self._pending
            self._compute(image_px, points_of_rectangle(self._layout, self._config))
        elif action != KEEP:
            self._forget()
            if action == REPEAT:
                self._begin()

    def _refined(self, u_px: float, v_px: float) -> tuple[float, float]:
        """Move a tapped point to the corner beside it, if there is one within a finger's width."""
        if self._image is None:
            return u_px, v_px
        grey = cv2.cvtColor(self._image, cv2.COLOR_BGR2GRAY)
        half = max(4, round(0.01 * self._size[0]))
        inside = half < u_px < self._size[0] - half and half < v_px < self._size[1] - half
        if not inside:
            return u_px, v_px
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
        corner = np.array([[[u_px, v_px]]], np.float32)
        moved = np.asarray(cv2.cornerSubPix(grey, corner, (half, half), (-1, -1), criteria))
        u, v = (float(value) for value in moved.ravel())
        return (u, v) if math.hypot(u - u_px, v - v_px) <= half else (u_px, v_px)

    def _show_prop(self, prop: Prop) -> None:
        if self._is_simulated:
            self._orders.append(
                EngineCommand(kind=CommandKind.SET_CAMERA_CONTROL, value=(PROP, float(prop)))
            )

    def _first_layout(self, target: str = BOARD) -> Layout:
        """Return what is known before the operator enters anything; on the simulated field, all."""
        config = self._config
        layout = Layout(
            target=target,
            camera_height_mm=round(1e3 * config.camera.pose.z_m, 1),
            boom_height_mm=round(1e3 * config.boom.height_m, 1),
        )
        if not self._is_simulated:
            return layout
        true = true_config(config)
        ground = GroundPlane(
            true.camera.intrinsics,
            true.camera.pose,
            (true.camera.width_px, true.camera.height_px),
        )
        length_m = 1e-3 * self._board.size_mm[1] if target == BOARD else RECTANGLE_M[1]
        x_m, y_m = ground_place(ground, length_m)
        return Layout(
            target=target,
            ahead_mm=round(1e3 * (x_m - true.boom.x_m), 1),
            left_mm=round(1e3 * y_m, 1),
            length_mm=1e3 * RECTANGLE_M[1],
            width_mm=1e3 * RECTANGLE_M[0],
            camera_height_mm=round(1e3 * true.camera.pose.z_m, -1),
            boom_height_mm=layout.boom_height_mm,
            placed_within_mm=0.0,
        )

    def _sim_help(self) -> str:
        return "Measured for you on the simulated field." if self._is_simulated else ""

    def _target_size_m(self) -> tuple[float, float]:
        if self._layout.target == BOARD:
            width_mm, height_mm = self._board.size_mm
        else:
            width_mm, height_mm = self._layout.width_mm or 1.0, self._layout.length_mm or 1.0
        return 1e-3 * width_mm, 1e-3 * height_mm

    # What is shown

    def _phase(self) -> StepPhase:
        if self._question is not None:
            return StepPhase.PREPARE
        if self._fit is not None:
            return StepPhase.DONE
        if self._is_measuring:
            return StepPhase.MEASURE
        return StepPhase.FAILED if self._problem else StepPhase.PREPARE

    def _progress(self) -> float:
        if self._fit is not None:
            return 1.0
        if self._layout.target == BOARD:
            return self._frames / FRAMES
        return len(self._tapped) / 4.0

    def _instruction(self) -> str:
        if self._question is not None:
            return "Answer the question below the picture."
        if self._fit is not None:
            return (
                "Tap fixed parts of the machine in the picture, if there are any, to have the"
                " camera watched by them at work; then accept or discard the new pose."
            )
        if self._is_measuring and self._layout.target == RECTANGLE:
            names = ("near left", "far left", "far right", "near right")
            return f"Tap the {names[len(self._tapped)]} corner of the rectangle in the picture."
        if self._is_measuring:
            return "Let the board lie still while it is measured."
        if self._layout.target == BOARD:
            return (
                "Put the machine on level ground, lay the board flat in the picture with its top"
                " edge forward, enter where it lies, and press Measure."
            )
        return (
            "Put the machine on level ground, mark a rectangle along the driving direction, enter"
            " its size and place, and press Measure."
        )

    def _problems(self) -> tuple[str, ...]:
        if self._problem:
            return (self._problem,)
        if self._size == (0, 0):
            return ("There is no picture yet: check the camera.",)
        if self._layout.target == BOARD and self._is_measuring:
            if self._sighting is None:
                return (
                    "The board is not found: put it whole into the picture, unshaded, and check"
                    " its squares on the Camera step.",
                )
            return (self._sighting.problem,) if self._sighting.problem else ()
        return ()

    def _actions(self) -> tuple[StepAction, ...]:
        if self._question is not None:
            return ()
        repeat = StepAction(
            name=REPEAT,
            word="Repeat",
            icon="restart",
            enabled=self._is_measuring or self._fit is not None or bool(self._problem),
        )
        if self._fit is not None and len(self._choice):
            word = f"Do not watch {len(self._choice)}"
            return (repeat, StepAction(name=REMOVE_MARK, word=word, icon="eraser"))
        if self._fit is not None or self._is_measuring:
            return (repeat,)
        measure = StepAction(name=MEASURE, word="Measure", icon="play", is_main=True)
        return (measure, repeat) if self._problem else (measure,)

    def _figures(self) -> tuple[Figure, ...]:
        figures = []
        if self._is_measuring and self._layout.target == BOARD:
            figures.append(Figure(name="Pictures", value=f"{self._frames} of {FRAMES}"))
        if self._fit is not None:
            fit = self._fit
            tone = Tone.OK if fit.rms_mm < 2.0 else Tone.WARNING
            figures.append(Figure(name="Points off by", value=f"{fit.rms_mm:.2f} mm", tone=tone))
            worst = float(np.max(np.hypot(*fit.residuals_mm.T)))
            figures.append(Figure(name="Worst point", value=f"{worst:.2f} mm"))
            figures.append(
                Figure(name="Ground known to", value=f"{2e3 * self._ground_std_m():.1f} mm")
            )
            figures.append(self._choice.figure)
        return tuple(figures)

    def _marks(self) -> tuple[PictureMark, ...]:
        if self._fit is not None:
            return (*self._residual_marks(self._fit), *self._choice.pictured)
        if self._layout.target == RECTANGLE:
            if not self._tapped:
                return ()
            shape = Shape.POLYGON if len(self._tapped) == 4 else Shape.CROSSES
            return (PictureMark(shape=shape, points_px=tuple(self._tapped), tone=Tone.OK),)
        if self._sighting is None:
            return ()
        points = tuple((float(u), float(v)) for u, v in self._sighting.corners_px)
        tone = Tone.WARNING if self._sighting.problem else Tone.OK
        return (PictureMark(shape=Shape.CROSSES, points_px=points, tone=tone),)

    def _residual_marks(self, fit: GroundFit) -> tuple[PictureMark, ...]:
        """Return each point's error as an arrow, drawn twenty times its size."""
        lens = Lens(self._config.camera.intrinsics, self._size)
        points = (
            points_of_board(self._layout, self._config, self._board)
            if self._layout.target == BOARD
            else points_of_rectangle(self._layout, self._config)
        )
        image = image_from_base(lens, fit.pose, points)[: len(fit.residuals_px)]
        lengths = np.hypot(*fit.residuals_mm.T)
        worst = int(np.argmax(lengths))
        return tuple(
            PictureMark(
                shape=Shape.ARROW,
                points_px=((float(u), float(v)), (float(u + 20 * du), float(v + 20 * dv))),
                tone=Tone.OK if lengths[index] < 2.0 else Tone.WARNING,
                label=f"{lengths[index]:.1f} mm" if index == worst else "",
            )
            for index, ((u, v), (du, dv)) in enumerate(zip(image, fit.residuals_px, strict=True))
        )

    def _ground_std_m(self) -> float:
        """Return the standard uncertainty, along one axis, at the worse places of the view."""
        fit = self._fit
        assert fit is not None
        if self._std_m is None or self._std_m[0] is not fit:
            self._std_m = fit, self._worse_std_m(fit)
        return self._std_m[1]

    def _worse_std_m(self, fit: GroundFit) -> float:
        ground = GroundPlane(self._config.camera.intrinsics, fit.pose, self._size)
        std = ground_std_m(
            fit,
            self._config.camera.intrinsics,
            self._size,
            working_area_px(ground),
            self._lens_covariance,
        )
        return float(np.nanpercentile(std, 95))

    def _result(self) -> StepResult:
        assert self._fit is not None
        fit, layout = self._fit, self._layout
        values = [
            MeasuredValue(
                key=f"camera.pose.{name}", value=float(getattr(fit.pose, name)), std=float(std)
            )
            for name, std in zip(POSE, fit.std, strict=True)
        ]
        height_m = 1e-3 * (layout.boom_height_mm or 0.0)
        if not math.isclose(height_m, self._config.boom.height_m, abs_tol=5e-4):
            values.append(MeasuredValue(key="boom.height_m", value=height_m, std=0.005))
        ground_mm = 2e3 * self._ground_std_m()
        return StepResult(
            values=tuple(values),
            method=(
                f"board on the ground, {self._frames} pictures"
                if layout.target == BOARD
                else f"rectangle of {layout.length_mm:g} x {layout.width_mm:g} mm on the ground"
            ),
            observations=len(fit.residuals_px),
            summary=(
                f"The camera is {1e3 * fit.pose.z_m:.0f} mm up and looks"
                f" {_looks(fit.pose.pitch_deg)}; points on the ground are off by"
                f" {fit.rms_mm:.2f} mm and known to {ground_mm:.1f} mm.{self._choice.summary}"
            ),
            warnings=self._warnings(fit, ground_mm),
            facts={
                "rms_mm": fit.rms_mm,
                "rms_px": fit.rms_px,
                "ground_known_to_mm": ground_mm,
                "layout": {name: field_of(layout, name) for name in layout.names},
                "covariance": fit.covariance.tolist(),
                "parameters": list(POSE),
                **self._choice.facts(),
            },
        )

    def _warnings(self, fit: GroundFit, ground_mm: float) -> tuple[str, ...]:
        warnings = list(self._choice.warnings)
        if self._lens_covariance is None:
            warnings.append(
                "The lens was never calibrated, so its part of the error is not known: do the"
                " Camera step first."
            )
        if fit.rms_mm > 3.0:
            warnings.append(
                f"The points do not fit together ({fit.rms_mm:.1f} mm): is the target flat, and"
                " are its sizes right?"
            )
        if ground_mm > 10.0:
            warnings.append(
                f"The ground is known to {ground_mm:.0f} mm only: use a larger target, or one"
                " nearer to the middle of the picture."
            )
        return tuple(warnings)


def _looks(pitch_deg: float) -> str:
    """Return where a camera with this pitch looks, in words."""
    if abs(pitch_deg) < 0.05:
        return "straight down"
    return f"{abs(pitch_deg):.1f}° {'forward' if pitch_deg > 0.0 else 'backward'}"


def _marks_before(entry: CalibrationEntry | None) -> tuple[MachineMark, ...]:
    """Return the marks of the calibration in force; none where they cannot be read."""
    try:
        return marks_of(entry.facts) if entry is not None else ()
    except CalibrationError:
        return ()
