"""What the model makes of pictures, asked in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agriseg.labelling.prelabel import Proposal, look_carefully, proposal_of
from ui.review.process_job import Tell


def pre_label(tell: Tell, pictures: dict[str, Path], folder: Path, bundle: Path | None) -> str:
    """Ask the model about pictures; runs in a process of its own.

    Parameters
    ----------
    tell : callable
    pictures : dict of stem to Path
    folder : Path
        Takes a file for each picture, ``STEM.npz``; `read_proposal` reads it.
    bundle : Path, optional
        The model; None for the deployed one.

    Returns
    -------
    str
        Name of the model.

    Raises
    ------
    ModelFileError, DatasetError
        The model cannot be used, or a picture not be read.
    """
    from agriseg.datasets.labels import read_image
    from agriseg.models import open_segmenter

    tell("The model is being loaded", 0.0)
    segmenter = open_segmenter(bundle)
    try:
        for number, (stem, path) in enumerate(pictures.items()):
            tell("The model looks at pictures", number / len(pictures))
            made = proposal_of(look_carefully(segmenter, read_image(path), stem))
            np.savez(
                folder / f"{stem}.npz",
                classes=made.classes,
                instances=made.instances,
                confidence=made.confidence,
                plants=np.array(list(made.stems), np.int64),
                stems=np.array(list(made.stems.values()), np.float64).reshape(-1, 2),
            )
        tell("The model looks at pictures", 1.0)
        return segmenter.name
    finally:
        segmenter.close()


def read_proposal(folder: Path, stem: str) -> Proposal:
    """Read what `pre_label` wrote."""
    with np.load(folder / f"{stem}.npz") as data:
        stems = zip(data["plants"].tolist(), data["stems"].tolist(), strict=True)
        return Proposal(
            classes=data["classes"],
            instances=data["instances"],
            confidence=data["confidence"],
            stems={int(plant): (float(u), float(v)) for plant, (u, v) in stems},
        )
