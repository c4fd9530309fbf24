"""``agriseg learn``: go on learning from corrected pictures, prove it, and see how jobs do."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agriseg.commands.learn_prove import add_action as add_prove
from agriseg.errors import LearningError

if TYPE_CHECKING:
    from agriseg.learning.jobs import JobView
    from agriseg.learning.spec import DataChoice, JobSpec, RemoteChoice

_DESCRIPTION = """\
Let a model go on learning from pictures that were corrected, on this computer or another one, and
compare it with the model in use. A job works in a process of its own at low priority, goes on when
the window or terminal is closed, and can be paused, cancelled and continued. What keeps the model
from forgetting what it knew is in agriseg/learning/LEARNING.md."""

_EPILOG = """\
examples:
  agriseg learn start labels/maize --protect labels/soy --follow
  agriseg learn start labels/maize --replay old/soy --replay old/peanut --protect labels/check
  agriseg learn start labels/maize --protect labels/soy --on user@server
  agriseg learn list
  agriseg learn pause 20261123-081500-field-maize
  agriseg learn prove field-maize-1.2 --protect labels/soy --run ~/runs/20261120-101500"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "learn",
        help="learn from corrected pictures, prove and follow it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_start(actions)
    listed = actions.add_parser("list", help="all jobs and how they do")
    listed.add_argument("--json", action="store_true", help="the jobs as JSON")
    listed.set_defaults(run=run_list)
    for name, words in (
        ("follow", "tell how a job does until it ends; Ctrl-C leaves it at work"),
        ("pause", "let a job wait after its present step"),
        ("continue", "let a job go on, or take it up again"),
        ("cancel", "stop a job after its present step; it can be continued"),
        ("delete", "delete a job's folder; its model stays"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("job", metavar="JOB", help="as in `agriseg learn list`")
        action.set_defaults(run=run_order, order=name)
    add_prove(actions)
    work = actions.add_parser("work", help="do a job in this process (what `start` begins)")
    work.add_argument("job", type=Path, metavar="DIR", help="folder of the job")
    work.add_argument(
        "--held", action="store_true", help="the program that started this holds the job for it"
    )
    work.set_defaults(run=run_work)


def _add_start(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    start = actions.add_parser(
        "start",
        help="begin a job",
        description="Go on learning from folders of labelled pictures (label projects, or any "
        "folder with images/ and masks/). Of each, every fourth group of pictures is held out to "
        "judge by.",
    )
    start.add_argument("new", type=Path, nargs="+", metavar="DIR", help="pictures to learn from")
    start.add_argument(
        "--replay",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="pictures that were learned before, mixed in so that they are kept",
    )
    start.add_argument(
        "--protect",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="pictures that are never learned from and must not get worse",
    )
    start.add_argument(
        "--run",
        dest="runs",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="recorded run to compare the models on",
    )
    start.add_argument(
        "--from",
        dest="start_from",
        default="",
        metavar="MODEL",
        help="begin with (default: in use)",
    )
    start.add_argument("--name", default="", help="name of the new model (default: of the old)")
    start.add_argument("--steps", type=int, default=300, help="steps of training (default: 300)")
    start.add_argument(
        "--simulated",
        type=int,
        default=192,
        metavar="N",
        help="frames of the simulated field mixed in (default: 192)",
    )
    start.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    start.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    start.add_argument(
        "--on", default="", metavar="[USER@]HOST", help="train on another computer, by ssh"
    )
    start.add_argument(
        "--ssh-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option of ssh, such as -p2222; better: ~/.ssh/config",
    )
    start.add_argument(
        "--remote-command",
        default="agriseg",
        metavar="COMMAND",
        help="how AgriSeg is called there (default: agriseg)",
    )
    start.add_argument("--follow", action="store_true", help="tell how it does until it ends")
    start.set_defaults(run=run_start)


def run_work(args: argparse.Namespace) -> int:
    """Do a job in this process; return the exit status."""
    from agriseg.commands.learn_work import run_work

    return run_work(args)


def run_start(args: argparse.Namespace) -> int:
    """Begin a job; return the exit status."""
    from agriseg.learning.jobs import Jobs

    jobs = Jobs()
    job = jobs.create(_spec(args))
    jobs.launch(job)
    print(f"begun: {job.name}")
    if args.follow:
        return _follow(jobs, job)
    print(f"`agriseg learn follow {job.name}` tells how it does")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print the jobs; return the exit status."""
    from agriseg.learning.jobs import Jobs

    jobs = Jobs()
    views = jobs.views()
    if args.json:
        print(json.dumps([_plain(view) for view in views], indent=2))
        return 0
    if not views:
        print(f"no jobs yet in {jobs.root}; `agriseg learn start DIR` begins one")
    for view in views:
        print(f"{view.job_id}  {view.state:<11} {_words(view)}")
    return 0


def run_order(args: argparse.Namespace) -> int:
    """Pause, continue, cancel, delete or follow a job; return the exit status."""
    from agriseg.learning.jobs import Jobs

    jobs = Jobs()
    job = jobs.find(args.job)
    if args.order == "follow":
        return _follow(jobs, job)
    orders = {
        "pause": jobs.pause,
        "continue": jobs.go_on,
        "cancel": jobs.cancel,
        "delete": jobs.delete,
    }
    orders[args.order](job)
    print({"delete": "deleted", "pause": "pauses after its step"}.get(args.order, "told"))
    return 0


def _spec(args: argparse.Namespace) -> JobSpec:
    from pydantic import ValidationError

    from agriseg.learning.spec import JobSpec
    from agriseg.models.bundle import open_bundle
    from agriseg.models.deployed import wanted_model
    from agriseg.registry.store import ModelRegistry

    start = wanted_model(args.start_from)
    manifest = open_bundle(start).manifest
    name = args.name or manifest.name
    remote = _remote(args)
    try:
        return JobSpec(
            made_at=datetime.now(UTC),
            name=name,
            version=ModelRegistry().next_version(name, manifest.version),
            start=str(start.absolute()),
            data=tuple(_choices(args)),
            simulated_frames=args.simulated,
            steps=args.steps,
            threads=args.threads,
            device=args.device,
            runs=tuple(str(run.absolute()) for run in args.runs),
            remote=remote,
        )
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]).removesuffix("_frames")
        raise LearningError(
            f"--{key} {str(first['input'])!r}: expected another value ({first['msg']})"
        ) from error


def _choices(args: argparse.Namespace) -> list[DataChoice]:
    from agriseg.learning.spec import choose_folder

    return [
        *(choose_folder(path, "new") for path in args.new),
        *(choose_folder(path, "replay") for path in args.replay),
        *(choose_folder(path, "protected") for path in args.protect),
    ]


def _remote(args: argparse.Namespace) -> RemoteChoice | None:
    from agriseg.learning.spec import choose_computer

    if not args.on:
        return None
    return choose_computer(args.on, tuple(args.ssh_option), args.remote_command)


def _words(view: JobView) -> str:
    if view.problem:
        return view.problem
    course = view.course
    if course.link:
        return course.link
    if course.phase == "train" and view.is_at_work:
        left = course.remaining_s
        minutes = "" if left != left else f", {left / 60:.0f} min left"
        return f"step {course.step} of {course.steps}{minutes}"
    return " ".join(part for part in (course.model_id, course.words) if part)


def _plain(view: JobView) -> dict[str, Any]:
    course = view.course
    return {
        "job": view.job_id,
        "state": view.state,
        "directory": str(view.directory),
        "words": _words(view),
        "step": course.step,
        "steps": course.steps,
        "remaining_s": None if course.remaining_s != course.remaining_s else course.remaining_s,
        "model": course.model_id,
    }


def _follow(jobs: Any, job: Path) -> int:
    import time

    said = ""
    while True:
        view = jobs.view(job)
        words = f"{view.state}: {_words(view)}"
        if words != said:
            print(words, flush=True)
            said = words
        if not view.is_at_work and view.state != "new":
            return 0 if view.state == "done" else 1
        time.sleep(0.5)
