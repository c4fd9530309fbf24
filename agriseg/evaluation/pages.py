"""Pages of HTML, complete in themselves, and files that are written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from agriseg.errors import DatasetError
from agriseg.recording.report import number, percent


def render_page(template: str, **values: Any) -> str:
    """Fill in one of this package's templates; the style is that of a run's report."""
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("agriseg.evaluation", ""), PackageLoader("agriseg.recording", "")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent}
    return environment.get_template(template).render(**values)


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON, whole or not at all.

    Raises
    ------
    DatasetError
        The file cannot be written.
    """
    text = json.dumps(figures, indent=2, allow_nan=False, ensure_ascii=False)
    write_whole(path, (text + "\n").encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    DatasetError
        It cannot be written.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written ({error.strerror})") from error
