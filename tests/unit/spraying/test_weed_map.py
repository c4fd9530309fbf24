"""The fused map: what it remembers, where, and what it does not know."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agriseg.config import CameraPoseConfig, IntrinsicsConfig
from agriseg.errors import CalibrationError, ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import OdometrySource, Segmentation, VehicleState
from agriseg.spraying.weed_map import TrackEvidence, WeedMap

SIZE = (480, 272)
CELL_M = 0.004


@pytest.fixture
def ground() -> GroundPlane:
    return GroundPlane(IntrinsicsConfig(), CameraPoseConfig(), SIZE)


def vehicle(distance_m: float, heading_rad: float = 0.0) -> VehicleState:
    return VehicleState(
        t_s=0.0,
        distance_m=distance_m,
        speed_m_s=1.0,
        x_m=distance_m,
        y_m=0.0,
        heading_rad=heading_rad,
        source=OdometrySource.WHEEL,
        age_s=0.0,
    )


def seen(weed: NDArray[np.uint8], crop: NDArray[np.uint8] | None = None) -> Segmentation:
    return Segmentation(
        frame_id=0,
        t_capture_s=0.0,
        labels=np.zeros_like(weed),
        weed_probability=weed,
        crop_probability=np.zeros_like(weed) if crop is None else crop,
        forward_ms=0.0,
        segmenter="test",
    )


def square(ground: GroundPlane, x_m: float, y_m: float, half_m: float, value: int) -> Segmentation:
    """A square of weed on the ground, as the camera sees it."""
    corners = ground.image_from_ground(
        np.array([[x_m + half_m, y_m + half_m], [x_m - half_m, y_m - half_m]])
    )
    (left, top), (right, bottom) = np.round(corners).astype(int)
    weed = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    weed[top:bottom, left:right] = value
    return seen(weed)


def value_at(evidence: TrackEvidence, s_m: float, y_m: float) -> int:
    column = round((s_m - evidence.s0_m) / evidence.cell_m)
    row = round((y_m - evidence.y0_m) / evidence.cell_m)
    return int(evidence.weed[row, column])


def known_at(evidence: TrackEvidence, s_m: float, y_m: float) -> bool:
    column = round((s_m - evidence.s0_m) / evidence.cell_m)
    row = round((y_m - evidence.y0_m) / evidence.cell_m)
    return bool(evidence.known[row, column])


def test_a_weed_is_where_geometry_says(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    weed_map.update(square(ground, 1.6, 0.2, 0.02, 255), vehicle(10.0))
    evidence = weed_map.along_track(vehicle(10.0), (-0.6, 0.6))
    rows, columns = np.nonzero(evidence.weed >= 128)
    assert evidence.s0_m + CELL_M * columns.mean() == pytest.approx(11.6, abs=0.003)
    assert evidence.y0_m + CELL_M * rows.mean() == pytest.approx(0.2, abs=0.003)
    assert np.ptp(columns) * CELL_M == pytest.approx(0.04, abs=0.009)


def test_it_stays_at_its_place_while_the_robot_moves_on(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, -0.1)
    weed_map.update(square(ground, 1.6, -0.1, 0.02, 255), vehicle(0.0))
    empty = seen(np.zeros((SIZE[1], SIZE[0]), np.uint8))
    for distance_m in np.arange(0.75, 1.61, 0.2):
        weed_map.update(empty, vehicle(float(distance_m)))
        evidence = weed_map.along_track(vehicle(float(distance_m)), (-0.6, 0.6))
        assert value_at(evidence, 1.6, -0.1) == 255
    beyond = weed_map.along_track(vehicle(1.9), (-0.6, 0.6))
    assert beyond.s0_m > 1.6


def test_ground_that_no_frame_showed_is_unknown_not_bare(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, -0.1)
    nothing = weed_map.along_track(vehicle(0.0), (-0.6, 0.6))
    assert not nothing.known.any()
    weed_map.update(seen(np.zeros((SIZE[1], SIZE[0]), np.uint8)), vehicle(0.0))
    evidence = weed_map.along_track(vehicle(0.0), (-0.7, 0.7))
    assert known_at(evidence, 1.55, 0.0)
    assert not known_at(evidence, 0.5, 0.0)
    assert not known_at(evidence, 1.55, 0.65)


def test_evidence_is_the_mean_over_frames(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    for value in (240, 120, 60):
        weed_map.update(square(ground, 1.6, 0.0, 0.04, value), vehicle(0.0))
    evidence = weed_map.along_track(vehicle(0.0), (-0.6, 0.6))
    assert value_at(evidence, 1.6, 0.0) == pytest.approx(140, abs=1)


def test_old_views_fade_as_new_ones_come(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    for _ in range(50):
        weed_map.update(square(ground, 1.6, 0.0, 0.04, 255), vehicle(0.0))
    for _ in range(12):
        weed_map.update(square(ground, 1.6, 0.0, 0.04, 0), vehicle(0.0))
    evidence = weed_map.along_track(vehicle(0.0), (-0.6, 0.6))
    assert value_at(evidence, 1.6, 0.0) < 60


def test_the_map_turns_with_the_robot(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    weed_map.update(square(ground, 1.6, 0.0, 0.02, 255), vehicle(0.0))
    # Turned left by 0.1 rad on the spot: the weed is now to the right.
    evidence = weed_map.along_track(vehicle(0.0, heading_rad=0.1), (-0.6, 0.6))
    rows, columns = np.nonzero(evidence.weed >= 128)
    assert evidence.s0_m + CELL_M * columns.mean() == pytest.approx(1.6 * np.cos(0.1), abs=0.003)
    assert evidence.y0_m + CELL_M * rows.mean() == pytest.approx(-1.6 * np.sin(0.1), abs=0.003)


def test_kilometres_from_the_start_nothing_is_lost_in_rounding(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    weed_map.update(square(ground, 1.6, 0.0, 0.02, 255), vehicle(54321.0))
    evidence = weed_map.along_track(vehicle(54321.0), (-0.6, 0.6))
    columns = np.nonzero(evidence.weed >= 128)[1]
    assert evidence.s0_m + CELL_M * columns.mean() == pytest.approx(54322.6, abs=0.003)


def test_reset_forgets(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    weed_map.update(square(ground, 1.6, 0.0, 0.02, 255), vehicle(0.0))
    weed_map.reset()
    evidence = weed_map.along_track(vehicle(0.0), (-0.6, 0.6))
    assert not evidence.known.any()
    assert not evidence.weed.any()


def test_frames_of_another_size_are_refused(ground: GroundPlane) -> None:
    weed_map = WeedMap(ground, CELL_M, 0.0)
    with pytest.raises(CalibrationError, match=r"640x480.*480x272"):
        weed_map.update(seen(np.zeros((480, 640), np.uint8)), vehicle(0.0))


def test_cells_too_small_for_memory_are_refused() -> None:
    wide = GroundPlane(IntrinsicsConfig(), CameraPoseConfig(z_m=9.0), SIZE)
    with pytest.raises(ConfigError, match=r"spray\.map_cell_m is 0\.001"):
        WeedMap(wide, 0.001, 0.0)


LENSES = {
    "straight": IntrinsicsConfig(),
    "barrel": IntrinsicsConfig(k1=-0.25, k2=0.06, p1=0.002, p2=-0.003),
    "pincushion": IntrinsicsConfig(k1=0.2, k2=-0.03),
}
TILTED = CameraPoseConfig(pitch_deg=35.0, roll_deg=4.0, yaw_deg=-6.0)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())
@pytest.mark.parametrize("pose", [CameraPoseConfig(), TILTED], ids=["down", "tilted"])
def test_every_lens_puts_plants_to_half_a_millimetre(
    lens: IntrinsicsConfig, pose: CameraPoseConfig
) -> None:
    width, height = SIZE
    ground = GroundPlane(lens, pose, SIZE)
    ground_of_pixels_m = ground.ground_from_image(
        np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).reshape(-1, 2)
    )
    middle_m = ground.view_polygon_m.mean(axis=0)
    places_m = middle_m + 0.8 * (ground.view_outline_m(10.0)[::24] - middle_m)
    weed = np.zeros(width * height)
    radius_m = 0.02
    for place_m in places_m:
        inside_m = radius_m - np.hypot(*(ground_of_pixels_m - place_m).T)
        weed = np.fmax(weed, np.clip(0.5 + inside_m / 0.0025, 0.0, 1.0))
    weed_map = WeedMap(ground, CELL_M, 0.0)
    weed_map.update(seen((255.0 * weed).astype(np.uint8).reshape(height, width)), vehicle(7.0))
    evidence = weed_map.along_track(vehicle(7.0), (-3.0, 3.0))
    rows, columns = np.indices(evidence.weed.shape)
    s_m = evidence.s0_m + CELL_M * columns - 7.0
    y_m = evidence.y0_m + CELL_M * rows
    for x_m, lateral_m in places_m:
        near = np.where(
            np.hypot(s_m - x_m, y_m - lateral_m) < 2.0 * radius_m, evidence.weed, np.uint8(0)
        )
        assert near.max() == 255
        assert np.average(s_m, weights=near) == pytest.approx(x_m, abs=5e-4)
        assert np.average(y_m, weights=near) == pytest.approx(lateral_m, abs=5e-4)


def test_a_wide_lens_is_seen_up_to_where_its_model_ends() -> None:
    lens = IntrinsicsConfig(
        width_px=480,
        height_px=272,
        fx_px=400,
        fy_px=400,
        cx_px=239.5,
        cy_px=135.5,
        k1=-0.28,
        k2=0.02,
    )
    ground = GroundPlane(lens, CameraPoseConfig(), SIZE)
    weed_map = WeedMap(ground, CELL_M, 0.0)
    full = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    weed_map.update(seen(full), vehicle(0.0))
    evidence = weed_map.along_track(vehicle(0.0), (-2.0, 2.0))
    assert evidence.known.sum() > 30_000
    assert (evidence.weed[evidence.known] == 255).mean() > 0.99
