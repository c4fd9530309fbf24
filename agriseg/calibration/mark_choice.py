"""Which fixed parts of the machine the camera is watched by: chosen on the picture, kept as facts.

The operator taps them once the ground is measured, so that they belong to the very pose that is
accepted. What was chosen the time before is looked for and offered again.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from agriseg.calibration.steps import Figure, PictureMark, Shape, Tone
from agriseg.errors import CalibrationError
from agriseg.geometry.machine_marks import (
    LEAST_SCORE,
    MachineMark,
    MarkSight,
    cut_mark,
    find_mark,
    half_side_px,
)
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

MOST_MARKS = 6

FOLLOWED_FRAMES = 8
"""A mark is followed through so many pictures before it counts as steady."""

_STEADY_PX = 0.5
_SURE_SCORE = 0.8
_LEAST_STD_PX = 0.02


@dataclass(slots=True, eq=False)
class _Chosen:
    mark: MachineMark
    sights: deque[MarkSight] = field(default_factory=lambda: deque(maxlen=FOLLOWED_FRAMES))

    @property
    def is_followed(self) -> bool:
        return len(self.sights) == FOLLOWED_FRAMES

    @property
    def std_px(self) -> float:
        places = np.array([(s.u_px, s.v_px) for s in self.sights])
        spread = float(np.max(np.std(places, axis=0)))
        return max(_LEAST_STD_PX, spread / float(np.sqrt(len(places))))

    @property
    def is_steady(self) -> bool:
        """Whether it was seen well, and in one place, in all pictures so far."""
        places = np.array([(s.u_px, s.v_px) for s in self.sights])
        return bool(
            min((s.score for s in self.sights), default=1.0) >= _SURE_SCORE
            and (len(places) < 2 or np.max(np.std(places, axis=0)) <= _STEADY_PX)
        )


class MarkChoice:
    """The marks that are being chosen.

    Parameters
    ----------
    before : sequence of MachineMark
        Those of the calibration in force; `offer_again` looks for them.
    """

    def __init__(self, before: Sequence[MachineMark] = ()) -> None:
        self._before = tuple(before)
        self._chosen: list[_Chosen] = []

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def is_settled(self) -> bool:
        """Whether each mark was followed long enough to be judged."""
        return all(chosen.is_followed for chosen in self._chosen)

    def offer_again(self, image: UInt8Array) -> None:
        """Choose what is found again of the marks of before, where it is seen now."""
        grey = _grey(image)
        size = (grey.shape[1], grey.shape[0])
        self._chosen = []
        for mark in self._before:
            if mark.picture_size != size:
                continue
            sight = find_mark(grey, mark)
            if sight.score >= _SURE_SCORE:
                place = replace(mark, u_px=sight.u_px, v_px=sight.v_px)
                self._chosen.append(_Chosen(place))

    def tap(self, image: UInt8Array, u_px: float, v_px: float) -> None:
        """Choose the part at a point, or take back the mark that is there.

        Raises
        ------
        CalibrationError
            There are enough marks, or the place cannot be watched.
        """
        grey = _grey(image)
        half = half_side_px((grey.shape[1], grey.shape[0]))
        for chosen in self._chosen:
            if max(abs(chosen.mark.u_px - u_px), abs(chosen.mark.v_px - v_px)) <= half:
                self._chosen.remove(chosen)
                return
        if len(self._chosen) >= MOST_MARKS:
            raise CalibrationError(
                f"{MOST_MARKS} parts are enough: tap one of them to take it away first"
            )
        self._chosen.append(_Chosen(cut_mark(grey, u_px, v_px)))

    def remove_last(self) -> None:
        """Take back the mark that was chosen last."""
        if self._chosen:
            self._chosen.pop()

    def clear(self) -> None:
        """Forget all marks."""
        self._chosen = []

    def follow(self, image: UInt8Array) -> None:
        """See in another picture of the standing machine how steady the marks are."""
        if not self._chosen:
            return
        grey = _grey(image)
        for chosen in self._chosen:
            near = chosen.sights[-1] if chosen.sights else None
            sight = find_mark(grey, chosen.mark, near)
            if sight.score < LEAST_SCORE:
                sight = replace(sight, u_px=chosen.mark.u_px, v_px=chosen.mark.v_px)
            chosen.sights.append(sight)

    @property
    def steady(self) -> tuple[MachineMark, ...]:
        """The marks that are kept: each at the mean of where it was seen."""
        return tuple(
            replace(
                chosen.mark,
                u_px=float(np.mean([s.u_px for s in chosen.sights])),
                v_px=float(np.mean([s.v_px for s in chosen.sights])),
                std_px=chosen.std_px,
            )
            for chosen in self._chosen
            if chosen.is_followed and chosen.is_steady
        )

    @property
    def figure(self) -> Figure:
        """How many parts are watched."""
        if not self._chosen:
            return Figure(name="Watched parts", value="none yet")
        if not self.is_settled:
            return Figure(name="Watched parts", value="being looked at …")
        kept = self.steady
        if not kept:
            return Figure(name="Watched parts", value="none is steady", tone=Tone.WARNING)
        worst = 2.0 * max(mark.std_px for mark in kept)
        return Figure(
            name="Watched parts",
            value=f"{len(kept)} of at most {MOST_MARKS}, known to {worst:.2f} px",
            tone=Tone.OK,
        )

    @property
    def summary(self) -> str:
        """How many parts are kept, as a sentence to follow another; empty where none is."""
        kept = len(self.steady)
        if not kept:
            return ""
        parts = "one part" if kept == 1 else f"{kept} parts"
        return f" It is watched by {parts} of the machine."

    @property
    def pictured(self) -> tuple[PictureMark, ...]:
        """A square around each part, numbered."""
        return tuple(_square(chosen, number) for number, chosen in enumerate(self._chosen, start=1))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the choice, each in a sentence."""
        unsteady = [
            str(number)
            for number, chosen in enumerate(self._chosen, start=1)
            if chosen.sights and not chosen.is_steady
        ]
        if not unsteady:
            return ()
        which = (
            f"Part {unsteady[0]} does" if len(unsteady) == 1 else f"Parts {', '.join(unsteady)} do"
        )
        return (
            f"{which} not look the same from picture to picture and will not be watched: tap a part"
            " of the machine that fills its square, not the ground or a shadow.",
        )

    def facts(self) -> dict[str, Any]:
        """Return the marks for the history, with the size of the pictures they belong to."""
        return marks_as_facts(self.steady)


def marks_as_facts(marks: Sequence[MachineMark]) -> dict[str, Any]:
    """Return marks as facts of the ground step (FORMAT.md)."""
    if not marks:
        return {}
    return {
        "mark_picture_px": list(marks[0].picture_size),
        "marks": [
            {
                "u_px": round(mark.u_px, 3),
                "v_px": round(mark.v_px, 3),
                "std_px": round(mark.std_px, 3),
                "png": _png(mark.patch),
            }
            for mark in marks
        ],
    }


def marks_of(facts: Mapping[str, Any]) -> tuple[MachineMark, ...]:
    """Return the marks in the facts of a ground step; none where there are none.

    Raises
    ------
    CalibrationError
        What stands there cannot be read.
    """
    if not facts.get("marks"):
        return ()
    try:
        width, height = (int(value) for value in facts["mark_picture_px"])
        return tuple(
            MachineMark(
                u_px=float(item["u_px"]),
                v_px=float(item["v_px"]),
                std_px=float(item["std_px"]),
                patch=_patch(item["png"]),
                picture_size=(width, height),
            )
            for item in facts["marks"]
        )
    except (KeyError, TypeError, ValueError, binascii.Error, cv2.error) as error:
        raise CalibrationError(
            f"the marks of the ground step cannot be read ({error!r}): do the step Ground again"
        ) from error


def _square(chosen: _Chosen, number: int) -> PictureMark:
    mark = chosen.mark
    half = mark.patch.shape[0] // 2
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    if not chosen.is_followed:
        tone, label = Tone.GUIDE, str(number)
    elif chosen.is_steady:
        tone, label = Tone.OK, f"{number} watched"
    else:
        tone, label = Tone.WARNING, f"{number} not steady"
    return PictureMark(
        shape=Shape.POLYGON,
        points_px=tuple((mark.u_px + du, mark.v_px + dv) for du, dv in corners),
        tone=tone,
        label=label,
    )


def _grey(image: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _png(patch: UInt8Array) -> str:
    _, data = cv2.imencode(".png", patch)
    return base64.b64encode(data.tobytes()).decode("ascii")


def _patch(text: str) -> UInt8Array:
    data = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    patch = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if patch is None or patch.shape[0] != patch.shape[1] or patch.shape[0] % 2 == 0:
        raise ValueError("a patch is no square picture with a middle")
    return np.asarray(patch, np.uint8)
