"""The row of nozzles: where each one sprays, how fast its valve is, how much it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agriseg.config import BoomConfig, NozzleConfig
from agriseg.errors import ConfigError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import BoomView, Float64Array, ValveEvent

_TRACK_SAMPLES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Nozzle:
    """One nozzle; positions in base_link, ``y`` left.

    ``footprint_*`` is the width that its spray wets, ``zone_*`` the part of it for which
    this nozzle is responsible: up to half-way to its neighbours.
    """

    nozzle_id: int
    channel: int
    x_m: float
    y_m: float
    footprint_along_m: float
    footprint_min_y_m: float
    footprint_max_y_m: float
    zone_min_y_m: float
    zone_max_y_m: float
    open_latency_s: float
    close_latency_s: float
    fall_s: float
    flow_l_min: float

    @property
    def zone_width_m(self) -> float:
        """Width of ground that this nozzle alone answers for."""
        return self.zone_max_y_m - self.zone_min_y_m


class Boom:
    """All nozzles, from left (nozzle 0) to right.

    Raises
    ------
    ConfigError
        Two nozzles are given the same valve channel.
    """

    def __init__(self, config: BoomConfig) -> None:
        self.config = config
        self.nozzles = _nozzles(config)
        _check_channels(self.nozzles)
        self.x_m: Float64Array = np.array([n.x_m for n in self.nozzles])
        self.y_m: Float64Array = np.array([n.y_m for n in self.nozzles])
        self.zone_y_m: Float64Array = np.array(
            [[n.zone_min_y_m, n.zone_max_y_m] for n in self.nozzles]
        )
        """(N, 2) float64: right and left end of each nozzle's zone."""
        self.footprint_y_m: Float64Array = np.array(
            [[n.footprint_min_y_m, n.footprint_max_y_m] for n in self.nozzles]
        )
        """(N, 2) float64: right and left end of each nozzle's footprint."""
        self.open_delay_s: Float64Array = np.array(
            [n.open_latency_s + n.fall_s for n in self.nozzles]
        )
        """(N,) float64: from the coil's switching on to spray on the ground."""
        self.close_delay_s: Float64Array = np.array(
            [n.close_latency_s + n.fall_s for n in self.nozzles]
        )
        """(N,) float64: from the coil's switching off to the last spray on the ground."""
        self.channels: NDArray[np.int64] = np.array([n.channel for n in self.nozzles])

    def __len__(self) -> int:
        return len(self.nozzles)

    @property
    def half_footprint_m(self) -> float:
        """Half the length of a footprint along the track."""
        return 0.5 * self.config.footprint_along_m

    @property
    def width_m(self) -> float:
        """Sprayed width of the whole boom."""
        return float(self.footprint_y_m[:, 1].max() - self.footprint_y_m[:, 0].min())

    @property
    def rear_x_m(self) -> float:
        """Rearmost ground, in base_link, that any nozzle wets."""
        return float(self.x_m.min()) - self.half_footprint_m

    def view(self, ground: GroundPlane) -> BoomView:
        """Return where the nozzles' tracks and strips appear in the camera's picture.

        A nozzle that the camera never sees has NaN.
        """
        tracks = np.full((len(self), 2, 2), np.nan)
        swaths = np.full((len(self), 4, 2), np.nan)
        seen_y = ground.view_polygon_m[:, 1]
        for nozzle in self.nozzles:
            right = max(nozzle.footprint_min_y_m, float(seen_y.min()))
            left = min(nozzle.footprint_max_y_m, float(seen_y.max()))
            if right >= left:
                continue
            ends = _visible_ends(ground, min(max(nozzle.y_m, right), left))
            if ends is None:
                continue
            near_x_m, far_x_m = ends
            centre = np.array([[near_x_m, nozzle.y_m], [far_x_m, nozzle.y_m]])
            corners = np.array(
                [[near_x_m, left], [far_x_m, left], [far_x_m, right], [near_x_m, right]]
            )
            tracks[nozzle.nozzle_id] = _clipped(ground, centre)
            swaths[nozzle.nozzle_id] = _clipped(ground, corners)
        return BoomView(nozzle_tracks_px=tracks, swath_px=swaths)

    def commanded_open_s(self, event: ValveEvent, speed_m_s: float) -> float:
        """Return how long a pulse sprays; ``speed_m_s`` turns distance into time."""
        length = event.close_at - event.open_at
        if not event.by_distance:
            return length
        return length / speed_m_s if speed_m_s > 0.0 else 0.0

    def commanded_volume_l(self, event: ValveEvent, speed_m_s: float) -> float:
        """Return the litres that a pulse asks for at nominal pressure.

        A `ValveEvent` says when spray reaches the ground, so the valve's delays are
        already out of it: volume = flow * time.
        """
        flow = self.nozzles[event.nozzle_id].flow_l_min
        return flow / 60.0 * self.commanded_open_s(event, speed_m_s)

    def confirmed_volume_l(self, nozzle_id: int, coil_on_s: float) -> float:
        """Return the litres of a pulse whose coil was on for ``coil_on_s``.

        The valve opens later and closes later than its coil switches; what it is open for
        is the coil's time less the difference (the dead time).
        """
        nozzle = self.nozzles[nozzle_id]
        dead_s = nozzle.open_latency_s - nozzle.close_latency_s
        return nozzle.flow_l_min / 60.0 * max(0.0, coil_on_s - dead_s)

    def commanded_area_m2(self, event: ValveEvent, speed_m_s: float) -> float:
        """Return the ground that a pulse wets, counting each strip for one nozzle only."""
        nozzle = self.nozzles[event.nozzle_id]
        travel_m = self.commanded_open_s(event, speed_m_s) * speed_m_s
        return (travel_m + nozzle.footprint_along_m) * nozzle.zone_width_m


def _nozzles(config: BoomConfig) -> tuple[Nozzle, ...]:
    overrides = {nozzle.nozzle: nozzle for nozzle in config.nozzles}
    given = [overrides.get(i, NozzleConfig(nozzle=i)) for i in range(config.nozzle_count)]
    middle = 0.5 * (config.nozzle_count - 1)
    y_m = np.array(
        [_or(n.y_m, config.y_offset_m + (middle - i) * config.pitch_m) for i, n in enumerate(given)]
    )
    half_m = 0.5 * config.footprint_across_m
    zones = _zones(y_m, half_m)
    return tuple(
        Nozzle(
            nozzle_id=i,
            channel=i if n.channel is None else n.channel,
            x_m=_or(n.x_m, config.x_m),
            y_m=float(y_m[i]),
            footprint_along_m=config.footprint_along_m,
            footprint_min_y_m=float(y_m[i] - half_m),
            footprint_max_y_m=float(y_m[i] + half_m),
            zone_min_y_m=float(zones[i, 0]),
            zone_max_y_m=float(zones[i, 1]),
            open_latency_s=1e-3 * _or(n.open_latency_ms, config.open_latency_ms),
            close_latency_s=1e-3 * _or(n.close_latency_ms, config.close_latency_ms),
            fall_s=1e-3 * config.fall_ms,
            flow_l_min=0.01 * config.pwm_duty_percent * _or(n.flow_l_min, config.flow_l_min),
        )
        for i, n in enumerate(given)
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _zones(y_m: Float64Array, half_m: float) -> Float64Array:
    """Divide the ground among the nozzles half-way, never beyond a footprint."""
    order = np.argsort(y_m)
    halfway = 0.5 * np.diff(y_m[order])
    zones = np.empty((len(y_m), 2))
    zones[order, 0] = y_m[order] - np.minimum(half_m, np.concatenate(([half_m], halfway)))
    zones[order, 1] = y_m[order] + np.minimum(half_m, np.concatenate((halfway, [half_m])))
    return zones


def _check_channels(nozzles: tuple[Nozzle, ...]) -> None:
    owner: dict[int, int] = {}
    for nozzle in nozzles:
        other = owner.setdefault(nozzle.channel, nozzle.nozzle_id)
        if other != nozzle.nozzle_id:
            raise ConfigError(
                f"boom.nozzles: nozzles {other} and {nozzle.nozzle_id} are both on channel"
                f" {nozzle.channel}; each needs a valve of its own: give one of them another"
                " channel"
            )


def _visible_ends(ground: GroundPlane, y_m: float) -> tuple[float, float] | None:
    """Return the near and far x_m between which the line at ``y_m`` is in the picture."""
    x_m = np.linspace(ground.near_x_m, ground.far_x_m, _TRACK_SAMPLES)
    image = ground.image_from_ground(np.column_stack((x_m, np.full_like(x_m, y_m))))
    limit = np.array(ground.image_size) - 0.5
    inside = ((image >= -0.5) & (image <= limit)).all(axis=1)
    if not inside.any():
        return None
    return float(x_m[inside][0]), float(x_m[inside][-1])


def _clipped(ground: GroundPlane, points_m: Float64Array) -> Float64Array:
    limit = np.array(ground.image_size, dtype=np.float64) - 1.0
    clipped: Float64Array = np.clip(ground.image_from_ground(points_m), 0.0, limit)
    return clipped
