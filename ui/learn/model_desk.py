"""What is done with models: used, rolled back, compared, packed, taken, trusted, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from agriseg.errors import AgrisegError
from agriseg.registry.keys import KeyRing
from agriseg.registry.pack import PACK_SUFFIX, OpenedPack, open_pack, take_pack, write_pack
from agriseg.registry.store import ModelRegistry, RegisteredModel
from ui.learn.model_view import ModelsView
from ui.learn.tasks import prove_again
from ui.review.process_job import ProcessJob
from ui.review.thread import ReviewThread

AskPath = Callable[..., None]
"""Opens the panel of paths: what to do with the path, then the panel's own arguments."""


class ModelDesk(QObject):
    """Does what the view of models asks, beside the window's thread.

    Parameters
    ----------
    view : ModelsView
    registry : ModelRegistry
    keys : KeyRing
    ask_path : callable
    compared_on : callable
        Returns folders of protected pictures, and recorded runs.
    """

    changed = Signal()
    """The list of models is another one."""
    in_use = Signal(str)
    """Another model is in use; carries its name."""

    def __init__(
        self,
        view: ModelsView,
        registry: ModelRegistry,
        keys: KeyRing,
        ask_path: AskPath,
        compared_on: Callable[[], tuple[list[Path], list[Path]]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view = view
        self._registry = registry
        self._keys = keys
        self._ask_path = ask_path
        self._compared_on = compared_on
        self._stranger: OpenedPack | None = None
        self._thread = ReviewThread("learn-models", self)
        self._job = ProcessJob(self)
        self._connect()

    def end(self) -> None:
        """Give up what is being done: the window closes."""
        self._job.cancel()
        self._thread.stop()

    def _deploy(self, model_id: str, unproven: bool) -> None:
        self._change(partial(self._registry.deploy, model_id, unproven=unproven))

    def _change(self, action: Callable[[], RegisteredModel]) -> None:
        def take(found: RegisteredModel | str) -> None:
            if isinstance(found, str):
                self._view.show_problem(found)
                return
            name = f"{found.name} {found.version}"
            self._view.select(found.model_id)
            self._view.show_said(f"{name} is in use from now on.")
            self.changed.emit()
            self.in_use.emit(name)

        self._thread.ask(partial(_tried, action), take)

    def _prove(self, model_id: str) -> None:
        if self._job.is_running:
            return
        folders, runs = self._compared_on()
        self._view.show_said("")
        self._view.job.show_share("Both models are loaded", 0.0, float("nan"))
        self._job.start(prove_again, model_id, folders, runs)

    def _finish_prove(self, text: str) -> None:
        self._view.job.hide()
        self._view.show_said(text)
        self.changed.emit()

    def _fail_prove(self, text: str) -> None:
        self._view.job.hide()
        self._view.show_problem(text)

    def _ask_pack(self, model_id: str) -> None:
        def take(folder: Path) -> None:
            self._thread.ask(partial(self._packed, model_id, folder), self._view.show_said)

        self._ask_path(
            take,
            "Where to put the packed model",
            "One signed file; another robot asks whether to trust this computer's key.",
            Path.home(),
            "Pack it here",
            check=lambda path: "" if path.is_dir() else "There is no such folder.",
        )

    def _packed(self, model_id: str, folder: Path) -> str:
        """In the thread: pack, and say where."""
        try:
            packed = write_pack(
                model_id, folder, self._registry, self._keys, lambda: datetime.now(UTC)
            )
        except AgrisegError as error:
            return f"✗ {error}"
        return f"Written: {packed.path}. Signed with the key {packed.signer}."

    def _ask_unpack(self) -> None:
        self._ask_path(
            self._unpack,
            "A packed model",
            "A file by the key Pack of another robot. It is not used by being taken.",
            Path.home(),
            "Take it",
            suffixes=(PACK_SUFFIX,),
            check=lambda path: "" if path.is_file() else "Choose a file.",
        )

    def _unpack(self, path: Path) -> None:
        def do() -> tuple[str, str, OpenedPack | None]:
            try:
                opened = open_pack(path)
                if not self._keys.is_trusted(opened.public_key):
                    return "", _stranger_words(opened), opened
                return take_pack(opened, self._registry, self._keys), "", None
            except AgrisegError as error:
                return "", str(error), None

        self._thread.ask(do, self._take_unpacked)

    def _take_unpacked(self, found: tuple[str, str, OpenedPack | None]) -> None:
        model_id, problem, self._stranger = found
        self._view.show_problem(problem, can_trust=self._stranger is not None)
        if model_id:
            self._view.select(model_id)
            self._view.show_said("Taken. Compare it with the model in use before using it.")
            self.changed.emit()

    def _trust(self) -> None:
        opened = self._stranger
        if opened is None:
            return

        def do() -> None:
            self._keys.trust(opened.public_key, opened.path.name)

        self._thread.ask(partial(_tried, do), lambda _: self._unpack(opened.path))

    def _delete(self, model_id: str) -> None:
        def take(problem: str | None) -> None:
            self._view.show_problem(problem or "")
            self.changed.emit()

        self._thread.ask(partial(_tried, partial(self._registry.delete, model_id)), take)

    def _connect(self) -> None:
        view = self._view
        view.deploy_asked.connect(self._deploy)
        view.rollback_asked.connect(lambda: self._change(self._registry.roll_back))
        view.prove_asked.connect(self._prove)
        view.pack_asked.connect(self._ask_pack)
        view.unpack_asked.connect(self._ask_unpack)
        view.trusted.connect(self._trust)
        view.deleted.connect(self._delete)
        view.job.cancelled.connect(self._job.cancel)
        self._thread.failed.connect(view.show_problem)
        self._job.progressed.connect(view.job.show_share)
        self._job.finished.connect(self._finish_prove)
        self._job.failed.connect(self._fail_prove)
        self._job.cancelled.connect(lambda: self._fail_prove("Given up; nothing was changed."))


def _tried(action: Callable[[], object]) -> object:
    """Return what an action returns, or its error as a sentence."""
    try:
        return action()
    except AgrisegError as error:
        return str(error)


def _stranger_words(opened: OpenedPack) -> str:
    return (
        f"{opened.path.name} is signed with the key {opened.signer}, which is not trusted here."
        " Compare it with the key that the robot which packed it shows (`agriseg models key`)."
        " Trust it only when they agree."
    )
