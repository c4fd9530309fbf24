"""Where the confirmed pulses met the ground, from the coils' edges and the boom's geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.messages import Float64Array, PulseReport
from agriseg.recording.history import RunHistory
from agriseg.spraying.boom import Boom


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayedExtents:
    """Ground wetted by confirmed pulses; row i of each array is one pulse.

    Attributes
    ----------
    event_id : (N,) int64
    nozzle_id : (N,) int64
    s_m : (N, 2) float64
        Along the track, first and last ground in metres, footprint included.
    y_m : (N, 2) float64
        Right and left edge of the footprint in metres.
    opening_error_m : (N,) float64
        Where spray began on the ground, by the controller's report, less where it was
        commanded to; NaN where the command is not in the recording.
    """

    event_id: NDArray[np.int64]
    nozzle_id: NDArray[np.int64]
    s_m: Float64Array
    y_m: Float64Array
    opening_error_m: Float64Array


def sprayed_extents(history: RunHistory) -> SprayedExtents:
    """Return the ground that the reported pulses wetted.

    Spray reaches the ground an opening latency and the fall after the coil's rise, and
    leaves it a closing latency and the fall after the coil's fall; meanwhile the robot drives
    on. ``s = odometer + x_nozzle``.
    """
    boom = Boom(history.config.boom)
    pulses = [
        pulse
        for pulse in history.pulses
        if np.isfinite(pulse.open_m + pulse.close_m + pulse.t_open_s + pulse.t_close_s)
        and 0 <= pulse.nozzle_id < len(boom)
    ]
    nozzle = np.array([pulse.nozzle_id for pulse in pulses], np.int64)
    travel_m = boom.open_delay_s[nozzle] * history.speed_at(_column(pulses, "t_open_s"))
    began_m = _column(pulses, "open_m") + travel_m
    travel_m = boom.close_delay_s[nozzle] * history.speed_at(_column(pulses, "t_close_s"))
    ended_m = np.maximum(began_m, _column(pulses, "close_m") + travel_m)
    half_m = 0.5 * history.config.boom.footprint_along_m
    return SprayedExtents(
        event_id=np.array([pulse.event_id for pulse in pulses], np.int64),
        nozzle_id=nozzle,
        s_m=np.column_stack((began_m - half_m, ended_m + half_m)) + boom.x_m[nozzle].reshape(-1, 1),
        y_m=boom.footprint_y_m[nozzle].reshape(-1, 2),
        opening_error_m=began_m - _commanded_m(history, pulses),
    )


def _commanded_m(history: RunHistory, pulses: list[PulseReport]) -> Float64Array:
    """Return the odometer readings at which spray was to reach the ground; NaN if unknown."""
    out = np.full(len(pulses), np.nan)
    for row, pulse in enumerate(pulses):
        event = history.commanded.get(pulse.event_id)
        if event is not None and event.by_distance:
            out[row] = event.open_at
    return out


def _column(pulses: list[PulseReport], name: str) -> Float64Array:
    return np.array([getattr(pulse, name) for pulse in pulses], np.float64)
