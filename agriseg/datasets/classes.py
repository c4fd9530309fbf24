"""The names that a data set gives its classes, and what they mean here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agriseg.errors import DatasetError
from agriseg.messages import ClassId

CLASS_WORDS = {class_id.name.lower(): class_id for class_id in ClassId}
"""``soil``, ``crop``, ``weed`` and ``ignore``, as a configuration names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class that labels can have.

    Attributes
    ----------
    number : int
        In masks: 0 soil, 1 crop, 2 weed, 255 ignore; others are a project's own.
    name : str
    meaning : ClassId
        What it counts for in training and spraying.
    rgb : (red, green, blue)
        0 to 255; no two classes of a set of labels have the same.
    """

    number: int
    name: str
    meaning: ClassId
    rgb: tuple[int, int, int]

    @property
    def has_plants(self) -> bool:
        """Whether its ground belongs to plants, which can be told apart."""
        return self.meaning in (ClassId.CROP, ClassId.WEED)


BASE_CLASSES = (
    ClassRow(number=0, name="soil", meaning=ClassId.SOIL, rgb=(138, 109, 75)),
    ClassRow(number=1, name="crop", meaning=ClassId.CROP, rgb=(47, 191, 113)),
    ClassRow(number=2, name="weed", meaning=ClassId.WEED, rgb=(255, 63, 164)),
    ClassRow(number=255, name="ignore", meaning=ClassId.IGNORE, rgb=(154, 160, 166)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMapping:
    """What each class name of one source means.

    Attributes
    ----------
    source : str
        Name of the source, for messages.
    names : mapping of str to int
        Names of the data set and the number of the class that each means. The names of the table
        mean themselves, in any case, unless they are given another meaning.
    table : tuple of ClassRow
        The classes that there are.
    """

    source: str
    names: Mapping[str, int]
    table: tuple[ClassRow, ...] = BASE_CLASSES

    @classmethod
    def of(
        cls, source: str, words: Mapping[str, str], table: tuple[ClassRow, ...] = BASE_CLASSES
    ) -> ClassMapping:
        """Make it from a configuration's words, such as ``{"Zea mays": "crop"}``.

        Raises
        ------
        DatasetError
            A word names no class of the table.
        """
        numbers = {row.name.casefold(): row.number for row in table}
        for name, word in words.items():
            if word.casefold() not in numbers:
                raise DatasetError(
                    f"{source}: the class {name!r} is to mean {word!r}, which is no class here; "
                    f"expected {', '.join(row.name for row in table)}"
                )
        names = {name: numbers[word.casefold()] for name, word in words.items()}
        return cls(source=source, names=names, table=table)

    def meaning(self, name: str) -> int | None:
        """Return the number of the class that a name means; None where nothing says it."""
        own = name.strip().casefold()
        return self.names.get(
            name, next((row.number for row in self.table if row.name.casefold() == own), None)
        )

    def has_plants(self, number: int) -> bool:
        """Whether a class's ground belongs to plants."""
        return any(row.number == number and row.has_plants for row in self.table)

    def check(self, names: Iterable[str], file: Path) -> None:
        """Refuse names of unknown meaning, all of them at once.

        Raises
        ------
        DatasetError
            Naming the file, the classes, and the key to add.
        """
        unknown = sorted({name for name in names if self.meaning(name) is None})
        if unknown:
            entries = ", ".join(f'"{name}" = "weed"' for name in unknown)
            words = ", ".join(sorted(row.name for row in self.table))
            raise DatasetError(
                f"{file}: nothing says what {_words(unknown)} mean; add to the source "
                f"{self.source!r} classes = {{ {entries} }}, each with one of {words}"
            )

    def __getitem__(self, name: str) -> int:
        found = self.meaning(name)
        if found is None:
            raise KeyError(name)
        return found


def _words(names: list[str]) -> str:
    return f"the class{'es' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
