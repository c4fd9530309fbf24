"""The boom: positions, zones, what a pulse gives, where the nozzles are in the picture."""

import numpy as np
import pytest

from agriseg.config import BoomConfig, CameraPoseConfig, IntrinsicsConfig, NozzleConfig
from agriseg.errors import ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import ValveEvent
from agriseg.spraying.boom import Boom

SIZE = (960, 544)


def pulse(nozzle: int, open_at: float, close_at: float, by_distance: bool = True) -> ValveEvent:
    return ValveEvent(
        event_id=0,
        nozzle_id=nozzle,
        by_distance=by_distance,
        open_at=open_at,
        close_at=close_at,
        wanted_s_min_m=0.0,
        wanted_s_max_m=0.1,
    )


def test_nozzles_run_from_left_to_right_about_the_middle() -> None:
    boom = Boom(BoomConfig(nozzle_count=4, pitch_m=0.1, footprint_across_m=0.12, y_offset_m=0.05))
    assert boom.y_m == pytest.approx([0.2, 0.1, 0.0, -0.1])


def test_zones_share_the_ground_without_gap_or_overlap() -> None:
    boom = Boom(BoomConfig(nozzle_count=5, pitch_m=0.04, footprint_across_m=0.06))
    zones = boom.zone_y_m[::-1]
    assert zones[1:, 0] == pytest.approx(zones[:-1, 1])
    # The outer nozzles answer for all that they wet.
    assert zones[0, 0] == pytest.approx(-0.08 - 0.03)
    assert zones[-1, 1] == pytest.approx(0.08 + 0.03)


def test_a_moved_nozzle_moves_its_neighbours_borders() -> None:
    config = BoomConfig(
        nozzle_count=3,
        pitch_m=0.04,
        footprint_across_m=0.06,
        nozzles=(NozzleConfig(nozzle=1, y_m=0.01, x_m=0.1, open_latency_ms=20.0, channel=7),),
    )
    boom = Boom(config)
    assert boom.zone_y_m[1] == pytest.approx([-0.015, 0.025])
    assert boom.zone_y_m[0, 0] == pytest.approx(0.025)
    assert boom.zone_y_m[2, 1] == pytest.approx(-0.015)
    assert boom.x_m == pytest.approx([0.0, 0.1, 0.0])
    assert boom.open_delay_s == pytest.approx([0.032, 0.040, 0.032])
    assert list(boom.channels) == [0, 7, 2]


def test_two_nozzles_on_one_channel_are_refused() -> None:
    with pytest.raises(ConfigError, match="nozzles 0 and 1 are both on channel 0"):
        Boom(BoomConfig(nozzle_count=2, nozzles=(NozzleConfig(nozzle=1, channel=0),)))


def test_litres_of_commanded_pulses() -> None:
    boom = Boom(BoomConfig(flow_l_min=0.6))
    # 0.6 L/min is 10 mL/s.
    assert boom.commanded_volume_l(pulse(0, 1.0, 1.2, by_distance=False), 3.0) == pytest.approx(
        0.002
    )
    assert boom.commanded_volume_l(pulse(0, 1.0, 1.2), 2.0) == pytest.approx(0.001)
    assert boom.commanded_volume_l(pulse(0, 1.0, 1.2), 0.0) == 0.0


def test_confirmed_litres_leave_out_the_dead_time() -> None:
    boom = Boom(BoomConfig(flow_l_min=0.6, open_latency_ms=12.0, close_latency_ms=10.0))
    assert boom.confirmed_volume_l(0, 0.102) == pytest.approx(0.001)
    assert boom.confirmed_volume_l(0, 0.001) == 0.0


def test_area_counts_each_strip_once() -> None:
    boom = Boom(BoomConfig(nozzle_count=3, pitch_m=0.04, footprint_across_m=0.05))
    assert boom.commanded_area_m2(pulse(1, 0.0, 0.07), 2.0) == pytest.approx(0.10 * 0.04)


def test_view_of_a_straight_camera() -> None:
    ground = GroundPlane(IntrinsicsConfig(), CameraPoseConfig(x_m=1.5, z_m=1.0), SIZE)
    boom = Boom(BoomConfig(nozzle_count=3, pitch_m=0.1, footprint_across_m=0.1))
    view = boom.view(ground)
    # 0.1 m is 80 px; left is to the left in the picture, near is at the bottom.
    assert view.nozzle_tracks_px[0] == pytest.approx(np.array([[399.5, 543], [399.5, 0]]), abs=0.5)
    assert view.nozzle_tracks_px[2, :, 0] == pytest.approx([559.5, 559.5], abs=0.01)
    assert view.swath_px[1] == pytest.approx(
        np.array([[439.5, 543], [439.5, 0], [519.5, 0], [519.5, 543]]), abs=0.5
    )


def test_nozzles_beside_the_picture_have_no_place_in_it() -> None:
    ground = GroundPlane(IntrinsicsConfig(), CameraPoseConfig(), SIZE)
    boom = Boom(BoomConfig(nozzle_count=40, pitch_m=0.05, footprint_across_m=0.05))
    view = boom.view(ground)
    assert np.isnan(view.swath_px[0]).all()
    assert np.isfinite(view.swath_px[20]).all()
    inside = view.swath_px[np.isfinite(view.swath_px).all(axis=(1, 2))]
    assert inside.min() >= 0.0
    assert inside[:, :, 0].max() <= 959.0
