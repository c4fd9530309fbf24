"""A reader that knows nothing of AgriSeg lists the topics with schemas and decodes everything."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from recording_samples import CONFIG, record

from agriseg.config import RecordingConfig
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
            "agriseg.calibration",
            "agriseg.pictures",
        }


JPEG = CONFIG.model_copy(update={"recording": RecordingConfig(pictures="jpeg")})


def test_stills_are_foxglove_images_that_any_decoder_opens(tmp_path: Path) -> None:
    record(tmp_path / "run", 5, config=JPEG)
    stills = [m for m in camera_messages(tmp_path / "run") if m[1] == "/camera/image"]
    assert len(stills) == 5
    for schema, _, image, message in stills:
        assert schema == "foxglove.CompressedImage"
        assert image["format"] == "jpeg"
        data = np.frombuffer(base64.b64decode(image["data"]), np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (48, 64, 3)
        stamp = image["timestamp"]
        assert stamp["sec"] * 10**9 + stamp["nsec"] == message.publish_time


def test_video_is_a_foxglove_video_of_vp9_frames_that_begins_with_a_key(tmp_path: Path) -> None:
    record(tmp_path / "run", 45)
    packets = [
        (image, message)
        for schema, topic, image, message in camera_messages(tmp_path / "run")
        if topic == "/camera/video" and schema == "foxglove.CompressedVideo"
    ]
    assert len(packets) == 45
    keys = [index for index, (image, _) in enumerate(packets) if image["is_key"]]
    assert keys == [0, 20, 40]
    for index, (image, message) in enumerate(packets):
        assert image["format"] == "vp9"
        assert image["sequence"] == index
        first = base64.b64decode(image["data"])[0]
        assert first >> 6 == 2, "the frame marker of VP9's uncompressed header"
        assert bool(first & 0b100) is not image["is_key"], "its frame_type"
        stamp = image["timestamp"]
        assert stamp["sec"] * 10**9 + stamp["nsec"] == message.publish_time


def camera_messages(run: Path) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """Yield schema, topic and content of the pictures, as a stock reader sees them."""
    with (run / "video-0000.mcap").open("rb") as stream:
        for schema, channel, message in make_reader(stream).iter_messages():
            assert schema is not None
            yield schema.name, channel.topic, json.loads(message.data), message
