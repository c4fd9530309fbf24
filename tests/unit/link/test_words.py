"""Every number that the controller may give has words, and the document has the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import pytest
from link_bench import Bench

from agriseg.messages import PulseOutcome
from firmware_bridge.codec import decode_controller, encode
from firmware_bridge.codes import (
    CAUSE_WORDS,
    OUTCOME_WORDS,
    RESULT_WORDS,
    Capability,
    Cause,
    Outcome,
    Result,
    State,
)
from firmware_bridge.frames import Ack, ControllerFrame, PulseReports, Status
from firmware_bridge.wires import SimulatedWire

TABLES: list[tuple[type[IntEnum], Mapping[int, str]]] = [
    (Result, RESULT_WORDS),
    (Outcome, OUTCOME_WORDS),
    (Cause, CAUSE_WORDS),
]
OF_THE_HOST = {Outcome.REFUSED, Outcome.LOST}


@pytest.fixture(scope="module")
def document(repository: Path) -> str:
    """Return the protocol's definition."""
    return (repository / "firmware_bridge/PROTOCOL.md").read_text()


@pytest.mark.parametrize(("numbers", "words"), TABLES)
def test_every_number_has_words_of_its_own(
    numbers: type[IntEnum], words: Mapping[int, str]
) -> None:
    assert set(words) == set(numbers)
    assert len(set(words.values())) == len(words)


@pytest.mark.parametrize(("numbers", "words"), TABLES)
def test_the_document_says_the_same(
    numbers: type[IntEnum], words: Mapping[int, str], document: str
) -> None:
    for number in set(numbers) - OF_THE_HOST:
        row = re.search(
            rf"^\| {number:d} \|(?: 0x..? ?\|)? {number.name} \| (.*) \|$", document, re.M
        )
        assert row is not None, number
        assert row[1] in (words[number], "as asked", "opened and closed as asked")


def test_the_document_names_every_capability(document: str) -> None:
    listed = re.search(r"^Capabilities: (.*?)Other bits are 0", document, re.M | re.S)
    assert listed is not None
    found = dict(re.findall(r"(\d+) ([A-Z_]+)", listed[1]))
    assert found == {str(int(c)): c.name for c in Capability}


class RewritingWire:
    """Another controller: every frame passes through ``change`` before the host gets it."""

    def __init__(self, wire: SimulatedWire) -> None:
        self._wire = wire
        self.moments, self.write, self.close = wire.moments, wire.write, wire.close
        self.change: Callable[[ControllerFrame], ControllerFrame] = lambda frame: frame

    def read(self, t_s: float) -> Sequence[tuple[float, bytes]]:
        return [
            (arrival_s, encode(self.change(decode_controller(data[:-1])[0])))
            for arrival_s, data in self._wire.read(t_s)
        ]


@pytest.fixture
def bench() -> Bench:
    """Return a robot whose controller's words can be changed."""
    return Bench(wrap=RewritingWire)


def rewrite(bench: Bench, change: Callable[[ControllerFrame], ControllerFrame]) -> None:
    """Let the controller say something else from now on."""
    wire = bench.wire
    assert isinstance(wire, RewritingWire)
    wire.change = change


@pytest.mark.parametrize("outcome", [*sorted(set(Outcome) - OF_THE_HOST), 0x6E])
def test_what_became_of_a_pulse_reaches_the_operator_in_words(bench: Bench, outcome: int) -> None:
    def change(frame: ControllerFrame) -> ControllerFrame:
        if not isinstance(frame, PulseReports):
            return frame
        return replace(frame, reports=tuple(replace(r, outcome=outcome) for r in frame.reports))

    bench.arm()
    rewrite(bench, change)
    event = bench.spray(0, bench.here_m + 0.2, bench.here_m + 0.25)
    bench.run(0.5)
    answer = bench.report(event)
    unknown = f"the controller gives the unknown reason {outcome}"
    assert answer.detail == OUTCOME_WORDS.get(outcome, unknown)
    assert (answer.outcome is PulseOutcome.DONE) == (outcome == Outcome.DONE)


@pytest.mark.parametrize("result", [*sorted(set(Result) - {Result.OK}), 77])
def test_why_a_command_was_refused_reaches_the_operator_in_words(bench: Bench, result: int) -> None:
    def change(frame: ControllerFrame) -> ControllerFrame:
        if isinstance(frame, Ack):
            return replace(frame, results=bytes((result,) * 8))
        return replace(frame, state=State.SAFE) if isinstance(frame, Status) else frame

    bench.run(1.2)
    rewrite(bench, change)
    bench.controller.arm()
    bench.run(0.2)
    unknown = f"the controller gives the unknown reason {result}"
    assert bench.status.cause == f"arm was refused: {RESULT_WORDS.get(result, unknown)}"


@pytest.mark.parametrize("cause", [*sorted(set(Cause) - {Cause.NONE}), 99])
def test_why_the_controller_is_not_armed_reaches_the_operator_in_words(
    bench: Bench, cause: int
) -> None:
    def change(frame: ControllerFrame) -> ControllerFrame:
        return replace(frame, cause=cause) if isinstance(frame, Status) else frame

    bench.run(1.2)
    rewrite(bench, change)
    bench.run(0.1)
    assert bench.status.cause == CAUSE_WORDS.get(cause, f"the controller gives cause {cause}")
