"""Frozen dataclasses to JSON and back, with a JSON schema that any viewer understands.

Rules, also in FORMAT.md: keys are the fields' names; enums are their values; tuples are
arrays; NaN (not measured) and None (not there) leave their key out, so that a number is
always a number, but for a field with another default NaN is null; infinity is written as the
greatest finite double.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import Any, TypeVar, Union, get_args, get_origin

from agriseg.errors import RecordingError

T = TypeVar("T")

Encoder = Callable[[Any], Any]
Decoder = Callable[[Any], Any]

_SCHEMA_OF_SCALAR = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
}


def to_json(message: object) -> bytes:
    """Return a message as compact JSON, UTF-8.

    Parameters
    ----------
    message : dataclass instance
        Its fields are int, float, str, bool, enums, mappings of these, dataclasses, and
        tuples of dataclasses or scalars.
    """
    return dump_json(encoder_of(typing.cast(Any, type(message)))(message))


def dump_json(value: object) -> bytes:
    """Return plain JSON types as compact JSON; numbers that JSON lacks become finite."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode()


def from_json(cls: type[T], data: bytes) -> T:
    """Return the message of type ``cls`` that `to_json` wrote.

    Keys that this version does not know are ignored; keys that are missing get the field's
    default, NaN for numbers without one.

    Raises
    ------
    RecordingError
        The bytes are not JSON, or lack a field that has no default, or hold a wrong type.
    """
    try:
        return typing.cast(T, decoder_of(typing.cast(Any, cls))(json.loads(data)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecordingError(
            f"a recorded {cls.__name__} cannot be read ({error}): the file is damaged or was"
            " written by another program"
        ) from error


def json_schema(cls: type) -> dict[str, Any]:
    """Return the JSON schema of a dataclass, with nested types written out in place."""
    return {"title": f"agriseg.{cls.__name__}", **_schema_of(cls)}


@functools.cache
def encoder_of(annotation: Any) -> Encoder:
    """Return a function from values of the annotated type to plain JSON types."""
    kind, inner = _kind_of(annotation)
    if kind == "dataclass":
        return _dataclass_encoder(annotation)
    if kind == "tuple":
        item = encoder_of(inner)
        return lambda values: [item(value) for value in values]
    if kind == "optional":
        return encoder_of(inner)
    if kind == "enum":
        return lambda value: value.value
    if kind == "mapping":
        return lambda value: {str(k): v for k, v in value.items() if not _is_nan(v)}
    return lambda value: value


@functools.cache
def decoder_of(annotation: Any) -> Decoder:
    """Return a function from plain JSON types to values of the annotated type."""
    kind, inner = _kind_of(annotation)
    if kind == "dataclass":
        return _dataclass_decoder(annotation)
    if kind == "tuple":
        item = decoder_of(inner)
        return lambda values: tuple(item(value) for value in values)
    if kind == "optional":
        return decoder_of(inner)
    if kind == "enum":
        return typing.cast(Decoder, annotation)
    if kind == "mapping":
        return _plain_mapping
    return _scalar_decoder(annotation)


def _dataclass_encoder(cls: type) -> Encoder:
    fields = [(name, encoder_of(hint)) for name, hint in _hints(cls).items()]
    with_default = {
        field.name: field.default
        for field in dataclasses.fields(cls)
        if isinstance(field.default, float) and not _is_nan(field.default)
    }

    def encode(message: object) -> dict[str, Any]:
        out = {}
        for name, encode_field in fields:
            value = getattr(message, name)
            if value is not None and not _is_nan(value):
                out[name] = encode_field(value)
            elif name in with_default:
                out[name] = None
        return out

    return encode


def _dataclass_decoder(cls: type) -> Decoder:
    decoders = {name: decoder_of(hint) for name, hint in _hints(cls).items()}
    absent = {field.name: _absent(field, cls) for field in dataclasses.fields(cls)}

    def decode(data: Mapping[str, Any]) -> object:
        values = {}
        for name, decode_field in decoders.items():
            if name in data:
                values[name] = decode_field(data[name])
            elif name in absent and absent[name] is not dataclasses.MISSING:
                values[name] = absent[name]
        return cls(**values)

    return decode


def _absent(field: dataclasses.Field[Any], cls: type) -> object:
    """Return what a field is when its key is not in the file; MISSING to use the default."""
    has_default = (
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )
    if has_default:
        return dataclasses.MISSING
    kind, _ = _kind_of(_hints(cls)[field.name])
    if kind == "optional":
        return None
    return float("nan") if _hints(cls)[field.name] is float else dataclasses.MISSING


def _scalar_decoder(annotation: type) -> Decoder:
    def decode(value: object) -> object:
        if annotation is float and value is None:
            return math.nan
        if annotation is float and type(value) is int:
            return float(value)
        if type(value) is not annotation:
            raise TypeError(f"{value!r} is not of type {annotation.__name__}")
        return value

    return decode


def _plain_mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not an object")
    return value


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _kind_of(annotation: Any) -> tuple[str, Any]:
    """Return what an annotation is, and what it holds."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(inner) == 1:
            return "optional", inner[0]
    elif origin is tuple:
        return "tuple", get_args(annotation)[0]
    elif origin is not None and issubclass(origin, Mapping):
        return "mapping", None
    elif dataclasses.is_dataclass(annotation):
        return "dataclass", None
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        return "enum", None
    elif annotation in _SCHEMA_OF_SCALAR:
        return "scalar", None
    raise TypeError(f"{annotation} has no form in the recording")


def _schema_of(annotation: Any) -> dict[str, Any]:
    kind, inner = _kind_of(annotation)
    if kind == "dataclass":
        hints = _hints(annotation)
        return {"type": "object", "properties": {k: _schema_of(v) for k, v in hints.items()}}
    if kind == "tuple":
        return {"type": "array", "items": _schema_of(inner)}
    if kind == "optional":
        return _schema_of(inner)
    if kind == "enum":
        scalar = "integer" if issubclass(annotation, IntEnum) else "string"
        return {
            "type": scalar,
            "description": ", ".join(f"{e.value}: {e.name}" for e in annotation),
        }
    if kind == "mapping":
        return {"type": "object", "properties": {}}
    return dict(_SCHEMA_OF_SCALAR[annotation])


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _finite(value: Any) -> Any:
    """Return a copy without NaN (None in arrays) and infinities (greatest double)."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return max(-sys.float_info.max, min(sys.float_info.max, value))
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value
