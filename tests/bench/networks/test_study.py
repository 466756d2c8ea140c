"""The harness of the studies: what is measured is kept, a run goes on where it was cut off, and failures are rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from bench.measuring.apart import apart
from bench.measuring.machine import ROOT
from bench.networks.command import app
from bench.networks.multipliers import STUDY as MULTIPLIERS
from bench.networks.study import Case, Study

STUDIES = (
    "accelerator",
    "accuracy",
    "digits",
    "distributed_arithmetic",
    "frontier",
    "generated_models",
    "jets",
    "joint_choice",
    "loop_overhead",
    "models",
    "multipliers",
    "rows_and_words",
    "saliency",
    "saliency_memory",
    "vendor",
    "vendor.fit",
)
SQUARES = [{"number": number, "made": "x", "square": number**2} for number in range(4)]


class Meter:
    """Square numbers, remember which, and do instead what is said of some."""

    def __init__(self):
        self.measured = []
        self.instead = {}

    def measure(self, number):
        self.measured.append(number)
        if number in self.instead:
            raise self.instead[number]
        return {"square": number**2}


@pytest.fixture
def meter():
    return Meter()


def page(rows):
    return "".join(f"{row['number']}: {row.get('square', row.get('error'))}\n" for row in rows)


def study(meter, **more):
    def cases(below: Annotated[int, typer.Option(help="How many numbers.")] = 4) -> list[Case]:
        return [Case({"number": number}, partial(meter.measure, number)) for number in range(below)]

    given = {"cases": cases, "facts": lambda: {"made": "x"}} | more
    return Study("squares", "Square numbers.", page, **given)


def call(study, out, *arguments):
    return CliRunner().invoke(app(study), ["--out", str(out), *arguments])


def rows_in(out):
    return json.loads((out / "squares.json").read_text())


def test_a_run_that_is_cut_off_goes_on_and_ends_with_the_same_page(meter, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(study(meter), whole).exit_code == 0
    meter.measured.clear()
    meter.instead = {2: KeyboardInterrupt()}
    assert call(study(meter), cut).exit_code != 0
    assert rows_in(cut) == SQUARES[:2]
    assert not (cut / "squares.md").exists()
    meter.instead = {}
    assert call(study(meter), cut).exit_code == 0
    assert meter.measured == [0, 1, 2, 2, 3]
    for name in ("squares.json", "squares.md"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert {path.name for path in cut.iterdir()} == {"squares.json", "squares.md"}


def test_a_case_that_raises_is_a_row_and_is_not_tried_again(meter, tmp_path):
    meter.instead = {1: ValueError("one is\nodd")}
    assert call(study(meter), tmp_path).exit_code == 0
    failed = {"number": 1, "made": "x", "error": "ValueError: one is\nodd"}
    assert rows_in(tmp_path) == [SQUARES[0], failed, *SQUARES[2:]]
    assert "1: ValueError: one is" in (tmp_path / "squares.md").read_text()
    meter.instead = {}
    said = call(study(meter), tmp_path)
    assert meter.measured == [0, 1, 2, 3]
    assert "squares: rows that were there: 4; --again measures them anew" in said.output


def test_what_json_cannot_hold_is_a_failed_row(meter, tmp_path):
    bad = [Case({"number": 0}, lambda: {"square": {1, 2}}), Case({"number": 1}, lambda: {"square": 1})]
    assert call(study(meter, cases=lambda: bad), tmp_path).exit_code == 0
    assert [row.get("error", "none") for row in rows_in(tmp_path)] == [
        "TypeError: Object of type set is not JSON serializable",
        "none",
    ]


def test_again_forgets_the_rows_of_its_cases_alone_and_goes_on_when_cut_off(meter, tmp_path):
    assert call(study(meter), tmp_path).exit_code == 0
    meter.instead = {1: KeyboardInterrupt()}
    assert call(study(meter), tmp_path, "--again", "--below", "3").exit_code != 0
    assert rows_in(tmp_path) == [SQUARES[3], SQUARES[0]]
    meter.instead = {}
    assert call(study(meter, order=lambda row: row["number"]), tmp_path, "--below", "3").exit_code == 0
    assert rows_in(tmp_path) == SQUARES
    assert meter.measured == [0, 1, 2, 3, 0, 1, 1, 2]


def test_the_rows_of_others_who_write_meanwhile_are_kept(meter, tmp_path):
    def beside():
        (tmp_path / "squares.json").write_text(json.dumps([SQUARES[3]]))
        return {"square": 0}

    cases = [Case({"number": 0}, beside), Case({"number": 3}, lambda: meter.measure(3))]
    assert call(study(meter, cases=lambda: cases), tmp_path).exit_code == 0
    assert rows_in(tmp_path) == [SQUARES[3], SQUARES[0]]
    assert meter.measured == []


def test_an_iterator_of_cases_hears_every_row_and_may_end(meter, tmp_path):
    def until(enough: int = 10) -> Iterator[Case]:
        squares = []
        number = 0
        while sum(squares) < enough:
            yield Case({"number": number}, partial(meter.measure, number), lambda row: squares.append(row["square"]))
            number += 1

    endless = study(meter, cases=until)
    assert call(endless, tmp_path, "--enough", "5").exit_code == 0
    assert rows_in(tmp_path) == SQUARES[:3]
    assert call(endless, tmp_path).exit_code == 0
    assert rows_in(tmp_path) == SQUARES
    assert meter.measured == [0, 1, 2, 3]
    assert call(endless, tmp_path, "--again", "--enough", "1").exit_code == 0
    assert rows_in(tmp_path) == SQUARES[:2]


@pytest.mark.parametrize("option", ["--page-only", "--table"])
def test_the_page_alone_is_made_from_the_rows_and_nothing_is_measured(option, meter, tmp_path):
    (tmp_path / "squares.json").write_text(json.dumps(SQUARES[:1]))
    assert call(study(meter), tmp_path, option).exit_code == 0
    assert (tmp_path / "squares.md").read_text() == "0: 0\n"
    assert meter.measured == []


def test_a_page_without_rows_is_refused_in_a_sentence(meter, tmp_path):
    said = call(study(meter), tmp_path, "--table")
    assert said.exit_code == 2
    assert "holds no squares.json, and nothing was measured" in " ".join(said.output.split())


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_measured(meter, tmp_path):
    (tmp_path / "file").write_text("")
    said = call(study(meter), tmp_path / "file" / "folder")
    assert said.exit_code == 2
    assert "cannot be written to (Not a directory); give another" in " ".join(said.output.split())
    assert meter.measured == []


def test_a_case_may_have_a_file_of_its_own_that_the_page_reads_too(tmp_path):
    cases = [Case({"number": 1}, lambda: {}), Case({"number": 2}, dict, file="tried")]
    both = Study("runs", "", lambda rows, tried: f"{len(rows)} {tried[0]['number']}", lambda: cases, others=("tried",))
    assert call(both, tmp_path).exit_code == 0
    assert (tmp_path / "runs.md").read_text() == "1 2"
    assert json.loads((tmp_path / "tried.json").read_text()) == [{"number": 2}]


def test_multipliers_without_yosys_say_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = call(MULTIPLIERS, tmp_path)
    assert said.exit_code == 2
    assert said.output == "Error: yosys is not on the path; install it with: apt-get install yosys\n"


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_help_without_the_tools_it_needs(name, tmp_path):
    command = [sys.executable, "-m", f"bench.networks.{name}", "--help"]
    without = {key: value for key, value in os.environ.items() if key != "KNAPPRUNE_DATA"} | {"PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"Usage: python -m bench.networks.{name}" in done.stdout
    assert "--out" in done.stdout or name == "vendor.fit"


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("time:sleep", TimeoutError, "not done in 2 s"),
        ("os:abort", ChildProcessError, "the process ended with -6"),
        ("math:sqrt", ChildProcessError, "the process ended with 1; TypeError: must be real number, not str"),
    ],
)
def test_what_happens_to_a_process_apart_is_an_error_here(function, error, message):
    arguments = {"time:sleep": [60], "os:abort": [], "math:sqrt": ["x"]}[function]
    with pytest.raises(error, match=message):
        apart(function, *arguments, seconds=2 if function == "time:sleep" else None)
    assert apart("math:sqrt", 4) == 2.0
