"""Ground looked at before and after spraying: what all tests with wet ground share."""

from __future__ import annotations

from agriseg.calibration.ground_survey import GroundPicture, GroundSurvey
from agriseg.calibration.yard import Yard
from agriseg.errors import CalibrationError
from agriseg.spraying.boom import Boom

ROOM_M = 0.25
"""Ground is left free around what will be sprayed, by which the boom may be misplaced."""

WALK_M_S = 0.4
_BACK_M_S = 1.0
_RUN_OUT_M = 0.5


class TwoSurveys:
    """A dry survey, then a wet one, of the ground between two odometer readings.

    Parameters
    ----------
    yard : Yard
        Standing where the test begins.
    drive_m : float
        How far forward of here base_link will come.
    """

    def __init__(self, yard: Yard, drive_m: float) -> None:
        ground = yard.ground
        self._yard = yard
        self.start_m = yard.odometer.distance_m
        self._span_m = (
            self.start_m + ground.near_x_m - 0.1,
            self.start_m + drive_m + ground.far_x_m + _RUN_OUT_M,
        )
        self._dry = GroundSurvey(ground, self._span_m)
        self._wet = GroundSurvey(ground, self._span_m)

    def look_dry(self) -> None:
        """Take the frames that come from now on as dry ground."""
        self._look(self._dry)

    def look_wet(self) -> None:
        """Take the frames that come from now on as wet ground."""
        self._look(self._wet)

    def look_away(self) -> None:
        """Take no more frames."""
        self._yard.on_frame = None

    def reverse(self, share: tuple[float, float]) -> None:
        """Have the machine reversed to where the test began; slowly while it looks."""
        back_m = self.start_m - self._yard.odometer.distance_m
        looks = self._yard.on_frame is not None
        text = "Reverse slowly in your own track." if looks else "Reverse in your own track."
        self._yard.drive(text, back_m, WALK_M_S if looks else _BACK_M_S, share)

    def pictures(self) -> tuple[GroundPicture, GroundPicture]:
        """Return the ground before and after."""
        return self._dry.picture(), self._wet.picture()

    def _look(self, survey: GroundSurvey) -> None:
        odometer = self._yard.odometer
        self._yard.on_frame = lambda frame: survey.add(
            frame, odometer.distance_at(frame.t_capture_s)
        )


def way_to_boom_m(yard: Yard, boom: Boom) -> float:
    """Return how far to drive until spray falls on ground that the camera has seen dry.

    Raises
    ------
    CalibrationError
        The camera looks behind the boom.
    """
    way_m = yard.ground.near_x_m - float(boom.x_m.min()) + ROOM_M
    if way_m < ROOM_M:
        raise CalibrationError(
            "the camera looks at ground behind the nozzles, so it cannot see dry ground before"
            " they spray on it; enter the values by hand"
        )
    return way_m
