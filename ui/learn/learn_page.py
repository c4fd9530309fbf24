"""The page Learn: from corrected pictures to a deployed model, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from agriseg.errors import AgrisegError
from agriseg.learning.jobs import Jobs, JobView
from agriseg.recording.run_directories import is_run
from agriseg.registry.keys import KeyRing
from agriseg.registry.store import ModelRegistry, RegisteredModel
from ui.learn.data_view import DataView, Wanted
from ui.learn.job_view import JobsView
from ui.learn.model_desk import ModelDesk
from ui.learn.model_view import ModelsView
from ui.learn.tasks import begin, folder_problem, start_words
from ui.models.learning import DataRole
from ui.review.thread import ReviewThread
from ui.theme import Theme, ThemeKeeper
from ui.units import Units
from ui.widgets.key import Key, KeyFace, KeyLook
from ui.widgets.path_panel import PathPanel

_LOOK_MS = 1000
_TABS = (
    ("data", "Learn", "school-outline"),
    ("jobs", "Jobs", "progress-clock"),
    ("models", "Models", "cube-outline"),
)


class LearningStore(Protocol):
    """Keeps what was chosen from one start to the next."""

    label_projects: tuple[str, ...]
    learning_folders: tuple[tuple[str, str], ...]
    learning_computer: str


class LearnPage(QWidget):
    """Data, jobs and models. Jobs go on when the window closes; while spraying they wait.

    Parameters
    ----------
    keeper : ThemeKeeper
    units : Units
    store : LearningStore
    runs : callable
        Returns the folder of recorded runs.
    fixed_model : callable
        Returns the model that the configuration names; empty where it leaves it to the registry.
    jobs, registry, keys : optional
        The user's own by default.
    """

    explained = Signal(str)
    model_changed = Signal(str)
    """Another model is in use: an engine must start anew to take it. Carries its name."""

    def __init__(
        self,
        keeper: ThemeKeeper,
        units: Units,
        store: LearningStore,
        runs: Callable[[], Path],
        fixed_model: Callable[[], str] = lambda: "",
        *,
        jobs: Jobs | None = None,
        registry: ModelRegistry | None = None,
        keys: KeyRing | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._runs = runs
        self._fixed_model = fixed_model
        self._jobs = Jobs() if jobs is None else jobs
        self._looked_at = Jobs(self._jobs.root)  # of another thread than those that are ordered
        self._registry = ModelRegistry() if registry is None else registry
        self._refusal = ""
        self._held: set[str] = set()
        self._ended: frozenset[str] | None = None
        self._takes: Callable[[Path], None] = lambda _: None
        self._thread = ReviewThread("learn", self)
        self._looker = ReviewThread("learn-look", self)
        self.data = DataView(keeper)
        self.jobs = JobsView(keeper)
        self.models = ModelsView(keeper, units)
        self.tab_keys = {
            name: Key(keeper, word, icon, "", KeyFace(text_px=17, icon_px=24))
            for name, word, icon in _TABS
        }
        self._views = {"data": self.data, "jobs": self.jobs, "models": self.models}
        self._stack = QStackedWidget()
        for view in self._views.values():
            self._stack.addWidget(view)
        self._lay_out()
        self.paths = PathPanel(keeper, self)
        self.desk = ModelDesk(
            self.models,
            self._registry,
            KeyRing() if keys is None else keys,
            self._ask_path,
            self._compared_on,
            self,
        )
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._connect()
        self._set_theme(keeper.theme)
        keeper.changed.connect(self._set_theme)
        self.show_tab("data")
        self.data.computer.setText(store.learning_computer)

    def set_units(self, units: Units) -> None:
        """Write figures in other units."""
        self.models.set_units(units)

    def show_state(self, refusal: str) -> None:
        """Take why nothing may begin now (spraying is on); empty when it may.

        Local jobs wait meanwhile: the model that sprays has the computer to itself.
        """
        if refusal == self._refusal:
            return
        self._refusal = refusal
        self.data.show_refusal(refusal)
        self.models.show_refusal(refusal)
        self._thread.ask(partial(self._hold_jobs, bool(refusal)), lambda _: None)

    def show_tab(self, name: str) -> None:
        """Show data, jobs or models."""
        self._stack.setCurrentWidget(self._views[name])
        for other, key in self.tab_keys.items():
            key.set_look(KeyLook.SELECTED if other == name else KeyLook.PLAIN)
        if self.isVisible():
            self._look()

    def end(self) -> None:
        """The window closes; jobs stay at work."""
        self._timer.stop()
        self.desk.end()
        self._looker.stop()
        self._thread.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at jobs and models as long as they are seen."""
        super().showEvent(event)
        self._list_folders()
        self._list_models()
        self._look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop looking."""
        super().hideEvent(event)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the panel over the page."""
        super().resizeEvent(event)
        self.paths.setGeometry(self.rect())

    # Looking

    def _look(self) -> None:
        self._looker.ask(self._looked_at.views, self._take_jobs, newest_of="jobs")

    def _take_jobs(self, views: list[JobView]) -> None:
        self.jobs.show_jobs(views)
        ended = frozenset(view.job_id for view in views if view.state == "done")
        if self._ended is not None and ended - self._ended:
            self._list_models()
        self._ended = ended

    def _list_models(self) -> None:
        self._looker.ask(self._registry.models, self._take_models, newest_of="models")
        self._looker.ask(start_words, self.data.show_start, newest_of="start")

    def _take_models(self, models: list[RegisteredModel]) -> None:
        self.models.show_models(models)
        fixed = self._fixed_model()
        if fixed:
            self.models.said.say(
                f"The configuration names its own model ({fixed}): the model in use here is not"
                " loaded as long as model.path is set."
            )

    def _list_folders(self) -> None:
        known = dict(self.data.roles)
        for role, text in self._store.learning_folders:
            known.setdefault(Path(text), DataRole(role))
        for text in self._store.label_projects:
            known.setdefault(Path(text), DataRole.OFF)
        there = [(path, role) for path, role in known.items() if not folder_problem(path)]
        if there != list(self.data.roles.items()):
            self.data.show_folders(there)

    # Data

    def _remember(self) -> None:
        self._store.learning_folders = tuple(
            (role.value, str(path)) for path, role in self.data.roles.items()
        )

    def _ask_folder(self) -> None:
        self._ask_path(
            self.data.add_folder,
            "A folder of labelled pictures",
            "With images/ and masks/ inside; every label project is one.",
            Path.home(),
            "Add it",
            check=folder_problem,
        )

    def _ask_run(self) -> None:
        self._ask_path(
            self.data.add_run,
            "A recorded run",
            "Both models look at its pictures: what would have been sprayed otherwise?",
            self._runs(),
            "Compare on it",
            check=lambda path: "" if is_run(path) else "There is no run in this folder.",
        )

    def _ask_path(self, take: Callable[[Path], None], *words: object, **more: object) -> None:
        self._takes = take
        self.paths.ask(*words, **more)  # type: ignore[arg-type]

    def _compared_on(self) -> tuple[list[Path], list[Path]]:
        """Return the protected pictures and the runs that are chosen now."""
        chosen = self.data.roles.items()
        return [p for p, role in chosen if role is DataRole.PROTECTED], list(self.data.runs)

    def _begin(self, wanted: Wanted) -> None:
        self._store.learning_computer = wanted.computer
        self.data.show_busy(True)
        asked = partial(_begin_or_say, self._jobs, self._registry, wanted)
        self._thread.ask(asked, self._take_begun)

    def _take_begun(self, found: tuple[str, str]) -> None:
        job_id, problem = found
        self.data.show_busy(False)
        self.data.show_problem(problem)
        if job_id:
            self.jobs.select(job_id)
            self.show_tab("jobs")

    # Jobs

    def _order(self, order: str, job_id: str) -> None:
        orders = {
            "pause": self._jobs.pause,
            "go on": self._jobs.go_on,
            "cancel": self._jobs.cancel,
            "delete": self._jobs.delete,
        }

        def do() -> str:
            try:
                orders[order](self._jobs.find(job_id))
            except AgrisegError as error:
                return str(error)
            return ""

        self._thread.ask(do, self._take_ordered)

    def _take_ordered(self, problem: str) -> None:
        self.jobs.show_problem(problem)
        self._look()

    def _hold_jobs(self, hold: bool) -> None:
        """In the thread: let local jobs wait while spraying, and go on those that wait for it."""
        for view in self._jobs.views():
            is_local = view.spec is not None and view.spec.remote is None
            try:
                if hold and view.is_at_work and is_local and view.state != "paused":
                    self._jobs.pause(view.directory)
                    self._held.add(view.job_id)
                elif not hold and view.job_id in self._held:
                    self._held.discard(view.job_id)
                    if view.is_at_work:
                        self._jobs.go_on(view.directory)
            except AgrisegError:
                continue  # it ended meanwhile

    # Models

    def _show_model(self, model_id: str) -> None:
        self.models.select(model_id)
        self.show_tab("models")

    # Wiring

    def _fail(self, text: str) -> None:
        self.data.show_busy(False)
        self.explained.emit(text)

    def _take_path(self, path: Path) -> None:
        self._takes(path)

    def _lay_out(self) -> None:
        tabs = QHBoxLayout()
        for key in self.tab_keys.values():
            tabs.addWidget(key)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(tabs)
        column.addWidget(self._stack, 1)

    def _connect(self) -> None:
        for name, key in self.tab_keys.items():
            key.clicked.connect(lambda _checked=False, n=name: self.show_tab(n))
        self.data.add_asked.connect(self._ask_folder)
        self.data.run_asked.connect(self._ask_run)
        self.data.changed.connect(self._remember)
        self.data.begun.connect(self._begin)
        self.jobs.ordered.connect(self._order)
        self.jobs.model_asked.connect(self._show_model)
        self.desk.changed.connect(self._list_models)
        self.desk.in_use.connect(self.model_changed)
        self.models.deploy_key.let_go_early.connect(
            lambda: self.explained.emit("Hold the key until its bar is full.")
        )
        self.paths.chosen.connect(self._take_path)
        self._thread.failed.connect(self._fail)
        self._looker.failed.connect(self._fail)

    def _set_theme(self, theme: Theme) -> None:
        layout = self.layout()
        if layout is not None:
            layout.setSpacing(theme.px(8))


def _begin_or_say(jobs: Jobs, registry: ModelRegistry, wanted: Wanted) -> tuple[str, str]:
    try:
        return begin(jobs, registry, wanted), ""
    except AgrisegError as error:
        return "", str(error)
