"""`agriseg calibrate boom-file` and `certificate`: what calibration hands on as files."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from agriseg.config import Config, load_config


def add_files(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both to the actions of `agriseg calibrate`."""
    boom = actions.add_parser("boom-file", help="the boom in force to a file, or from one")
    does = boom.add_mutually_exclusive_group(required=True)
    does.add_argument("--export", type=Path, metavar="FILE", help="write a new file")
    does.add_argument("--import", type=Path, metavar="FILE", dest="source", help="take it over")
    boom.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    boom.add_argument("--operator", default="", metavar="NAME", help="who takes it over")
    boom.set_defaults(run=_boom_file)
    certificate = actions.add_parser(
        "certificate", help="the newest verification drive as PDF and HTML"
    )
    certificate.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    certificate.add_argument("--out", type=Path, required=True, metavar="DIR")
    certificate.add_argument("--operator", default="", metavar="NAME", help="who drove")
    certificate.set_defaults(run=_certificate)


def _configured(args: argparse.Namespace) -> Config:
    return load_config(args.config) if args.config else Config()


def _boom_file(args: argparse.Namespace) -> int:
    from agriseg.calibration.boom_file import boom_result, export_boom, import_boom
    from agriseg.calibration.overlay import calibrated
    from agriseg.calibration.profiles import open_store
    from agriseg.calibration.steps import accept_result

    configured = _configured(args)
    store = open_store(configured)
    in_force = calibrated(configured, store).config
    if args.export is not None:
        export_boom(in_force.boom, args.export)
        sys.stdout.write(f"{args.export}: written\n")
        return 0
    result = boom_result(import_boom(args.source), in_force, f"read from {args.source.name}")
    if not result.values:
        sys.stdout.write(f"{args.source}: this boom is in force already\n")
        return 0
    accept_result(
        "boom",
        result,
        store=store,
        configured=configured,
        in_force=in_force,
        when=datetime.now(UTC),
        operator=args.operator,
    )
    sys.stdout.write(
        f"{args.source}: {_counted(len(result.values))} taken over, kept in {store.path};"
        " `agriseg calibrate undo boom` takes them back\n"
    )
    return 0


def _certificate(args: argparse.Namespace) -> int:
    from agriseg.calibration.certificate import newest_certificate, write_certificate
    from agriseg.calibration.profiles import open_store

    certificate = newest_certificate(open_store(_configured(args)), args.operator)
    pdf, page = write_certificate(certificate, args.out)
    sys.stdout.write(f"{certificate.verdict}: {pdf}\n{page}\n")
    return 0


def _counted(values: int) -> str:
    return "1 value" if values == 1 else f"{values} values"
