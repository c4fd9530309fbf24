"""Training on another computer, over a real OpenSSH server: files, orders, and lost lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ssh_server import SshServer, write_fake_agriseg

from agriseg.errors import LearningError
from agriseg.learning.course import Course
from agriseg.learning.remote import LineDropped, RemoteComputer
from agriseg.learning.remote_training import RemoteTraining
from agriseg.learning.spec import RemoteChoice

NAMES = ("training.toml", "data")
WORDS = ("train", "training.toml", "--progress", "json")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh"))
    yield server
    server.end()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


@pytest.fixture
def choice(server: SshServer, there: Path, tmp_path: Path) -> RemoteChoice:
    return server.choice(there, write_fake_agriseg(tmp_path / "agriseg"))


@pytest.fixture
def job(tmp_path: Path) -> Path:
    job = tmp_path / "job 1's"
    (job / "data" / "maize" / "images").mkdir(parents=True)
    (job / "data" / "maize" / "images" / "p0.jpg").write_bytes(b"\xff\xd8 picture")
    (job / "training.toml").write_text("version = 1\n")
    return job


class Follower:
    """Hears a training and does things when it has got somewhere."""

    def __init__(self, computer: RemoteComputer, job: Path) -> None:
        self.course = Course()
        self.steps: list[int] = []
        self.lost: list[str] = []
        self.wish = "go"
        self.doing: Callable[[Follower], None] = lambda _: None
        self.training = RemoteTraining(
            computer,
            job,
            hear=self._hear,
            lost=self.lost.append,
            wish=lambda: self.wish,
            wait=lambda _: self.doing(self),
        )

    def _hear(self, data: bytes) -> None:
        assert data.endswith(b"\n")
        for line in data.splitlines():
            event = json.loads(line)
            self.course = self.course.after(event)
            if event["event"] == "step":
                self.steps.append(event["step"])

    def run(self) -> bool:
        return self.training.run(NAMES, WORDS)


def _finish(there: Path, job: Path) -> None:
    (there / job.name / "finish").touch()


@pytest.mark.slow
def test_a_training_goes_there_and_its_model_comes_back(
    choice: RemoteChoice, job: Path, there: Path
) -> None:
    follower = Follower(RemoteComputer(choice, job.name), job)

    def when_begun(follower: Follower) -> None:
        if follower.course.step >= 3:
            _finish(there, job)

    follower.doing = when_begun
    assert follower.run()
    assert (job / "training" / "bundle" / "model.json").read_text() == "{}"
    assert (job / "training" / "samples" / "maize.jpg").read_bytes() == b"picture"
    assert follower.course.validations[-1].miou == {"maize": 0.8}
    assert not (there / job.name).exists(), "nothing is left there"
    assert follower.lost == []


@pytest.mark.slow
def test_files_arrive_as_they_are(choice: RemoteChoice, job: Path, there: Path) -> None:
    computer = RemoteComputer(choice, job.name)
    assert computer.check() == "agriseg 0.1.0"
    assert not computer.has_files()
    computer.send(job, NAMES)
    assert computer.has_files()
    arrived = there / job.name / "data" / "maize" / "images" / "p0.jpg"
    assert arrived.read_bytes() == b"\xff\xd8 picture"
    computer.clean()
    assert not computer.has_files()


def test_a_lost_line_is_told_and_the_training_goes_on_without_it(
    server: SshServer, choice: RemoteChoice, job: Path, there: Path
) -> None:
    follower = Follower(RemoteComputer(choice, job.name), job)
    steps: list[int] = []

    def drop_and_return(follower: Follower) -> None:
        checkpoint = there / job.name / "training" / "checkpoint.pt"
        if not steps and follower.course.step >= 3:
            server.end()
            steps.append(follower.course.step)
        elif len(steps) == 1 and follower.lost:
            # As long as the line is down, steps are taken there that nobody hears of here.
            text = checkpoint.read_text()
            if text and int(text) > steps[0] + 5:
                steps.append(int(text))
                server.begin()
        elif len(steps) == 2:
            _finish(there, job)

    follower.doing = drop_and_return
    assert follower.run()
    assert "Connection refused" in follower.lost[0]
    assert "the training goes on there" in follower.lost[0]
    assert follower.lost[-1] == "", "and it is told that it is back"
    heard = follower.steps
    assert heard == list(range(1, heard[-1] + 1)), "every step is heard of once, none is lost"
    assert heard[-1] >= steps[1]


@pytest.mark.slow
def test_it_can_be_paused_stopped_and_taken_up_again(
    choice: RemoteChoice, job: Path, there: Path
) -> None:
    first = Follower(RemoteComputer(choice, job.name), job)
    seen: list[int] = []

    def pause_then_stop(follower: Follower) -> None:
        if follower.wish == "go" and follower.course.step >= 3:
            follower.wish = "pause"
        elif follower.wish == "pause":
            seen.append(follower.course.step)
            if len(seen) > 3:
                follower.wish = "stop"

    first.doing = pause_then_stop
    assert not first.run()
    assert seen[-1] == seen[-2], "it stood still"
    (there / job.name / "training" / "control").write_text("pause")  # left from before

    second = Follower(RemoteComputer(choice, job.name), job)
    second.doing = lambda _: _finish(there, job)
    words = there / job.name / "words.json"
    assert "--resume" not in words.read_text()
    assert second.run()
    assert second.course.losses[0][0] == first.course.losses[-1][0] + 1


@pytest.mark.slow
def test_what_breaks_there_is_told_in_its_own_words(
    choice: RemoteChoice, job: Path, there: Path
) -> None:
    follower = Follower(RemoteComputer(choice, job.name), job)
    follower.doing = lambda _: (there / job.name / "break").touch()
    with pytest.raises(LearningError, match=r"without a model .*out of everything"):
        follower.run()


def test_giving_up_while_the_line_is_down_says_that_it_may_go_on_there(
    server: SshServer, choice: RemoteChoice, job: Path
) -> None:
    server.end()
    follower = Follower(RemoteComputer(choice, job.name), job)

    def give_up(follower: Follower) -> None:
        follower.wish = "stop"

    follower.doing = give_up
    try:
        with pytest.raises(LearningError, match=r"Connection refused.*may go on there"):
            follower.run()
    finally:
        server.begin()


def test_a_stranger_and_a_missing_program_are_no_matter_of_trying_again(
    server: SshServer, choice: RemoteChoice, job: Path, there: Path, tmp_path: Path
) -> None:
    stranger = server.choice(there, tmp_path / "agriseg", key="stranger")
    with pytest.raises(LearningError, match="ssh-copy-id"):
        RemoteComputer(stranger, job.name).check()
    nothing = choice.model_copy(update={"command": "/nowhere/agriseg"})
    with pytest.raises(LearningError, match="install AgriSeg with its train extra"):
        RemoteComputer(nothing, job.name).check()


def test_a_copy_that_was_cut_short_is_not_taken(
    choice: RemoteChoice, job: Path, tmp_path: Path
) -> None:
    script = tmp_path / "cut"
    script.write_text("#!/bin/sh\nprintf 'not the whole of a tar archive'\n")
    script.chmod(0o755)
    (tmp_path / "into").mkdir()
    computer = RemoteComputer(choice, job.name, ssh=[str(script)])
    with pytest.raises(LineDropped, match="cut short"):
        computer.fetch(("bundle",), tmp_path / "into")


@pytest.mark.parametrize("target", ["-oProxyCommand=evil", "a b", "host;rm", ""])
def test_targets_that_are_no_computers_are_refused(target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        RemoteChoice(target=target)
