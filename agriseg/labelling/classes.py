"""The classes of a project: numbers, names, what they mean, colours and shortcuts."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agriseg.datasets.classes import CLASS_WORDS
from agriseg.errors import LabelError
from agriseg.messages import ClassId, UInt8Array
from agriseg.overlay import CROP_RGB, WEED_RGB

VERSION = 1
FIRST_OWN = 3
LAST_OWN = 254

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_KEYS = {"id", "name", "meaning", "colour", "shortcut"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelClass:
    """One class of a project.

    Attributes
    ----------
    class_id : int
        0 soil, 1 crop, 2 weed, 255 ignore; the user's own are 3 to 254.
    name : str
    meaning : ClassId
        What it counts for in training and spraying.
    colour : str
        ``#rrggbb``.
    shortcut : str
        A key, such as ``4``; empty for none.
    """

    class_id: int
    name: str
    meaning: ClassId
    colour: str
    shortcut: str = ""

    @property
    def has_plants(self) -> bool:
        """Whether its pixels belong to plants, which can be numbered."""
        return self.meaning in (ClassId.CROP, ClassId.WEED)

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour, 0 to 255 each."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue


def _base(meaning: ClassId, colour: str, shortcut: str) -> LabelClass:
    return LabelClass(
        class_id=int(meaning),
        name=meaning.name.lower(),
        meaning=meaning,
        colour=colour,
        shortcut=shortcut,
    )


_BASE = (
    _base(ClassId.SOIL, "#8a6d4b", "0"),
    _base(ClassId.CROP, f"#{bytes(CROP_RGB).hex()}", "1"),
    _base(ClassId.WEED, f"#{bytes(WEED_RGB).hex()}", "2"),
    _base(ClassId.IGNORE, "#9aa0a6", "9"),
)


@dataclass(frozen=True, slots=True)
class ClassList:
    """All classes of a project, ordered by number; soil, crop, weed and ignore are among them."""

    classes: tuple[LabelClass, ...] = _BASE

    def __iter__(self) -> Iterator[LabelClass]:
        return iter(self.classes)

    def __getitem__(self, class_id: int) -> LabelClass:
        for one in self.classes:
            if one.class_id == class_id:
                return one
        raise KeyError(class_id)

    @classmethod
    def checked(cls, classes: Sequence[LabelClass], where: str) -> ClassList:
        """Order classes and check that they fit together.

        Parameters
        ----------
        classes : sequence of LabelClass
        where : str
            File or place, for messages.

        Raises
        ------
        LabelError
            A number, name or shortcut is there twice, a base class is missing or means something
            else, or a value is out of range.
        """
        for one in classes:
            _check(one, where)
        for key in ("class_id", "name", "shortcut"):
            values = [getattr(one, key) for one in classes if getattr(one, key) != ""]
            for value in values:
                if values.count(value) > 1:
                    raise LabelError(f"{where}: {key} {value!r} is there twice; change one of them")
        found = {one.class_id: one for one in classes}
        for base in _BASE:
            own = found.get(base.class_id)
            if own is None or own.meaning is not base.meaning:
                raise LabelError(
                    f"{where}: class {base.class_id} must be there and mean {base.name}; names, "
                    "colours and shortcuts are free"
                )
        return cls(tuple(sorted(classes, key=lambda one: one.class_id)))

    @property
    def own(self) -> tuple[LabelClass, ...]:
        """The user's own classes, beyond soil, crop, weed and ignore."""
        return tuple(one for one in self.classes if FIRST_OWN <= one.class_id <= LAST_OWN)

    def meanings(self, classes: UInt8Array) -> UInt8Array:
        """Return what class numbers ``(H, W) uint8`` count for, as `ClassId` values.

        Numbers that no class has count as ignored.
        """
        table = np.full(256, int(ClassId.IGNORE), np.uint8)
        for one in self.classes:
            table[one.class_id] = int(one.meaning)
        return table[classes]

    def next_id(self) -> int:
        """Return the lowest free number of an own class.

        Raises
        ------
        LabelError
            All 252 are taken.
        """
        taken = {one.class_id for one in self.classes}
        for number in range(FIRST_OWN, LAST_OWN + 1):
            if number not in taken:
                return number
        raise LabelError("all 252 numbers of own classes are taken; remove a class first")


def classes_from_toml(tables: Any, path: Path) -> ClassList:
    """Read the ``[[class]]`` tables of a project file.

    Raises
    ------
    LabelError
        A key is unknown or missing, or a value cannot be.
    """
    if not isinstance(tables, list):
        raise LabelError(f"{path}: class must be tables, [[class]]; found {tables!r}")
    return ClassList.checked([_class_of(table, path) for table in tables], str(path))


def project_to_toml(name: str, classes: ClassList) -> str:
    """Write a project file."""
    lines = [f"version = {VERSION}", f"name = {json.dumps(name, ensure_ascii=False)}"]
    for one in classes:
        lines += [
            "",
            "[[class]]",
            f"id = {one.class_id}",
            f"name = {json.dumps(one.name, ensure_ascii=False)}",
            f'meaning = "{one.meaning.name.lower()}"',
            f'colour = "{one.colour}"',
            f"shortcut = {json.dumps(one.shortcut, ensure_ascii=False)}",
        ]
    return "\n".join(lines) + "\n"


def read_project(path: Path) -> tuple[str, ClassList]:
    """Read name and classes of a project file.

    Raises
    ------
    LabelError
        It cannot be read, is of a newer version, or something in it cannot be.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LabelError(
            f"{path}: there is no label project here; make one with `agriseg labels new "
            f"{path.parent}`"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelError(f"{path}: cannot be read as TOML ({error}); see toml.io") from error
    version = data.pop("version", None)
    if version != VERSION:
        raise LabelError(
            f"{path}: version is {version!r}, this program reads {VERSION}; open the project with "
            "the program that wrote it, or a newer one"
        )
    name = data.pop("name", path.parent.name)
    classes = classes_from_toml(data.pop("class", []), path)
    if data:
        raise LabelError(
            f"{path}: unknown key {sorted(data)[0]!r}; known are version, name and class"
        )
    return str(name), classes


def _class_of(table: Any, path: Path) -> LabelClass:
    if not isinstance(table, dict):
        raise LabelError(f"{path}: class must be tables, [[class]]; found {table!r}")
    unknown, missing = sorted(set(table) - _KEYS), sorted(_KEYS - set(table) - {"shortcut"})
    if unknown or missing:
        what = f"unknown key {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        raise LabelError(f"{path}: class {table.get('name', '')!r}: {what}; keys are {_known()}")
    meaning = CLASS_WORDS.get(str(table["meaning"]))
    if meaning is None:
        raise LabelError(
            f"{path}: class {table['name']!r}: meaning is {table['meaning']!r}; expected soil, "
            "crop, weed or ignore"
        )
    if type(table["id"]) is not int:
        raise LabelError(f"{path}: class {table['name']!r}: id is {table['id']!r}, not a number")
    return LabelClass(
        class_id=table["id"],
        name=str(table["name"]),
        meaning=meaning,
        colour=str(table["colour"]),
        shortcut=str(table.get("shortcut", "")),
    )


def _check(one: LabelClass, where: str) -> None:
    words = f"{where}: class {one.name!r}"
    if not one.name.strip():
        raise LabelError(f"{where}: class {one.class_id} has no name; give it one")
    if not 0 <= one.class_id <= LAST_OWN + 1:
        raise LabelError(f"{words}: id is {one.class_id}; expected 0 to {LAST_OWN + 1}")
    if not _COLOUR.fullmatch(one.colour):
        raise LabelError(f"{words}: colour is {one.colour!r}; expected #rrggbb, such as #2fbf71")


def _known() -> str:
    return ", ".join(sorted(_KEYS))
