"""The label files of one picture: read, checked, and written where they changed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from agriseg.datasets.folder import read_ids, read_mask
from agriseg.errors import LabelError
from agriseg.labelling.classes import ClassList
from agriseg.labelling.document import InstanceArray, LabelDocument
from agriseg.labelling.edits import Point
from agriseg.labelling.files import ProjectPaths, trouble, write_whole
from agriseg.messages import UInt8Array
from agriseg.opencv import cv2

_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
"""Masks are long runs: a tenth of the time of the default, and files of about the same size."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredLabels:
    """Labels of one picture as the files hold them; arrays as in `LabelDocument`."""

    classes: UInt8Array
    instances: InstanceArray
    stems: Mapping[int, Point] = field(default_factory=dict)
    confidence: UInt8Array | None = None

    @classmethod
    def of(cls, document: LabelDocument) -> StoredLabels:
        """Copy a document's labels as they are now."""
        confidence = document.confidence
        return cls(
            classes=document.classes.copy(),
            instances=document.instances.copy(),
            stems=dict(document.stems),
            confidence=None if confidence is None else confidence.copy(),
        )


def read_labels(
    paths: ProjectPaths, stem: str, shape: tuple[int, int], classes: ClassList
) -> StoredLabels:
    """Read what there is of a picture's labels; what there is not is soil, without plants.

    Parameters
    ----------
    paths : ProjectPaths
    stem : str
    shape : (H, W)
        Of the picture.
    classes : ClassList
        Of the project; where own classes and ``masks/`` disagree, ``masks/`` holds.

    Raises
    ------
    DatasetError, LabelError
        A file cannot be read, or does not fit the picture.
    """
    if not paths.mask(stem).is_file():
        empty = np.zeros(shape, np.uint8)
        return StoredLabels(
            classes=empty,
            instances=np.zeros(shape, np.uint16),
            stems=_read_stems(paths.stems(stem)),
        )
    mask = read_mask(paths.mask(stem), shape)
    found = mask
    if paths.fine(stem).is_file():
        fine = _read_bytes_map(paths.fine(stem), shape)
        found = np.where(classes.meanings(fine) == mask, fine, mask)
    ids = paths.instances(stem)
    instances = read_ids(ids, mask) if ids.is_file() else np.zeros(shape, np.uint16)
    sure = paths.confidence(stem)
    return StoredLabels(
        classes=found,
        instances=instances,
        stems=_read_stems(paths.stems(stem)),
        confidence=_read_bytes_map(sure, shape) if sure.is_file() else None,
    )


class LabelWriter:
    """Writes one picture's label files, and notices when another program does.

    Parameters
    ----------
    paths : ProjectPaths
    stem : str
    classes : ClassList
    """

    def __init__(self, paths: ProjectPaths, stem: str, classes: ClassList) -> None:
        self._paths = paths
        self._stem = stem
        self.classes = classes
        self._seen = {path: _signature(path) for path in paths.of_picture(stem)}
        self._written: dict[Path, int] = {}

    def write(self, labels: StoredLabels) -> tuple[Path, ...]:
        """Write the files whose content changed; return copies of what other programs wrote.

        Raises
        ------
        LabelError
            A file cannot be written; those before it are.
        """
        aside: list[Path] = []
        for path, data in self._files(labels).items():
            aside += self._put(path, data)
        return tuple(aside)

    def _files(self, labels: StoredLabels) -> dict[Path, UInt8Array | InstanceArray | bytes | None]:
        """Return the content of every file; None for one that is not to be there.

        The mask is last: whoever finds it finds the others.
        """
        paths, stem = self._paths, self._stem
        has_own = bool(np.isin(labels.classes, [one.class_id for one in self.classes.own]).any())
        stems = {str(plant): point for plant, point in sorted(labels.stems.items())}
        return {
            paths.fine(stem): labels.classes if has_own else None,
            paths.instances(stem): labels.instances if labels.instances.any() else None,
            paths.confidence(stem): labels.confidence,
            paths.stems(stem): (json.dumps(stems) + "\n").encode() if stems else None,
            paths.mask(stem): self.classes.meanings(labels.classes),
        }

    def _put(self, path: Path, content: UInt8Array | InstanceArray | bytes | None) -> list[Path]:
        checksum = _checksum(content)
        if self._written.get(path) == checksum and _signature(path) == self._seen[path]:
            return []
        aside = self._put_aside(path)
        if content is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, content if isinstance(content, bytes) else _png(content, path))
        self._seen[path] = _signature(path)
        self._written[path] = checksum
        return aside

    def _put_aside(self, path: Path) -> list[Path]:
        """Keep what another program wrote since this one looked at the file last."""
        if not path.exists() or _signature(path) == self._seen[path]:
            return []
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = self._paths.aside / path.parent.name / f"{path.stem}-{moment}{path.suffix}"
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            path.replace(kept)
        except OSError as error:
            raise LabelError(trouble(kept, error)) from error
        return [kept]


def _checksum(content: UInt8Array | InstanceArray | bytes | None) -> int:
    if content is None:
        return 0
    return zlib.crc32(content if isinstance(content, bytes) else np.ascontiguousarray(content).data)


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with every writing of a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _png(pixels: UInt8Array | InstanceArray, path: Path) -> bytes:
    done, encoded = cv2.imencode(".png", pixels, _PNG)
    if not done:
        raise LabelError(f"{path}: cannot be encoded as PNG, {pixels.shape} {pixels.dtype}")
    return encoded.tobytes()


def _read_bytes_map(path: Path, shape: tuple[int, int]) -> UInt8Array:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape != shape or found.dtype != np.uint8:
        what = "nothing readable" if found is None else f"{found.shape} {found.dtype}"
        raise LabelError(
            f"{path}: expected an 8-bit map of {shape[1]}x{shape[0]}, found {what}; delete the "
            "file to go on with masks/ alone"
        )
    return np.asarray(found, np.uint8)


def _read_stems(path: Path) -> dict[int, Point]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {int(plant): (float(u), float(v)) for plant, (u, v) in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise LabelError(
            f"{path}: cannot be read as stems ({error}); expected an object of plant number to "
            "[u, v]; mend it, or delete it to go on without stems"
        ) from error
