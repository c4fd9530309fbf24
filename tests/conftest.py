"""What holds for every test: no display, few threads, nothing left behind, no silent errors."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

REPOSITORY = Path(__file__).resolve().parent.parent

JOIN_TIMEOUT_S = 2.0
"""How long a test's threads and processes may take to end after it."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that the fixtures below understand."""
    config.addinivalue_line(
        "markers", "error_logs: the test provokes log records of level ERROR or above"
    )


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own settings and runs out of the tests, and the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for variable, folder in (
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
        ):
            patch.setenv(variable, str(home / folder))
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of labelled field images, or skip the test where there is none.

    ``AGRISEG_SHARED_DATA`` names it; otherwise it is looked for beside the source tree.
    """
    named = os.environ.get("AGRISEG_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"no labelled field images in {folder}; set AGRISEG_SHARED_DATA to their folder"
        )
    return folder


@pytest.fixture(autouse=True)
def _cycles_are_collected_in_this_thread() -> Iterator[None]:
    """Collect after a test what Python would collect in any thread; as the window does."""
    if "PySide6.QtWidgets" not in sys.modules:
        yield
        return
    from ui.collector import collect_due

    gc.disable()
    yield
    collect_due()
    gc.enable()


class _ErrorRecords(logging.Handler):
    """Collects what is logged at ERROR and above."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def _no_unexpected_error_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs an error, unless it is marked ``error_logs``."""
    handler = _ErrorRecords()
    root = logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    if handler.lines and request.node.get_closest_marker("error_logs") is None:
        pytest.fail("unexpected error logs:\n  " + "\n  ".join(handler.lines), pytrace=False)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves threads, child processes or windows behind."""
    threads_before = set(threading.enumerate())
    children_before = {child.pid for child in multiprocessing.active_children()}
    yield
    left = _threads_left(threads_before) + _children_left(children_before) + _windows_left()
    if left:
        pytest.fail("left running after the test: " + ", ".join(left), pytrace=False)


def _threads_left(before: set[threading.Thread]) -> list[str]:
    """Return the threads that do not end; libraries' daemon threads are their own affair."""
    new = [thread for thread in threading.enumerate() if thread not in before]
    ours = [thread for thread in new if not thread.daemon or thread.name.startswith("agriseg")]
    for thread in ours:
        thread.join(JOIN_TIMEOUT_S)
    return [f"thread {thread.name}" for thread in ours if thread.is_alive()]


def _children_left(before: set[int | None]) -> list[str]:
    children = [c for c in multiprocessing.active_children() if c.pid not in before]
    for child in children:
        child.join(JOIN_TIMEOUT_S)
    left = [child for child in children if child.is_alive()]
    for child in left:
        child.kill()
        child.join()
    return [f"process {child.name} (pid {child.pid})" for child in left]


def _windows_left() -> list[str]:
    """Return visible top-level windows, if the test loaded Qt at all."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    application = widgets.QApplication.instance() if widgets is not None else None
    if application is None:
        return []
    visible = [w for w in widgets.QApplication.topLevelWidgets() if w.isVisible()]
    for widget in visible:
        widget.hide()
        widget.deleteLater()
    return [f"window {widget.windowTitle() or type(widget).__name__}" for widget in visible]
