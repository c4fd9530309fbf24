"""Parts end by themselves, so that what is kept in memory of them stays small."""

from __future__ import annotations

from pathlib import Path

from agriseg.messages import RunEvent
from agriseg.recording import topics
from agriseg.recording.codec import to_json
from agriseg.recording.part_stream import PartStream


def test_a_part_ends_after_as_many_flushes_as_were_allowed(tmp_path: Path) -> None:
    stream = PartStream(
        tmp_path, "data", {topics.EVENT: RunEvent}, {}, part_bytes=2**31, most_flushes=3
    )
    for index in range(7):
        event = RunEvent(t_s=float(index), kind="note", text="driving")
        stream.add(topics.EVENT, index, index, to_json(event))
        stream.flush()
    stream.close()
    parts = sorted(tmp_path.glob("data-*.mcap"))
    assert len(parts) == 3
    assert all(part.read_bytes().endswith(b"\x89MCAP0\r\n") for part in parts)
