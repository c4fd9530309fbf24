"""Calibration in the window: choose a step, be led through it, accept or discard, look back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from agriseg.calibration.catalogue import STEPS, StepInfo, step_info
from agriseg.calibration.certificate import VERIFICATION
from agriseg.calibration.due import StepStatus, due_note, step_statuses
from agriseg.calibration.overlay import Calibrated, calibrated
from agriseg.calibration.profiles import (
    SIMULATED,
    Profiles,
    calibration_folder,
    open_store,
    profile_name,
)
from agriseg.calibration.steps import StepResult, StepSetup, StepView, accept_result, changes
from agriseg.calibration.store import CalibrationStore
from agriseg.calibration.yard_step import STOP
from agriseg.config import Config
from agriseg.errors import AgrisegError
from agriseg.messages import EngineSnapshot, Picture
from ui.calibration.certificate_view import CertificateView
from ui.calibration.files_view import BOARD_STEP, BOOM_STEP, FilesView
from ui.calibration.leave_panel import LeavePanel
from ui.calibration.letter_pad import LetterPad
from ui.calibration.machines_view import MachinesView
from ui.calibration.places import Place, places
from ui.calibration.step_list import StepList
from ui.calibration.wizard import StepWizard
from ui.calibration.worker import StepWorker
from ui.theme import Theme, ThemeKeeper
from ui.widgets.words import Words

_FILES = {BOARD_STEP: ("Board to print", "printer"), BOOM_STEP: ("Boom file", "file-outline")}
"""What the key of a step's files says, and its icon."""


class CalibratePage(QWidget):
    """List of steps, or the wizard of one. Opening it changes nothing.

    Parameters
    ----------
    keeper : ThemeKeeper
    configured : callable
        Returns what the configuration file says now.
    now : callable, optional
        Returns the date and time, with time zone.
    steps : tuple of StepInfo, optional
    places : callable, optional
        Returns where calibration files may come from and go to.
    """

    ordered = Signal(object)
    """An `EngineCommand` that the step at work wants done."""
    devices_needed = Signal(bool)
    """The step at work opens camera and controller itself: the engine leaves them, or has them
    back."""
    changed = Signal(str)
    """Another calibration is in force; carries the sentence for the operator."""
    explained = Signal(str)
    left = Signal(str)
    """The operator has agreed to leave the step for another page; carries its name."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        configured: Callable[[], Config],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        steps: tuple[StepInfo, ...] = STEPS,
        places: Callable[[], tuple[Place, ...]] = places,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._configured = configured
        self._now = now
        self._steps = steps
        self._step = steps[0].name if steps else ""
        self._in_force = configured()
        self._refusal = ""
        self._target = ""
        self.worker = StepWorker(self)
        self.list = StepList(keeper)
        self.wizard = StepWizard(keeper)
        self.problem = Words("", "strong")
        self.leave_panel = LeavePanel(keeper)
        self.pad = LetterPad(keeper, self)
        self.machines = MachinesView(keeper, self.pad, places, now)
        self.certificate = CertificateView(keeper, self.pad)
        self.files = FilesView(keeper, places, now)
        self._stack = QStackedWidget()
        for widget in (self.list, self.wizard, self.machines, self.certificate, self.files):
            self._stack.addWidget(widget)
        self._lay_out()
        self._connect()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)

    @property
    def is_at_work(self) -> bool:
        """Whether a step is open."""
        return self.worker.is_running

    @property
    def is_half_way(self) -> bool:
        """Whether a step has measured something that leaving would lose."""
        return self.worker.is_running and self.worker.has_begun

    @property
    def due(self) -> str:
        """What is missing, old or overtaken, in sentences; empty when nothing is."""
        try:
            calibration, store = self._calibration()
            config = self._configured()
            statuses = self._statuses(calibration, store)
            return " ".join(part for part in (due_note(config, statuses), store.damage) if part)
        except AgrisegError as error:
            return str(error)

    def may_leave(self, name: str) -> bool:
        """Return whether page ``name`` may be shown now; if not, the operator is asked."""
        if not self.is_half_way:
            return True
        self._target = name
        self.leave_panel.ask()
        return False

    def refresh(self) -> None:
        """Read the store anew and draw the list."""
        try:
            calibration, store = self._calibration()
            self._in_force = calibration.config
            self._draw_list(calibration, store)
            self.problem.say(store.damage)
        except AgrisegError as error:
            self.problem.say(str(error))

    def show_state(self, refusal: str, now_s: float) -> None:
        """Draw why nothing can be measured now (spraying is on), and the picture's age."""
        self._refusal = refusal
        self.list.show_refusal(refusal)
        self.wizard.accept_key.setEnabled(not refusal)
        self.wizard.accept_key.setToolTip(refusal)
        if self.isVisible():
            self.wizard.picture.show_age(now_s)

    def show_picture(self, picture: Picture, now_s: float) -> None:
        """Take the engine's picture, for the step at work."""
        if self.worker.is_running and self.isVisible():
            self.wizard.show_picture(picture, now_s)
            self.worker.offer_picture(picture)

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Take the engine's snapshot, for the step at work."""
        if self.worker.is_running:
            self.worker.offer_snapshot(snapshot)

    def stop(self) -> None:
        """Have the step at work close its valves and end its test, if it has one."""
        if self.worker.is_running:
            self.worker.ask(lambda step: step.act(STOP))

    def end(self) -> None:
        """Give up the step at work: the window closes."""
        self.worker.stop()
        self.certificate.end()
        self.files.end()

    def showEvent(self, event: QShowEvent) -> None:
        """Read what is in force; nothing is changed."""
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """A step that had not begun is over when the page is left."""
        super().hideEvent(event)
        if self.worker.is_running and not self.worker.has_begun:
            self._close_step()

    # Building

    def _lay_out(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.leave_panel)
        self._column.addWidget(self.problem)
        self._column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self.list.selected.connect(self._select)
        self.list.begun.connect(self.begin)
        self.list.undone.connect(self._undo)
        self.list.machines_asked.connect(self._show_machines)
        self.list.certificate_asked.connect(self._show_certificate)
        self.list.files_asked.connect(self._show_files)
        self.files.left.connect(self._show_list)
        self.files.taken.connect(self._take_boom)
        self.machines.chosen.connect(self._choose_profile)
        self.machines.left.connect(self._show_list)
        self.certificate.left.connect(self._show_list)
        wizard, worker = self.wizard, self.worker
        wizard.acted.connect(lambda action: worker.ask(lambda step: step.act(action)))
        wizard.entered.connect(lambda name, value: worker.ask(lambda step: step.enter(name, value)))
        wizard.tapped.connect(lambda u, v: worker.ask(lambda step: step.take_point(u, v)))
        wizard.accepted.connect(self._accept)
        wizard.discarded.connect(self._discard)
        wizard.skipped.connect(self._skip)
        wizard.left.connect(self._ask_to_leave)
        worker.viewed.connect(self._show_view)
        worker.ordered.connect(self.ordered)
        worker.devices_needed.connect(self.devices_needed)
        worker.refused.connect(wizard.show_refusal)
        self.leave_panel.left.connect(self._leave)

    # What the operator does

    def begin(self, name: str) -> None:
        """Open a step's wizard."""
        if self._refusal:
            self.explained.emit(self._refusal)
            return
        try:
            calibration, store = self._calibration()
            info = self._info(name)
            step = info.make(StepSetup(config=calibration.config, store=store))
        except AgrisegError as error:
            self.problem.say(str(error))
            return
        self._in_force = calibration.config
        self._step = name
        self.wizard.open(info.title)
        self._stack.setCurrentWidget(self.wizard)
        self.worker.start(step)

    def _accept(self) -> None:
        view = self.wizard.view
        if view is None or view.result is None:
            return
        if not self._put_in_force(self._step, view.result, self.wizard.show_refusal):
            return
        title = self._info(self._step).title
        self._close_step()
        self.changed.emit(
            f"{title}: the new values are in force. The field engine starts with them."
        )

    def _put_in_force(self, step: str, result: StepResult, tell: Callable[[str], None]) -> bool:
        """Accept a result; return whether it is in force, and ``tell`` why it is not."""
        if self._refusal:
            self.explained.emit(self._refusal)
            return False
        try:
            _, store = self._calibration()
            accept_result(
                step,
                result,
                store=store,
                configured=self._configured(),
                in_force=self._in_force,
                when=self._now(),
            )
        except AgrisegError as error:
            tell(str(error))
            return False
        return True

    def _discard(self) -> None:
        title = self._info(self._step).title
        self._close_step()
        self.explained.emit(f"{title}: discarded; the values in force stay as they are.")

    def _skip(self) -> None:
        names = [info.name for info in self._steps]
        following = names[(names.index(self._step) + 1) % len(names)]
        self._target = f"step:{following}"
        if self.worker.has_begun:
            self.leave_panel.ask()
        else:
            self._leave()

    def _ask_to_leave(self) -> None:
        self._target = ""
        if self.worker.has_begun:
            self.leave_panel.ask()
        else:
            self._close_step()

    def _leave(self) -> None:
        target, self._target = self._target, ""
        self._close_step()
        if target.startswith("step:"):
            self._select(target.removeprefix("step:"))
        elif target:
            self.left.emit(target)

    def _close_step(self) -> None:
        self.leave_panel.hide()
        self.worker.stop()
        self._show_list()

    def _show_list(self) -> None:
        self._stack.setCurrentWidget(self.list)
        self.refresh()

    def _show_machines(self) -> None:
        config = self._configured()
        fixed = ""
        if config.calibration.profile:
            fixed = "The configuration file names this machine (calibration.profile)."
        elif config.camera.source == "sim":
            fixed = "The simulated camera has a machine of its own; no other can be used with it."
        try:
            profiles = Profiles(calibration_folder(config))
            self.machines.show_profiles(profiles, profile_name(config), fixed)
        except AgrisegError as error:
            self.problem.say(str(error))
            return
        self._stack.setCurrentWidget(self.machines)

    def _show_certificate(self) -> None:
        try:
            self.certificate.show_store(open_store(self._configured()))
        except AgrisegError as error:
            self.problem.say(str(error))
            return
        self._stack.setCurrentWidget(self.certificate)

    def _show_files(self, step: str) -> None:
        if step == BOARD_STEP:
            self.files.show_board()
        else:
            try:
                calibration, _ = self._calibration()
            except AgrisegError as error:
                self.problem.say(str(error))
                return
            self._in_force = calibration.config
            self.files.show_boom(calibration.config)
        self._stack.setCurrentWidget(self.files)

    def _take_boom(self, result: StepResult) -> None:
        if self._put_in_force(BOOM_STEP, result, self.files.said.say):
            self._show_list()
            self.changed.emit("Boom: the values of the file are in force.")

    def _select(self, name: str) -> None:
        self._step = name
        self.refresh()

    def _undo(self, name: str) -> None:
        if self._refusal:
            self.explained.emit(self._refusal)
            return
        try:
            _, store = self._calibration()
            store.undo(name, self._now())
        except AgrisegError as error:
            self.problem.say(str(error))
            return
        self.refresh()
        title = self._info(name).title
        self.changed.emit(f"{title}: taken back; what was in force before it is so again.")

    def _choose_profile(self, name: str) -> None:
        profiles = Profiles(calibration_folder(self._configured()))
        if self._refusal:
            self.explained.emit(self._refusal)
            return
        if name == profile_name(self._configured()):
            return
        try:
            profiles.choose(name)
        except AgrisegError as error:
            self.problem.say(str(error))
            return
        self._show_list()
        self.changed.emit(f"The calibration of {name} is in force.")

    # Drawing

    def _show_view(self, view: StepView) -> None:
        changed = changes(view.result, self._in_force) if view.result is not None else ()
        self.wizard.show_view(view, changed)

    def _draw_list(self, calibration: Calibrated, store: CalibrationStore) -> None:
        self.list.show_steps(self._statuses(calibration, store), self._step)
        newest = store.newest(self._step)
        self.list.show_history(
            store.history(self._step), store.undone(), newest.entry_id if newest else None
        )
        applied = [entry for entry in calibration.applied if entry.step == self._step]
        self.list.show_values(applied[-1].values if applied else ())
        self.list.show_files(*_FILES.get(self._step, ("", "")))
        self.list.show_certificate(self._step == VERIFICATION and newest is not None)
        name = profile_name(self._configured())
        if name == SIMULATED:
            self.list.show_machine(
                "The simulated machine. Trying a step here never touches a real machine's values."
            )
        else:
            self.list.show_machine(f"{name}, kept in {store.path.parent}")

    def _calibration(self) -> tuple[Calibrated, CalibrationStore]:
        config = self._configured()
        store = open_store(config)
        return calibrated(config, store), store

    def _statuses(self, calibration: Calibrated, store: CalibrationStore) -> tuple[StepStatus, ...]:
        return step_statuses(
            self._configured(), calibration, store.in_force(), self._now(), self._steps
        )

    def _info(self, name: str) -> StepInfo:
        known = {info.name: info for info in self._steps}
        return known[name] if name in known else step_info(name)

    def _set_theme(self, theme: Theme) -> None:
        self._column.setSpacing(theme.px(8))
