"""A run written by format version 1 must open for ever, with the figures that it had then.

``tests/golden/run-v1`` is the sample run of ``recording_samples.py`` as the first program wrote
it; it is never written again. A later format version gets a golden run of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from agriseg.recording.reader import open_run
from agriseg.recording.report import read_summary


@pytest.fixture(scope="module")
def golden(repository: Path) -> Path:
    return repository / "tests" / "golden" / "run-v1"


def test_every_message_and_picture_of_version_1_is_read(golden: Path) -> None:
    expected = json.loads(golden.with_suffix(".json").read_text())
    with open_run(golden) as run:
        assert run.info.format_version == 1
        assert run.recovery.is_whole
        assert dict(Counter(record.topic for record in run.records())) == expected["messages"]
        frame = run.frame(7)
        digest = hashlib.sha256(frame.labels.tobytes()).hexdigest()
        assert digest == expected["frame_7_mask_sha256"]
        means = frame.image.reshape(-1, 3).mean(axis=0)
        assert means == pytest.approx(expected["frame_7_mean_bgr"], abs=1.0)
        pulse = [record.message for record in run.records({"/pulse"})][3]
        told = {name: getattr(pulse, name) for name in expected["pulse_3"] if name != "outcome"}
        assert {**told, "outcome": pulse.outcome.value} == expected["pulse_3"]
        assert run.problems == ()


def test_the_figures_of_version_1_are_what_they_were(golden: Path) -> None:
    expected = json.loads(golden.with_suffix(".json").read_text())["summary"]
    summary, _ = read_summary(golden)
    for name, value in expected.items():
        assert summary[name] == value, name
