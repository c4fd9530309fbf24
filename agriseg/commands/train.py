"""``agriseg train``: from labelled images to weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import AgrisegError, DatasetError

if TYPE_CHECKING:
    from agriseg.models.distillation import Teacher
    from agriseg.models.team import Team
    from agriseg.models.training import Device, Network, Trainer
    from agriseg.models.training_config import TrainingConfig
    from agriseg.models.training_control import FileControl
    from agriseg.models.training_events import StopReason
    from agriseg.models.training_sources import Example
    from agriseg.training_progress import Speaker

STOPPED = 130
"""Exit status of a training that was stopped and can be resumed."""

_DESCRIPTION = """\
Train a model as a configuration file says, and write it as a model bundle with its card and a
report. Checkpoints, the log, curves for TensorBoard, the bundle (DIR/bundle) and the report
(DIR/report.html) go to the output folder; an interrupted training goes on with --resume. Ctrl-C
stops it after the present step; DIR/control with the word pause or stop does the same from outside.
Several GPUs: torchrun --nproc-per-node N -m agriseg train CONFIG. The architectures random-forest
and linear-svm are fitted in one go by scikit-learn, to schedule.steps * schedule.batch crops. More
in agriseg/models/TRAINING.md."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train", help="train a model from labelled images", description=_DESCRIPTION
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="training configuration")
    parser.add_argument(
        "--data", type=Path, default=Path(), help="folder that the sources' directories lie in"
    )
    parser.add_argument(
        "--out", type=Path, help="output folder (default: training/NAME)", metavar="DIR"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to train"
    )
    parser.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "json"),
        default="auto",
        help="how it tells of its course: a bar on a terminal, lines, or JSON for other programs",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and export; return the exit status."""
    from agriseg.models.training_config import load_training_config
    from agriseg.models.training_events import TrainingFailed
    from agriseg.training_progress import open_speaker

    config = load_training_config(args.config)
    speaker = open_speaker(args.progress, sys.stdout, sys.stderr)
    try:
        return _run(config, args, speaker)
    except AgrisegError as error:
        if args.progress == "json":
            speaker.hear(TrainingFailed(message=str(error)))
        raise
    finally:
        speaker.close()


def _run(config: TrainingConfig, args: argparse.Namespace, speaker: Speaker) -> int:
    from agriseg.models.team import joined_team
    from agriseg.models.training_control import CONTROL_NAME, FileControl, stopping_by_signals
    from agriseg.models.training_events import StopReason
    from agriseg.models.training_start import training_device
    from agriseg.opencv import cv2

    if _is_fitted(config):
        network = _fitted(config, args)
        _finish(network, config, args, speaker, StopReason.FINISHED)
        return 0
    cv2.setNumThreads(1)
    control = FileControl(_output(config, args) / CONTROL_NAME)
    device = training_device(args.device, args.threads)
    with joined_team(device) as (team, own_device), stopping_by_signals(control):
        trainer, held_out = _trainer(config, args, team, own_device, control)
        reason = _train(trainer, config, args, speaker, team)
        if reason is StopReason.CANCELLED:
            return STOPPED
        if team.rank == 0:
            _finish(trainer.averaged_network, config, args, speaker, reason, held_out)
    return 0


def _train(
    trainer: Trainer,
    config: TrainingConfig,
    args: argparse.Namespace,
    speaker: Speaker,
    team: Team,
) -> StopReason:
    """Train, with curves; return why it ended."""
    from agriseg.models.training_events import TrainingEvent
    from agriseg.models.training_log import open_curves

    wanted = config.log.tensorboard and team.rank == 0
    curves = open_curves(_output(config, args), trainer.step, wanted=wanted)

    def hear(event: TrainingEvent) -> None:
        speaker.hear(event)
        if curves is not None:
            curves.hear(event)

    try:
        return trainer.run(hear)
    finally:
        if curves is not None:
            curves.close()


def _is_fitted(config: TrainingConfig) -> bool:
    from agriseg.models.networks import architecture_named

    return architecture_named(config.network.architecture).learner == "scikit-learn"


def _fitted(config: TrainingConfig, args: argparse.Namespace) -> Network:
    """Fit a classifier of pixels in one go, and say how it does on held-out images."""
    from agriseg.evaluation.held_out import validator
    from agriseg.models.dataset import CropSampler
    from agriseg.models.pixel_training import fit_classifier, label_image
    from agriseg.models.training_sources import list_held_out, load_training_images
    from agriseg.training_progress import miou_words

    if args.resume or config.network.start_from or config.distillation.teacher:
        raise DatasetError(
            f"{args.config}: {config.network.architecture!r} is fitted in one go; leave out "
            "--resume, network.start_from and distillation.teacher"
        )
    images = load_training_images(config.enabled_sources, args.data, config.seed)
    network = fit_classifier(config, CropSampler(images, config.schedule.crop_px, config.seed))
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    validate = validator(held_out, config.schedule.validation_images)
    figures = validate(lambda image: label_image(network, image, config.input))
    print(f"fitted  {miou_words(figures)}", file=sys.stderr, flush=True)
    return network


def _output(config: TrainingConfig, args: argparse.Namespace) -> Path:
    out: Path | None = args.out
    return out if out is not None else Path("training") / config.name


def _trainer(
    config: TrainingConfig,
    args: argparse.Namespace,
    team: Team,
    device: Device,
    control: FileControl,
) -> tuple[Trainer, Mapping[str, Sequence[Example]]]:
    """Load the data and get ready; return the held-out images too."""
    from agriseg.evaluation.held_out import check_classes, validator
    from agriseg.models.checkpoints import CHECKPOINT_NAME
    from agriseg.models.dataset import CropSampler
    from agriseg.models.networks import architecture_named
    from agriseg.models.training import Trainer
    from agriseg.models.training_sources import (
        list_held_out,
        load_training_images,
        plants_to_paste,
    )
    from agriseg.models.training_start import bundle_weights

    out, schedule, sources = _output(config, args), config.schedule, config.enabled_sources
    if not args.resume and (out / CHECKPOINT_NAME).exists():
        raise DatasetError(
            f"{out / CHECKPOINT_NAME}: a training is there already; go on with "
            "--resume, or choose another --out"
        )
    has_heads = architecture_named(config.network.architecture).plant_heads
    if has_heads and config.plants.freeze_trunk and not config.network.start_from:
        raise DatasetError(
            f"{args.config}: plants.freeze_trunk is on and network.start_from is empty; name the "
            "bundle whose classes are to be kept, or set plants.freeze_trunk = false"
        )
    images = load_training_images(sources, args.data, config.seed, with_ids=has_heads)
    held_out = list_held_out(sources, args.data, config.seed)
    check_classes(images, held_out, schedule.validation_images, config.missing_classes)
    pasting = plants_to_paste(sources, images, config.augmentation, config.seed)
    trainer = Trainer(
        config,
        CropSampler(images, schedule.crop_px, config.seed, pasting),
        validator(held_out, schedule.validation_images, out),
        out,
        device,
        team=team,
        control=control,
        teacher=_teacher(config, args),
    )
    start = config.network.start_from
    weights = bundle_weights(args.config.parent / start) if start else {}
    if args.resume:
        trainer.resume()
    elif start:
        trainer.begin_from(weights)
    trainer.keep_of(weights)
    return trainer, held_out


def _teacher(config: TrainingConfig, args: argparse.Namespace) -> Teacher | None:
    from agriseg.models.distillation import open_teacher

    settings = config.distillation
    if not settings.teacher:
        return None
    return open_teacher(args.config.parent / settings.teacher, settings, config.input)


def _finish(
    network: Network,
    config: TrainingConfig,
    args: argparse.Namespace,
    speaker: Speaker,
    reason: StopReason,
    held_out: Mapping[str, Sequence[Example]] | None = None,
) -> None:
    """Write the bundle with its card, score it, and write the report."""
    from agriseg.evaluation.training_end import finish_training
    from agriseg.models.training_events import ModelWritten, StageBegun
    from agriseg.models.training_sources import list_held_out

    out = _output(config, args)
    if held_out is None:
        held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    bundle, report = finish_training(
        lambda directory: export_trained(network, config, args.data, directory),
        config=config,
        config_path=args.config,
        data=args.data,
        held_out=held_out,
        out=out,
        reason=reason,
        threads=args.threads,
        tell=lambda stage: speaker.hear(StageBegun(stage=stage)),
    )
    speaker.hear(ModelWritten(bundle=bundle, report=report))


def export_trained(network: Network, config: TrainingConfig, data: Path, directory: Path) -> Path:
    """Write the bundle, quantised with a spread of training images; return its folder.

    Classifiers of pixels stay in floating point: eight bits would move their thresholds.
    """
    from agriseg.datasets.labels import read_image
    from agriseg.models.bundle import InputSpec
    from agriseg.models.export import export_bundle
    from agriseg.models.training_sources import list_training

    quantises = config.export.quantise and not _is_fitted(config)
    sources = list_training(config.enabled_sources, data)
    share = max(1, config.export.calibration_images // max(1, len(sources)))
    chosen = [
        sample.image_path
        for samples in sources.values()
        for sample in samples[:: max(1, len(samples) // share)][:share]
    ]
    bundle = export_bundle(
        network,
        directory,
        name=config.name,
        version=config.export.version,
        architecture=config.network.architecture,
        spec=InputSpec(
            long_side_px=config.input.long_side_px, mean=config.input.mean, std=config.input.std
        ),
        licence=config.export.licence,
        calibration=[read_image(path) for path in chosen] if quantises else [],
    )
    return bundle.directory
