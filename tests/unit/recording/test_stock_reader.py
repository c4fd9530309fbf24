"""A reader that knows nothing of AgriSeg lists the topics with schemas and decodes everything."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from recording_samples import record

from agriseg.opencv import cv2
from agriseg.recording.topics import DATA_TOPICS, VIDEO_TOPICS


@pytest.mark.parametrize(
    ("file", "expected"),
    [("data-0000.mcap", set(DATA_TOPICS)), ("video-0000.mcap", set(VIDEO_TOPICS))],
)
def test_topics_and_schemas_are_listed_and_every_message_decodes(
    tmp_path: Path, file: str, expected: set[str]
) -> None:
    record(tmp_path / "run", 25)
    with (tmp_path / "run" / file).open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        assert {channel.topic for channel in summary.channels.values()} == expected
        counts: Counter[str] = Counter()
        for schema, channel, message in reader.iter_messages():
            assert schema is not None
            assert schema.encoding == "jsonschema"
            assert channel.message_encoding == "json"
            properties = json.loads(schema.data)["properties"]
            assert set(json.loads(message.data)) <= set(properties)
            counts[channel.topic] += 1
        assert summary.statistics is not None
        assert counts.total() == summary.statistics.message_count
        assert {record.name for record in reader.iter_metadata()} == {
            "agriseg.run",
            "agriseg.config",
            "agriseg.versions",
            "agriseg.model",
        }


def test_pictures_are_foxglove_images_that_any_decoder_opens(tmp_path: Path) -> None:
    record(tmp_path / "run", 5)
    with (tmp_path / "run" / "video-0000.mcap").open("rb") as stream:
        for schema, channel, message in make_reader(stream).iter_messages():
            assert schema is not None
            assert schema.name == "foxglove.CompressedImage"
            image = json.loads(message.data)
            assert image["format"] == ("jpeg" if channel.topic == "/camera/image" else "png")
            data = np.frombuffer(base64.b64decode(image["data"]), np.uint8)
            assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (48, 64, 3)
            stamp = image["timestamp"]
            assert stamp["sec"] * 10**9 + stamp["nsec"] == message.publish_time
