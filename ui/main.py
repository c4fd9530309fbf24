"""The `agriseg` command: opens the window, or hands a subcommand to `agriseg.app`.

Every process of the program imports this module when it starts; what only the first one needs is
imported where it is used.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path


def main() -> int:
    """Run the command line and return the exit status."""
    from agriseg.app import build_parser, run_guarded

    arguments = build_parser().parse_args()
    if arguments.subcommand is not None:
        return run_guarded(arguments)
    return _open_window(arguments.config, arguments.verbose)


def _open_window(config_path: str | None, verbose: bool) -> int:
    from agriseg.app import EXIT_BAD_INPUT
    from agriseg.config import Config, load_config
    from agriseg.errors import ConfigError

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        config = load_config(Path(config_path)) if config_path else Config()
    except ConfigError as error:
        sys.stderr.write(f"agriseg: {error}\n")
        _show_problem(str(error))
        return EXIT_BAD_INPUT
    from agriseg.engine_client import ProcessEngineClient
    from ui.application import run_window

    return run_window(ProcessEngineClient(config), config)


def _show_problem(sentence: str) -> None:
    """Show a window with ``sentence`` to whoever started AgriSeg from a desktop, not a terminal."""
    from agriseg.alarms import sentence as as_sentence
    from ui.start_problem import needs_a_window, show_start_problem

    if needs_a_window(sys.stderr.isatty(), os.environ):
        from ui.application import make_application
        from ui.theme import ThemeChoice, ThemeKeeper

        application = make_application()
        keeper = ThemeKeeper(ThemeChoice.DAY, parent=application)
        show_start_problem(application, keeper, as_sentence(sentence))


if __name__ == "__main__":
    sys.exit(main())
