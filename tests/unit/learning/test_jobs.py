"""Jobs: their course as it is told, one at a time, alive beyond the program that began them."""

from __future__ import annotations

import fcntl
import json
import math
from pathlib import Path

import pytest
from learning_samples import make_spec, write_labels

from agriseg.errors import LearningError
from agriseg.learning.course import Course, CourseReader, job_line, link_line
from agriseg.learning.jobs import CONTROL_NAME, LOCK_NAME, Jobs, working
from agriseg.learning.work import Cancelled, Desk
from agriseg.models.bundle import shipped_model


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "jobs")


@pytest.fixture
def job(jobs: Jobs, tmp_path: Path) -> Path:
    labels = write_labels(tmp_path / "maize")
    return jobs.create(make_spec(shipped_model(), (labels, "new")))


def _tell(job: Path, *lines: str | dict[str, object]) -> None:
    with (job / "events.jsonl").open("a") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


STARTED = {"event": "started", "step": 0, "steps": 40}


def _step(step: int, loss: float | None) -> dict[str, object]:
    return {"event": "step", "step": step, "steps": 40, "loss": loss, "remaining_s": 2.0}


def test_the_course_adds_up_what_was_told(jobs: Jobs, job: Path) -> None:
    assert jobs.view(job).state == "new"
    figures = {"maize.miou": 0.5, "maize.weed": 0.2, "old.miou": None}
    _tell(job, job_line("prepare", "pictures", share=0.5), STARTED, _step(10, 0.7))
    with working(job, local=True):
        assert jobs.view(job).state == "train"
        _tell(job, {"event": "validation", "step": 10, "validation": figures})
        course = jobs.view(job).course
        assert (course.step, course.steps, course.share) == (10, 40, 0.25)
        assert course.losses == ((10, 0.7),)
        (validation,) = course.validations
        assert validation.miou["maize"] == 0.5
        assert math.isnan(validation.miou["old"])
        assert set(validation.miou) == {"maize", "old"}
        _tell(job, {"event": "paused", "step": 11})
        assert jobs.view(job).state == "paused"
        _tell(job, {"event": "continued", "step": 11}, _step(20, None))
        assert jobs.view(job).course.losses == ((10, 0.7),)
        _tell(job, link_line("server: no route"))
        assert jobs.view(job).course.link == "server: no route"
        _tell(job, link_line(""), {"event": "stage", "stage": "exporting"})
        assert (jobs.view(job).state, jobs.view(job).course.words) == ("finish", "exporting")
        _tell(job, job_line("done", "It is not worse.", model_id="circles-1.1"))
    view = jobs.view(job)
    assert (view.state, view.course.model_id) == ("done", "circles-1.1")
    assert not view.can_go_on


def test_a_job_that_nobody_works_on_was_interrupted_and_can_go_on(jobs: Jobs, job: Path) -> None:
    _tell(job, STARTED, _step(25, 0.4))
    view = jobs.view(job)
    assert (view.state, view.can_go_on) == ("interrupted", True)
    _tell(job, {"event": "started", "step": 20, "steps": 40})
    assert jobs.view(job).course.losses == (), "what came after the checkpoint is done again"


def test_torn_and_strange_lines_are_passed_over(job: Path) -> None:
    reader = CourseReader(job / "events.jsonl")
    _tell(job, '{"event": "st', "7", '{"event": "tomorrow"}', '{"event": 3}', STARTED)
    with (job / "events.jsonl").open("a") as file:
        file.write('{"event": "step", "step": 5')
    assert reader.read().steps == 40
    assert reader.read().step == 0
    with (job / "events.jsonl").open("a") as file:
        file.write(', "steps": 40, "loss": 1.0}\n')
    assert reader.read().step == 5


def test_one_local_job_at_a_time_and_one_worker_a_job(
    jobs: Jobs, job: Path, tmp_path: Path
) -> None:
    other = jobs.create(make_spec(shipped_model(), (write_labels(tmp_path / "soy"), "new")))
    assert other != job
    with working(job, local=True):
        with pytest.raises(LearningError, match=f"is learning already.*{job.name}"):
            jobs.launch(other)
        with pytest.raises(LearningError, match="is at work already"):
            jobs.launch(job)
        with pytest.raises(LearningError, match="is at work; cancel it first"):
            jobs.delete(job)
    jobs.delete(other)
    assert [view.job_id for view in jobs.views()] == [job.name]


def test_orders_reach_the_job_at_work_alone(jobs: Jobs, job: Path) -> None:
    with pytest.raises(LearningError, match="nobody works on it"):
        jobs.pause(job)
    with working(job, local=True):
        for order, word in ((jobs.pause, "pause"), (jobs.go_on, "go"), (jobs.cancel, "stop")):
            order(job)
            assert (job / CONTROL_NAME).read_text().split() == [word]


def test_a_process_of_its_own_takes_the_job_up_and_says_why_it_failed(
    jobs: Jobs, tmp_path: Path
) -> None:
    labels = write_labels(tmp_path / "maize")
    job = jobs.create(make_spec(tmp_path / "no-model", (labels, "new")))
    jobs.launch(job)
    assert jobs.view(job).is_at_work, "held from the first moment on"
    with (job / LOCK_NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # returns when its process has ended
    view = jobs.view(job)
    assert view.state == "failed"
    assert "no-model: no such model" in view.course.words
    assert view.can_go_on


def test_a_full_disk_is_told_before_anything_begins(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs", free=lambda _: 90_000_000)
    labels = write_labels(tmp_path / "maize")
    with pytest.raises(LearningError, match="90 MB are free, learning needs 600 MB"):
        jobs.create(make_spec(shipped_model(), (labels, "new")))
    assert not (tmp_path / "jobs").exists()


def test_names_that_are_no_jobs_are_refused(jobs: Jobs, job: Path) -> None:
    assert jobs.find(job.name) == job
    for name in ("nothing", "../jobs", ".local"):
        with pytest.raises(LearningError, match="no such job"):
            jobs.find(name)


def test_a_broken_description_is_listed_with_what_is_wrong(jobs: Jobs, job: Path) -> None:
    (job / "job.json").write_text("{}")
    (view,) = jobs.views()
    assert view.state == "broken"
    assert "made_at" in view.problem
    with pytest.raises(LearningError, match="made_at"):
        jobs.launch(job)


class _Wishes:
    """Changes the control file each time somebody sleeps."""

    def __init__(self, job: Path, *words: str) -> None:
        self._path = job / CONTROL_NAME
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._words = list(words)

    def say(self, word: str) -> None:
        self._path.write_text(word)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.say(self._words.pop(0))


def test_pauses_and_stops_are_obeyed_outside_the_training_too(job: Path) -> None:
    said: list[str] = []
    wishes = _Wishes(job, "pause", "go")
    desk = Desk(job, said.append, wishes.sleep)
    desk.begin("prove")
    wishes.say("pause")
    desk.tell("looking", 0.1)
    phases = [json.loads(line)["phase"] for line in said]
    assert phases == ["prove", "paused", "prove"]
    wishes.say("stop")
    with pytest.raises(Cancelled):
        desk.tell("looking", 0.2)
    wishes.say("nonsense")
    desk.tell("looking", 1.0)
    course = Course()
    for line in said:
        course = course.after(json.loads(line))
    assert course.share == 1.0


def test_waiting_ends_when_the_wish_changes(job: Path) -> None:
    wishes = _Wishes(job, "go", "go", "stop")
    desk = Desk(job, lambda _: None, wishes.sleep)
    desk.wait(60.0)
    assert desk.wish() == "stop"
