"""``agriseg models deploy|rollback|log|delete|pack|unpack|key|trust``: versions of models."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from agriseg.errors import RegistryError

Actions = argparse._SubParsersAction


def add_actions(actions: Actions[argparse.ArgumentParser]) -> None:
    """Add the actions to ``agriseg models``."""
    deploy = actions.add_parser(
        "deploy",
        help="use a model from now on",
        description="Use a model wherever the configuration names none. Engines load it when they "
        "start next. A model that was not shown to be no worse than the one in use "
        "(`agriseg learn prove`) is refused without --unproven.",
    )
    deploy.add_argument("model", metavar="MODEL", help="name as in `agriseg models list`")
    deploy.add_argument("--unproven", action="store_true", help="deploy it all the same")
    deploy.set_defaults(run=run_deploy)
    rollback = actions.add_parser("rollback", help="return to the model that was in use before")
    rollback.set_defaults(run=run_rollback)
    log = actions.add_parser("log", help="which model was in use since when")
    log.add_argument("--json", action="store_true", help="the log as JSON")
    log.set_defaults(run=run_log)
    delete = actions.add_parser("delete", help="delete one of your models")
    delete.add_argument("model", metavar="MODEL", help="name as in `agriseg models list`")
    delete.set_defaults(run=run_delete)
    _add_travel(actions)


def _add_travel(actions: Actions[argparse.ArgumentParser]) -> None:
    pack = actions.add_parser(
        "pack",
        help="write a model as one signed file, for another robot",
        description="Write a model with its card and provenance as one file, signed with this "
        "computer's key. See agriseg/registry/PACK.md.",
    )
    pack.add_argument("model", metavar="MODEL", help="name as in `agriseg models list`")
    pack.add_argument(
        "--out", type=Path, default=Path(), metavar="FILE|DIR", help="where to (default: here)"
    )
    pack.set_defaults(run=run_pack)
    unpack = actions.add_parser(
        "unpack",
        help="take a packed model; it is not deployed by that",
        description="Check a packed model's signature and files and add it to your models.",
    )
    unpack.add_argument("pack", type=Path, metavar="FILE", help="a file by `agriseg models pack`")
    unpack.set_defaults(run=run_unpack)
    key = actions.add_parser("key", help="this computer's signing key, and the trusted ones")
    key.set_defaults(run=run_key)
    trust = actions.add_parser(
        "trust",
        help="trust the key that a packed model is signed with",
        description="Trust a signer from now on. Compare the fingerprint with what `agriseg models "
        "key` shows on the robot that packed the model, not with the file alone.",
    )
    trust.add_argument("fingerprint", metavar="FINGERPRINT", help="as the other robot shows it")
    trust.add_argument(
        "--pack", type=Path, required=True, metavar="FILE", help="a file signed with that key"
    )
    trust.add_argument("--label", default="", metavar="NAME", help="whose key it is")
    trust.set_defaults(run=run_trust)


def run_deploy(args: argparse.Namespace) -> int:
    """Deploy; return the exit status."""
    from agriseg.registry.store import ModelRegistry

    registry = ModelRegistry()
    before = registry.deployed_id()
    model = registry.deploy(args.model, unproven=args.unproven)
    print(f"deployed: {model.model_id}; before: {before or 'the shipped model'}")
    print("Engines load it when they start next; `agriseg models rollback` returns.")
    return 0


def run_rollback(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Roll back; return the exit status."""
    from agriseg.registry.store import ModelRegistry

    model = ModelRegistry().roll_back()
    print(f"deployed again: {model.model_id}. Engines load it when they start next.")
    return 0


def run_log(args: argparse.Namespace) -> int:
    """Print the log of deployments; return the exit status."""
    from dataclasses import asdict

    from agriseg.registry.store import ModelRegistry

    log = ModelRegistry().log()
    if args.json:
        print(json.dumps([asdict(entry) for entry in log], indent=2))
        return 0
    if not log:
        print("the shipped model has been in use all the time")
    for entry in log:
        name = entry.model_id or "the shipped model"
        print(f"{entry.at}  {entry.how:<9} {name}  weights {entry.weights_sha256[:12]}")
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Delete a model; return the exit status."""
    from agriseg.registry.store import ModelRegistry

    ModelRegistry().delete(args.model)
    print(f"deleted: {args.model}")
    return 0


def run_pack(args: argparse.Namespace) -> int:
    """Pack a model; return the exit status."""
    from agriseg.registry.keys import KeyRing
    from agriseg.registry.pack import write_pack
    from agriseg.registry.store import ModelRegistry

    packed = write_pack(args.model, args.out, ModelRegistry(), KeyRing(), lambda: datetime.now(UTC))
    size = packed.path.stat().st_size
    print(f"written: {packed.path} ({size / 1e6:.1f} MB)")
    print(f"signed with the key {packed.signer}; the other robot asks whether to trust it")
    return 0


def run_unpack(args: argparse.Namespace) -> int:
    """Unpack a model; return the exit status."""
    from agriseg.registry.keys import KeyRing
    from agriseg.registry.pack import open_pack, take_pack
    from agriseg.registry.store import ModelRegistry

    opened = open_pack(args.pack)
    model_id = take_pack(opened, ModelRegistry(), KeyRing())
    print(f"added: {model_id}, signed with the key {opened.signer}")
    print(f"To use it: `agriseg learn prove {model_id}`, then `agriseg models deploy {model_id}`")
    return 0


def run_key(args: argparse.Namespace) -> int:  # noqa: ARG001
    """Print the own key's fingerprint and the trusted ones; return the exit status."""
    from agriseg.registry.keys import KeyRing, fingerprint

    keys = KeyRing()
    print(f"this computer  {fingerprint(keys.own_public_key())}")
    for one in keys.trusted():
        print(f"trusted        {one.fingerprint}  {one.label}")
    return 0


def run_trust(args: argparse.Namespace) -> int:
    """Trust a pack's signer; return the exit status."""
    from agriseg.registry.keys import KeyRing
    from agriseg.registry.pack import open_pack

    opened = open_pack(args.pack)
    if args.fingerprint.strip().upper() != opened.signer:
        raise RegistryError(
            f"{args.pack}: is signed with the key {opened.signer}, not {args.fingerprint}; "
            "nothing was changed"
        )
    KeyRing().trust(opened.public_key, args.label)
    print(f"trusted from now on: {opened.signer}  {args.label}".rstrip())
    return 0
