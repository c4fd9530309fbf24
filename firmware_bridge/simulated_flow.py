"""What the simulated controller makes of its flow meter, look by look."""

from __future__ import annotations

from firmware_bridge.simulated_hydraulics import FlowSupervision, SimulatedHydraulics


class FlowWatch:
    """Compares the flow since the last look with what the coils have let through.

    Attributes
    ----------
    supervision : FlowSupervision
        What it has found out.
    flow_l_min : float
        Mean flow between the last two looks.
    """

    def __init__(self, hydraulics: SimulatedHydraulics, valves: int, t_s: float) -> None:
        self._hydraulics = hydraulics
        self._valves = valves
        self.supervision = FlowSupervision(valves)
        self.flow_l_min = 0.0
        self._seen_l = (hydraulics.volume_l, self._expected())
        self._looked_s = t_s

    def look(self, now_s: float, nozzle_ml_min: int) -> bool:
        """Look at what has flown; return whether it leaks. ``nozzle_ml_min`` 0: do not judge."""
        self._hydraulics.advance(now_s)
        volume_l, expected_l = self._hydraulics.volume_l, self._expected()
        period_s = now_s - self._looked_s
        if period_s <= 0.0:
            return False
        before_l, expected_before_l = self._seen_l
        self._seen_l = (volume_l, expected_l)
        self._looked_s = now_s
        measured_l = volume_l - before_l
        self.flow_l_min = measured_l / period_s * 60.0
        nozzle_l = nozzle_ml_min * 1e-3 / 60.0 * period_s
        if nozzle_l <= 0.0:
            return False
        change_l = [b - a for a, b in zip(expected_before_l, expected_l, strict=True)]
        self.supervision.add(measured_l, change_l, nozzle_l)
        return self.supervision.leak

    def _expected(self) -> list[float]:
        return [self._hydraulics.expected_l(valve) for valve in range(self._valves)]
