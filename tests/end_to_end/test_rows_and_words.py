"""Rows and memory words on real networks: more is kept than by aligned runs, and the generated project agrees."""

import json
import runpy
from pathlib import Path

import pytest

import knapprune as kp
from bench.networks.study import DOCS, row_of

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "networks" / "rows_and_words.py"))


@pytest.mark.parametrize("spec", BENCH["SPECS"][:5], ids=lambda spec: f"{spec.network}-{spec.bits}-{spec.reuse_factor}")
@pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning")
def test_rows_and_words_keep_more_and_are_counted_so(spec, data_folder):
    model = BENCH["load"](spec.network, data_folder)
    budget = {"dsp": 0.25, "bram18": 0.5}
    fine = kp.select(model, spec.config, budget, normalise="sum")
    runs = kp.select(model, spec.config, budget, normalise="sum", structure="bram-run")
    assert fine.solution.status == "OPTIMAL"
    assert fine.solution.value > runs.solution.value * 1.02
    check = kp.verify(fine.apply(model), spec.config)
    assert check.counted == check.predicted == fine.resources.total
    assert all(cap.use(fine.resources) <= cap.limit for cap in fine.budget)


def test_the_committed_table_is_made_from_the_committed_rows():
    rows = json.loads((DOCS / "rows-and-words.json").read_text())
    assert BENCH["page"](rows) == (DOCS / "rows-and-words.md").read_text()


def test_a_failed_run_stays_in_the_table():
    case = BENCH["case"](BENCH["SPECS"][0], BENCH["BUDGETS"][0], lambda network: object())
    row = row_of(BENCH["STUDY"], case)
    assert "failed: TypeError" in BENCH["table"]([row])
