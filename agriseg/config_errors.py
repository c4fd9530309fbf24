"""What is wrong with a configuration, in sentences: key, value, what was expected."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def sentences(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """Return one line for each thing that is wrong.

    Parameters
    ----------
    error : ValidationError
        Of ``model``.
    model : type of BaseModel
        The whole configuration.
    source : str
        Names the origin of the values.
    """
    return "\n".join(_sentence(dict(item), model, source) for item in error.errors())


def _sentence(item: dict[str, Any], model: type[BaseModel], source: str) -> str:
    path = tuple(item["loc"])
    key, value = ".".join(map(str, path)) or "the file", item["input"]
    if item["type"] == "extra_forbidden":
        return f"{source}: {key} is not a known key{_nearest(model, path)}"
    if item["type"] == "missing":
        return f"{source}: {key} is missing; `agriseg config` explains every key"
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "value_error":
        return f"{source}: {key}: {message}"
    field = _field(model, path)
    expected = _range(field) if item["type"] in _BOUNDS and field is not None else ""
    expected = expected or message.removeprefix("Input should be ").partition(", unable")[0]
    hint = _unit_hint(key, value, field) or _default_hint(field)
    return f"{source}: {key} is {value!r}; expected {expected}{hint}"


def _nearest(model: type[BaseModel], path: Sequence[str | int]) -> str:
    table = _table(model, path[:-1])
    names = difflib.get_close_matches(str(path[-1]), table.model_fields if table else (), 1)
    if not names:
        return "; `agriseg config` lists them all"
    meant = ".".join(map(str, (*path[:-1], names[0])))
    return f"; did you mean {meant}? `agriseg config` lists them all"


def _table(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the section at a path; items of a list count as the list."""
    present: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        field = present.model_fields.get(part) if present else None
        present = _section_of(field.annotation) if field else None
    return present


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _field(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    table = _table(model, path[:-1])
    return table.model_fields.get(str(path[-1])) if table and path else None


def _bound(field: FieldInfo, name: str) -> Any:
    return next((v for m in field.metadata if (v := getattr(m, name, None)) is not None), None)


def _range(field: FieldInfo) -> str:
    """Return a field's range in words, such as ``0.01 to 2`` or ``more than 0``."""
    low, above, high, below = (_bound(field, name) for name in ("ge", "gt", "le", "lt"))
    parts = [f"{low:g} or more"] if low is not None else []
    parts += [f"more than {above:g}"] if above is not None else []
    parts += [f"at most {high:g}"] if high is not None else []
    parts += [f"less than {below:g}"] if below is not None else []
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return " and ".join(parts)


def _unit_hint(key: str, value: object, field: FieldInfo | None) -> str:
    """Say which unit was probably meant, when the value would fit in it."""
    if field is None or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    if key.endswith("_ms") and value > 0 and _fits(1e3 * value, field):
        return f"; the unit is milliseconds: {value:g} s would be {value * 1000:g}"
    if key.endswith("_m") and _fits(1e-3 * value, field):
        return f"; the unit is metres: {value:g} mm would be {value / 1000:g}"
    return ""


def _fits(value: float, field: FieldInfo) -> bool:
    low, above, high, below = (_bound(field, name) for name in ("ge", "gt", "le", "lt"))
    return (
        (low is None or value >= low)
        and (above is None or value > above)
        and (high is None or value <= high)
        and (below is None or value < below)
    )


def _default_hint(field: FieldInfo | None) -> str:
    default = None if field is None or field.is_required() else field.default
    if isinstance(default, bool):
        return f" ({str(default).lower()} where it is left out)"
    is_plain = isinstance(default, int | float | str) and default != ""
    return f" ({default!r} where it is left out)" if is_plain else ""
