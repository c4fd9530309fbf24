"""Drawings and pictures of an evaluation's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from agriseg.evaluation.scores import ScoredImage
from agriseg.messages import Frame
from agriseg.opencv import cv2
from agriseg.ports import Segmenter
from agriseg.recording.charts import BLUE, GREY, SILVER, Chart, data_uri, svg_chart
from agriseg.segmentation.drawing import comparison

_PICTURE_QUALITY = 82


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstPicture:
    """A picture with its truth above what the model says, as JPEG."""

    name: str
    mean_iou: float
    jpeg: bytes

    @property
    def uri(self) -> str:
        """The picture as an address that holds it."""
        return data_uri("image/jpeg", self.jpeg)


def draw_worst(segmenter: Segmenter, images: Iterable[ScoredImage]) -> list[WorstPicture]:
    """Segment the images once more, and draw them."""
    drawn = []
    for image in images:
        picture = image.file.load()
        frame = Frame(frame_id=0, t_capture_s=0.0, image=picture.image, name=image.file.name)
        labels = segmenter.segment(frame).labels
        mean_iou = image.scores.pixels.mean_iou
        caption = f"mean IoU {mean_iou:.2f}"
        cell = comparison(picture.image, picture.truth, labels, caption)
        encoded = cv2.imencode(".jpg", cell, [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])[1]
        drawn.append(WorstPicture(name=image.file.name, mean_iou=mean_iou, jpeg=encoded.tobytes()))
    return drawn


def reliability_chart(bins: Sequence[dict[str, Any]]) -> Chart:
    """Draw claimed against true probability; the area of a point follows its pixels."""
    known = [b for b in bins if b["pixels"]]
    pixels = sum(b["pixels"] for b in known) or 1

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=SILVER, linewidth=1.0)
        x = [b["confidence"] for b in known]
        y = [b["accuracy"] for b in known]
        axes.plot(x, y, color=BLUE, linewidth=1.2)
        axes.scatter(
            x, y, s=[12 + 160 * b["pixels"] / pixels for b in known], color=BLUE, alpha=0.8
        )
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("claimed probability")
        axes.set_ylabel("share that is right")

    return svg_chart(draw, "Reliability diagram", height=2.6, width=3.6)


def size_chart(plants: dict[str, Any]) -> Chart | None:
    """Draw the share of weed plants that would be hit, by size; None without plants."""
    sizes = [s for s in plants["by_size"] if s["plants"]]
    if not sizes:
        return None
    unit = "cm²" if plants["unit"] == "cm2" else "px"

    def draw(axes: Axes) -> None:
        bars = axes.bar(
            [size_words(s) for s in sizes], [100 * s["recall"] for s in sizes], color=BLUE
        )
        axes.bar_label(bars, [f"{s['hit']}/{s['plants']}" for s in sizes], color=GREY, padding=2)
        axes.set_ylim(0, 114)
        axes.set_xlabel(f"size of the weed plant, {unit}")
        axes.set_ylabel("would be hit, %")

    return svg_chart(draw, "Weed plants hit, by size", height=2.6, width=3.6)


def size_words(size: dict[str, Any]) -> str:
    """Return a size class in words: from, to."""
    if size["to"] is None:
        return f"from {size['from']:g}"
    return f"{size['from']:g}–{size['to']:g}"
