"""The tests that open camera and controller themselves: by name, real or simulated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from agriseg.calibration.flow_catch import DEFAULT_SECONDS, Spraying, spray_into_cups
from agriseg.calibration.flow_latency import measure_latency_by_flow
from agriseg.calibration.nozzle_positions import measure_nozzle_positions
from agriseg.calibration.simulated_yard import SimulatedYard
from agriseg.calibration.steps import StepResult
from agriseg.calibration.valve_latency import FAST_M_S, SLOW_M_S, measure_valve_latency
from agriseg.calibration.verification import verify_by_driving
from agriseg.calibration.wheel_counts import measure_wheel
from agriseg.calibration.yard import Guide, Yard
from agriseg.config import Config
from agriseg.doorbell import wait_for_any
from agriseg.errors import AgrisegError, CalibrationError

SIMULATED = "sim"
BY_FLOW = "by_flow"
"""Option of the latency test: 1 measures by the flow signal instead of wet strips."""
_PATIENCE_S = 0.005
_MARK_PITCH_M = 0.38
_MARKS = 9
_FIRST_MARK_M = 2.1

Options = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """What a test gave: a result, or a spraying whose cups are to be read.

    ``caught_ml`` is what the simulated cups hold; empty on a real machine.
    """

    __test__ = False  # not a test case

    result: StepResult | None = None
    spraying: Spraying | None = None
    caught_ml: Mapping[int, float] = field(default_factory=dict)


def run_test(config: Config, name: str, options: Options, guide: Guide) -> TestOutcome:
    """Run one test from its beginning to its end; the valves are closed whatever happens.

    Parameters
    ----------
    config : Config
        In force.
    name : str
        ``nozzles``, ``latency``, ``wheel``, ``flow`` or ``verification``.
    options : mapping
        Keyword arguments of the test.
    guide : Guide

    Raises
    ------
    AgrisegError
        The sentence says what went wrong; nothing has been changed.
    """
    if is_simulated(config):
        return _run_simulated(config, name, options, guide)
    with _real_yard(config, guide) as yard:
        if name == "flow":
            return TestOutcome(
                spraying=spray_into_cups(yard, seconds=options.get("seconds", DEFAULT_SECONDS))
            )
        return TestOutcome(result=_MEASURES[name](yard, options))


def is_simulated(config: Config) -> bool:
    """Return whether the yard is simulated.

    Raises
    ------
    CalibrationError
        Only one of camera and controller is.
    """
    camera, controller = config.camera.source == SIMULATED, config.controller.port == SIMULATED
    if camera != controller:
        real, simulated = ("camera", "controller") if controller else ("controller", "camera")
        raise CalibrationError(
            f"the {real} is real, but the {simulated} is simulated: this test needs both of one"
            f" machine; set {simulated}.{'port' if controller else 'source'} or simulate both"
        )
    return camera


def test_config(config: Config) -> Config:
    """Return the configuration of a test: a worn nozzle must not count as a leak."""
    controller = config.controller.model_copy(update={"supervise_flow": False})
    return config.model_copy(update={"controller": controller})


test_config.__test__ = False  # type: ignore[attr-defined]  # not a test case

_MEASURES: Mapping[str, Callable[[Yard, Options], StepResult]] = {
    "nozzles": lambda yard, options: measure_nozzle_positions(
        yard, stops=int(options.get("stops", 8))
    ),
    "latency": lambda yard, options: _measure_latency(yard, options),
    "wheel": lambda yard, options: measure_wheel(
        yard, tape_m=options.get("tape_m", 20.0), runs=int(options.get("runs", 3))
    ),
    "verification": lambda yard, options: verify_by_driving(
        yard, speed_m_s=options.get("speed_m_s", 1.0)
    ),
}


def _measure_latency(yard: Yard, options: Options) -> StepResult:
    if options.get(BY_FLOW, 0.0):
        return measure_latency_by_flow(yard)
    return measure_valve_latency(
        yard,
        slow_m_s=options.get("slow_m_s", SLOW_M_S),
        fast_m_s=options.get("fast_m_s", FAST_M_S),
    )


def _run_simulated(config: Config, name: str, options: Options, guide: Guide) -> TestOutcome:
    marks = simulated_marks(config) if name == "verification" else ()
    machine = SimulatedYard(test_config(config), marks_m=marks)
    yard = machine.yard(guide)
    try:
        if name != "flow":
            return TestOutcome(result=_MEASURES[name](yard, options))
        machine.empty_cups()
        spraying = spray_into_cups(yard, seconds=options.get("seconds", DEFAULT_SECONDS))
        caught = {nozzle: round(machine.caught_ml(nozzle), 1) for nozzle in spraying.nozzles}
        return TestOutcome(spraying=spraying, caught_ml=caught)
    finally:
        machine.controller.close()


def simulated_marks(config: Config) -> tuple[tuple[float, float], ...]:
    """Return where the marks of the simulated yard lie, in the field frame."""
    boom = config.boom
    half_m = 0.35 * (boom.nozzle_count - 1) * boom.pitch_m
    return tuple(
        (
            boom.x_m + _FIRST_MARK_M + _MARK_PITCH_M * i,
            boom.y_offset_m + half_m * ((2 * i) % 5 - 2) / 2.0,
        )
        for i in range(_MARKS)
    )


@contextlib.contextmanager
def _real_yard(config: Config, guide: Guide) -> Iterator[Yard]:
    from agriseg.cameras.opening import open_camera
    from agriseg.clock import MonotonicClock
    from agriseg.positioning.opening import open_receiver
    from agriseg.spraying.link_process import LinkProcess

    config = test_config(config)
    clock = MonotonicClock()
    receiver = open_receiver(config, clock, None, 0.0)
    camera = open_camera(config.camera, clock)
    try:
        controller = LinkProcess(config)
    except AgrisegError:
        camera.close()
        raise

    def wait() -> None:
        wait_for_any((controller,), _PATIENCE_S)

    try:
        yield Yard(config, camera, controller, clock, wait, guide, receiver)
    finally:
        if receiver is not None:
            receiver.close()
        controller.close()
        camera.close()
