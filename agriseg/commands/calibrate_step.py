"""Leads through one calibration step on the terminal."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agriseg.calibration.camera_step import FINISH, CameraStep
from agriseg.calibration.catalogue import step_info
from agriseg.calibration.flow_step import LEAVE_OUT
from agriseg.calibration.ground_step import GroundStep
from agriseg.calibration.overlay import calibrated
from agriseg.calibration.profiles import open_store
from agriseg.calibration.steps import (
    MEASURE,
    CalibrationStep,
    NumberField,
    StepPhase,
    StepSetup,
    StepView,
    accept_result,
    changes,
)
from agriseg.calibration.yard_step import THERE
from agriseg.config import Config
from agriseg.config_values import true_config
from agriseg.errors import CalibrationError
from agriseg.messages import CommandKind
from agriseg.ports import Camera

LEFT_OUT = "-"
_POLL_S = 0.1
_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """What the command line asked for.

    ``entries`` are ``NAME=VALUE``; ``corners`` and ``marks`` ``U,V``; ``cups`` what each cup of a
    catch test holds, in millilitres, ``-`` for one to be left out; ``give_up_s`` counts from the
    start.
    """

    step: str
    configured: Config
    entries: tuple[str, ...] = ()
    images: Path | None = None
    corners: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    cups: tuple[str, ...] = ()
    accept: bool = False
    operator: str = ""
    give_up_s: float = 300.0


def run_step(run: StepRun, ask: Callable[[str], str] | None = None) -> int:
    """Measure, show what would change, and accept it if that is wanted.

    Parameters
    ----------
    run : StepRun
    ask : callable, optional
        Asks a question on the terminal; by default `input`, and nothing where there is none.

    Raises
    ------
    CalibrationError
        Nothing usable was measured; what was in force stays so.
    """
    info = step_info(run.step)
    store = open_store(run.configured)
    in_force = calibrated(run.configured, store).config
    step = info.make(StepSetup(config=in_force, store=store))
    ask = ask or (input if sys.stdin.isatty() else None)
    try:
        _enter(step, run.entries)
        view = _measured(step, run, in_force, ask)
    finally:
        step.close()
    result = view.result
    if result is None:
        why = " ".join(view.problems) or "it was not finished in time"
        raise CalibrationError(f"{run.step}: {why} What was in force stays so.")
    sys.stdout.write(f"{result.summary}\n")
    for warning in result.warnings:
        sys.stdout.write(f"! {warning}\n")
    for change in changes(result, in_force):
        sure = f" ± {2 * change.std:.3g}" if change.std > 0.0 else ""
        sys.stdout.write(f"  {change.key}: {change.before} -> {change.value:.7g}{sure}\n")
    answer = "y" if run.accept else ask("Accept? [y/N] ") if ask else ""
    if answer.strip().lower() not in ("y", "yes"):
        sys.stdout.write("not accepted; what was in force stays so\n")
        return 0
    accept_result(
        run.step,
        result,
        store=store,
        configured=run.configured,
        in_force=in_force,
        when=datetime.now(UTC),
        operator=run.operator,
    )
    sys.stdout.write(f"accepted, kept in {store.path}\n")
    return 0


def _enter(step: CalibrationStep, entries: tuple[str, ...]) -> None:
    numbers = {f.name for f in step.view.fields if isinstance(f, NumberField)}
    for entry in entries:
        name, sign, value = entry.partition("=")
        if not sign:
            raise CalibrationError(f"--set {entry}: expected NAME=VALUE")
        known = {field.name for field in step.view.fields} | numbers
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise CalibrationError(f"--set {entry}: this step has no such field; it has: {names}")
        if name in numbers or name in _number_fields(step.view):
            step.enter(name, _number(name, value))
        else:
            step.enter(name, value)


def _number_fields(view: StepView) -> set[str]:
    return {field.name for field in view.fields if isinstance(field, NumberField)}


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CalibrationError(f"--set {name}={value}: {value!r} is not a number")
    return number


def _measured(
    step: CalibrationStep, run: StepRun, in_force: Config, ask: Callable[[str], str] | None
) -> StepView:
    """Run the step until it has a result, failed, or took too long; return its last view."""
    if run.images is not None and isinstance(step, CameraStep):
        return _from_images(step, run.images)
    if ask is not None:
        _ask_for_missing(step, ask)
    step.act(MEASURE)
    cups = list(run.cups)
    marks = [_pixel(text, "--mark") for text in run.marks]
    told = ""
    last_tenth = -1
    for _ in _rounds(step, run, in_force):
        view = step.view
        if view.question is not None:
            step.act(_answered(view, ask))
            continue
        if view.phase is StepPhase.DONE and isinstance(step, GroundStep):
            while marks:
                step.take_point(*marks.pop(0))
            if not step.marks_are_settled:
                continue
            view = step.view
        if view.phase in (StepPhase.DONE, StepPhase.FAILED):
            return view
        if view.instruction != told:
            told = view.instruction
            sys.stdout.write(f"{told}\n")
        tenth = int(10 * view.progress) if math.isfinite(view.progress) else -1
        if tenth > last_tenth:
            last_tenth = tenth
            sys.stdout.write(f"  {10 * tenth} %\n")
        if view.phase is StepPhase.PREPARE and view.fields and step.has_begun:
            _read_cup(step, view, cups, ask)
        if ask is not None and any(a.name == THERE and a.enabled for a in view.actions):
            ask("Press Enter when the machine is there. ")
            step.act(THERE)
    return step.view


def _ask_for_missing(step: CalibrationStep, ask: Callable[[str], str]) -> None:
    for field in step.view.fields:
        if isinstance(field, NumberField) and field.value is None:
            answer = ask(f"{field.label} [{field.unit}] ({field.help}) ")
            if answer.strip():
                step.enter(field.name, _number(field.name, answer))


def _read_cup(
    step: CalibrationStep, view: StepView, cups: list[str], ask: Callable[[str], str] | None
) -> None:
    """Enter what the next cup of a catch test holds."""
    (field,) = (field for field in view.fields if isinstance(field, NumberField))
    held = "" if field.value is None else f"{field.value:g}"
    if cups:
        answer = cups.pop(0)
    elif ask is not None:
        suggested = f" [{held}]" if held else ""
        answer = ask(f"{field.label}, ml ({field.help}) - leaves it out{suggested}: ").strip()
    else:
        answer = held
    if answer == LEFT_OUT:
        step.act(LEAVE_OUT)
        return
    if not (answer or held):
        raise CalibrationError(
            f"{field.label}: there is nobody to ask; give all cups with --cups, such as"
            " --cups 402,398,-,405"
        )
    try:
        step.enter(field.name, _number(field.name, answer or held))
    except CalibrationError as error:
        if ask is None or cups:
            raise
        sys.stdout.write(f"{error}\n")


def _answered(view: StepView, ask: Callable[[str], str] | None) -> str:
    """Return the operator's answer to a question; nobody to ask is an error, not a guess."""
    assert view.question is not None
    answers = view.question.answers
    if ask is None:
        raise CalibrationError(
            f"{view.question.text} There is nobody to ask: enter the size in millimetres with --set"
        )
    sys.stdout.write(f"{view.question.text}\n")
    for index, answer in enumerate(answers, start=1):
        sys.stdout.write(f"  {index}  {answer.word}\n")
    chosen = ask("Which? ").strip()
    index = int(chosen) - 1 if chosen.isdecimal() else -1
    return answers[index].name if 0 <= index < len(answers) else answers[-1].name


def _rounds(step: CalibrationStep, run: StepRun, in_force: Config) -> Iterator[None]:
    """Give the step pictures, where it needs some, until its time is over."""
    if not step.view.needs_picture:
        end_s = time.monotonic() + run.give_up_s
        while time.monotonic() < end_s:
            yield
            time.sleep(_POLL_S)
        return
    camera, now_s = _open(in_force)
    try:
        end_s = now_s() + run.give_up_s
        corners = list(run.corners)
        while now_s() < end_s:
            for order in step.take_orders():
                if order.kind is CommandKind.SET_CAMERA_CONTROL and isinstance(order.value, tuple):
                    camera.set_control(*order.value)
            frame = camera.read(_POLL_S)
            if frame is not None:
                step.take_picture(frame)
                while corners:
                    step.take_point(*_pixel(corners.pop(0), "--corners"))
            yield
    finally:
        camera.close()


def _open(config: Config) -> tuple[Camera, Callable[[], float]]:
    """Return the configured camera and its clock; the simulated one in virtual time."""
    from agriseg.cameras.opening import open_camera
    from agriseg.cameras.synthetic import SyntheticCamera
    from agriseg.clock import MonotonicClock, VirtualClock
    from agriseg.simulation.opening import open_world
    from agriseg.simulation.trajectory import Trajectory

    if config.camera.source != "sim":
        clock = MonotonicClock()
        return open_camera(config.camera, clock), clock.now_s
    true, virtual = true_config(config), VirtualClock()
    camera = SyntheticCamera(
        open_world(true),
        Trajectory(true.simulation),
        true.camera,
        virtual,
        0.0,
        simulated=true.simulation,
    )
    return camera, virtual.now_s


def _pixel(text: str, option: str) -> tuple[float, float]:
    u, sign, v = text.partition(",")
    try:
        place = float(u), float(v)
    except ValueError:
        place = math.nan, math.nan
    if not (sign and math.isfinite(place[0]) and math.isfinite(place[1])):
        raise CalibrationError(f"{option} {text}: expected U,V in pixels, such as 120,400")
    return place


def _from_images(step: CameraStep, folder: Path) -> StepView:
    """Take a view from each photograph of a folder."""
    import numpy as np

    from agriseg.opencv import cv2

    if not folder.is_dir():
        raise CalibrationError(f"{folder}: there is no such folder of photographs")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            sys.stdout.write(f"{path.name}: cannot be read as a picture; left out\n")
            continue
        problem = step.take_single(np.asarray(image, np.uint8))
        sys.stdout.write(f"{path.name}: {problem or 'taken'}\n")
    step.act(FINISH)
    return step.view
