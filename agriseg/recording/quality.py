"""How good recorded pictures are, and how they keep to the room that an hour may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agriseg.config import RecordingConfig

QualityName = Literal["small", "standard", "retraining"]

JPEG_GOOD_FOR = "for another model to look again and to label: each picture is kept for itself"
OLDER_GOOD_FOR = (
    "to look at: an older version kept little of small weeds, so another model would miss them"
)
"""Of runs whose video has half the colour (format before ``agriseg.pictures``)."""

_HOUR_S = 3600.0
_MEMORY_S = 20.0
"""Over so long the rate of what is no picture is averaged."""
_LEAST_STILL_GAP_S = 0.2
_LEAST_WAY_M = 0.05
_BEGIN_OTHER_BYTES_S = 130_000.0
_MOST_CORRECTION = (0.5, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureQuality:
    """What is kept of a run's pictures.

    Attributes
    ----------
    name : str
    title : str
        For people.
    gb_per_hour : float
        All that an hour of recording takes, pictures or not, at most.
    still_share : float
        Of that, what stills take, 0 to 1.
    still_gap_s : float
        Between two stills at least.
    long_side_px : int
        Of the video.
    kbit_s : (int, int)
        The least and the most that the video takes, kilobits a second.
    good_for : str
        What the pictures can be used for, in a sentence.
    """

    name: QualityName
    title: str
    gb_per_hour: float
    still_share: float
    still_gap_s: float
    long_side_px: int
    kbit_s: tuple[int, int]
    good_for: str


QUALITIES: dict[str, PictureQuality] = {
    quality.name: quality
    for quality in (
        PictureQuality(
            name="small",
            title="Small",
            gb_per_hour=0.7,
            still_share=0.02,
            still_gap_s=30.0,
            long_side_px=480,
            kbit_s=(200, 600),
            good_for="to look at; too little of small weeds is left for a model to look again",
        ),
        PictureQuality(
            name="standard",
            title="Standard",
            gb_per_hour=1.0,
            still_share=0.05,
            still_gap_s=5.0,
            long_side_px=480,
            kbit_s=(500, 1600),
            good_for=(
                "to look at and for another model to look again, which misses some of the smallest"
                " weeds; the stills are good for labelling"
            ),
        ),
        PictureQuality(
            name="retraining",
            title="For retraining",
            gb_per_hour=4.0,
            still_share=0.7,
            still_gap_s=_LEAST_STILL_GAP_S,
            long_side_px=480,
            kbit_s=(800, 1600),
            good_for="for another model to look again and, with several stills a metre, to label",
        ),
    )
}
"""By the names of ``recording.quality``."""


def quality_of(config: RecordingConfig) -> PictureQuality:
    """Return the quality that a configuration asks for."""
    return QUALITIES[config.quality]


class ByteBudget:
    """Shares the room of an hour out to video and stills, after what else must be kept.

    Counts by the messages' own times, so that the same run is recorded the same way. What is
    recorded besides pictures is kept whatever it takes; the video gets what it leaves.

    Parameters
    ----------
    quality : PictureQuality
    """

    def __init__(self, quality: PictureQuality) -> None:
        self._quality = quality
        self._bytes_s = quality.gb_per_hour * 1e9 / _HOUR_S
        self._other_bytes_s = _BEGIN_OTHER_BYTES_S
        self._other_bytes = 0.0
        self._video_bytes = 0.0
        self._video_bytes_s = 0.0
        self._aim_bytes_s = 0.0
        self._asked_bytes_s = 0.0
        self._known_s = 0.0
        self._rated_s: float | None = None
        self._still_due_s: float | None = None
        self._still_place_m: float | None = None

    def other(self, size: float) -> None:
        """Count bytes of what is no picture."""
        self._other_bytes += size

    def video(self, size: float) -> None:
        """Count bytes of the video."""
        self._video_bytes += size

    def wants_still(self, t_s: float, distance_m: float | None) -> bool:
        """Return whether a frame of this time and place is to be kept as a still.

        Parameters
        ----------
        t_s : float
            Host time, seconds; rising.
        distance_m : float, optional
            Driven so far; stills show new ground. None where it is not known.
        """
        if self._still_due_s is not None and t_s < self._still_due_s - 1e-3:
            return False
        if distance_m is None or self._still_place_m is None:
            return True
        return abs(distance_m - self._still_place_m) >= _LEAST_WAY_M

    def still(self, size: int, t_s: float, distance_m: float | None) -> None:
        """Count a still that was kept."""
        share_bytes_s = self._quality.still_share * self._bytes_s
        gap_s = max(self._quality.still_gap_s, size / share_bytes_s)
        due_s = t_s if self._still_due_s is None else max(self._still_due_s, t_s - gap_s)
        self._still_due_s, self._still_place_m = due_s + gap_s, distance_m

    def video_kbit_s(self, t_s: float) -> int:
        """Return what the video may take from now on, kilobits a second."""
        past_s = 0.0 if self._rated_s is None else max(0.0, t_s - self._rated_s)
        self._rated_s = t_s
        if past_s > 0.0:
            self._known_s = min(self._known_s + past_s, _MEMORY_S)
            weight = min(1.0, past_s / self._known_s)
            self._other_bytes_s += weight * (self._other_bytes / past_s - self._other_bytes_s)
            self._video_bytes_s += weight * (self._video_bytes / past_s - self._video_bytes_s)
            self._asked_bytes_s += weight * (self._aim_bytes_s - self._asked_bytes_s)
            self._other_bytes = self._video_bytes = 0.0
        low, high = (1e3 * limit / 8.0 for limit in self._quality.kbit_s)
        stills = self._quality.still_share * self._bytes_s
        wanted = min(max(self._bytes_s - self._other_bytes_s - stills, low), high)
        self._aim_bytes_s = wanted * self._correction()
        return round(8e-3 * self._aim_bytes_s)

    def _correction(self) -> float:
        """Return by how much to ask for less, where the encoder takes more than it is asked."""
        if self._asked_bytes_s <= 0.0 or self._video_bytes_s <= 0.0:
            return 1.0
        low, high = _MOST_CORRECTION
        return min(max(self._asked_bytes_s / self._video_bytes_s, low), high)
