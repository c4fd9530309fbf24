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
class ClassMapping:
    """What each class name of one source means.

    Attributes
    ----------
    source : str
        Name of the source, for messages.
    names : mapping of str to ClassId
        As configured. The four words of `CLASS_WORDS` mean themselves, in any case, unless they
        are given another meaning.
    """

    source: str
    names: Mapping[str, ClassId]

    @classmethod
    def of(cls, source: str, words: Mapping[str, str]) -> ClassMapping:
        """Make it from a configuration's words, such as ``{"Zea mays": "crop"}``."""
        return cls(source=source, names={name: CLASS_WORDS[word] for name, word in words.items()})

    def meaning(self, name: str) -> ClassId | None:
        """Return what a name means; None where nothing says it."""
        return self.names.get(name, CLASS_WORDS.get(name.strip().casefold()))

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
            raise DatasetError(
                f"{file}: nothing says what {_words(unknown)} mean; add to the source "
                f"{self.source!r} classes = {{ {entries} }}, each with soil, crop, weed or ignore"
            )

    def __getitem__(self, name: str) -> ClassId:
        found = self.meaning(name)
        if found is None:
            raise KeyError(name)
        return found


def _words(names: list[str]) -> str:
    return f"the class{'es' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
