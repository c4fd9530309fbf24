"""Models by name: a bundle's folder, one that comes with the program, or one of the user's."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from agriseg.errors import ModelFileError
from agriseg.models.bundle import MANIFEST_NAME, shipped_model


def shipped_models() -> dict[str, Path]:
    """Return the folders of the models that come with the program, by name."""
    return _bundles_in(shipped_model().parent)


def user_models_directory() -> Path:
    """Return the folder in which the user keeps models to be found by name."""
    return Path(platformdirs.user_data_dir("agriseg", appauthor=False)) / "models"


def user_models() -> dict[str, Path]:
    """Return the folders of the user's models, by name."""
    return _bundles_in(user_models_directory())


def find_model(name: str) -> Path:
    """Return the folder that a name on the command line means; whether it is whole is not checked.

    Parameters
    ----------
    name : str
        Path of a bundle's folder or manifest, or the name of a shipped model or of one in the
        user's folder; the shipped one where both have it.

    Raises
    ------
    ModelFileError
        There is neither.
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    known = user_models() | shipped_models()
    if name in known:
        return known[name]
    raise ModelFileError(
        f"{name}: no such model; expected the folder of a bundle, or one of the shipped models "
        f"and those in {user_models_directory()}: {', '.join(known)}"
    )


def _bundles_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {p.name: p for p in sorted(folder.iterdir()) if (p / MANIFEST_NAME).is_file()}
