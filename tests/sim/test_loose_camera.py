"""A camera that came loose is noticed on the simulated field, and the nozzles close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agriseg.assembly import build_virtual_machine
from agriseg.calibration.mark_choice import MarkChoice
from agriseg.calibration.profiles import open_store
from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import Config, parse_config
from agriseg.messages import CommandKind, EngineCommand
from agriseg.simulation.machine_marks import MachineMarks
from agriseg.simulation.opening import open_world
from agriseg.simulation.props import PROP, Prop
from agriseg.simulation.trajectory import Trajectory

LOOSE_S = 3.0
STOP_AND_GO = [
    {"t_s": 5.0, "speed_m_s": 0.0},
    {"t_s": 7.0, "speed_m_s": 1.0},
    {"t_s": 10.0, "speed_m_s": 0.3},
    {"t_s": 13.0, "speed_m_s": 1.5},
    {"t_s": 17.0, "speed_m_s": 0.0},
    {"t_s": 19.0, "speed_m_s": 1.0},
]


def configured(folder: Path, simulation: Mapping[str, object]) -> Config:
    return parse_config(
        {
            "model": {"method": "exg"},
            "camera": {"width_px": 640, "height_px": 360, "fps": 15.0},
            "simulation": {"speed_m_s": 1.0, "camera_fault_s": LOOSE_S, **simulation},
            "calibration": {"directory": str(folder)},
            "recording": {"enabled": False},
        },
        "test",
    )


def choose_marks(config: Config) -> None:
    """Accept a ground step in which every plate of the simulated machine was tapped."""
    camera = SyntheticCamera(
        open_world(config),
        Trajectory(config.simulation),
        config.camera,
        VirtualClock(),
        0.0,
        simulated=config.simulation,
    )
    camera.set_control(PROP, float(Prop.BOARD_ON_GROUND))
    frames = [frame for frame in (camera.read(1.0) for _ in range(9)) if frame is not None]
    choice = MarkChoice()
    plates = MachineMarks(camera.plane, config.simulation.machine_marks)
    for u_px, v_px in plates.centres_px:
        choice.tap(frames[0].image, u_px, v_px)
    for frame in frames:
        choice.follow(frame.image)
    assert len(choice.steady) == config.simulation.machine_marks
    open_store(config).accept(
        step="ground",
        values=(),
        method="test",
        observations=1,
        configured=config,
        in_force=config,
        when=datetime(2026, 5, 4, tzinfo=UTC),
        facts=choice.facts(),
    )


def drive(config: Config, seconds: float, until: Sequence[str] = ()) -> dict[str, float]:
    """Spray so long, or until one of some alarms; return when each about the camera came."""
    machine = build_virtual_machine(config)
    told_s: dict[str, float] = {}
    has_begun = False
    try:
        while machine.clock.now_s() < seconds and not set(until) & set(told_s):
            machine.step()
            if not has_begun and not machine.engine.not_ready():
                machine.engine.handle(EngineCommand(kind=CommandKind.START))
                has_begun = machine.engine.spraying
            for alarm in machine.engine.snapshot().alarms:
                if alarm.code.startswith(("camera-", "marks-")):
                    told_s.setdefault(alarm.code, machine.clock.now_s())
                assert not (alarm.stops_spraying and machine.engine.spraying)
        assert has_begun
    finally:
        machine.close()
    return told_s


@pytest.mark.parametrize(
    "moved",
    [
        {"y_m": 0.03},
        {"z_m": 0.03},
        {"pitch_deg": 1.0},
        pytest.param({"x_m": 0.03}, marks=pytest.mark.slow),
        pytest.param({"roll_deg": -1.0}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_with_marks_any_move_closes_the_nozzles_within_two_seconds(
    tmp_path: Path, moved: dict[str, float]
) -> None:
    config = configured(tmp_path, {"machine_marks": 3, "camera_fault_pose": moved})
    choose_marks(config)
    told_s = drive(config, LOOSE_S + 2.0, ["marks-moved"])
    assert set(told_s) == {"marks-moved"}
    assert LOOSE_S < told_s["marks-moved"] < LOOSE_S + 2.0


def test_without_marks_a_strong_tilt_closes_the_nozzles_within_three_seconds(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path, {"camera_fault_deg": 5.0})
    told_s = drive(config, LOOSE_S + 3.0, ["camera-moved"])
    assert LOOSE_S < told_s["camera-moved"] < LOOSE_S + 3.0


@pytest.mark.parametrize(
    ("moved", "within_s"),
    [
        ({"z_m": 0.03}, 4.0),
        pytest.param({"pitch_deg": 1.0}, 4.0, marks=pytest.mark.slow),
        pytest.param({"yaw_deg": 1.0}, 9.0, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_without_marks_a_little_higher_or_tilted_is_warned_of(
    tmp_path: Path, moved: dict[str, float], within_s: float
) -> None:
    config = configured(tmp_path, {"camera_fault_pose": moved})
    told_s = drive(config, LOOSE_S + within_s, ["camera-doubtful"])
    assert set(told_s) == {"camera-doubtful"}
    assert LOOSE_S < told_s["camera-doubtful"] < LOOSE_S + within_s


@pytest.mark.parametrize(
    "field",
    [
        {"seed": 1},
        pytest.param({"seed": 2, "light": 1.0, "wobble_m": 0.02}, marks=pytest.mark.slow),
        pytest.param({"seed": 3, "speed_profile": STOP_AND_GO}, marks=pytest.mark.slow),
        pytest.param({"seed": 4, "light": 0.1, "weeds_per_m2": 60.0}, marks=pytest.mark.slow),
        pytest.param({"seed": 5, "light": 1.0, "speed_m_s": 2.0}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_camera_that_stays_is_left_alone(
    tmp_path: Path, field: dict[str, object], request: pytest.FixtureRequest
) -> None:
    config = configured(tmp_path, {"machine_marks": 3, **field})
    choose_marks(config)
    is_long = request.node.get_closest_marker("slow") is not None
    assert drive(config, 24.0 if is_long else 8.0) == {}
