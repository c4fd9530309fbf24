"""A line on the terminal that says how far long work is, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown_progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the remaining time for as long as the block runs; not outside a terminal.

    Yields
    ------
    callable of (done, all)
        To be called as the work goes on.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show
