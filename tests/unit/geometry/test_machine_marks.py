"""Fixed parts of the machine are found again where they are, or said not to be seen."""

from __future__ import annotations

import numpy as np
import pytest

from agriseg.errors import CalibrationError
from agriseg.geometry.machine_marks import (
    LEAST_SCORE,
    MachineMark,
    MarkState,
    MarkWatch,
    cut_mark,
    find_mark,
    judge_marks,
)
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

WIDTH, HEIGHT = 640, 360
PLACES = ((120.0, 300.0), (320.0, 310.0), (520.0, 300.0))


def ground(seed: int) -> np.ndarray:
    """Return ground with fine and coarse texture, another for each seed, (H, W) float."""
    rng = np.random.default_rng([seed, 3])
    layers = [
        cv2.resize(
            rng.normal(0, 20, (HEIGHT // step, WIDTH // step)).astype(np.float32),
            (WIDTH, HEIGHT),
            interpolation=cv2.INTER_CUBIC,
        )
        for step in (2, 6, 18)
    ]
    return np.asarray(110.0 + sum(layers), np.float32)


def scene(
    seed: int, shifts: tuple[tuple[float, float], ...] = ((0, 0),) * 3, noise: float = 2.0
) -> UInt8Array:
    """Return a grey picture: new ground, and three plates on it, each shifted by (du, dv) px."""
    picture = ground(seed).clip(0, 255).astype(np.uint8)
    for number, ((u, v), (du, dv)) in enumerate(zip(PLACES, shifts, strict=True)):
        for corners, grey in _plate(number):
            fixed = np.round((corners + np.array([u + du, v + dv])) * 256.0).astype(np.int32)
            cv2.fillConvexPoly(picture, fixed, grey, cv2.LINE_AA, 8)
    noisy = picture + np.random.default_rng([seed, 4]).normal(0, noise, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _plate(number: int) -> list[tuple[np.ndarray, int]]:
    def square(u: float, v: float, half: float) -> np.ndarray:
        return np.array([[u - half, v - half], [u + half, v - half], [u + half, v + half],
                         [u - half, v + half]])  # fmt: skip

    dark = [(-8, -8), (8, 8), (8, -8)][: 2 + number % 2] if number else [(-8, 8), (8, -8)]
    return [
        (square(0, 0, 20), 40),
        (square(0, 0, 18), 200),
        *((square(u, v, 7), 35) for u, v in dark),
    ]


@pytest.fixture(scope="module")
def marks() -> tuple[MachineMark, ...]:
    first = scene(0)
    return tuple(cut_mark(first, u, v) for u, v in PLACES)


def watched(marks: tuple[MachineMark, ...], pictures: list[UInt8Array]) -> tuple[MarkState, ...]:
    watch = MarkWatch(marks)
    for picture in pictures:
        assert watch.look(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    states = watch.states
    assert states is not None
    return states


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.3), (6.5, 3.25), (-31.0, 12.0)])
def test_a_part_is_found_to_a_tenth_of_a_pixel_over_other_ground(
    marks: tuple[MachineMark, ...], shift: tuple[float, float]
) -> None:
    for seed in range(1, 5):
        sight = find_mark(scene(seed, (shift,) * 3), marks[0])
        assert sight.score > LEAST_SCORE
        assert sight.u_px - marks[0].u_px == pytest.approx(shift[0], abs=0.15)
        assert sight.v_px - marks[0].v_px == pytest.approx(shift[1], abs=0.15)


def shaded(picture: UInt8Array, seed: int) -> UInt8Array:
    """A hard shadow whose edge runs over the plates, somewhere else in each picture."""
    edge = 60 + 90 * (seed % 6)
    light = np.where(np.arange(WIDTH) < edge, 0.4, 1.0)
    return np.asarray(picture * light, np.uint8)


def striped(picture: UInt8Array, _seed: int) -> UInt8Array:
    """Hard shadows of the boom's struts, whose edges run through the middle of each plate."""
    columns = np.arange(WIDTH)
    lit = (columns < PLACES[0][0]) | ((columns > PLACES[1][0]) & (columns < PLACES[2][0]))
    return np.asarray(picture * np.where(lit, 1.0, 0.15), np.uint8)


def dusty(picture: UInt8Array, _seed: int) -> UInt8Array:
    return np.asarray(0.35 * picture + 0.65 * 150.0, np.uint8)


def dark(picture: UInt8Array, _seed: int) -> UInt8Array:
    return np.asarray(picture * 0.25, np.uint8)


def half_covered(picture: UInt8Array, seed: int) -> UInt8Array:
    """A leaf lies over the lower half of each plate."""
    covered = picture.copy()
    covered[306:, :] = ground(seed + 50)[306:, :].clip(0, 255)
    return covered


@pytest.mark.parametrize("worse", [shaded, striped, dusty, dark, half_covered])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (9.0, -5.0)])
def test_shadow_dust_dusk_and_leaves_neither_move_a_part_nor_hide_that_it_has_moved(
    marks: tuple[MachineMark, ...], worse: object, shift: tuple[float, float]
) -> None:
    assert callable(worse)
    states = watched(marks, [worse(scene(s, (shift,) * 3), s) for s in range(1, 9)])
    for state in states[:1] if worse is half_covered else states:
        assert state.shift_px is not None
        assert state.shift_px == pytest.approx(shift, abs=0.5)


def test_a_part_that_is_somewhere_else_each_time_is_not_seen_rather_than_moved(
    marks: tuple[MachineMark, ...],
) -> None:
    rng = np.random.default_rng(4)
    places = [tuple((float(rng.uniform(-25, 25)), 0.0) for _ in range(3)) for _ in range(8)]
    states = watched(marks, [scene(s + 1, shifts) for s, shifts in enumerate(places)])
    assert [state.shift_px for state in states] == [None, None, None]


def test_ground_alone_is_not_seen_rather_than_moved(marks: tuple[MachineMark, ...]) -> None:
    states = watched(marks, [ground(s).clip(0, 255).astype(np.uint8) for s in range(1, 9)])
    verdict = judge_marks(marks, states, 4.0)
    assert verdict.unseen == (0, 1, 2)
    assert not verdict.has_moved


def test_too_few_looks_say_nothing(marks: tuple[MachineMark, ...]) -> None:
    watch = MarkWatch(marks)
    for seed in range(MarkWatch.LOOKS - 1):
        watch.look(cv2.cvtColor(scene(seed), cv2.COLOR_GRAY2BGR))
    assert watch.states is None
    assert not watch.look(np.zeros((100, 100, 3), np.uint8))


def test_a_moved_camera_is_told_from_one_loose_part(marks: tuple[MachineMark, ...]) -> None:
    alone = watched(marks, [scene(s, ((0, 0), (0, 0), (12, 0))) for s in range(1, 9)])
    verdict = judge_marks(marks, alone, 4.0)
    assert (verdict.has_moved, verdict.alone) == (False, (2,))
    both = watched(marks, [scene(s, ((9, 0), (0, 0), (12, 0))) for s in range(1, 9)])
    assert judge_marks(marks, both, 4.0).has_moved
    pair = judge_marks(marks[:2], both[:2], 4.0)
    assert pair.has_moved, "one against one: rather closed"


def test_a_camera_that_rose_sees_its_marks_closer_together(
    marks: tuple[MachineMark, ...],
) -> None:
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    shifts = tuple(tuple(0.05 * (middle - place)) for place in PLACES)
    states = watched(marks, [scene(s, shifts) for s in range(1, 9)])
    verdict = judge_marks(marks, states, 4.0)
    assert verdict.has_moved
    assert verdict.spread == pytest.approx(-0.05, abs=0.01)


def test_places_that_cannot_be_watched_are_refused() -> None:
    plain = np.full((HEIGHT, WIDTH), 120, np.uint8)
    noisy = plain + np.random.default_rng(1).normal(0, 2, plain.shape)
    for picture in (plain, np.clip(noisy, 0, 255).astype(np.uint8)):
        with pytest.raises(CalibrationError, match="too plain"):
            cut_mark(picture, 300.0, 200.0)
    edge = plain.copy()
    edge[:, 300:] = 30
    with pytest.raises(CalibrationError, match="too plain"):
        cut_mark(edge, 300.0, 200.0)
    with pytest.raises(CalibrationError, match="picture's edge"):
        cut_mark(scene(0), 5.0, 200.0)
