"""Several machines or booms: one calibration file each, one of them chosen."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import platformdirs

from agriseg.calibration.entries import Machine
from agriseg.calibration.store import CalibrationStore
from agriseg.config import Config
from agriseg.errors import CalibrationError

SIMULATED = "simulated"
"""The simulated camera's profile, so that trying a step never touches a real machine's values."""

FIRST = "machine"
"""The profile that is used until another is made."""

_SUFFIX = ".jsonl"
_CHOICE_FILE = "chosen.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")


class Profiles:
    """The calibration files of a folder and which of them is chosen.

    Parameters
    ----------
    folder : Path
        Need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def names(self) -> tuple[str, ...]:
        """All profiles, sorted; the chosen one is among them even if it has no file yet."""
        files = self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ()
        return tuple(sorted({path.stem for path in files} | {self.chosen}))

    @property
    def chosen(self) -> str:
        """The profile of the real machine."""
        path = self.folder / _CHOICE_FILE
        try:
            name = json.loads(path.read_text(encoding="utf-8"))["profile"]
        except FileNotFoundError:
            return FIRST
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CalibrationError(
                f"{path}: it does not say which calibration is used ({error!r}); choose one with"
                " `agriseg calibrate profile use NAME`"
            ) from error
        return _checked(str(name))

    def store(self, name: str) -> CalibrationStore:
        """Return the store of a profile, which may be empty."""
        return CalibrationStore(self._path(name))

    def choose(self, name: str) -> None:
        """Use a profile from the engine's next start on.

        Raises
        ------
        CalibrationError
            There is no such profile, or the choice cannot be written.
        """
        if not self._path(name).exists():
            known = ", ".join(self.names)
            raise CalibrationError(
                f"there is no calibration profile {name!r}; there are: {known}; make one with"
                " `agriseg calibrate profile new NAME`"
            )
        path = self.folder / _CHOICE_FILE
        try:
            path.write_text(json.dumps({"profile": name}) + "\n", encoding="utf-8")
        except OSError as error:
            raise CalibrationError(
                f"{path}: the choice cannot be written ({error.strerror})"
            ) from error

    def create(self, name: str, serial: str = "") -> CalibrationStore:
        """Make an empty profile.

        Raises
        ------
        CalibrationError
            There is one of this name, or the name cannot be a file's.
        """
        self._refuse_known(name)
        store = self.store(name)
        store.name_machine(Machine(name=name, serial=serial))
        return store

    def import_file(self, path: Path, name: str) -> CalibrationStore:
        """Take over a calibration file as a new profile.

        Raises
        ------
        CalibrationError
            It is not a calibration, or there is a profile of this name.
        """
        self._refuse_known(name)
        if not path.is_file():
            raise CalibrationError(f"{path}: there is no such file to import")
        arriving = CalibrationStore(path)
        if not arriving.history():
            raise CalibrationError(
                f"{path}: there is no calibration in this file; choose one that `agriseg calibrate"
                " profile export` wrote"
            )
        _copy(path, self._path(name))
        return self.store(name)

    def export_file(self, name: str, path: Path) -> None:
        """Write a profile with its whole history to a new file.

        Raises
        ------
        CalibrationError
            The profile is empty, or the file exists or cannot be written.
        """
        source = self._path(name)
        if not source.exists():
            raise CalibrationError(f"the calibration profile {name!r} is empty; nothing to export")
        _copy(source, path)

    def _refuse_known(self, name: str) -> None:
        if self._path(name).exists():
            raise CalibrationError(
                f"there is a calibration profile {name!r} already; choose another name"
            )

    def _path(self, name: str) -> Path:
        return self.folder / f"{_checked(name)}{_SUFFIX}"


def calibration_folder(config: Config) -> Path:
    """Return where calibrations are kept: as configured, or beside the user's configuration."""
    if config.calibration.directory:
        return Path(config.calibration.directory).expanduser()
    return Path(platformdirs.user_config_dir("agriseg", appauthor=False)) / "calibration"


def profile_name(config: Config) -> str:
    """Return the name of the profile that belongs to a configuration."""
    if config.calibration.profile:
        return _checked(config.calibration.profile)
    if config.camera.source == "sim":
        return SIMULATED
    return Profiles(calibration_folder(config)).chosen


def open_store(config: Config) -> CalibrationStore:
    """Return the store that belongs to a configuration."""
    return Profiles(calibration_folder(config)).store(profile_name(config))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CalibrationError(
            f"{name!r} cannot name a calibration profile: use letters, digits, spaces, dots,"
            " hyphens and underscores, at most 60, beginning with a letter or digit"
        )
    return name


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, target.open("xb") as write:
            shutil.copyfileobj(read, write)
    except FileExistsError:
        raise CalibrationError(
            f"{target}: this file exists and is not overwritten; choose another name or remove it"
        ) from None
    except OSError as error:
        raise CalibrationError(
            f"{target}: the file cannot be written ({error.strerror})"
        ) from error
