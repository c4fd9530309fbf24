"""The engine's sign of life to the controller link."""

from __future__ import annotations

import math

from agriseg.ports import Clock, SprayController

BEAT_S = 0.02
"""Signs of life that say nothing new are sent this often; the link waits 0.25 s for the next."""

Signs = tuple[bool, bool, bool]


class Heartbeat:
    """Says which of camera, model and planner live: changes at once, the rest at a steady rate."""

    def __init__(self, controller: SprayController, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock
        self._told: Signs | None = None
        self._told_s = -math.inf

    def beat(
        self, *, camera_alive: bool, model_alive: bool, planner_alive: bool, ground_m_s: float
    ) -> None:
        """Send what is alive and the speed by the pictures, if that has changed or is due.

        A speed alone waits until it is due.
        """
        signs = (camera_alive, model_alive, planner_alive)
        now_s = self._clock.now_s()
        if signs == self._told and now_s - self._told_s < BEAT_S:
            return
        self._told, self._told_s = signs, now_s
        self._controller.beat(
            camera_alive=camera_alive,
            model_alive=model_alive,
            planner_alive=planner_alive,
            ground_m_s=ground_m_s,
        )
