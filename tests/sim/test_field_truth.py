"""An oracle that knows the true field sprays it perfectly, whatever the robot does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from agriseg.cameras.synthetic import SyntheticCamera
from agriseg.clock import VirtualClock
from agriseg.config import Config, SimulationConfig
from agriseg.messages import ClassId, PulseOutcome, PulseReport
from agriseg.simulation.opening import open_world
from agriseg.simulation.scoring import DrivenRun, score
from agriseg.simulation.seen_plants import SeenPlants
from agriseg.simulation.sprayed_ground import TrueNozzle, nozzle_positions, true_nozzles
from agriseg.simulation.trajectory import Trajectory, changing_speed_profile
from agriseg.simulation.truth import TruthSegmenter
from agriseg.simulation.world import TruePlant, World

START_S = 10.0
SECONDS = 5.0
MARGIN_M = 0.02


def _config(**simulation: object) -> Config:
    values = {"seed": 3, "straw": 0.0, "stones": 0.0, "wobble_m": 0.01, **simulation}
    return Config(simulation=SimulationConfig.model_validate(values))


def _run(config: Config, world: World, trajectory: Trajectory) -> DrivenRun:
    return DrivenRun(
        world=world,
        trajectory=trajectory,
        boom=config.boom,
        camera=config.camera,
        spray=config.spray,
        start_s=START_S,
        began_s=START_S,
        ended_s=START_S + SECONDS,
    )


def _oracle(
    weeds: Sequence[TruePlant],
    nozzles: Sequence[TrueNozzle],
    trajectory: Trajectory,
    shift_m: float = 0.0,
) -> list[PulseReport]:
    """Return coil edges that spray each weed's extent and margin with all nozzles over it."""
    times = np.linspace(0.0, SECONDS, 5_001)
    pulses: list[PulseReport] = []
    for index, nozzle in enumerate(nozzles):
        places, _ = nozzle_positions(nozzle, trajectory, times)
        for weed in weeds:
            inset_m = nozzle.along_m / 2 - MARGIN_M
            inner = np.array([weed.x_min_m + inset_m, weed.x_max_m - inset_m]) + shift_m
            at = np.interp(inner, places[:, 0], times)
            y_m = np.interp(at.mean(), times, places[:, 1])
            reach = nozzle.across_m / 2
            if weed.y_min_m > y_m + reach or weed.y_max_m < y_m - reach:
                continue
            pulses.append(
                PulseReport(
                    event_id=len(pulses),
                    nozzle_id=index,
                    outcome=PulseOutcome.DONE,
                    t_open_s=START_S + at[0] - nozzle.open_latency_s - nozzle.fall_s,
                    t_close_s=START_S + at[1] - nozzle.close_latency_s - nozzle.fall_s,
                    open_m=math.nan,
                    close_m=math.nan,
                )
            )
    return pulses


@pytest.mark.parametrize("speed", ["constant", "profile"])
def test_spraying_every_weed_s_extent_hits_all_of_them(speed: str) -> None:
    profile = changing_speed_profile(SECONDS) if speed == "profile" else ()
    config = _config(speed_m_s=1.0, speed_profile=profile)
    world, trajectory = open_world(config), Trajectory(config.simulation)
    weeds = [p for p in world.plants(0.0, 14.0) if p.class_id is ClassId.WEED]
    nozzles = true_nozzles(config.boom)

    result = score(_run(config, world, trajectory), _oracle(weeds, nozzles, trajectory))
    nothing = score(_run(config, world, trajectory), [])

    assert result.weeds_reachable >= 10
    assert result.weeds_hit_fraction == 1.0
    assert result.crop_area_sprayed_beyond_margin_fraction < 0.01
    assert 0.0 < result.sprayed_area_fraction < 0.4
    assert (nothing.weeds_hit, nothing.sprayed_area_fraction) == (0, 0.0)
    assert nothing.weeds_total == result.weeds_total


def test_a_shift_of_the_whole_plan_shows_in_the_position_error() -> None:
    config = _config(speed_m_s=2.0, weeds_per_m2=4.0)
    world, trajectory = open_world(config), Trajectory(config.simulation)
    weeds = [p for p in world.plants(0.0, 14.0) if p.class_id is ClassId.WEED]
    nozzles = true_nozzles(config.boom)
    run = _run(config, world, trajectory)

    straight = score(run, _oracle(weeds, nozzles, trajectory))
    shifted = score(run, _oracle(weeds, nozzles, trajectory, shift_m=0.012))

    assert straight.extents_judged >= 3
    assert straight.position_error_mm[0] < 3.0
    assert shifted.position_error_mm[0] == pytest.approx(12.0, abs=4.0)


def test_true_labels_see_every_weed_that_counts() -> None:
    config = _config(speed_m_s=2.0)
    world, trajectory = open_world(config), Trajectory(config.simulation)
    clock = VirtualClock(START_S)
    camera = SyntheticCamera(world, trajectory, config.camera, clock, START_S)
    segmenter = TruthSegmenter(world, trajectory, config.camera, START_S)
    seen = SeenPlants(world, trajectory, config.camera, START_S)

    while clock.now_s() < START_S + SECONDS:
        frame = camera.read(1.0)
        assert frame is not None
        if frame.frame_id % 4 == 0:
            seen.add(segmenter.segment(frame))
    result = score(_run(config, world, trajectory), [], planned=[], seen=frozenset(seen.plant_ids))

    assert result.weeds_reachable >= 10
    assert result.weeds_not_seen == 0
    assert result.weeds_not_decided == result.weeds_reachable
