"""The step Camera: the lens, from views of a board that are taken by themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agriseg.calibration.board_finder import BoardFinder, Sighting, picture_exposure
from agriseg.calibration.coverage import Coverage, ViewPose, view_pose, zone_name
from agriseg.calibration.entries import MeasuredValue
from agriseg.calibration.lens_fit import (
    LEAST_VIEWS,
    PARAMETERS,
    BoardView,
    LensFit,
    fit_lens,
    require_views,
)
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
from agriseg.errors import CalibrationError
from agriseg.geometry.boards import BoardKind, BoardSpec
from agriseg.geometry.intrinsics import Lens
from agriseg.messages import CommandKind, EngineCommand, Float64Array, Frame, UInt8Array
from agriseg.simulation.props import PROP, Prop

FINISH = "finish"
"""Action: work with the views that there are."""

DROP = "drop"
"""Action: forget the newest view."""

_STILL_PX = 1.5
_MOST_VIEWS = 45
_WIDE_LENS_DEG = 100.0
_UNSURE_FOCUS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    view: BoardView
    pose: ViewPose


class CameraStep(CalibrationStep):
    """Watches for the board; takes a view whenever it is sharp, still and somewhere new.

    Parameters
    ----------
    setup : StepSetup
        Its intrinsics are the first guess, for telling tilts apart.
    """

    def __init__(self, setup: StepSetup) -> None:
        self._config = setup.config
        self._board = last_board(setup)
        self._finder = BoardFinder(self._board)
        self._is_simulated = setup.config.camera.source == "sim"
        self._orders: list[EngineCommand] = []
        self._size = (0, 0)
        self._sighting: Sighting | None = None
        self._exposure = ""
        self._taken: list[_Taken] = []
        self._is_measuring = False
        self._is_still = False
        self._problem = ""
        self._fit: LensFit | None = None

    @property
    def view(self) -> StepView:
        """What to show now."""
        return StepView(
            instruction=self._instruction(),
            phase=self._phase(),
            progress=self._coverage().progress if self._is_measuring or self._fit else 0.0,
            problems=self._problems(),
            fields=self._fields() if not self._is_measuring and self._fit is None else (),
            actions=self._actions(),
            figures=self._figures(),
            marks=self._marks(),
            picture_size=self._size,
            result=self._result() if self._fit is not None else None,
        )

    @property
    def has_begun(self) -> bool:
        """Whether there are views to lose."""
        return bool(self._taken)

    def enter(self, name: str, value: float | str) -> None:
        """Take what is known of the board.

        Raises
        ------
        CalibrationError
            There can be no such board.
        """
        board = {
            "kind": self._board.kind,
            "columns": self._board.columns,
            "rows": self._board.rows,
            "square_mm": self._board.square_mm,
        }
        if name not in board:
            raise CalibrationError(f"the camera step has no field {name!r}")
        kind: BoardKind = "checkerboard" if board["kind"] == "checkerboard" else "charuco"
        if name == "kind":
            kind = "checkerboard" if value == "checkerboard" else "charuco"
        else:
            board[name] = float(value)
        self._board = BoardSpec(
            kind=kind,
            columns=int(float(board["columns"])),
            rows=int(float(board["rows"])),
            square_mm=float(board["square_mm"]),
        )
        self._finder = BoardFinder(self._board)
        self._sighting = None

    def act(self, action: str) -> None:
        """Begin, finish, drop the newest view, or begin anew."""
        if action == MEASURE and self._fit is None:
            self._is_measuring = True
            self._problem = ""
        elif action == REPEAT:
            self._taken.clear()
            self._fit = None
            self._problem = ""
            self._is_measuring = True
        elif action == DROP and self._taken:
            self._taken.pop()
        elif action == FINISH and self._is_measuring:
            self._compute()
            return
        self._show_prop(Prop.BOARD_HELD if self._is_measuring else Prop.NONE)

    def take_picture(self, frame: Frame) -> None:
        """Look for the board; take a view of it if that adds something."""
        image = np.asarray(frame.image)
        self._size = (image.shape[1], image.shape[0])
        before = self._sighting
        self._sighting = self._finder.find(image)
        self._exposure = "" if self._sighting else picture_exposure(image)
        self._is_still = _is_still(before, self._sighting)
        if self._is_measuring and self._is_still:
            self._take(self._sighting)
        if self._is_measuring and (self._coverage().is_enough or len(self._taken) >= _MOST_VIEWS):
            self._compute()

    def take_single(self, image: UInt8Array) -> str:
        """Take a view from a single photograph; return why not, or an empty text.

        Raises
        ------
        CalibrationError
            It has another size than those before.
        """
        size = (image.shape[1], image.shape[0])
        if self._taken and size != self._size:
            raise CalibrationError(
                f"this picture is {size[0]} x {size[1]} pixels, those before {self._size[0]} x"
                f" {self._size[1]}; a lens is calibrated with pictures of one size"
            )
        self._size = size
        self._is_measuring = True
        self._sighting = self._finder.find(image)
        if self._sighting is None:
            return "The board was not found."
        if self._sighting.problem:
            return self._sighting.problem
        return "" if self._take(self._sighting, needs_news=False) else "The view gives no pose."

    def take_orders(self) -> tuple[EngineCommand, ...]:
        """Return what the simulated camera is to show."""
        orders, self._orders = tuple(self._orders), []
        return orders

    def close(self) -> None:
        """Take the simulated board away."""
        self._show_prop(Prop.NONE)

    def _show_prop(self, prop: Prop) -> None:
        if self._is_simulated:
            self._orders.append(
                EngineCommand(kind=CommandKind.SET_CAMERA_CONTROL, value=(PROP, float(prop)))
            )

    def _take(self, sighting: Sighting | None, *, needs_news: bool = True) -> bool:
        if sighting is None or sighting.problem:
            return False
        view = BoardView(corners_px=sighting.corners_px, ids=sighting.ids)
        pose = view_pose(self._board, view, self._guess())
        if pose is None:
            return False
        if needs_news and not all(pose.differs(taken.pose, self._size[0]) for taken in self._taken):
            return False
        self._taken.append(_Taken(view=view, pose=pose))
        return True

    def _compute(self) -> None:
        self._is_measuring = False
        self._show_prop(Prop.NONE)
        try:
            require_views(len(self._taken))
            self._fit = fit_lens(
                self._board,
                [taken.view for taken in self._taken],
                self._size,
                fit_k3=self._is_wide(),
            )
        except CalibrationError as error:
            self._problem = str(error)

    def _guess(self) -> Float64Array:
        return Lens(self._config.camera.intrinsics, self._size).camera_matrix

    def _is_wide(self) -> bool:
        focal = float(self._guess()[0, 0])
        return bool(2.0 * np.rad2deg(np.arctan(0.5 * self._size[0] / focal)) > _WIDE_LENS_DEG)

    def _coverage(self) -> Coverage:
        return Coverage(
            [taken.view for taken in self._taken],
            [taken.pose for taken in self._taken],
            self._size,
        )

    # What is shown

    def _phase(self) -> StepPhase:
        if self._fit is not None:
            return StepPhase.DONE
        if self._is_measuring:
            return StepPhase.MEASURE
        return StepPhase.FAILED if self._problem else StepPhase.PREPARE

    def _instruction(self) -> str:
        if self._fit is not None:
            return "Compare the new lens with the one in force, then accept or discard it."
        if self._problem:
            return "Press Repeat and take the views again."
        if self._is_measuring:
            return self._coverage().next_instruction
        return (
            "Print the board at 100 %, glue it on something flat, enter the measured side of its"
            " squares, and press Measure."
        )

    def _problems(self) -> tuple[str, ...]:
        if self._problem:
            return (self._problem,)
        if self._size == (0, 0):
            return ("There is no picture yet: check the camera.",)
        if self._sighting is None:
            if not self._is_measuring:
                return (self._exposure,) if self._exposure else ()
            return (
                self._exposure
                or "The board is not found: bring it nearer, whole and unshaded; check its number"
                " of squares.",
            )
        if self._sighting.problem:
            return (self._sighting.problem,)
        if self._is_measuring and not self._is_still:
            return ("Hold the board still for a moment.",)
        return ()

    def _fields(self) -> tuple[NumberField | ChoiceField, ...]:
        board = self._board
        return (
            ChoiceField(
                name="kind",
                label="Board",
                value=board.kind,
                choices={"charuco": "With markers", "checkerboard": "Plain squares"},
                help="`agriseg calibrate board --out board.pdf` prints one with markers.",
            ),
            NumberField(
                name="square_mm",
                label="Side of a square",
                unit="mm",
                value=board.square_mm,
                low=5.0,
                high=500.0,
                digits=1,
                help="Measure ten squares with a ruler and divide.",
            ),
            NumberField(
                name="columns",
                label="Squares along",
                unit="",
                value=float(board.columns),
                low=3.0,
                high=20.0,
            ),
            NumberField(
                name="rows",
                label="Squares down",
                unit="",
                value=float(board.rows),
                low=3.0,
                high=20.0,
            ),
        )

    def _actions(self) -> tuple[StepAction, ...]:
        repeat = StepAction(
            name=REPEAT, word="Repeat", icon="restart", enabled=bool(self._taken or self._problem)
        )
        if self._fit is not None:
            return (repeat,)
        if not self._is_measuring:
            measure = StepAction(
                name=MEASURE, word="Measure", icon="play", is_main=True, enabled=not self._problem
            )
            return (measure, repeat)
        missing = max(0, LEAST_VIEWS - len(self._taken))
        finish = StepAction(
            name=FINISH,
            word="Finish",
            icon="check",
            hint=f"{missing} views more" if missing else "with these views",
            enabled=not missing,
            is_main=True,
        )
        drop = StepAction(name=DROP, word="Drop last view", icon="undo", enabled=bool(self._taken))
        return (finish, drop, repeat)

    def _figures(self) -> tuple[Figure, ...]:
        figures = []
        sighting = self._sighting
        if sighting is not None:
            for name, score in (
                ("Sharpness", sighting.focus_score),
                ("Exposure", sighting.exposure_score),
            ):
                tone = Tone.OK if score >= 60 else Tone.WARNING if score >= 30 else Tone.FAULT
                figures.append(Figure(name=name, value=f"{score:.0f} of 100", tone=tone))
        if self._taken:
            coverage = self._coverage()
            figures.append(Figure(name="Views", value=str(coverage.count)))
            figures.append(Figure(name="Parts of the picture", value=coverage.zones))
            figures.append(Figure(name="Tilted to sides", value=coverage.tilts))
        if self._fit is not None:
            fit = self._fit
            figures.append(Figure(name="Corners off by", value=f"{fit.rms_px:.3f} px"))
            figures.append(Figure(name="Worst view", value=f"{np.nanmax(fit.view_rms_px):.3f} px"))
            figures.append(Figure(name="Views rejected", value=str(len(fit.rejected))))
        return tuple(figures)

    def _marks(self) -> tuple[PictureMark, ...]:
        marks: list[PictureMark] = []
        if self._is_measuring and self._taken:
            coverage = self._coverage()
            marks.extend(
                PictureMark(
                    shape=Shape.POLYGON, points_px=coverage.zone_outline(zone), tone=Tone.GUIDE
                )
                for zone in coverage.missing_zones
            )
        if self._sighting is not None and self._fit is None:
            sure = self._is_still and not self._sighting.problem
            marks.append(
                PictureMark(
                    shape=Shape.CROSSES,
                    points_px=_pairs(self._sighting.corners_px),
                    tone=Tone.OK if sure else Tone.WARNING,
                )
            )
        return tuple(marks)

    def _result(self) -> StepResult:
        assert self._fit is not None
        fit, coverage = self._fit, self._coverage()
        used = len(self._taken) - len(fit.rejected)
        size = tuple(
            MeasuredValue(key=f"camera.intrinsics.{name}", value=value)
            for name, value in zip(("width_px", "height_px"), self._size, strict=True)
        )
        values = tuple(
            MeasuredValue(
                key=f"camera.intrinsics.{name}",
                value=float(getattr(fit.intrinsics, name)),
                std=float(std),
            )
            for name, std in zip(PARAMETERS, fit.std, strict=True)
        )
        board = self._board
        return StepResult(
            values=size + values,
            method=(
                f"{'ChArUco board' if board.kind == 'charuco' else 'checkerboard'} of"
                f" {board.columns} x {board.rows} squares of {board.square_mm:g} mm"
            ),
            observations=used,
            summary=(
                f"{used} views, {fit.corners} corners, off by {fit.rms_px:.3f} px; focal length"
                f" {fit.intrinsics.fx_px:.1f} ± {2 * fit.std[0]:.1f} px."
            ),
            warnings=self._warnings(fit, coverage),
            facts={
                "rms_px": fit.rms_px,
                "view_rms_px": [float(value) for value in fit.view_rms_px],
                "rejected_views": list(fit.rejected),
                "corners": fit.corners,
                "covariance": fit.covariance.tolist(),
                "parameters": list(PARAMETERS),
                "board": {
                    "kind": board.kind,
                    "columns": board.columns,
                    "rows": board.rows,
                    "square_mm": board.square_mm,
                },
            },
        )

    def _warnings(self, fit: LensFit, coverage: Coverage) -> tuple[str, ...]:
        warnings = []
        if coverage.missing_zones:
            names = ", ".join(zone_name(zone) for zone in coverage.missing_zones)
            warnings.append(
                f"One-sided views: the board was not seen in {names}; the lens is a guess there."
            )
        if coverage.missing_tilts:
            warnings.append(
                "The board was not tilted to all sides, so focal length and distance are hard to"
                " tell apart; repeat with tilted views."
            )
        if fit.std[0] > _UNSURE_FOCUS * fit.intrinsics.fx_px:
            warnings.append(
                f"The focal length is known to {100 * fit.std[0] / fit.intrinsics.fx_px:.1f} %"
                " only."
            )
        if fit.rejected:
            warnings.append(
                f"{len(fit.rejected)} of {len(fit.view_rms_px)} views did not fit the others and"
                " were left out."
            )
        return tuple(warnings)


def last_board(setup: StepSetup) -> BoardSpec:
    """Return the board that was used last, or the one that is printed on A4."""
    entry = setup.store.newest("camera")
    known = entry.facts.get("board") if entry is not None else None
    if not isinstance(known, dict):
        return BoardSpec()
    return BoardSpec(
        kind="checkerboard" if known.get("kind") == "checkerboard" else "charuco",
        columns=int(known.get("columns", 7)),
        rows=int(known.get("rows", 5)),
        square_mm=float(known.get("square_mm", 36.0)),
    )


def _is_still(before: Sighting | None, now: Sighting | None) -> bool:
    if before is None or now is None:
        return False
    common, first, second = np.intersect1d(before.ids, now.ids, return_indices=True)
    if len(common) < 4:
        return False
    moved = now.corners_px[second] - before.corners_px[first]
    return bool(np.median(np.hypot(moved[:, 0], moved[:, 1])) < _STILL_PX)


def _pairs(points: Float64Array) -> tuple[tuple[float, float], ...]:
    return tuple((float(u), float(v)) for u, v in points)
