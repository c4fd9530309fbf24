"""``agriseg config``: the configuration file explained, and a check of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from agriseg.config import Config, load_config
from agriseg.errors import ConfigError

_COMMENT_WIDTH = 90

_DESCRIPTION = """\
Print the built-in configuration as a TOML file with every key, its unit and its range
explained. Save it with --write, change what differs on your machine, and give it to the
window (`agriseg --config FILE`) or to a run (`agriseg run --config FILE`). Keys that are
left out keep their built-in value."""

_HEADER = """\
# AgriSeg configuration, with the built-in values. Keys that are left out keep these values;
# unknown keys and values out of range are refused. `agriseg config --check FILE` tells what
# a file changes."""

_UNITS = (
    ("_l_min", "litres a minute"),
    ("_m_s2", "m/s²"),
    ("_m_s", "m/s"),
    ("_per_m", "per metre"),
    ("_per_m2", "per m²"),
    ("_m2", "m²"),
    ("_ms", "milliseconds"),
    ("_deg", "degrees"),
    ("_kpa", "kPa"),
    ("_px", "pixels"),
    ("_gb", "GB"),
    ("_s", "seconds"),
    ("_m", "metres"),
)

Schema = Mapping[str, Any]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "config",
        help="print the explained configuration, or check a file",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--write", type=Path, metavar="FILE", help="write it to a new file instead of printing it"
    )
    action.add_argument(
        "--check", type=Path, metavar="FILE", help="check a file and print what it changes"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print, write or check; return the exit status.

    Raises
    ------
    ConfigError
        The checked file cannot be used, or the file to write exists or cannot be written.
    """
    if args.check is not None:
        sys.stdout.write(describe_changes(args.check, load_config(args.check)))
    elif args.write is not None:
        _write_new(args.write, render_config())
        sys.stdout.write(f"{args.write}: written; change it and check it with --check\n")
    else:
        sys.stdout.write(render_config())
    return 0


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"{path}: this file exists and is not overwritten; choose another name or remove it"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: the file cannot be written ({error.strerror})") from error


def describe_changes(path: Path, config: Config) -> str:
    """Return one line per value of ``config`` that is not the built-in one."""
    built_in = dict(_flatten(Config().model_dump(mode="json")))
    changes = [
        f"  {key} = {_toml(value)}  (built-in: {_toml(built_in[key]) if key in built_in else '-'})"
        for key, value in _flatten(config.model_dump(mode="json"))
        if built_in.get(key) != value
    ]
    if not changes:
        return f"{path}: usable; it changes nothing\n"
    values = "1 value" if len(changes) == 1 else f"{len(changes)} values"
    return "\n".join((f"{path}: usable; it changes {values}:", *changes, ""))


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def render_config() -> str:
    """Return the built-in configuration as commented TOML; `load_config` reads it back."""
    schema = Config.model_json_schema()
    definitions: Schema = schema["$defs"]
    lines = [_HEADER, *_table((), schema, Config().model_dump(mode="json"), definitions)]
    return "\n".join(lines) + "\n"


def _table(
    path: tuple[str, ...], schema: Schema, values: Mapping[str, Any], definitions: Schema
) -> Iterator[str]:
    """Yield a table's own keys first, then its sub-tables, as TOML demands."""
    if path:
        yield ""
        yield from _comment(schema.get("description", ""))
        yield f"[{'.'.join(path)}]"
    properties: Mapping[str, Schema] = schema["properties"]
    listed = [key for key, item in properties.items() if "$ref" in item.get("items", {})]
    sections = [key for key, item in properties.items() if _is_section(item, definitions)]
    for key, item in properties.items():
        if key not in listed and key not in sections:
            yield from _key(key, item, values[key], definitions)
    for key in listed:
        entry = definitions[_reference(properties[key]["items"])]
        yield from _list_example((*path, key), entry, definitions)
    for key in sections:
        section = definitions[_reference(properties[key])]
        yield from _table((*path, key), section, values[key], definitions)


def _key(key: str, item: Schema, value: object, definitions: Schema) -> Iterator[str]:
    yield from _comment(item.get("description", ""))
    limits = _limits(key, _resolve(item, definitions))
    if value is None:  # TOML has no word for it: the key is left out
        yield f"# {key} = ...  # {limits}"
        return
    line = f"{key} = {_toml(value)}"
    if len(line) + len(limits) > _COMMENT_WIDTH:
        yield from _comment(f"{limits}.")
        limits = ""
    yield line + (f"  # {limits}" if limits else "")


def _list_example(path: tuple[str, ...], schema: Schema, definitions: Schema) -> Iterator[str]:
    """Yield how an entry of a list of tables is written, as a comment: the list is empty."""
    yield from _comment(f"{schema.get('description', '')} Any number of entries such as:")
    yield f"#   [[{'.'.join(path)}]]"
    for key, item in schema["properties"].items():
        yield f"#   {key} = ...  # {_limits(key, _resolve(item, definitions))}"


def _reference(item: Schema) -> str:
    return str(item["$ref"]).rsplit("/", 1)[-1]


def _is_section(item: Schema, definitions: Schema) -> bool:
    return "$ref" in item and "properties" in definitions[_reference(item)]


def _resolve(item: Schema, definitions: Schema) -> Schema:
    """Return the schema of the value itself: behind a reference, or beside null."""
    if "$ref" in item:
        return {**definitions[_reference(item)], "description": ""}
    choices = [choice for choice in item.get("anyOf", ()) if choice.get("type") != "null"]
    return choices[0] if choices else item


def _limits(key: str, item: Schema) -> str:
    """Return range and unit in words, such as "0.1 to 1 seconds"."""
    if "enum" in item:
        return "one of " + ", ".join(_toml(value) for value in item["enum"])
    unit = next((name for suffix, name in _UNITS if key.endswith(suffix)), "")
    low = _bound(item, "minimum", "exclusiveMinimum", "more than")
    high = _bound(item, "maximum", "exclusiveMaximum", "less than")
    if low and high:
        span = f"{low} to {high}"
    elif low:
        span = low if low.startswith("more") else f"at least {low}"
    else:
        span = f"at most {high}" if high else ""
    return " ".join(part for part in (span, unit) if part)


def _bound(item: Schema, inclusive: str, exclusive: str, word: str) -> str:
    if inclusive in item:
        return f"{item[inclusive]:.10g}"
    return f"{word} {item[exclusive]:.10g}" if exclusive in item else ""


def _comment(text: str) -> Iterator[str]:
    for paragraph in text.replace("``", "").split("\n\n"):
        yield from (f"# {line}" for line in wrap(" ".join(paragraph.split()), _COMMENT_WIDTH))


def _toml(value: object) -> str:
    """Return a plain value as TOML; JSON's strings, numbers and lists are TOML's too."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
