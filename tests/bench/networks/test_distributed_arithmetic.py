"""The predicted look-up tables of distributed arithmetic, held against Yosys where it is installed."""

import json

import pytest

from bench.networks.distributed_arithmetic import DESIGNS, STUDY, case, measure, page, table
from bench.networks.study import DOCS, row_of

ROWS = json.loads((DOCS / "distributed-arithmetic.json").read_text())


def test_the_committed_page_is_made_from_the_committed_rows():
    assert page(ROWS) == (DOCS / "distributed-arithmetic.md").read_text()


def test_every_design_has_a_row_within_a_tenth_of_what_was_synthesised():
    assert [row["design"]["name"] for row in ROWS] == [design.name for design in DESIGNS]
    assert len(ROWS) >= 10
    for row in ROWS:
        assert row["predicted"] == pytest.approx(row["synthesised"], rel=0.1), row["design"]["name"]
        assert row["dsp"] == 0


def test_a_run_without_yosys_fails_and_stays_in_the_table(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    row = row_of(STUDY, case(DESIGNS[0]))
    assert row["versions"]["yosys"] == "none"
    assert "| failed: MissingToolError: yosys is not on the path" in table([row])


@pytest.mark.needs("da4ml")
@pytest.mark.slow
@pytest.mark.needs("yosys")
@pytest.mark.parametrize("name", ["dense, half pruned", "dense, one output", "dense, 4 bits"])
def test_a_design_is_predicted_within_a_tenth_of_what_yosys_takes(name):
    design = next(design for design in DESIGNS if design.name == name)
    row = measure(design)
    assert row["predicted"] == pytest.approx(row["synthesised"], rel=0.1), row
    committed = next(row for row in ROWS if row["design"]["name"] == name)
    assert (row["adders"], row["predicted"]) == (committed["adders"], committed["predicted"])
