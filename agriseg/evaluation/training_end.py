"""What a training ends with: a bundle with its card, its figures, and a report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agriseg.errors import DatasetError
from agriseg.evaluation.drawings import WorstPicture, draw_worst
from agriseg.evaluation.figures import evaluation_figures, worst_images
from agriseg.evaluation.labelled import labelled_files
from agriseg.evaluation.model_card import SourceCount, TrainedModel, model_card
from agriseg.evaluation.pages import write_figures, write_whole
from agriseg.evaluation.plants import PlantRule
from agriseg.evaluation.scores import Judgement, score_images
from agriseg.evaluation.training_report import training_page
from agriseg.models import open_segmenter
from agriseg.models.fitting import fit_bundle
from agriseg.models.training_config import TrainingConfig
from agriseg.models.training_events import StopReason
from agriseg.models.training_log import read_log
from agriseg.models.training_sources import Example, list_training, reference_images

BUNDLE_NAME = "bundle"
REPORT_NAME = "report.html"
FIGURES_NAME = "figures.json"

_ENDINGS = {
    StopReason.FINISHED: "trained to the end of the schedule",
    StopReason.EARLY: "ended early, with the weights of the best validation",
    StopReason.CANCELLED: "stopped before its end",
}


def finish_training(
    export: Callable[[Path], Path],
    *,
    config: TrainingConfig,
    config_path: Path,
    data: Path,
    held_out: Mapping[str, Sequence[Example]],
    out: Path,
    reason: StopReason,
    threads: int,
    tell: Callable[[str], None],
) -> tuple[Path, Path]:
    """Export, score and describe a trained network.

    The bundle takes the place of an older one when it is complete, never before.

    Parameters
    ----------
    export : callable
        Writes the bundle into a folder and returns it.
    config, config_path, data
        What it was trained with.
    held_out : mapping of str to sequence of Example
    out : Path
        The training's folder.
    reason : StopReason
    threads : int
        CPU threads for the scoring; 0: all.
    tell : callable
        Is told what is being done.

    Returns
    -------
    bundle, report : Path

    Raises
    ------
    DatasetError, ModelFileError
        Something cannot be written or read.
    """
    tell("exporting the model")
    partial = out / f"{BUNDLE_NAME}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    export(partial)
    tell("fitting confidence and familiar frames")
    examples = [example for found in held_out.values() for example in found]
    fit_bundle(partial, lambda: reference_images(config, data), examples, threads)
    tell("scoring held-out images")
    model, worst = _judged(partial, config, config_path, data, held_out, out, reason, threads)
    write_whole(partial / "MODEL_CARD.md", model_card(model).encode())
    write_whole(partial / "training.toml", model.config_text.encode())
    bundle = _put_in_place(partial, out / BUNDLE_NAME)
    write_whole(out / REPORT_NAME, training_page(model, worst).encode())
    if model.figures is not None:
        write_figures(out / FIGURES_NAME, model.figures)
    return bundle, out / REPORT_NAME


def _judged(
    bundle: Path,
    config: TrainingConfig,
    config_path: Path,
    data: Path,
    held_out: Mapping[str, Sequence[Example]],
    out: Path,
    reason: StopReason,
    threads: int,
) -> tuple[TrainedModel, list[WorstPicture]]:
    segmenter = open_segmenter(bundle, runtime="openvino", threads=threads)
    try:
        files = labelled_files(held_out)
        judgement = Judgement(rule=PlantRule.of(None))
        scored = score_images(segmenter, files, judgement)
        worst = draw_worst(segmenter, worst_images(scored))
        figures = (
            evaluation_figures(segmenter.name, "held-out groups", scored, judgement)
            if scored
            else None
        )
    finally:
        segmenter.close()
    model = TrainedModel(
        config=config,
        config_text=config_path.read_text(encoding="utf-8"),
        counts=_counts(config, data, held_out),
        figures=figures,
        course=read_log(out),
        ending=_ENDINGS[reason],
        segmenter=segmenter.name,
    )
    return model, worst


def _counts(
    config: TrainingConfig, data: Path, held_out: Mapping[str, Sequence[Example]]
) -> dict[str, SourceCount]:
    trained = list_training(config.enabled_sources, data)
    return {
        source.name: SourceCount(
            trained=source.frames if source.kind == "simulation" else len(trained[source.name]),
            held_out=len(held_out.get(source.name, ())),
            held_out_groups=source.held_out,
        )
        for source in config.enabled_sources
    }


def _put_in_place(partial: Path, target: Path) -> Path:
    """Give a complete folder its name; the one that had it goes only then."""
    old = target.with_name(f"{target.name}.old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            target.rename(old)
        partial.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise DatasetError(f"{target}: cannot be written ({error.strerror})") from error
    return target
