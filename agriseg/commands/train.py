"""``agriseg train``: from labelled images to weights."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agriseg.errors import DatasetError

if TYPE_CHECKING:
    from agriseg.models.training import Network, Trainer, TrainingProgress, Validate
    from agriseg.models.training_config import TrainingConfig
    from agriseg.models.training_sources import Example


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train a model from labelled images",
        description="Train a model as a configuration file says, and write it as a model bundle. "
        "Checkpoints, the log and the bundle (DIR/bundle) go to the output folder; an interrupted "
        "training goes on with --resume. The architectures random-forest and linear-svm are fitted "
        "in one go by scikit-learn, to schedule.steps * schedule.batch crops.",
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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and export; return the exit status."""
    from agriseg.models.training_config import load_training_config

    config = load_training_config(args.config)
    network = _fitted(config, args) if _is_fitted(config) else _trained(config, args)
    bundle = export_trained(network, config, args.data, _output(config, args) / "bundle")
    print(f"model written to {bundle}")
    return 0


def _is_fitted(config: TrainingConfig) -> bool:
    from agriseg.models.networks import architecture_named

    return architecture_named(config.network.architecture).learner == "scikit-learn"


def _trained(config: TrainingConfig, args: argparse.Namespace) -> Network:
    """Train step by step; return the averaged network."""
    from agriseg.models.training import bundle_weights

    trainer = _trainer(config, args)
    if args.resume:
        trainer.resume()
    elif config.network.start_from:
        trainer.begin_from(bundle_weights(args.config.parent / config.network.start_from))
    trainer.run(_report)
    return trainer.averaged_network


def _fitted(config: TrainingConfig, args: argparse.Namespace) -> Network:
    """Fit a classifier of pixels in one go, and say how it does on held-out images."""
    from agriseg.models.dataset import CropSampler
    from agriseg.models.pixel_training import fit_classifier, label_image
    from agriseg.models.training_sources import list_held_out, load_training_images

    if args.resume or config.network.start_from:
        raise DatasetError(
            f"{args.config}: {config.network.architecture!r} is fitted in one go; leave out "
            "--resume and network.start_from"
        )
    images = load_training_images(config.enabled_sources, args.data, config.seed)
    network = fit_classifier(config, CropSampler(images, config.schedule.crop_px, config.seed))
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    validate = validator(held_out, config.schedule.validation_images)
    figures = validate(lambda image: label_image(network, image, config.input))
    print(f"fitted  {_miou_words(figures)}", flush=True)
    return network


def _output(config: TrainingConfig, args: argparse.Namespace) -> Path:
    return args.out if args.out is not None else Path("training") / config.name


def _trainer(config: TrainingConfig, args: argparse.Namespace) -> Trainer:
    from agriseg.models.dataset import CropSampler
    from agriseg.models.networks import architecture_named
    from agriseg.models.training import Trainer, training_device
    from agriseg.models.training_sources import list_held_out, load_training_images
    from agriseg.opencv import cv2

    cv2.setNumThreads(1)
    device = training_device(args.device, args.threads)
    if not args.resume and (_output(config, args) / "checkpoint.pt").exists():
        raise DatasetError(
            f"{_output(config, args) / 'checkpoint.pt'}: a training is there already; go on with "
            "--resume, or choose another --out"
        )
    has_heads = architecture_named(config.network.architecture).plant_heads
    if has_heads and config.plants.freeze_trunk and not config.network.start_from:
        raise DatasetError(
            f"{args.config}: plants.freeze_trunk is on and network.start_from is empty; name the "
            "bundle whose classes are to be kept, or set plants.freeze_trunk = false"
        )
    images = load_training_images(
        config.enabled_sources, args.data, config.seed, with_ids=has_heads
    )
    return Trainer(
        config,
        CropSampler(images, config.schedule.crop_px, config.seed),
        validator(
            list_held_out(config.enabled_sources, args.data, config.seed),
            config.schedule.validation_images,
        ),
        _output(config, args),
        device,
    )


def export_trained(network: Network, config: TrainingConfig, data: Path, directory: Path) -> Path:
    """Write the bundle, quantised with a spread of training images; return its folder.

    Classifiers of pixels stay in floating point: eight bits would move their thresholds.
    """
    from agriseg.models.bundle import InputSpec
    from agriseg.models.dataset import read_image
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


def validator(held_out: Mapping[str, Sequence[Example]], images: int) -> Validate:
    """Return what scores a labelling on some of the held-out images of every source."""
    from agriseg.models.training import LabelImage
    from agriseg.segmentation.metrics import CLASSES, PixelScores

    chosen = {
        source: samples[:: max(1, len(samples) // images)][:images]
        for source, samples in held_out.items()
    }

    def validate(label: LabelImage) -> dict[str, float]:
        figures = {}
        for source, samples in chosen.items():
            scores = PixelScores.empty()
            for sample in samples:
                image, truth = sample.load()
                scores += PixelScores.of(label(image), truth)
            figures[f"{source}.miou"] = scores.mean_iou
            for class_id in CLASSES:
                figures[f"{source}.{class_id.name.lower()}"] = float(scores.iou[class_id])
        return figures

    return validate


def _report(progress: TrainingProgress) -> None:
    figures = _miou_words(progress.validation)
    remaining_min = progress.remaining_s / 60.0
    print(
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.3f}  {figures}  "
        f"{remaining_min:.0f} min left",
        flush=True,
    )


def _miou_words(figures: Mapping[str, float]) -> str:
    return "  ".join(
        f"{name} {value:.3f}" for name, value in figures.items() if name.endswith(".miou")
    )
