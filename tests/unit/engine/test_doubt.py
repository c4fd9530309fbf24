"""What the engine does while the picture is unlike those that the model knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import FakeSegmenter
from test_engine import Bench

from agriseg.messages import EngineState, Frame, Segmentation, SprayMode


class DoubtingSegmenter(FakeSegmenter):
    """Doubts every frame while `doubt` says why."""

    doubt = ""

    def segment(self, frame: Frame) -> Segmentation:
        return replace(super().segment(frame), doubt=self.doubt)


def _bench(when_unsure: str) -> tuple[Bench, DoubtingSegmenter]:
    segmenter = DoubtingSegmenter()
    bench = Bench(segmenter=segmenter, settings={"perception": {"when_unsure": when_unsure}})
    bench.start_spraying()
    return bench, segmenter


def _alarm_words(bench: Bench) -> str:
    return " ".join(a.text for a in bench.engine.snapshot().alarms if a.code == "model-unsure")


def _notes(bench: Bench) -> list[str]:
    return [event.kind for event in bench.sinks[0].events]


def test_doubtful_pictures_close_the_nozzles_and_say_why() -> None:
    bench, segmenter = _bench("hold")
    segmenter.doubt = "too dark"
    bench.run(0.3)
    bench.plant_weeds(3)
    bench.run(4.0)
    assert bench.controller.queued == []
    assert "The picture is too dark" in _alarm_words(bench)
    assert "All nozzles are held closed" in _alarm_words(bench)
    assert bench.state is EngineState.SPRAYING
    assert "unsure" in _notes(bench)


def test_familiar_pictures_open_them_again_for_weeds_seen_from_then_on() -> None:
    bench, segmenter = _bench("hold")
    segmenter.doubt = "too dark"
    bench.run(1.0)
    segmenter.doubt = ""
    bench.run(0.3)
    assert "All nozzles are held closed" in _alarm_words(bench)
    bench.run(0.6)
    bench.plant_weeds()
    bench.run(4.0)
    assert len(bench.controller.queued) > 0
    assert not [a for a in bench.engine.snapshot().alarms if a.code == "model-unsure" and a.active]
    assert "sure-again" in _notes(bench)


def test_weeds_seen_in_doubtful_pictures_are_never_sprayed() -> None:
    bench, segmenter = _bench("hold")
    segmenter.doubt = "out of focus"
    bench.plant_weeds(3)
    bench.run(1.3)
    bench.weed_s_m = ()
    segmenter.doubt = ""
    bench.run(3.0)
    assert bench.controller.queued == []


def test_one_odd_frame_does_nothing() -> None:
    bench, segmenter = _bench("hold")
    segmenter.doubt = "too bright"
    bench.run(0.05)
    segmenter.doubt = ""
    bench.plant_weeds()
    bench.run(4.0)
    assert _alarm_words(bench) == ""
    assert len(bench.controller.queued) > 0


def test_broadcast_sprays_everything_meanwhile_and_then_what_the_operator_chose() -> None:
    bench, segmenter = _bench("broadcast")
    segmenter.doubt = "too dark"
    bench.run(0.3)
    assert bench.engine.snapshot().mode is SprayMode.BROADCAST
    assert "Every nozzle sprays" in _alarm_words(bench)
    bench.run(1.0)
    assert len(bench.controller.queued) >= bench.config.boom.nozzle_count
    segmenter.doubt = ""
    bench.run(0.8)
    assert bench.engine.snapshot().mode is SprayMode.SPOT


@pytest.mark.parametrize("doubt", ["too dark", ""])
def test_ignoring_only_shows_it(doubt: str) -> None:
    bench, segmenter = _bench("ignore")
    segmenter.doubt = doubt
    bench.plant_weeds()
    bench.run(4.0)
    assert len(bench.controller.queued) > 0
    assert ("Spraying goes on" in _alarm_words(bench)) == bool(doubt)
