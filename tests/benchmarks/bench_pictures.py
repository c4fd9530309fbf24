"""What compression costs a model: ``python tests/benchmarks/bench_pictures.py [--seconds N]``.

Records the simulated field (or, with ``--world``, photographs laid out as ground) at each quality,
lets the model look at the recorded pictures again, and prints the intersection over union with the
masks that it gave live, which are kept without loss: of soil, crop and weed, for pictures of the
video and for stills, and the room that an hour takes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from agriseg.app import main as agriseg
from agriseg.messages import ClassId, Frame, UInt8Array
from agriseg.models.runtime import open_segmenter
from agriseg.ports import Segmenter
from agriseg.recording.quality import QUALITIES
from agriseg.recording.reader import Run, open_run

_EVERY = 7
_MOST_STILLS = 40
_BEGIN = 21
"""Frames that are left out: the first second is better than what follows."""
_CLASSES = (ClassId.SOIL, ClassId.CROP, ClassId.WEED)


def main() -> None:
    """Record, look again, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--world", default="sim", help="sim, or a folder with images and masks")
    parser.add_argument("--qualities", nargs="+", default=list(QUALITIES))
    arguments = parser.parse_args()
    segmenter = open_segmenter(None)
    with tempfile.TemporaryDirectory() as folder:
        for quality in arguments.qualities:
            out, settings = Path(folder) / quality, Path(folder) / f"{quality}.toml"
            settings.write_text(f'[recording]\nquality = "{quality}"\n')
            command = ["run", "--world", arguments.world, "--seconds", str(arguments.seconds)]
            command += ["--speed", str(arguments.speed), "--seed", "1", "--headless"]
            agriseg([*command, "--config", str(settings), "--out", str(out)])
            with open_run(out) as run:
                tell(quality, run, segmenter)
    segmenter.close()


def tell(name: str, run: Run, segmenter: Segmenter) -> None:
    """Print what one quality keeps."""
    size = sum(file.stat().st_size for file in run.directory.glob("*.mcap"))
    stills = run.stills
    of_video = [i for i in range(_BEGIN, run.frame_count, _EVERY) if i not in set(stills.tolist())]
    per_hour = 3600.0 / run.duration_s / 1e9
    print(f"{name}: {size * per_hour:.2f} GB an hour, {len(stills)} stills")
    for what, indices in (
        ("video", of_video),
        ("stills", stills.tolist()[:: -(-len(stills) // 40)]),
    ):
        soil, crop, weed = overlaps(run, segmenter, indices)
        print(f"  {what}: IoU of soil {soil:.3f}, crop {crop:.3f}, weed {weed:.3f}")


def overlaps(run: Run, segmenter: Segmenter, indices: list[int]) -> list[float]:
    """Return the intersection over union of each class, over all of these frames."""
    shared, either = np.zeros(3), np.zeros(3)
    for index in indices:
        recorded = run.frame(index)
        again = looked(segmenter, recorded.image)
        for place, class_id in enumerate(_CLASSES):
            live, now = recorded.labels == class_id, again == class_id
            shared[place] += np.count_nonzero(live & now)
            either[place] += np.count_nonzero(live | now)
    return (shared / np.maximum(either, 1.0)).tolist()


def looked(segmenter: Segmenter, image: UInt8Array) -> UInt8Array:
    """Return the classes that the model sees in a picture."""
    return segmenter.segment(Frame(frame_id=0, t_capture_s=0.0, image=image, name="")).labels


if __name__ == "__main__":
    main()
