"""Lens and pose from rendered boards whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agriseg.calibration.board_finder import BoardFinder
from agriseg.calibration.board_print import PAPER_MM, board_for, write_board
from agriseg.calibration.camera_step import FINISH, CameraStep
from agriseg.calibration.entries import CalibrationEntry, read_line, written
from agriseg.calibration.ground_fit import (
    POSE,
    Placing,
    fit_ground,
    ground_at,
    ground_std_m,
    working_area_px,
)
from agriseg.calibration.ground_step import REMOVE_MARK, GroundStep
from agriseg.calibration.lens_fit import PARAMETERS, BoardView, fit_lens
from agriseg.calibration.mark_choice import FOLLOWED_FRAMES, marks_of
from agriseg.calibration.steps import MEASURE, REPEAT, StepPhase, StepSetup, accept_result
from agriseg.calibration.store import CalibrationStore
from agriseg.config import CameraPoseConfig, Config, IntrinsicsConfig, parse_config
from agriseg.errors import CalibrationError
from agriseg.geometry.boards import BoardSpec
from agriseg.geometry.ground_plane import (
    GroundPlane,
    camera_axes,
    image_from_base,
    pose_from_axes,
)
from agriseg.geometry.intrinsics import Lens
from agriseg.geometry.machine_marks import find_mark
from agriseg.messages import Frame
from agriseg.opencv import cv2
from agriseg.simulation.board_view import BoardPose
from agriseg.simulation.board_view import BoardView as RenderedBoard
from agriseg.simulation.props import GroundMarkers, ground_board_pose, held_board_pose

SIZE = (960, 544)
BOARD = BoardSpec()
BOARD_M = (1e-3 * BOARD.size_mm[0], 1e-3 * BOARD.size_mm[1])
LENS = IntrinsicsConfig(
    fx_px=812.0, fy_px=809.0, cx_px=486.0, cy_px=262.0, k1=-0.12, k2=0.05, p1=0.001, p2=-0.0007
)
POSE_15 = CameraPoseConfig(x_m=1.5, y_m=0.03, z_m=1.02, roll_deg=2.0, pitch_deg=15.0, yaw_deg=1.5)
WHEN = datetime(2026, 5, 4, tzinfo=UTC)
NOISE = 2.0


@pytest.fixture(scope="module")
def ground() -> GroundPlane:
    return GroundPlane(LENS, POSE_15, SIZE)


@pytest.fixture(scope="module")
def rendered(ground: GroundPlane) -> RenderedBoard:
    return RenderedBoard(ground.lens, BOARD.cells(), BOARD_M)


def picture(
    rendered: RenderedBoard, pose: BoardPose, seed: int, blur_px: float = 0.0
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rendered.draw(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8), pose)
    if blur_px > 0.0:
        kernel = np.zeros((1, 2 * round(blur_px / 2) + 1), np.float32)
        kernel[:] = 1.0 / kernel.size
        drawn = np.asarray(cv2.filter2D(drawn, -1, kernel), np.uint8)
    noisy = drawn + rng.normal(0.0, NOISE, drawn.shape)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def frame(image: np.ndarray, index: int = 0) -> Frame:
    return Frame(frame_id=index, t_capture_s=0.1 * index, image=image, dropped_before=0)


@pytest.fixture(scope="module")
def views(ground: GroundPlane, rendered: RenderedBoard) -> list[BoardView]:
    finder = BoardFinder(BOARD)
    found = []
    for index in range(16):
        pose = held_board_pose(ground, 1.2 * index)
        seen = finder.find(picture(rendered, pose, index))
        assert seen is not None
        found.append(BoardView(corners_px=seen.corners_px, ids=seen.ids))
    return found


def setup(tmp_path: Path, config: Config | None = None) -> StepSetup:
    configured = config or parse_config({"camera": {"source": "usb:0"}}, "test")
    return StepSetup(config=configured, store=CalibrationStore(tmp_path / "machine.jsonl"))


# The board


def drawn_points(text: str, ends_with: str) -> np.ndarray:
    """Return the corners (N, 2) of a page's paths that are filled (f) or stroked (S), points."""
    found: list[list[float]] = []
    path: list[list[float]] = []
    page = text.split("\nstream\n", 1)[1].split("\nendstream", 1)[0]
    for line in page.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] in ("m", "l"):
            path.append([float(words[0]), float(words[1])])
        elif words in (["f"], ["S"]):
            background = bool(path) and path[0] == [0.0, 0.0]
            found.extend(path if words == [ends_with] and not background else [])
            path = []
    return np.array(found)


@pytest.mark.parametrize("paper", ["A4", "A2"])
def test_the_printed_board_is_true_to_scale(tmp_path: Path, paper: str) -> None:
    from matplotlib import rc_context

    board = board_for(paper)
    path = tmp_path / "board.pdf"
    with rc_context({"pdf.compression": 0}):
        write_board(board, path, paper)
    text = path.read_bytes().decode("latin-1")
    mm = 25.4 / 72.0
    box = [float(part) for part in text.split("/MediaBox [")[1].split("]")[0].split()]
    assert mm * np.array(box[2:]) == pytest.approx(PAPER_MM[paper], abs=0.05)
    filled, stroked = drawn_points(text, "f"), drawn_points(text, "S")
    width_mm, height_mm = board.size_mm
    assert mm * np.ptp(filled[:, 0]) == pytest.approx(width_mm, abs=0.01)
    assert mm * np.ptp(filled[:, 1]) == pytest.approx(height_mm, abs=0.01)
    assert mm * np.ptp(stroked[:, 0]) == pytest.approx(150.0, abs=0.01)
    with pytest.raises(CalibrationError, match="not overwritten"):
        write_board(board, path, paper)


def test_corners_are_found_to_a_twentieth_of_a_pixel_without_bias(
    ground: GroundPlane, rendered: RenderedBoard
) -> None:
    pose = held_board_pose(ground, 0.0)
    seen = BoardFinder(BOARD).find(picture(rendered, pose, 1))
    assert seen is not None
    board = np.column_stack((BOARD.corners_m, np.zeros(BOARD.corner_count)))[seen.ids]
    camera = board @ pose.r_camera_board.T + pose.origin_m
    error = seen.corners_px - ground.lens.image_from_rays(camera[:, :2] / camera[:, 2:])
    assert np.abs(error.mean(axis=0)).max() < 0.02
    assert error.std() < 0.06
    assert seen.problem == ""
    assert seen.focus_score > 60


def test_motion_blur_is_told_and_not_measured_in(
    ground: GroundPlane, rendered: RenderedBoard, tmp_path: Path
) -> None:
    pose = held_board_pose(ground, 0.0)
    seen = BoardFinder(BOARD).find(picture(rendered, pose, 1, blur_px=8.0))
    assert seen is None or "blurred" in seen.problem
    step = CameraStep(setup(tmp_path))
    step.act(MEASURE)
    for index in range(3):
        step.take_picture(frame(picture(rendered, pose, index, blur_px=6.0), index))
    assert not step.has_begun
    text = " ".join(step.view.problems)
    assert "blurred" in text or "not found" in text


def test_a_checkerboard_is_found_whole_or_not_at_all(ground: GroundPlane) -> None:
    plain = BoardSpec(kind="checkerboard")
    drawn = RenderedBoard(ground.lens, plain.cells(), BOARD_M)
    whole = held_board_pose(ground, 4 * 1.2)
    seen = BoardFinder(plain).find(picture(drawn, whole, 1))
    assert seen is not None
    assert len(seen.ids) == plain.corner_count
    away = BoardPose(
        r_camera_board=whole.r_camera_board, origin_m=whole.origin_m + np.array([0.45, 0.0, 0.0])
    )
    assert BoardFinder(plain).find(picture(drawn, away, 1)) is None


# The lens


def test_the_lens_is_found_within_its_stated_uncertainty(views: list[BoardView]) -> None:
    fit = fit_lens(BOARD, views, SIZE)
    true = np.array([getattr(LENS, name) for name in PARAMETERS])
    found = np.array([getattr(fit.intrinsics, name) for name in PARAMETERS])
    assert fit.rms_px < 0.08
    assert fit.rejected == ()
    assert np.all(np.abs(found - true)[:8] < 4.0 * fit.std[:8])
    assert fit.std[0] < 2.0


def test_a_bad_view_is_left_out(views: list[BoardView]) -> None:
    rng = np.random.default_rng(3)
    bent = BoardView(
        corners_px=views[2].corners_px + rng.normal(0.0, 1.5, views[2].corners_px.shape),
        ids=views[2].ids,
    )
    fit = fit_lens(BOARD, [*views[:2], bent, *views[3:]], SIZE)
    assert fit.rejected == (2,)
    assert fit.rms_px < 0.08
    assert np.isnan(fit.view_rms_px[2])


def test_too_few_views_and_another_board_are_refused(views: list[BoardView]) -> None:
    with pytest.raises(CalibrationError, match="5 views of the board are too few"):
        fit_lens(BOARD, views[:5], SIZE)
    rng = np.random.default_rng(1)
    shaken = [
        BoardView(corners_px=v.corners_px + rng.normal(0, 4.0, v.corners_px.shape), ids=v.ids)
        for v in views
    ]
    with pytest.raises(CalibrationError, match="no lens explains"):
        fit_lens(BOARD, shaken, SIZE)


def test_the_camera_step_leads_to_a_result_by_itself(
    ground: GroundPlane, rendered: RenderedBoard, tmp_path: Path
) -> None:
    step = CameraStep(setup(tmp_path))
    assert step.view.phase is StepPhase.PREPARE
    step.act(MEASURE)
    instructions = set()
    for index in range(40):
        image = picture(rendered, held_board_pose(ground, 1.2 * index), index)
        step.take_picture(frame(image, 2 * index))
        step.take_picture(frame(image, 2 * index + 1))
        instructions.add(step.view.instruction)
        if step.view.phase is StepPhase.DONE:
            break
    result = step.view.result
    assert result is not None
    assert result.warnings == ()
    values = {v.key: v for v in result.values}
    focal = values["camera.intrinsics.fx_px"]
    assert abs(float(focal.value) - LENS.fx_px) < 4.0 * focal.std
    assert any("Bring the board to the" in text for text in instructions)
    step.act(REPEAT)
    assert step.view.phase is StepPhase.MEASURE
    assert step.view.result is None


def test_one_sided_views_are_told(
    ground: GroundPlane, rendered: RenderedBoard, tmp_path: Path
) -> None:
    step = CameraStep(setup(tmp_path))
    step.act(MEASURE)
    step.act(FINISH)
    assert "too few" in " ".join(step.view.problems)
    step.act(REPEAT)
    for index in range(0, 90, 3):  # always at the left
        image = picture(rendered, held_board_pose(ground, 1.2 * index), index)
        step.take_picture(frame(image, 2 * index))
        step.take_picture(frame(image, 2 * index + 1))
        if len(step._taken) >= 9:
            break
    step.act(FINISH)
    result = step.view.result
    assert result is not None
    assert "One-sided views" in " ".join(result.warnings)
    assert "right" in " ".join(result.warnings)


def test_no_board_is_told(tmp_path: Path) -> None:
    step = CameraStep(setup(tmp_path))
    step.act(MEASURE)
    step.take_picture(frame(np.full((544, 960, 3), 90, np.uint8)))
    assert "not found" in step.view.problems[0]
    step.take_picture(frame(np.full((544, 960, 3), 5, np.uint8)))
    assert "too dark" in step.view.problems[0]


# The ground


def test_axes_and_angles_are_inverse() -> None:
    camera = np.array([POSE_15.x_m, POSE_15.y_m, POSE_15.z_m])
    again = pose_from_axes(camera_axes(POSE_15), camera)
    for name in POSE:
        assert getattr(again, name) == pytest.approx(getattr(POSE_15, name), abs=1e-9)


def board_points(x_m: float = 1.6, left_m: float = 0.126) -> np.ndarray:
    corners = BOARD.corners_m
    return np.column_stack(
        (x_m + BOARD_M[1] - corners[:, 1], left_m - corners[:, 0], np.zeros(len(corners)))
    )


def test_the_pose_and_its_uncertainty_follow_the_noise(ground: GroundPlane) -> None:
    points = board_points()
    exact = image_from_base(ground.lens, POSE_15, points)
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(20):
        fit = fit_ground(
            intrinsics=LENS,
            size=SIZE,
            image_px=exact + rng.normal(0.0, 0.02, exact.shape),
            points_m=points,
        )
        found = np.array([getattr(fit.pose, name) for name in POSE])
        true = np.array([getattr(POSE_15, name) for name in POSE])
        inside += int(np.sum(np.abs(found - true) < 2.0 * fit.std))
    assert 0.88 <= inside / 120 <= 1.0


def test_placing_errors_are_part_of_the_stated_uncertainty(ground: GroundPlane) -> None:
    points = board_points()
    image = image_from_base(ground.lens, POSE_15, points)
    fit = fit_ground(
        intrinsics=LENS,
        size=SIZE,
        image_px=image,
        points_m=points,
        placing=Placing(along_m=0.003, across_m=0.002, turn_rad=0.01, about_m=(1.6, 0.0)),
    )
    std = dict(zip(POSE, fit.std, strict=True))
    assert std["x_m"] == pytest.approx(0.003, rel=0.1)
    assert std["y_m"] == pytest.approx(np.hypot(0.002, 0.1 * 0.01), rel=0.3)
    assert std["yaw_deg"] == pytest.approx(np.rad2deg(0.01), rel=0.05)


def test_a_board_upside_down_is_refused(ground: GroundPlane) -> None:
    points = board_points()
    image = image_from_base(ground.lens, POSE_15, points)
    mirrored = points * np.array([1.0, -1.0, 1.0])
    with pytest.raises(CalibrationError, match="from no place above the ground"):
        fit_ground(intrinsics=LENS, size=SIZE, image_px=image, points_m=mirrored)


def calibrated_setup(tmp_path: Path, views: list[BoardView]) -> StepSetup:
    """Return a machine whose lens has just been calibrated and whose pose is wrong."""
    fit = fit_lens(BOARD, views, SIZE)
    intrinsics = fit.intrinsics.model_dump()
    config = parse_config(
        {"camera": {"source": "usb:0", "intrinsics": intrinsics, "pose": {"z_m": 1.0}}}, "test"
    )
    made = setup(tmp_path, config)
    made.store.accept(
        step="camera",
        values=(),
        method="test",
        observations=16,
        configured=config,
        in_force=config,
        when=WHEN,
        facts={"covariance": fit.covariance.tolist()},
    )
    return made


def test_the_ground_step_finds_a_tilted_camera(
    ground: GroundPlane, rendered: RenderedBoard, views: list[BoardView], tmp_path: Path
) -> None:
    made = calibrated_setup(tmp_path, views)
    step = GroundStep(made)
    step.act(MEASURE)
    assert "first" in step.view.problems[0]
    pose = ground_board_pose(ground)
    axes = camera_axes(POSE_15)
    camera = np.array([POSE_15.x_m, POSE_15.y_m, POSE_15.z_m])
    corner = axes @ pose.origin_m + camera
    step.enter("ahead_mm", 1e3 * (corner[0] - BOARD_M[1]))
    step.enter("left_mm", 1e3 * (corner[1] - 0.5 * BOARD_M[0]))
    step.enter("camera_height_mm", 1000.0)
    step.enter("placed_within_mm", 0.0)
    step.act(MEASURE)
    for index in range(20):
        step.take_picture(frame(picture(rendered, pose, 100 + index), index))
    view = step.view
    assert view.phase is StepPhase.DONE, view.problems
    assert view.result is not None
    fit = step._fit
    assert fit is not None
    area = working_area_px(ground)
    lens = Lens(made.config.camera.intrinsics, SIZE)
    error = ground_at(lens, fit.pose, area) - ground.ground_from_image(area)
    p95_mm = 1e3 * float(np.percentile(np.hypot(*error.T), 95))
    assert p95_mm <= 3.0
    covariance = np.array(made.store.newest("camera").facts["covariance"])  # type: ignore[union-attr]
    std = ground_std_m(fit, made.config.camera.intrinsics, SIZE, area, covariance)
    assert np.mean(np.abs(error) < 3.0 * std) > 0.9
    assert view.marks
    entry = accept_result(
        "ground",
        view.result,
        store=made.store,
        configured=made.config,
        in_force=made.config,
        when=WHEN,
    )
    assert {v.key for v in entry.values} >= {f"camera.pose.{name}" for name in POSE}


def rectangle_step(tmp_path: Path, ground: GroundPlane, unit: float) -> GroundStep:
    """Return a step after its four corners were tapped, its sides entered in another unit."""
    config = parse_config({"camera": {"source": "usb:0", "intrinsics": LENS.model_dump()}}, "test")
    step = GroundStep(setup(tmp_path, config))
    corners = GroundMarkers(ground).corners_m
    for name, value in (
        ("target", "rectangle"),
        ("length_mm", 400.0 * unit),
        ("width_mm", 500.0 * unit),
        ("ahead_mm", 1e3 * corners[0, 0]),
        ("left_mm", 1e3 * corners[:, 1].mean()),
        ("camera_height_mm", 1000.0),
    ):
        step.enter(name, value)
    drawn = GroundMarkers(ground).draw(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    step.act(MEASURE)
    step.take_picture(frame(drawn))
    for corner in corners[[1, 2, 3, 0]]:
        u, v = ground.image_from_ground(corner[None])[0]
        step.take_point(u + 3.0, v - 2.0)  # a finger is not exact
    return step


def test_a_rectangle_does_as_well_as_its_corners_are_tapped(
    tmp_path: Path, ground: GroundPlane
) -> None:
    view = rectangle_step(tmp_path, ground, 1.0).view
    assert view.result is not None, view.problems
    found = {v.key.rsplit(".", 1)[-1]: v for v in view.result.values}
    assert float(found["pitch_deg"].value) == pytest.approx(15.0, abs=0.3)
    assert float(found["z_m"].value) == pytest.approx(1.02, abs=0.01)
    assert abs(float(found["z_m"].value) - 1.02) < 3.0 * found["z_m"].std


def test_a_rectangle_in_centimetres_is_asked_about(tmp_path: Path, ground: GroundPlane) -> None:
    step = rectangle_step(tmp_path, ground, 0.1)
    view = step.view
    assert view.result is None
    assert view.question is not None
    assert "millimetres" in view.question.text
    assert view.question.answers[0].word == "I meant 400 x 500 mm"
    step.act(view.question.answers[0].name)
    result = step.view.result
    assert result is not None
    height = next(v for v in result.values if v.key.endswith("z_m"))
    assert float(height.value) == pytest.approx(1.02, abs=0.01)


# Fixed parts of the machine


def machine_pictures(count: int, shift_px: int = 0, seed: int = 0) -> list[np.ndarray]:
    """Return pictures of the standing machine: two painted plates over ground, and noise."""
    rng = np.random.default_rng(7)
    still = cv2.GaussianBlur(rng.normal(110, 60, (SIZE[1], SIZE[0], 3)), (0, 0), 2.0)
    for u in (200, 700):
        left = u + shift_px
        cv2.rectangle(still, (left - 40, 410), (left + 40, 490), (200, 200, 200), -1)
        for du, dv in ((-20, -20), (8, 6), (-22, 14)):
            corner = (left + du, 450 + dv)
            cv2.rectangle(still, corner, (corner[0] + 14, corner[1] + 11), (30, 30, 30), -1)
    noise = np.random.default_rng([seed, 8])
    noisy = [still + noise.normal(0.0, NOISE, still.shape) for _ in range(count)]
    return [np.clip(image, 0, 255).astype(np.uint8) for image in noisy]


def finished_step(tmp_path: Path, ground: GroundPlane, made: StepSetup | None = None) -> GroundStep:
    """Return a ground step that has its result, with the machine's plates in the picture."""
    config = parse_config({"camera": {"source": "usb:0", "intrinsics": LENS.model_dump()}}, "test")
    step = GroundStep(made or setup(tmp_path, config))
    corners = GroundMarkers(ground).corners_m
    for name, value in (
        ("target", "rectangle"),
        ("length_mm", 400.0),
        ("width_mm", 500.0),
        ("ahead_mm", 1e3 * corners[0, 0]),
        ("left_mm", 1e3 * corners[:, 1].mean()),
    ):
        step.enter(name, value)
    step.act(MEASURE)
    step.take_picture(frame(machine_pictures(1)[0]))
    for corner in corners[[1, 2, 3, 0]]:
        step.take_point(*ground.image_from_ground(corner[None])[0])
    assert step.view.result is not None, step.view.problems
    return step


def watched_parts(step: GroundStep) -> str:
    return next(f.value for f in step.view.figures if f.name == "Watched parts")


def test_tapped_parts_of_the_machine_are_kept_with_the_pose(
    tmp_path: Path, ground: GroundPlane
) -> None:
    step = finished_step(tmp_path, ground)
    assert watched_parts(step) == "none yet"
    assert REMOVE_MARK not in [action.name for action in step.view.actions]
    step.take_point(200.0, 450.0)
    step.take_point(700.0, 450.0)
    assert not step.marks_are_settled
    for image in machine_pictures(FOLLOWED_FRAMES):
        step.take_picture(frame(image))
    assert step.marks_are_settled
    view = step.view
    assert watched_parts(step).startswith("2 of at most 6")
    assert [mark.label for mark in view.marks if mark.label.endswith("watched")] == [
        "1 watched",
        "2 watched",
    ]
    assert view.result is not None
    entry = accept_result(
        "ground",
        view.result,
        store=CalibrationStore(tmp_path / "kept.jsonl"),
        configured=step._config,
        in_force=step._config,
        when=WHEN,
    )
    again = read_line(written(entry), "test")
    assert isinstance(again, CalibrationEntry)
    kept = marks_of(again.facts)
    assert [m.u_px for m in kept] == pytest.approx([200.0, 700.0], abs=0.1)
    assert [m.v_px for m in kept] == pytest.approx([450.0, 450.0], abs=0.1)
    assert all(0.0 < m.std_px < 0.1 for m in kept)
    assert kept[0].picture_size == SIZE
    grey = np.asarray(cv2.cvtColor(machine_pictures(1, 9)[0], cv2.COLOR_BGR2GRAY), np.uint8)
    assert find_mark(grey, kept[0]).u_px == pytest.approx(209.0, abs=0.2)


def test_a_part_is_taken_back_by_key_or_by_another_tap(tmp_path: Path, ground: GroundPlane) -> None:
    step = finished_step(tmp_path, ground)
    for u_px in (200.0, 700.0):
        step.take_point(u_px, 450.0)
    step.act(REMOVE_MARK)
    assert [m.label for m in step.view.marks if m.label == "1" or m.label == "2"] == ["1"]
    step.take_point(205.0, 445.0)
    assert watched_parts(step) == "none yet"
    assert step.view.result is not None
    assert "marks" not in step.view.result.facts


def test_ground_or_a_plain_place_is_not_watched(tmp_path: Path, ground: GroundPlane) -> None:
    step = finished_step(tmp_path, ground)
    with pytest.raises(CalibrationError, match="picture's edge"):
        step.take_point(3.0, 450.0)
    step.take_point(200.0, 450.0)
    for seed in range(FOLLOWED_FRAMES):  # whatever is there moves from picture to picture
        step.take_picture(frame(machine_pictures(1, shift_px=5 * seed, seed=seed)[0]))
    assert watched_parts(step) == "none is steady"
    result = step.view.result
    assert result is not None
    assert "marks" not in result.facts
    assert "not the ground or a shadow" in " ".join(result.warnings)


def test_the_marks_of_before_are_offered_again_where_they_are_now(
    tmp_path: Path, ground: GroundPlane
) -> None:
    first = finished_step(tmp_path, ground)
    first.take_point(200.0, 450.0)
    for image in machine_pictures(FOLLOWED_FRAMES, shift_px=-12):
        first.take_picture(frame(image))
    assert first.view.result is not None
    made = setup(tmp_path, first._config)
    accept_result(
        "ground",
        first.view.result,
        store=made.store,
        configured=made.config,
        in_force=made.config,
        when=WHEN,
    )
    step = finished_step(tmp_path, ground, made)
    for image in machine_pictures(FOLLOWED_FRAMES):
        step.take_picture(frame(image))
    assert step.view.result is not None
    (mark,) = step.view.result.facts["marks"]
    assert mark["u_px"] == pytest.approx(200.0, abs=0.2)


def test_marks_that_cannot_be_read_are_said_so() -> None:
    with pytest.raises(CalibrationError, match="do the step Ground again"):
        marks_of({"mark_picture_px": [960, 544], "marks": [{"u_px": 1.0, "png": "!"}]})
    assert marks_of({}) == ()


def test_pictures_from_before_the_board_lay_still_do_not_spoil_the_average(
    ground: GroundPlane, rendered: RenderedBoard, views: list[BoardView], tmp_path: Path
) -> None:
    step = GroundStep(calibrated_setup(tmp_path, views))
    step.enter("ahead_mm", 1500.0)
    step.act(MEASURE)
    for index in range(3):  # still being carried
        pose = held_board_pose(ground, 1.2 * index)
        step.take_picture(frame(picture(rendered, pose, index), index))
    lying = ground_board_pose(ground)
    for index in range(20):
        step.take_picture(frame(picture(rendered, lying, 100 + index), index))
    view = step.view
    assert view.phase is StepPhase.DONE, view.problems
    assert step._fit is not None
    assert step._fit.rms_px < 0.1


def test_a_board_that_is_never_left_alone_is_told(
    ground: GroundPlane, rendered: RenderedBoard, views: list[BoardView], tmp_path: Path
) -> None:
    step = GroundStep(calibrated_setup(tmp_path, views))
    step.enter("ahead_mm", 1500.0)
    step.act(MEASURE)
    for index in range(16):
        pose = held_board_pose(ground, 1.2 * index)
        step.take_picture(frame(picture(rendered, pose, index), index))
    assert step.view.phase is StepPhase.FAILED
    assert "moved by" in step.view.problems[0]
