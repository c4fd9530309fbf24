"""Copies of recordings that say nothing of where they were made, to be given away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agriseg.config import Config
from agriseg.errors import RecordingError
from agriseg.recording import topics
from agriseg.recording.part_stream import PartStream
from agriseg.recording.reader import open_run
from agriseg.recording.run_directories import CONFIG_FILE, DATA_PREFIX, RUN_FILE, VIDEO_PREFIX

_PRIVATE = ("position", "boundary", "record", "mqtt")
"""Sections of the configuration that tell place, people or accounts."""
_PART_BYTES = 2 * 1024**3


def copy_without_position(
    run: Path, out: Path, progress: Callable[[str, float], None] = lambda _, __: None
) -> Path:
    """Copy a recording without positions, names and accounts.

    What is left out: all positions of the satellite receiver, the configuration of position,
    boundary, record-keeping and MQTT, where the simulated field lies, the paths of folders, events
    about the boundary, and every file beside the recording (report, summary, notes). The pictures
    are kept: what they show is not looked at. Times are kept.

    Parameters
    ----------
    run : Path
    out : Path
        Folder of the copy; must not be there.
    progress : callable
        Told what is copied and the share of it that is done, 0 to 1.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    RecordingError
        The run cannot be read, or the copy not be written, or is there already.
    """
    if out.exists():
        raise RecordingError(f"{out}: this exists and is not overwritten; choose another name")
    with open_run(run) as recording:
        metadata = {name: dict(values) for name, values in recording.metadata.items()}
        config = _without_places(recording.config)
        start_ns, duration_ns = recording.info.start_ns, max(1.0, 1e9 * recording.duration_s)
        metadata["agriseg.config"] = {"json": config.model_dump_json()}
        try:
            out.mkdir(parents=True)
            for prefix, of_topics in (
                (DATA_PREFIX, topics.DATA_TOPICS),
                (VIDEO_PREFIX, topics.VIDEO_TOPICS),
            ):
                kept = {name: cls for name, cls in of_topics.items() if name != topics.POSITION}
                stream = PartStream(out, prefix, kept, metadata, _PART_BYTES)
                for raw in recording.raw_messages(prefix):
                    if raw.topic in kept and not _tells_place(raw.topic, raw.data):
                        stream.add(raw.topic, raw.log_ns, raw.publish_ns, raw.data)
                        stream.write_out()
                    share = (raw.log_ns - start_ns) / duration_ns
                    progress(f"Copying {prefix}", min(max(share, 0.0), 1.0))
                stream.flush()
                stream.close()
                progress(f"Copying {prefix}", 1.0)
            about = {name.removeprefix("agriseg."): values for name, values in metadata.items()}
            del about["config"]
            (out / RUN_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            written = config.model_dump(mode="json")
            (out / CONFIG_FILE).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise RecordingError(
                f"{out}: the copy cannot be written ({error.strerror or error})"
            ) from error
    return out


def _without_places(config: Config) -> Config:
    plain = Config()
    return config.model_copy(
        update={
            **{name: getattr(plain, name) for name in _PRIVATE},
            "recording": config.recording.model_copy(update={"directory": ""}),
            "simulation": config.simulation.model_copy(
                update={"gnss": plain.simulation.gnss, "world": "sim"}
            ),
        }
    )


def _tells_place(topic: str, data: bytes) -> bool:
    if topic != topics.EVENT:
        return False
    event: dict[str, Any] = json.loads(data)
    words = f"{event.get('kind', '')} {event.get('text', '')}".lower()
    return "boundary" in words or "zone" in words
