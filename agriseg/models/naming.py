"""Models by name: a bundle's folder, or one that comes with the program."""

from __future__ import annotations

from pathlib import Path

from agriseg.errors import ModelFileError
from agriseg.models.bundle import MANIFEST_NAME, shipped_model


def shipped_models() -> dict[str, Path]:
    """Return the folders of the models that come with the program, by name."""
    folder = shipped_model().parent
    return {p.name: p for p in sorted(folder.iterdir()) if (p / MANIFEST_NAME).is_file()}


def find_model(name: str) -> Path:
    """Return the folder that a name on the command line means; whether it is whole is not checked.

    Parameters
    ----------
    name : str
        Path of a bundle's folder or manifest, or the name of a shipped model.

    Raises
    ------
    ModelFileError
        There is neither.
    """
    path = Path(name)
    if path.exists():
        return path
    shipped = shipped_models()
    if name in shipped:
        return shipped[name]
    raise ModelFileError(
        f"{name}: no such model; expected the folder of a bundle, or one of the shipped models: "
        f"{', '.join(shipped)}"
    )
