"""``agriseg models fit``: how sure a model may be, and which frames it knows."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from agriseg.errors import DatasetError

_DESCRIPTION = """\
Copy a model to a new folder and fit two things to labelled images of a training configuration: the
temperature that makes its probabilities mean what they say (held-out groups), and the frames that
it knows (training images), so that it says when the camera shows something else. agriseg train does
the same at its end."""


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to ``agriseg models``."""
    parser = actions.add_parser(
        "fit", help="fit a model's confidence and familiar frames", description=_DESCRIPTION
    )
    parser.add_argument("model", metavar="MODEL", help="folder of a model, or its name")
    parser.add_argument("config", type=Path, metavar="CONFIG.toml", help="training configuration")
    parser.add_argument("--data", type=Path, default=Path(), help="where its folders lie")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads")
    parser.set_defaults(run=run_fit)


def run_fit(args: argparse.Namespace) -> int:
    """Fit, and say what was found; return the exit status."""
    from agriseg.models.bundle import open_bundle
    from agriseg.models.fitting import fit_bundle
    from agriseg.models.naming import find_model
    from agriseg.models.training_config import load_training_config
    from agriseg.models.training_sources import list_held_out, reference_images

    if args.out.exists():
        raise DatasetError(f"{args.out}: is there already; choose a new folder with --out")
    config = load_training_config(args.config)
    bundle = open_bundle(find_model(args.model))
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    examples = [example for found in held_out.values() for example in found]
    if not examples:
        raise DatasetError(f"{args.config}: no source holds out any group; set held_out in one")
    partial = args.out.with_name(f"{args.out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(bundle.directory, partial)
    fit_bundle(partial, lambda: reference_images(config, args.data), examples, args.threads)
    partial.rename(args.out)
    manifest = open_bundle(args.out).manifest
    if manifest.confidence is not None:
        found = manifest.confidence
        print(
            f"temperature {found.temperature:.3f}: calibration error {found.ece_before:.4f} "
            f"before, {found.ece_after:.4f} after, on {found.images} held-out images"
        )
    if manifest.familiarity is None:
        print("too few images to tell unfamiliar frames by")
    else:
        spec = manifest.familiarity
        share = f"{spec.false_alarms:.0%} of {spec.frames} held-out frames"
        print(f"unfamiliar above {spec.threshold:.3f}: {share}")
    print(f"model written to {args.out}")
    return 0
