"""What is wrong with a configuration is told by key, value and range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agriseg.config import load_config, parse_config
from agriseg.errors import ConfigError


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            {"boom": {"pitch_m": -0.04}},
            "robot.toml: boom.pitch_m is -0.04; expected 0.01 to 2 (0.04 where it is left out)",
        ),
        (
            {"boom": {"pitch_m": 40}},
            "robot.toml: boom.pitch_m is 40; expected 0.01 to 2; the unit is metres:"
            " 40 mm would be 0.04",
        ),
        (
            {"boom": {"open_latency_ms": 0.012}},
            "robot.toml: boom.open_latency_ms is 0.012; expected 1 to 250; the unit is"
            " milliseconds: 0.012 s would be 12",
        ),
        (
            {"boom": {"flow_l_min": 0.0}},
            "robot.toml: boom.flow_l_min is 0.0; expected more than 0 and at most 20"
            " (0.4 where it is left out)",
        ),
        (
            {"boom": {"nozzle_count": "many"}},
            "robot.toml: boom.nozzle_count is 'many'; expected a valid integer"
            " (24 where it is left out)",
        ),
        (
            {"boom": {"nozle_count": 8}},
            "robot.toml: boom.nozle_count is not a known key; did you mean boom.nozzle_count?"
            " `agriseg config` lists them all",
        ),
        (
            {"boom": {"nozzles": [{"nozzle": 1, "x_mm": 0.1}]}},
            "robot.toml: boom.nozzles.0.x_mm is not a known key; did you mean boom.nozzles.0.x_m?"
            " `agriseg config` lists them all",
        ),
        (
            {"boom": {"nozzles": [{"x_m": 0.1}]}},
            "robot.toml: boom.nozzles.0.nozzle is missing; `agriseg config` explains every key",
        ),
        ({"sprayer": {}}, "robot.toml: sprayer is not a known key; did you mean spray?"),
        (
            {"zzz": 1},
            "robot.toml: zzz is not a known key; `agriseg config` lists them all",
        ),
        (
            {"recording": {"enabled": "perhaps"}},
            "robot.toml: recording.enabled is 'perhaps'; expected a valid boolean"
            " (true where it is left out)",
        ),
        ({"boom": 3}, "robot.toml: boom is 3; expected a valid dictionary"),
        ({"config_version": 9}, "robot.toml: config_version is 9, this program reads version 1"),
    ],
)
def test_the_sentence_names_key_value_and_range(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, source="robot.toml")
    assert str(caught.value).startswith(sentence)


def test_every_mistake_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"boom": {"pitch_m": 0.0, "x_m": 99.0}}, source="robot.toml")
    assert [line.split()[1] for line in str(caught.value).splitlines()] == [
        "boom.pitch_m",
        "boom.x_m",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[boom", "this is not TOML"),
        (b"\xff\xd8\xff", "this is no text file (byte 0 is not UTF-8)"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "robot.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such configuration file"):
        load_config(tmp_path / "none.toml")
