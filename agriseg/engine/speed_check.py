"""Judges the wheel encoder by the pictures, and tells the controller their speed."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from agriseg.alarms import WHEEL_DOUBTFUL, WHEEL_WRONG
from agriseg.engine.controller_side import ControllerSide
from agriseg.engine.parts import EngineParts
from agriseg.engine.spray_gate import SprayGate
from agriseg.errors import CalibrationError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.geometry.picture_speed import PictureSpeed, PictureSpeedometer
from agriseg.messages import Frame

_log = logging.getLogger(__name__)

FRESH_S = 0.5
"""The controller is told the pictures' speed for no longer than this."""

LEAST_SPEED_M_S = 0.3
"""Below it encoder and pictures are not compared; the controller does not either."""

_BRAKING_M_S2 = 6.0
"""No machine brakes harder: an encoder that falls faster is not believed."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Speeds over the same time, without direction."""

    t_s: float
    picture_m_s: float
    wheel_m_s: float

    @property
    def difference(self) -> float:
        """Share of the faster one by which the two differ; 0 where both are slow."""
        faster = max(self.picture_m_s, self.wheel_m_s)
        if faster < LEAST_SPEED_M_S:
            return 0.0
        return abs(self.picture_m_s - self.wheel_m_s) / faster


class SpeedCheck:
    """Compares encoder and pictures while spraying or arming, where there is an encoder.

    A pair of frames is measured every quarter of a second, after the newer one was handed to
    the segmenter. The encoder's speed is taken over the very time between the two exposures,
    so that a change of speed makes no difference.
    """

    def __init__(self, parts: EngineParts, gate: SprayGate, link: ControllerSide) -> None:
        self._pipeline = parts.pipeline
        self._clock = parts.clock
        self._wheel = parts.config.wheel
        self._gate = gate
        self._link = link
        self._meter = _speedometer(parts.pipeline.ground)
        self._newest: _Comparison | None = None
        self._doubtful_since_s = math.inf
        self._wrong_since_s = math.inf

    def take(self, frame: Frame) -> None:
        """Take the newest frame."""
        capabilities = self._link.capabilities
        if self._meter is None or capabilities is None or not capabilities.has_encoder:
            return
        if frame.is_preview or not self._gate.is_wanted:
            self._forget()
            return
        try:
            picture = self._meter.add(frame)
        except CalibrationError:
            return  # the pipeline refuses the frame, and stops
        if picture is not None:
            self._compare(picture)

    @property
    def ground_m_s(self) -> float:
        """Speed by the pictures, as the controller may judge its encoder by it; NaN if unknown.

        Since the pair was exposed the machine may have braked: the encoder is believed that
        as far as a machine can brake. An encoder that has failed falls at once, and shows so
        in the next pair at the latest.
        """
        newest = self._newest
        if newest is None or self._link.odometry is None:
            return math.nan
        age_s = self._clock.now_s() - newest.t_s
        if age_s > FRESH_S:
            return math.nan
        slowed_m_s = max(0.0, newest.wheel_m_s - abs(self._link.speed_m_s))
        return max(0.0, newest.picture_m_s - min(slowed_m_s, _BRAKING_M_S2 * max(0.0, age_s)))

    def check(self) -> None:
        """Close the nozzles, warn or clear, by the newest comparison."""
        newest = self._newest
        if newest is None:
            return
        text = (
            f"The wheel sensor says {newest.wheel_m_s:.2f} m/s, the pictures say"
            f" {newest.picture_m_s:.2f} m/s."
        )
        lasts_s = self._wheel.picture_differs_s
        if newest.t_s - self._wrong_since_s >= lasts_s:
            self._gate.stop(WHEEL_WRONG, f"{text} All nozzles were closed.")
            return
        if newest.difference <= self._wheel.picture_stop_fraction:
            self._gate.alarms.clear(WHEEL_WRONG)
        is_doubtful = newest.t_s - self._doubtful_since_s >= lasts_s
        self._gate.set_alarm(WHEEL_DOUBTFUL, text if is_doubtful else "")

    def _compare(self, picture: PictureSpeed) -> None:
        begin = self._pipeline.vehicle_at(picture.t_from_s)
        end = self._pipeline.vehicle_at(picture.t_to_s)
        if begin is None or end is None:
            return
        elapsed_s = picture.t_to_s - picture.t_from_s
        newest = _Comparison(
            0.5 * (picture.t_from_s + picture.t_to_s),
            abs(picture.speed_m_s),
            abs(end.distance_m - begin.distance_m) / elapsed_s,
        )
        _log.debug("pictures %.2f m/s, wheel %.2f m/s", newest.picture_m_s, newest.wheel_m_s)
        if self._newest is None or newest.t_s - self._newest.t_s > FRESH_S:
            self._doubtful_since_s = self._wrong_since_s = math.inf
        self._newest = newest
        self._doubtful_since_s = _since(
            self._doubtful_since_s, newest, self._wheel.picture_warn_fraction
        )
        self._wrong_since_s = _since(self._wrong_since_s, newest, self._wheel.picture_stop_fraction)

    def _forget(self) -> None:
        if self._newest is not None:
            self._newest = None
            self._gate.alarms.clear(WHEEL_DOUBTFUL)
        self._doubtful_since_s = self._wrong_since_s = math.inf
        if self._meter is not None:
            self._meter.forget()


def _since(since_s: float, newest: _Comparison, most: float) -> float:
    """Return since when the two differ by more than ``most``; infinite while they do not."""
    return min(since_s, newest.t_s) if newest.difference > most else math.inf


def _speedometer(ground: GroundPlane) -> PictureSpeedometer | None:
    try:
        return PictureSpeedometer(ground)
    except CalibrationError as error:
        _log.warning("The wheel encoder cannot be judged by the pictures: %s", error)
        return None
