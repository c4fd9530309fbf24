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


def _wheel(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.driven_steps import WheelStep

    return WheelStep(setup)


def _boom(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.boom_step import BoomStep

    return BoomStep(setup)


def _nozzles(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.driven_steps import NozzlesStep

    return NozzlesStep(setup)


def _latency(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.driven_steps import LatencyStep

    return LatencyStep(setup)


def _flow(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.flow_step import FlowStep

    return FlowStep(setup)


def _verification(setup: StepSetup) -> CalibrationStep:
    from agriseg.calibration.driven_steps import VerificationStep

    return VerificationStep(setup)


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
    StepInfo(
        name="wheel",
        title="Wheel",
        purpose="How far the machine drives for each count of the wheel encoder.",
        icon="map-marker-distance",
        make=_wheel,
    ),
    StepInfo(
        name="boom",
        title="Boom",
        purpose="Number, pitch, height, size and angle of the nozzles.",
        icon="view-week",
        make=_boom,
    ),
    StepInfo(
        name="nozzles",
        title="Nozzles",
        purpose="Where each nozzle sprays, as the camera sees it.",
        icon="spray",
        rests_on=("camera", "ground", "wheel", "boom"),
        make=_nozzles,
    ),
    StepInfo(
        name="latency",
        title="Latency",
        purpose="How long each valve takes to open and to close.",
        icon="timer-outline",
        rests_on=("camera", "ground", "wheel", "nozzles"),
        make=_latency,
    ),
    StepInfo(
        name="flow",
        title="Flow",
        purpose="What each nozzle gives, and which one is worn.",
        icon="cup-water",
        make=_flow,
    ),
    StepInfo(
        name="verification",
        title="Verification",
        purpose="Whether the whole machine hits what it aims at.",
        icon="bullseye-arrow",
        rests_on=("camera", "ground", "wheel", "nozzles", "latency"),
        make=_verification,
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
