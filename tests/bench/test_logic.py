"""The estimated logic of layers with multipliers, as the committed table has it."""

import json

import numpy as np
import pytest

from bench.logic import DESIGNS, DOCS, data_path, page
from knapprune.hardware.hls4ml import Hls4mlHardware

ROWS = json.loads((DOCS / "logic.json").read_text())


def test_the_committed_page_is_made_from_the_committed_rows():
    assert page(ROWS) == (DOCS / "logic.md").read_text()


@pytest.mark.parametrize(("design", "row"), list(zip(DESIGNS, ROWS, strict=True)), ids=str)
def test_estimates_are_those_of_the_table_and_within_a_fifth_of_what_was_synthesised(design, row):
    found = Hls4mlHardware().explain(design.layer(), design.kernel().astype(np.float64)).logic
    assert found.resources == row["estimated"]
    assert found.lut == pytest.approx(row["synthesised"]["lut"], rel=0.2)
    assert row["dsp"] == row["synthesised"]["dsp"]


def test_a_pruned_row_has_no_product_in_the_data_path():
    design = next(design for design in DESIGNS if design.strategy == "resource_unrolled")
    rows = design.kernel().T.reshape(-1, design.reuse_factor)
    assert data_path(design).count("assign p") == np.count_nonzero(rows.any(axis=1)) < len(rows)
