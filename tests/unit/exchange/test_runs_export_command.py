"""`agriseg runs export`, `record` and `plan`, as a person calls them."""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "mapping"))

from mapped_run import record_straight

from agriseg.app import main
from agriseg.commands.progress_line import ProgressLine
from agriseg.exchange.exporting import ExportOrder, export_run

HERE = "48.0,11.0,90"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_straight(tmp_path_factory.mktemp("commanded") / "run")


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    shutil.copytree(recorded, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("form", "name", "expected"),
    [
        ("csv", "tables", "tables/treated.csv"),
        ("taskdata", "job", "job/TASKDATA/TASKDATA.XML"),
        ("taskdata", "job.zip", "job.zip"),
        ("html", "record.html", "record.html"),
    ],
)
def test_an_export_is_written_once(
    run: Path, tmp_path: Path, form: str, name: str, expected: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    arguments = ["runs", "export", str(run), "--format", form, "--out", str(tmp_path / name)]
    assert main(arguments) == 0
    assert (tmp_path / expected).is_file()
    assert "by satellite receiver" in capsys.readouterr().out
    assert main(arguments) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


def test_the_record_names_what_is_missing_until_it_is_entered(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "record.html"
    export = ["runs", "export", str(run), "--format", "html", "--out", str(page), "--overwrite"]
    assert main(export) == 0
    text = page.read_text(encoding="utf-8")
    assert "Not stated: Field, Crop, Authorisation number" in re.sub(r"\s+", " ", text)
    entered = ["--field-name", "Long acre", "--crop", "Beet <2>", "--product-registration", "024-1"]
    assert (
        main(["runs", "record", str(run), *entered, "--wind-m-s", "2.5", "--temperature-c", "0"])
        == 0
    )
    assert main(export) == 0
    text = page.read_text(encoding="utf-8")
    assert "Incomplete" not in text
    for words in ("Long acre", "Beet &lt;2&gt;", "024-1", "2.5", "Operator", "40 ml", "l/ha"):
        assert words in text
    assert "polygon" in text
    assert re.search(r"Temperature[^<]*</td><td>0<", text), "no degrees are a statement, too"
    assert re.search(r"Product used</td><td>0\.4 ml", text)
    capsys.readouterr()
    assert main(["runs", "record", str(run)]) == 0
    assert "Field: Long acre" in capsys.readouterr().out
    assert main(["runs", "record", str(run), "--humidity-percent", "130"]) == 2
    assert "record.humidity_percent is 130.0" in capsys.readouterr().err


def test_the_sheet_is_a_pdf_with_the_same_words(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("reportlab")
    out = tmp_path / "record.pdf"
    assert main(["runs", "export", str(run), "--format", "pdf", "--out", str(out)]) == 0
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert b"Spray record run" in data


def test_the_next_pass(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "plan", str(run), "--tank", "0.005"]) == 0
    out = capsys.readouterr().out
    assert "To be sprayed again: 2 places, 0.18 m²." in out
    assert "Mix: 0.01 l" in out
    assert "Fills of a tank of 0.005 l: 2." in out
    assert main(["runs", "plan", str(run), "--area", "2"]) == 0
    out = capsys.readouterr().out
    assert "20.0" in out, "40 ml on 20 m² are 20 l/ha"
    assert "Mix: 44.0" in out


def test_a_run_without_positions_is_placed_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = record_straight(tmp_path / "run", with_fixes=False)
    export = ["runs", "export", str(run), "--format", "csv", "--out", str(tmp_path / "t")]
    assert main(export) == 2
    assert "no positions of a satellite receiver" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()
    assert main([*export, "--origin", HERE]) == 0
    with pytest.raises(SystemExit):
        main([*export, "--origin", "here"])
    assert "LATITUDE,LONGITUDE,COURSE" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A terminal that keeps what was drawn on it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["csv", "html", "recording"])
def test_an_export_says_how_far_it_is(run: Path, tmp_path: Path, form: str) -> None:
    told: list[tuple[str, float]] = []
    order = ExportOrder(run=run, form=form, out=tmp_path / "out")
    export_run(order, lambda what, share: told.append((what, share)))
    assert all(0.0 <= share <= 1.0 for _, share in told)
    stages = list(dict.fromkeys(what for what, _ in told))
    expected = ["Copying data", "Copying video"] if form == "recording" else ["Reading the run"]
    assert stages[: len(expected)] == expected
    for stage in stages:
        shares = [share for what, share in told if what == stage]
        assert shares == sorted(shares), stage
        assert shares[-1] == 1.0, stage


def test_a_line_of_progress_comes_late_counts_down_and_goes() -> None:
    terminal, now_s = Terminal(), [0.0]
    line = ProgressLine(terminal, lambda: now_s[0])
    line("Reading the run", 0.0)
    assert terminal.getvalue() == "", "what is done at once needs none"
    now_s[0] = 10.0
    line("Reading the run", 0.25)
    assert terminal.getvalue().endswith("Reading the run: 25 %, 30 s left")
    line.end()
    assert terminal.getvalue().endswith("\r\x1b[K")
    pipe = io.StringIO()
    ProgressLine(pipe, lambda: now_s[0])("Reading the run", 0.5)
    assert pipe.getvalue() == ""
