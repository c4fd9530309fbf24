"""Cycles die in the window's thread, whichever thread allocates."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from ui.collector import WindowCollector


class _Knot:
    """Holds itself, and knows in which thread it ended."""

    def __init__(self, ends: list[int]) -> None:
        self.itself = self
        weakref.finalize(self, lambda: ends.append(threading.get_ident()))


@pytest.fixture
def collector() -> Iterator[WindowCollector]:
    """Return a collector that is at work."""
    gc.enable()
    made = WindowCollector()
    yield made
    made.release()
    made.deleteLater()


def _allocate_much() -> None:
    kept = [[number] for number in range(50_000)]
    assert len(kept) == 50_000


def test_another_thread_destroys_nothing(collector: WindowCollector, qtbot: QtBot) -> None:
    ends: list[int] = []
    _Knot(ends)
    worker = threading.Thread(target=_allocate_much)
    worker.start()
    worker.join()
    assert ends == []

    _allocated = [[number] for number in range(5_000)]
    qtbot.waitUntil(lambda: bool(ends), timeout=5_000)

    assert set(ends) == {threading.get_ident()}
    assert len(_allocated) == 5_000


def test_python_collects_again_after_release() -> None:
    gc.enable()
    collector = WindowCollector()
    assert not gc.isenabled()
    collector.release()
    collector.deleteLater()
    assert gc.isenabled()
