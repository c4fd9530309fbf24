"""A run that has been opened for review: its story, and all that is drawn of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agriseg.errors import RecordingError
from agriseg.geometry.ground_plane import GroundPlane
from agriseg.messages import BoomView, ClassId, Float64Array, Frame, Picture
from agriseg.overlay import PicturePainter
from agriseg.recording.marks import RunNotes, read_notes
from agriseg.recording.reader import Run, RunInfo
from agriseg.recording.story import PlantInPicture, RunStory, TimelineEvent, TimelineKind, tell
from agriseg.spraying.boom import Boom
from ui.models.review_ground import GroundMap, NozzleChart, ground_map, nozzle_chart

PICTURE_SIZE_PX = (960, 600)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedRun:
    """A run told.

    Attributes
    ----------
    frame_times_s : (N,) float64
        Host time of each frame with a picture.
    boom : BoomView
        In pixels of the camera.
    boom_m, view_m : (2, 2), (K, 2) float64
        Ends of the boom, and outline of what the camera sees, base_link, metres.
    weeds, misses : tuple
        Times and plants of the weeds in the order of their decision, and times of what was
        given up.
    said : str
        What was recovered and what is damaged; empty for a whole run.
    pictures_good_for : str
        What the run's pictures can be used for; empty where it kept none.
    """

    directory: Path
    info: RunInfo
    story: RunStory
    notes: RunNotes
    frame_times_s: Float64Array
    end_s: float
    camera_size_px: tuple[int, int]
    boom: BoomView
    boom_m: Float64Array
    view_m: Float64Array
    map: GroundMap
    chart: NozzleChart
    weeds: tuple[TimelineEvent, ...]
    misses: tuple[TimelineEvent, ...]
    said: str
    pictures_good_for: str

    def distance_at(self, t_s: float) -> float:
        """Return the odometer's reading, m; NaN without odometry."""
        return self.story.history.distance_at(t_s)

    def frame_at_distance(self, s_m: float) -> int:
        """Return the picture that was taken when the odometer stood at ``s_m``; -1 for none."""
        if not len(self.frame_times_s):
            return -1
        readings = self.story.history.odometry_columns()
        if not len(readings):
            return 0
        at_s = np.interp(s_m, np.maximum.accumulate(readings[:, 1]), readings[:, 0])
        return max(0, int(np.searchsorted(self.frame_times_s, at_s, side="right")) - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReviewFrame:
    """A recorded picture ready to be drawn; ``scale`` is picture pixels a camera pixel.

    ``history_index`` is the frame's place among all frames, with a picture or without.
    """

    index: int
    t_s: float
    picture: Picture
    scale: float
    plants: tuple[PlantInPicture, ...]
    history_index: int


def open_story(
    run: Run, progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> OpenedRun | None:
    """Read what happened in a run; None when it was cancelled.

    Raises
    ------
    RecordingError
        Its configuration cannot be used.
    """
    story = tell(run, progress, cancelled)
    if story is None:
        return None
    camera = run.config.camera
    size = (camera.width_px, camera.height_px)
    plants = story.history.plants
    boom, ground = Boom(run.config.boom), GroundPlane(camera.intrinsics, camera.pose, size)
    boom_x_m = float(boom.x_m.mean())
    ends_m = [(boom_x_m, float(y)) for y in (boom.zone_y_m.min(), boom.zone_y_m.max())]
    recovery = run.recovery
    said = "" if recovery.is_whole else recovery.sentence
    notes, problem = _notes(run.directory)
    return OpenedRun(
        directory=run.directory,
        info=run.info,
        story=story,
        notes=notes,
        frame_times_s=run.frame_times_s,
        end_s=run.info.start_s + run.duration_s,
        camera_size_px=size,
        boom=boom.view(ground),
        boom_m=np.array(ends_m, np.float64),
        view_m=ground.view_polygon_m,
        map=ground_map(story),
        chart=nozzle_chart(story),
        weeds=tuple(
            event
            for event in story.timeline
            if event.kind is TimelineKind.WEED and plants[event.plant_id].class_id is ClassId.WEED
        ),
        misses=tuple(event for event in story.timeline if event.kind is TimelineKind.MISS),
        said=" ".join(part for part in (said, problem, *run.problems) if part),
        pictures_good_for=run.pictures_good_for,
    )


def read_frame(run: Run, opened: OpenedRun, painter: PicturePainter, index: int) -> ReviewFrame:
    """Decode one picture and what belongs on it.

    Raises
    ------
    RecordingError
        It is damaged.
    """
    recorded = run.frame(index)
    record = recorded.record
    frame = Frame(frame_id=record.frame_id, t_capture_s=record.t_capture_s, image=recorded.image)
    width = recorded.image.shape[1]
    scale = painter.size(frame)[0] / width
    boom = BoomView(
        nozzle_tracks_px=opened.boom.nozzle_tracks_px * scale,
        swath_px=opened.boom.swath_px * scale,
    )
    picture = painter.paint(frame, recorded.labels, boom)
    place = history_index(opened, recorded.t_s)
    plants = tuple(opened.story.plants_in_frame(place)) if place >= 0 else ()
    return ReviewFrame(
        index=index,
        t_s=recorded.t_s,
        picture=picture,
        scale=scale,
        plants=plants,
        history_index=place,
    )


def history_index(opened: OpenedRun, t_s: float) -> int:
    """Return the place of the last frame recorded up to a time; -1 before the first."""
    return int(np.searchsorted(opened.story.history.frame_t_s, t_s + 1e-6, side="right")) - 1


def _notes(directory: Path) -> tuple[RunNotes, str]:
    try:
        return read_notes(directory), ""
    except RecordingError as error:
        return RunNotes(), str(error)
