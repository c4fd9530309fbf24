"""``agriseg models``: what models and architectures there are, and what they cost."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.commands.models_fit import add_action as add_fit
from agriseg.commands.models_registry import add_actions as add_registry
from agriseg.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from agriseg.models.architecture_search import Trial

_ROUNDS_LIMIT = 10_000

_DESCRIPTION = """\
Look at models and at the architectures that they can be trained from. A model is a folder with
weights (a bundle, see agriseg/models/FORMAT.md); an architecture is a kind of network without
weights, which `agriseg train` takes as network.architecture (see agriseg/models/ZOO.md). Your
models have versions; one of them, or the shipped one, is deployed: used where the configuration
names none (see agriseg/registry/REGISTRY.md)."""

_EPILOG = """\
examples:
  agriseg models list
  agriseg models info field-lite0
  agriseg models info training/my-field/bundle
  agriseg models info pidnet-s --size 960x544
  agriseg models compare --size 512x512 --names lite0-fpn-detail pidnet-s fast-scnn
  agriseg models deploy field-maize-1.2
  agriseg models rollback
  agriseg models pack field-maize-1.2 --out /media/stick
  agriseg models unpack /media/stick/field-maize-1.2.agrimodel
  agriseg models search --latency-ms 15 --size 960x544 --config my.toml --data photos --out found

A model in the folder that `agriseg models list` names is found by its folder's name."""

_COMPARE = """\
Build architectures with random weights and time them on this computer: the network alone, without
reading pictures, batch 1, in floating point, through the CPU runtime. Every round runs every
network once, and the table gives the median over the rounds. Close other programs first: the
figures are those of this computer as it is now. Accuracy is not compared here; train the
architectures and use `agriseg compare`."""

_SEARCH = """\
Find a small network that this computer runs within a time and that learns your data best: how
wide, how deep, with how many branches, at what picture size. Candidates are drawn at random and
timed here as `agriseg models compare` does; those within the budget are trained for a short while,
the better half again for twice as long, and so on, the last ones for the configuration's whole
schedule (successive halving). The configuration is one for `agriseg train`; its network section
is not used, and its held-out groups choose the winner, so judge it on other pictures.

DIR/bundle is the winner's model, DIR/search.json the figures of every trial. The same command
goes on after an interruption, with the latencies measured at first; with these, one seed (the
configuration's) gives one result."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "models",
        help="list, explain and time models and architectures",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_list(actions)
    _add_info(actions)
    _add_compare(actions)
    _add_search(actions)
    add_fit(actions)
    add_registry(actions)


def _add_list(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("list", help="every model found, and every architecture")
    parser.add_argument("--json", action="store_true", help="the lists as JSON")
    parser.set_defaults(run=run_list)


def _add_info(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("info", help="all about one model or architecture")
    parser.add_argument(
        "name", metavar="NAME|DIR", help="name of a model or architecture, or a model's folder"
    )
    _add_size(parser, "input size at which multiply-adds are counted")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    parser.set_defaults(run=run_info)


def _add_compare(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "compare", help="time architectures on this computer", description=_COMPARE
    )
    _add_size(parser, "input size of the networks")
    parser.add_argument(
        "--names", nargs="+", default=[], metavar="NAME", help="architectures (default: all)"
    )
    parser.add_argument(
        "--rounds", type=int, default=30, metavar="N", help="rounds that count (default: 30)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        metavar="N",
        help="CPU threads (default: all cores but one, yet both of two)",
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.set_defaults(run=run_compare)


def _add_search(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "search",
        help="find a small architecture within a latency",
        description=_SEARCH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--latency-ms", type=float, required=True, metavar="N", help="median time that is allowed"
    )
    parser.add_argument(
        "--size", required=True, metavar="WxH", help="largest input size; smaller ones are tried"
    )
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="training configuration"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(), help="folder that the sources' directories lie in"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="output folder, kept between runs"
    )
    parser.add_argument(
        "--candidates", type=int, default=16, metavar="N", help="candidates drawn (default: 16)"
    )
    parser.add_argument(
        "--rounds", type=int, default=30, metavar="N", help="rounds of timing (default: 30)"
    )
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="CPU threads while timing"
    )
    parser.set_defaults(run=run_search)


def _add_size(parser: argparse.ArgumentParser, purpose: str) -> None:
    parser.add_argument(
        "--size", default="512x512", metavar="WxH", help=f"{purpose} (default: 512x512)"
    )


def run_list(args: argparse.Namespace) -> int:
    """Print the models and the architectures; return the exit status."""
    from dataclasses import asdict

    from agriseg.models.bundle import SHIPPED_NAME
    from agriseg.models.catalog import list_architectures, list_models
    from agriseg.models.naming import user_models_directory
    from agriseg.registry.store import ModelRegistry

    models, architectures = list_models(), list_architectures()
    deployed = ModelRegistry().deployed_id() or SHIPPED_NAME
    if args.json:
        listed = {
            "models": [{**asdict(one), "directory": str(one.directory)} for one in models],
            "deployed": deployed,
            "architectures": [asdict(one) for one in architectures],
            "user_folder": str(user_models_directory()),
        }
        print(json.dumps(listed, indent=2))
        return 0
    console = _console()
    table = _table("Models", "name", "version", "architecture", "licence", "where")
    for model in models:
        where = "shipped" if model.is_shipped else str(model.directory)
        where += ", deployed" if model.name == deployed else ""
        table.add_row(
            model.name,
            model.version,
            model.architecture,
            model.licence,
            f"cannot be used: {model.problem}" if model.problem else where,
        )
    console.print(table)
    console.print(f"Your own models are looked for in {user_models_directory()}\n", soft_wrap=True)
    size = architectures[0].size
    table = _table(
        f"Architectures (multiply-adds at {size.width_px}x{size.height_px})",
        *("name", "parameters", "multiply-adds", "stride", "ImageNet weights", "paper"),
        right=("parameters", "multiply-adds", "stride"),
    )
    for one in architectures:
        table.add_row(
            one.name,
            _millions(one.parameters),
            _billions(one.macs),
            str(one.stride),
            "yes" if one.pretrained_backbone else "",
            one.paper,
        )
    console.print(table)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Print everything about one model or architecture; return the exit status."""
    from agriseg.models.catalog import (
        describe_architecture,
        describe_model,
        is_architecture,
        parse_input_size,
    )

    size = parse_input_size(args.size)
    describe = describe_architecture if is_architecture(args.name) else describe_model
    facts = describe(args.name, size)
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    rows = _architecture_rows(facts) if facts["kind"] == "architecture" else _model_rows(facts)
    for key, value in rows.items():
        print(f"{key:<16} {value}")
    if facts.get("card"):
        print(f"\n{facts['card'].rstrip()}")
    return 0


def run_compare(args: argparse.Namespace) -> int:
    """Time the architectures and print the figures; return the exit status."""
    from agriseg.models.bundle import CLASS_NAMES
    from agriseg.models.catalog import list_architectures, parse_input_size
    from agriseg.models.latency import cpu_latencies, cpu_precision
    from agriseg.models.runtime import default_threads

    _check_timing(args)
    size = parse_input_size(args.size)
    listed = list_architectures(list(dict.fromkeys(args.names)), size)
    threads = args.threads or default_threads()
    latencies = cpu_latencies(
        [one.name for one in listed],
        size,
        classes=len(CLASS_NAMES),
        rounds=args.rounds,
        threads=threads,
    )
    figures: dict[str, Any] = {
        "size": args.size,
        "runtime": "openvino",
        "precision": cpu_precision(),
        "threads": threads,
        "rounds": args.rounds,
        "architectures": [
            {
                "name": one.name,
                "parameters": one.parameters,
                "macs": one.macs,
                "stride": one.stride,
                "median_ms": latencies[one.name].median_ms,
                "slowest_tenth_ms": latencies[one.name].slowest_tenth_ms,
            }
            for one in sorted(listed, key=lambda one: latencies[one.name].median_ms)
        ],
    }
    if args.json:
        print(json.dumps(figures, indent=2))
    else:
        _print_comparison(figures)
    return 0


def run_search(args: argparse.Namespace) -> int:
    """Search, export the winner and print where it lies; return the exit status."""
    from agriseg.commands.train import export_trained
    from agriseg.evaluation.held_out import validator
    from agriseg.models.architecture_search import ArchitectureSearch, draw_candidates
    from agriseg.models.catalog import parse_input_size
    from agriseg.models.runtime import default_threads
    from agriseg.models.search_trials import (
        CandidateTrainer,
        candidate_config,
        measure_candidates,
    )
    from agriseg.models.training_config import load_training_config
    from agriseg.models.training_sources import list_held_out

    _check_timing(args)
    _check_search(args)
    frame = parse_input_size(args.size)
    config = load_training_config(args.config)
    held_out = list_held_out(config.enabled_sources, args.data, config.seed)
    if not held_out:
        raise ConfigError(f"{args.config}: no source holds anything out; a search needs held_out")
    trainer = CandidateTrainer(
        config,
        args.data,
        validator(held_out, config.schedule.validation_images),
    )
    search = ArchitectureSearch(
        draw_candidates(args.candidates, max(frame.width_px, frame.height_px), config.seed),
        args.out,
        lambda candidates: measure_candidates(
            candidates, frame, rounds=args.rounds, threads=args.threads or default_threads()
        ),
        trainer.train,
    )
    winner = search.run(args.latency_ms, config.schedule.steps, _report_trial)
    folder = search.folder(winner.candidate, winner.steps)
    bundle = export_trained(
        trainer.network(winner.candidate, winner.steps, folder),
        candidate_config(config, winner.candidate, winner.steps),
        args.data,
        args.out / "bundle",
    )
    print(f"best: {winner.candidate.name}, mIoU {winner.mean_iou:.3f}; model written to {bundle}")
    return 0


def _report_trial(trial: Trial) -> None:
    print(f"{trial.candidate.name}  {trial.steps} steps  mIoU {trial.mean_iou:.3f}", flush=True)


def _check_timing(args: argparse.Namespace) -> None:
    if not 1 <= args.rounds <= _ROUNDS_LIMIT:
        raise ConfigError(f"--rounds {args.rounds}: expected 1 to {_ROUNDS_LIMIT}")
    if args.threads < 0:
        raise ConfigError(f"--threads {args.threads}: expected 1 or more, or 0 for the default")


def _check_search(args: argparse.Namespace) -> None:
    if not args.latency_ms > 0.0:
        raise ConfigError(f"--latency-ms {args.latency_ms:g}: expected more than 0")
    if args.candidates < 1:
        raise ConfigError(f"--candidates {args.candidates}: expected 1 or more")


def _print_comparison(figures: dict[str, Any]) -> None:
    names = ("architecture", "parameters", "multiply-adds", "stride", "median", "9 of 10 below")
    title = (
        f"{figures['size']}, OpenVINO {figures['precision']}, CPU threads {figures['threads']}, "
        f"{figures['rounds']} rounds, random weights"
    )
    table = _table(title, *names, right=names[1:])
    for row in figures["architectures"]:
        table.add_row(
            row["name"],
            _millions(row["parameters"]),
            _billions(row["macs"]),
            str(row["stride"]),
            f"{row['median_ms']:.1f} ms",
            f"{row['slowest_tenth_ms']:.1f} ms",
        )
    _console().print(table)


def _architecture_rows(facts: dict[str, Any]) -> dict[str, str]:
    weights = "yes (network.pretrained = true)" if facts["pretrained_backbone"] else "none"
    return {
        "architecture": facts["name"],
        "paper": facts["paper"],
        "input": "RGB, normalised, both sides multiples of 32",
        "output": f"logits of every class at 1/{facts['stride']} of the input's size",
        "parameters": _millions(facts["parameters"]),
        "multiply-adds": f"{_billions(facts['macs'])} at {facts['size']}",
        "weights file": f"about {_megabytes(facts['float32_bytes'])} in float32",
        "ImageNet weights": weights,
    }


def _model_rows(facts: dict[str, Any]) -> dict[str, str]:
    training = facts["training"]
    rows = {
        "model": f"{facts['name']} {facts['version']}",
        "folder": facts["directory"],
        "architecture": facts["architecture"],
        "classes": ", ".join(facts["classes"]),
        "input": f"RGB, longer side {facts['input']['long_side_px']} px, "
        f"mean {facts['input']['mean']}, std {facts['input']['std']}",
        "parameters": _millions(facts["parameters"]),
        "multiply-adds": f"{_billions(facts['macs'])} at {facts['size']}",
        "CPU runtime": f"OpenVINO, {facts['openvino_precision']}",
        "files": ", ".join(f"{name} {_megabytes(size)}" for name, size in facts["files"].items()),
        "weights SHA-256": facts["weights_sha256"],
        "licence": facts["licence"],
    }
    if training:
        sources = ", ".join(
            f"{name} (held out: {', '.join(training['held_out'][name])})"
            if name in training["held_out"]
            else str(name)
            for name in training["sources"]
        )
        rows["trained on"] = f"{sources}; seed {training['seed']}"
    rows["attribution"] = facts["attribution"] if facts["card"] else "no model card in the folder"
    return rows


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False)


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in (columns[0], *right),
            overflow="fold",
        )
    return table


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M"


def _billions(count: int) -> str:
    return f"{count / 1e9:.2f} G"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
