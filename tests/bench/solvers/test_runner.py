"""The runner: every end a run can meet becomes a row."""

import json

import pytest

from bench.__main__ import _newest_run, _run
from bench.measuring.machine import ROOT
from bench.solvers import rows, runner, tables
from bench.solvers.compare import duels, summaries
from bench.solvers.registry import groups
from bench.solvers.spec import Group, Spec

SMALL = Spec("pruning", 60, 2)
STAMP = {
    "run": "now",
    "load": 0.0,
    "machine": {"cpu": "c", "cores": 1, "system": "s", "python": "3", "numpy": "2"},
}


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["few-types", "ortools-knapsack", "mathopt-highs", "mathopt-scip", "ortools-cpsat"])
def test_ours_and_peers_agree_on_a_small_problem(solver):
    ours = runner.measure(SMALL, "auto", repeat=1, limit=20.0)
    row = runner.measure(SMALL, solver, repeat=2, limit=20.0)
    assert row["status"] == ours["status"] == "OPTIMAL"
    assert row["value"] == pytest.approx(ours["value"], rel=1e-5)
    assert len(row["all_seconds"]) == 2


@pytest.mark.slow
def test_a_run_past_the_hard_limit_is_killed_and_stays_in_the_table(monkeypatch):
    monkeypatch.setattr(runner, "hard_limit", lambda limit: 0.2)
    row = runner.measure(Spec("pisinger-strongly", 3000), "ortools-knapsack", repeat=1, limit=30.0)
    assert row["status"] == "KILLED"
    assert "**killed**" in tables.table([row | STAMP])


@pytest.mark.slow
def test_a_crash_becomes_a_row_that_says_why():
    row = runner.measure(Spec("pruning", 60, 3), "few-types", repeat=1, limit=5.0)
    assert row["status"] == "FAILED"
    assert "m must be 2" in row["note"]


@pytest.mark.slow
def test_who_cannot_take_a_problem_leaves_no_row():
    assert runner.measure(SMALL, "bellman", repeat=1, limit=5.0) is None


def test_notes_name_no_folder():
    assert runner.without_folders("FileNotFoundError: '/home/me/data/x.txt' and 3/4") == (
        "FileNotFoundError: 'x.txt' and 3/4"
    )


def test_new_rows_replace_old_ones_of_the_same_problem_and_solver():
    old = [{"spec": "b", "solver": "x", "seconds": 1}, {"spec": "a", "solver": "x", "seconds": 1}]
    new = [{"spec": "b", "solver": "x", "seconds": 2}, {"spec": "b", "solver": "y", "seconds": 3}]
    merged = rows.merge(old, new, ["a", "b"])
    assert [(row["spec"], row["solver"], row["seconds"]) for row in merged] == [
        ("a", "x", 1),
        ("b", "x", 2),
        ("b", "y", 3),
    ]


def test_a_resumed_run_measures_only_what_it_lacks(tmp_path, monkeypatch):
    measured = []

    def fake(spec, solver, *, repeat, limit):
        measured.append(solver)
        row = {"spec": spec.name, "set": spec.set, "family": spec.family, "n": 1, "m": 1, "solver": solver}
        return row | {
            "version": "",
            "limit": limit,
            "status": "OPTIMAL",
            "seconds": 1.0,
            "all_seconds": [1.0],
            "gap": 0.0,
        }

    group = Group("title", "text", (SMALL,), ("auto", "greedy", "core"), measure=fake)
    path = tmp_path / "group.json"
    _run("group", group, [(SMALL, "auto"), (SMALL, "greedy")], 1, 5.0, path)
    stamp = _newest_run(path)
    _run("group", group, [(SMALL, name) for name in group.solvers], 1, 5.0, path, stamp)
    assert measured == ["auto", "greedy", "core"]
    assert {row["run"] for row in rows.load(path)} == {stamp}


def test_a_summary_counts_proofs_and_compares_what_both_took():
    common = {
        "run": "1",
        "best_known": 10.0,
        "spec": "a",
        "status": "OPTIMAL",
        "seconds": 1.0,
        "value": 10.0,
        "gap": 0.0,
    }
    ours = [common | {"solver": "auto"}, common | {"solver": "auto", "spec": "b", "seconds": 4.0}]
    stopped = {"solver": "mathopt-scip", "seconds": 3.0, "status": "FEASIBLE", "value": 9.0, "gap": 0.2}
    champion, peer = summaries("auto", [*ours, common | stopped])
    assert (champion.proved, champion.problems, champion.below_best) == (2, 2, 0.0)
    assert champion.seconds == pytest.approx(2.0)
    assert (peer.proved, peer.problems, peer.gap) == (0, 1, 0.2)
    assert (peer.ratio, peer.below_best) == (pytest.approx(3.0), pytest.approx(0.1))


def test_a_peer_is_compared_within_one_run_only():
    ours = {"spec": "a", "solver": "auto", "run": "1", "status": "OPTIMAL", "seconds": 1.0}
    peer = {"spec": "a", "solver": "mathopt-scip", "run": "1", "status": "OPTIMAL", "seconds": 5.0}
    assert duels("auto", [ours, peer])[0].ratio == 5.0
    assert duels("auto", [ours, peer | {"run": "2"}]) == []


@pytest.mark.parametrize("name", groups())
def test_the_committed_page_is_made_from_the_committed_rows(name):
    folder = ROOT / "docs" / "benchmarks"
    found = rows.load(folder / f"{name}.json")
    if not found:
        pytest.skip(f"group {name} has not been measured")
    plotted = (folder / f"{name}.png").exists()
    assert tables.page(name, groups()[name], found, plotted) == (folder / f"{name}.md").read_text()
    assert "/work" not in json.dumps(found)
