"""What tools are set to."""

from __future__ import annotations

from dataclasses import dataclass, replace

SMALLEST_RADIUS_PX = 0.5
LARGEST_RADIUS_PX = 400.0
_RADIUS_STEP = 1.25
_LEAST_PRESSURE_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSettings:
    """Settings of the tools.

    Attributes
    ----------
    class_value : int
        What is painted.
    radius_px : float
        Of the brush, in pixels of the picture.
    tolerance : float
        Of the wand, 0 (only the same colour) to 1.
    grain_px : float
        Size of superpixels, in pixels of the picture.
    pen_pressure : bool
        Whether the brush grows with a pen's pressure.
    only_soil : bool
        Paint nothing that has a class already.
    only_vegetation : bool
        Paint on vegetation alone.
    """

    class_value: int = 1
    radius_px: float = 12.0
    tolerance: float = 0.5
    grain_px: float = 24.0
    pen_pressure: bool = True
    only_soil: bool = False
    only_vegetation: bool = False

    def with_radius_step(self, steps: int) -> ToolSettings:
        """Return them with a larger brush, or a smaller one."""
        radius = self.radius_px * _RADIUS_STEP**steps
        radius = min(max(radius, SMALLEST_RADIUS_PX), LARGEST_RADIUS_PX)
        return replace(self, radius_px=radius)

    def with_tolerance_step(self, steps: int) -> ToolSettings:
        """Return them with a more tolerant wand and larger superpixels, or the contrary."""
        tolerance = min(max(round(self.tolerance + 0.05 * steps, 2), 0.0), 1.0)
        grain = min(max(self.grain_px * _RADIUS_STEP**steps, 6.0), 200.0)
        return replace(self, tolerance=tolerance, grain_px=grain)

    def radius_under(self, pressure: float) -> float:
        """Return the brush's radius under a pen's pressure, 0 to 1."""
        if not self.pen_pressure:
            return self.radius_px
        share = _LEAST_PRESSURE_SHARE + (1.0 - _LEAST_PRESSURE_SHARE) * pressure
        return max(SMALLEST_RADIUS_PX, self.radius_px * share)
