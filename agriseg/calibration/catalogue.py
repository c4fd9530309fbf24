"""The steps in the order in which a machine is calibrated, and what each rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agriseg.calibration.steps import CalibrationStep, StepSetup
from agriseg.errors import CalibrationError


def _camera(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.camera_step import CameraStep

    return CameraStep(setup)


def _ground(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.ground_step import GroundStep

    return GroundStep(setup)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInfo:
    """A step as the list shows it.

    Attributes
    ----------
    name : str
        In files and on the command line.
    title : str
        For people.
    purpose : str
        What it finds out, in a sentence.
    icon : str
        Name of the window's icon.
    rests_on : tuple of str
        Steps whose values it uses: once one of them is done anew, this one is due.
    make : callable
        Makes the step.
    """

    name: str
    title: str
    purpose: str
    icon: str
    rests_on: tuple[str, ...] = ()
    make: Callable[[StepSetup], CalibrationStep]


STEPS: tuple[StepInfo, ...] = (
    StepInfo(
        name="camera",
        title="Camera",
        purpose="How the lens bends the picture, from a printed board.",
        icon="camera",
        make=_camera,
    ),
    StepInfo(
        name="ground",
        title="Ground",
        purpose="Where the camera sits and how it looks at the ground.",
        icon="angle-acute",
        rests_on=("camera",),
        make=_ground,
    ),
)


def step_info(name: str) -> StepInfo:
    """Return a step by its name.

    Raises
    ------
    CalibrationError
        There is no such step.
    """
    for info in STEPS:
        if info.name == name:
            return info
    known = ", ".join(info.name for info in STEPS)
    raise CalibrationError(f"there is no calibration step {name!r}; there are: {known}")
