"""What models and architectures there are, and what each of them is; for people and scripts."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.errors import ConfigError, ModelFileError
from agriseg.models.bundle import CLASS_NAMES, ModelBundle, open_bundle
from agriseg.models.naming import find_model, shipped_models, user_models
from agriseg.models.sizing import NETWORK_SIZE_MULTIPLE, Size

if TYPE_CHECKING:
    from agriseg.models.cost import NetworkCost

CARD_NAME = "MODEL_CARD.md"
TRAINING_NAME = "training.toml"
DEFAULT_SIZE = Size(512, 512)
_SIDE_LIMIT_PX = 4096
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """One bundle that can be named.

    Attributes
    ----------
    name : str
        What commands call it.
    directory : Path
    is_shipped : bool
        Whether it comes with the program.
    problem : str
        Why it cannot be used; empty when it can.
    version, architecture, licence : str
        From its manifest, empty where that cannot be read.
    """

    name: str
    directory: Path
    is_shipped: bool
    problem: str
    version: str
    architecture: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedArchitecture:
    """One entry of the registry with what its network costs."""

    name: str
    paper: str
    stride: int
    pretrained_backbone: bool
    parameters: int
    macs: int
    size: Size


def list_models() -> list[ListedModel]:
    """Return the shipped models and the user's; damaged ones with what is wrong."""
    shipped = shipped_models()
    found = [_listed(name, path, is_shipped=True) for name, path in shipped.items()]
    mine = {name: path for name, path in user_models().items() if name not in shipped}
    return found + [_listed(name, path, is_shipped=False) for name, path in mine.items()]


def list_architectures(
    names: Sequence[str] = (), size: Size = DEFAULT_SIZE
) -> list[ListedArchitecture]:
    """Return the named architectures, all by default, with their cost at an input size.

    Raises
    ------
    ModelFileError
        No architecture of a name exists.
    """
    from agriseg.models.networks import ARCHITECTURES, architecture_named

    listed = []
    for name in names or sorted(ARCHITECTURES):
        entry = architecture_named(name)
        cost = _cost(name, size)
        listed.append(
            ListedArchitecture(
                name=name,
                paper=entry.paper,
                stride=entry.stride,
                pretrained_backbone=entry.pretrained_backbone,
                parameters=cost.parameters,
                macs=cost.macs,
                size=size,
            )
        )
    return listed


def is_architecture(name: str) -> bool:
    """Return whether a name means an architecture, and no file or model."""
    from agriseg.models.networks import ARCHITECTURES

    return name in ARCHITECTURES and not Path(name).exists()


def describe_architecture(name: str, size: Size = DEFAULT_SIZE) -> dict[str, Any]:
    """Return everything about an architecture, as JSON knows it.

    Raises
    ------
    ModelFileError
        No architecture of that name exists.
    """
    (listed,) = list_architectures([name], size)
    described = asdict(listed)
    described["size"] = f"{size.width_px}x{size.height_px}"
    described["float32_bytes"] = listed.parameters * _FLOAT_BYTES
    return {"kind": "architecture", **described}


def describe_model(name: str, size: Size = DEFAULT_SIZE) -> dict[str, Any]:
    """Return everything about a bundle, as JSON knows it.

    Parameters
    ----------
    name : str
        The bundle's folder, or the name of a shipped model or of one in the user's folder.
    size : Size
        Input size at which its multiply-adds are counted.

    Raises
    ------
    ModelFileError
        There is no such model, or it is damaged.
    """
    bundle = open_bundle(find_model(name))
    manifest = bundle.manifest
    cost = _cost(manifest.architecture, size)
    return {
        "kind": "model",
        "name": manifest.name,
        "version": manifest.version,
        "directory": str(bundle.directory),
        "architecture": manifest.architecture,
        "classes": list(manifest.classes),
        "input": manifest.input.model_dump(mode="json"),
        "openvino_precision": manifest.openvino_precision,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "size": f"{size.width_px}x{size.height_px}",
        "files": {entry.name: entry.bytes for entry in manifest.files.entries()},
        "weights_sha256": manifest.files.weights.sha256,
        "licence": manifest.licence,
        "attribution": manifest.attribution,
        "card": _read_card(bundle),
        "training": _read_training(bundle),
    }


def parse_input_size(text: str) -> Size:
    """Return a network's input size from ``WIDTHxHEIGHT``.

    Raises
    ------
    ConfigError
        It is no size, or not one that networks take.

    Examples
    --------
    >>> parse_input_size("960x544")
    Size(width_px=960, height_px=544)
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"size {text!r}: expected WIDTHxHEIGHT in pixels, such as 512x512")
    for side in (int(width), int(height)):
        if side % NETWORK_SIZE_MULTIPLE or not NETWORK_SIZE_MULTIPLE <= side <= _SIDE_LIMIT_PX:
            raise ConfigError(
                f"size {text!r}: {side} is no side that networks take; expected multiples of "
                f"{NETWORK_SIZE_MULTIPLE} up to {_SIDE_LIMIT_PX}, such as 960x544"
            )
    return Size(int(width), int(height))


def _listed(name: str, directory: Path, *, is_shipped: bool) -> ListedModel:
    try:
        manifest = open_bundle(directory).manifest
    except ModelFileError as error:
        return ListedModel(
            name=name,
            directory=directory,
            is_shipped=is_shipped,
            problem=str(error),
            version="",
            architecture="",
            licence="",
        )
    return ListedModel(
        name=name,
        directory=directory,
        is_shipped=is_shipped,
        problem="",
        version=manifest.version,
        architecture=manifest.architecture,
        licence=manifest.licence,
    )


def _cost(architecture: str, size: Size) -> NetworkCost:
    from agriseg.models.cost import network_cost
    from agriseg.models.networks import build_network

    return network_cost(lambda: build_network(architecture, len(CLASS_NAMES)), size)


def _read_card(bundle: ModelBundle) -> str:
    path = bundle.directory / CARD_NAME
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read_training(bundle: ModelBundle) -> dict[str, Any]:
    """Return seed and sources of the training; empty where the bundle does not tell."""
    path = bundle.directory / TRAINING_NAME
    if not path.is_file():
        return {}
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: not a TOML file ({error})") from error
    sources = [source for source in config.get("source", []) if source.get("enabled", True)]
    return {
        "seed": config.get("seed"),
        "sources": [source.get("name") for source in sources],
        "held_out": {s.get("name"): s["held_out"] for s in sources if s.get("held_out")},
    }
