"""The command line: a person sees a sentence, a program sees an exit code and JSON."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import knapsolve
from knapsolve.cli.checkout import checkout
from knapsolve.cli.commands import app
from knapsolve.files.reading import write_json
from knapsolve.problem import Knapsack
from knapsolve.solver import Answer, Capabilities, Options, solvers
from shared.commands import invoke

PROBLEM = "3\n10 5\n20 6\n30 7\n12\n"
ITEMS = "value,weight\n10,5\n20,6\n30,7\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.kp"
    path.write_text(PROBLEM)
    return path


def run(*arguments: object):
    return invoke(app, *arguments)


def test_solve_prints_the_proved_value(file: Path) -> None:
    result = run("solve", file, "--solver", "highs")
    assert result.exit_code == 0
    assert "OPTIMAL" in result.output
    assert "40" in result.output
    assert "2 of 3 items" in result.output


def test_solve_writes_json(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    result = run("solve", file, "--solver", "highs", "--time-limit", "20", "--gap", "0", "--output", output)
    assert result.exit_code == 0
    written = json.loads(output.read_text())
    assert (written["status"], written["value"], written["selected"]) == ("OPTIMAL", 40, [0, 2])
    assert (written["file"], written["index"], written["solver"]) == ("small.kp", 0, "highs")


def test_an_output_that_exists_is_kept_unless_forced(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    output.write_text("precious")
    result = run("solve", file, "--solver", "highs", "--output", output)
    assert result.exit_code == 2
    assert "pass --force" in result.output
    assert output.read_text() == "precious"
    assert run("solve", file, "--solver", "highs", "--output", output, "--force").exit_code == 0
    assert json.loads(output.read_text())["value"] == 40


def test_json_on_standard_output_is_all_there_is(file: Path) -> None:
    result = run("solve", file, "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert (printed["file"], printed["status"], printed["value"], printed["selected"]) == (
        "small.kp",
        "OPTIMAL",
        40,
        [0, 2],
    )


@pytest.mark.parametrize("capacity", [["--capacity", "12", "--capacity", "2.5"], ["--capacity", "12, 2.5"]])
def test_a_table_of_items_is_solved_with_the_capacities_of_the_command(capacity: list[str], tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("value,weight_kg,weight_litres\n10,5,1\n20,6,2\n30,7,1.5\n")
    result = run("solve", path, *capacity, "--solver", "highs", "--json")
    assert (result.exit_code, json.loads(result.stdout)["selected"]) == (0, [0, 2])


def test_the_version_is_printed() -> None:
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"knapsolve {knapsolve.__version__}\n")


def command(*arguments: object, before: str = "") -> list[str]:
    """The command in a process of its own, after some lines of Python."""
    script = f"{before}\nfrom knapsolve.cli.commands import main\nmain()"
    return [sys.executable, "-c", script, *map(str, arguments)]


def test_an_answer_that_cannot_be_written_is_printed_all_the_same(file: Path, tmp_path: Path) -> None:
    """The folder can be written to when the solve begins, and the disk is full when it ends."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    arguments = command("solve", file, "--json", "--solver", "highs", "--output", tmp_path / "out.json", before=full)
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["value"] == 40
    assert done.returncode == 2
    assert "Error: the solution above is not in" in done.stderr.splitlines()[-1]
    assert done.stderr.endswith("out.json, which could not be written: File too large\n")
    assert os.listdir(tmp_path) == ["small.kp"]


DEAF = """
import signal, time
import numpy as np
import knapsolve.portfolio.solving
from knapsolve.solver import Answer, Capabilities, Progress

class Deaf:
    name = "deaf"
    capabilities = Capabilities(exact=True)

    def solve(self, problem, options):
        options.on_progress(Progress(0.0, 10, 60))
        while True:
            time.sleep(0.01)

knapsolve.portfolio.solving.load = lambda name: Deaf()
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background
"""


@pytest.mark.parametrize("solver", ["highs", "deaf"])
def test_termination_ends_a_solve_with_the_best_so_far_written_and_no_process_left(solver: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = random.integers(1, 1000, (10, 300))
    problem = Knapsack(weights.sum(axis=0) + random.integers(0, 500, 300), weights, weights.sum(axis=1) // 4)
    write_json(problem, tmp_path / "hard.json")
    out = tmp_path / "out.json"
    arguments = command(
        "solve", tmp_path / "hard.json", "--solver", solver, "--output", out, before=DEAF if solver == "deaf" else ""
    )
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        assert "value" in started.stderr.readline()  # it is at work
        workers = subprocess.run(["pgrep", "-P", str(started.pid)], capture_output=True, text=True).stdout.split()
        started.terminate()
        assert started.wait(timeout=30) == 0
    assert len(workers) == (solver == "highs")
    assert not [pid for pid in workers if Path("/proc", pid).exists()]
    written = json.loads(out.read_text())
    assert written["status"] == "FEASIBLE"
    assert 0 < problem.values[written["selected"]].sum() == written["value"] < written["bound"]
    assert any("SIGTERM" in line or "interrupted" in line for line in written["trace"])


def test_termination_is_the_programs_own_again_after_a_command(file: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run("solve", file).exit_code == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_infeasible_problem_has_its_own_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "impossible.json"
    path.write_text('{"values": [1], "weights": [5], "capacities": 4, "choices": [0], "exactly_one": true}')
    result = run("solve", path, "--solver", "highs")
    assert result.exit_code == 1
    assert "INFEASIBLE" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent.kp"], "absent.kp: No such file or directory"),
        (["small.kp", "--solver", "oracle"], "solver must be one of"),
        (["small.kp", "--index", "3"], "index must be 0 for small.kp"),
        (["small.kp", "--time-limit", "-1"], "time_limit must be a positive, finite number; got -1"),
        (["small.kp", "--gap", "nan"], "gap must be a finite number, 0 or more; got nan"),
        (["small.kp", "--output", "no/such/folder/out.json"], "the folder of --output does not exist"),
        (["small.kp", "--output", "."], "--output must name a file; got ., which is none"),
        (["small.kp", "--output", "/dev/null", "--force"], "--output must name a file; got /dev/null, which is none"),
        (["small.kp", "--output", "/proc/out.json"], "--output must name a file that can be written; /proc/out.json: "),
        (["small.kp", "--output", "x" * 300], "File name too long"),
        (["small.kp", "--output", "torn.kp/out.json"], "the folder of --output does not exist"),
        (["small.kp", "--capacity", "9"], "capacities must be left out for small.kp, which holds its own"),
        (["items.csv"], "capacities must be given for items.csv, one for each weight column: weight"),
        (["items.csv", "--capacity", "9,x"], "--capacity must be numbers, one for each weight; got 9,x"),
        (["items.csv", "--capacity", "9,8"], "one for each weight column of items.csv, weight; got [9 8]"),
        (["items.csv", "--capacity", "-1"], "items.csv: capacities must not be below 0; got -1"),
        (["items.csv", "--capacity", "9", "--index", "1"], "index must be 0 for items.csv"),
        (["torn.kp"], "torn.kp ends after line 2"),
        (["."], "directory"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    Path("torn.kp").write_text("3\n10 5\n")
    Path("items.csv").write_text(ITEMS)
    result = run("solve", *arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert "Traceback" not in result.output


def test_list_shows_every_solver_and_its_version() -> None:
    result = run("list")
    assert result.exit_code == 0
    for name in solvers():
        assert name in result.output
    assert f"highspy {version('highspy')}" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


def test_the_installed_command_runs(file: Path) -> None:
    command = Path(sys.executable).with_name("knapsolve")
    result = subprocess.run([command, "solve", file], capture_output=True, text=True, timeout=120, check=True)
    assert "OPTIMAL" in result.stdout


class Absent:
    """A solver whose library nobody has."""

    name = "absent"
    capabilities = Capabilities(exact=True)
    distribution = "no-such-library"
    remedy = 'pip install "knapprune[absent]"'

    def solve(self, problem: Knapsack, options: Options) -> Answer:
        pytest.fail("a solver that is not installed must not be called to be listed")


def test_list_says_what_is_not_installed_and_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("knapsolve.cli.commands.solvers", lambda: ["absent"])
    monkeypatch.setattr("knapsolve.cli.commands.load", lambda name: Absent())
    result = run("list")
    assert "not installed" in result.output
    assert 'not available: absent needs no-such-library: pip install "knapprune[absent]"' in result.output


def test_bench_takes_the_arguments_of_the_benchmark() -> None:
    """In a process of its own, for it runs the benchmark in place of the command."""
    command = [sys.executable, "-c", "from knapsolve.cli.commands import main; main()", "bench"]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=120)
    assert "python -m bench" in helped.stdout
    refused = subprocess.run([*command, "--severity", "nonsense"], capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2
    assert "got 'nonsense'" in refused.stderr


def test_bench_without_a_checkout_says_that_it_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "site-packages" / "knapsolve"
    monkeypatch.setattr("knapsolve.cli.commands.checkout", lambda: checkout(installed))
    result = run("bench", "--severity", "smoke")
    assert result.exit_code == 2
    assert "the benchmark needs a checkout of the repository" in result.output
    assert "Traceback" not in result.output


def test_a_folder_named_solvers_without_a_benchmark_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="needs a checkout"):
        checkout(tmp_path / "solvers" / "knapsolve")


FORMATS = {
    "orlib/mknap1.txt": 6,
    "orlib/mknapcb1.txt": 29,
    "sac94/weing/weing1.dat": 0,
    "gk/gk01.dat": 0,
    "knapPI/knapPI_2_1000_1000_1": 0,
    "jooken/n_400_c_1000000_g_10_f_0.1_eps_0.0001_s_200.in": 0,
    "mmkp/I03": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_every_published_format_is_solved(name: str, data_folder: Path, tmp_path: Path) -> None:
    file, output = data_folder / "knapsack" / name, tmp_path / "out.json"
    result = run("solve", file, "--index", FORMATS[name], "--time-limit", "1", "--output", output)
    assert result.exit_code == 0, result.output
    written = json.loads(output.read_text())
    assert (written["file"], written["index"]) == (file.name, FORMATS[name])
    assert 0 < written["value"] <= written["bound"]
    assert written["selected"]


def test_progress_is_printed_in_plain_lines_where_no_person_watches(file: Path) -> None:
    script = """
from knapsolve import solver
from knapsolve.solver import Answer, Capabilities, Progress
import knapsolve.portfolio.solving, knapsolve.cli.commands, numpy as np, sys

class Teller:
    name = "teller"
    capabilities = Capabilities(exact=True)

    def solve(self, problem, options):
        for seconds, value in ((0.1, 10), (0.2, 20), (3.0, 30), (3.1, 40)):
            options.on_progress(Progress(seconds, value, 40))
        return Answer(np.array([True, False, True]), 40)

knapsolve.portfolio.solving.load = lambda name: Teller()
sys.argv = ["knapsolve", "solve", sys.argv[1], "--solver", "teller"]
knapsolve.cli.commands.main()
"""
    result = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, timeout=120)
    assert result.stderr.splitlines() == [
        "0.1 s  value 10  bound 40  gap 75.0000%",
        "3.0 s  value 30  bound 40  gap 25.0000%",
        "3.1 s  value 40  bound 40  gap 0.0000%",
    ]
