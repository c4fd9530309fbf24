"""What the engine's process sends to the window besides snapshots; light to import."""

from dataclasses import dataclass

from agriseg.messages import EngineSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFailed:
    """The machine cannot be built or the loop broke; ``text`` is for the user."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureReady:
    """The ring holds a new picture."""

    frame_id: int


EngineMessage = EngineSnapshot | PictureReady | EngineFailed
