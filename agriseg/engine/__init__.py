"""The field engine: camera to plan to controller, with every stop latched and explained."""

from agriseg.engine.controller_side import REOPEN_S
from agriseg.engine.field_engine import IDLE_ROUND_S, ROUND_S, FieldEngine
from agriseg.engine.parts import EngineParts
from agriseg.engine.supervision import ARM_TIMEOUT_S

__all__ = ["ARM_TIMEOUT_S", "IDLE_ROUND_S", "REOPEN_S", "ROUND_S", "EngineParts", "FieldEngine"]
