"""Random models of every front end: what is predicted is what hls4ml generates, or it is refused beforehand."""

import json

import pytest

from bench.networks.generated_models.cases import cases
from bench.networks.generated_models.page import page
from bench.networks.generated_models.run import run
from bench.networks.study import DOCS

# Not those of the committed page, which begins at 0.
FIRST, CHUNKS, CHUNK = 10_000, 6, 24


@pytest.mark.slow
@pytest.mark.needs("hgq", "qonnx", "torch")  # a front end that is missing would count as one that does not convert
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_models_are_generated_as_predicted(chunk):
    drawn = cases(FIRST + chunk * CHUNK)
    rows = [run(next(drawn)) for _ in range(CHUNK)]
    assert [row for row in rows if row["outcome"] in ("differs", "failed")] == []
    assert sum(row["outcome"] == "equal" for row in rows) >= CHUNK / 4


def test_the_same_number_draws_the_same_case():
    assert next(cases(7)) == next(cases(7)) != next(cases(8))


def test_the_committed_page_is_made_from_the_committed_rows_and_has_three_hundred_models():
    rows = json.loads((DOCS / "generated-models.json").read_text())
    assert page(rows) == (DOCS / "generated-models.md").read_text()
    assert sum(row["outcome"] == "equal" for row in rows) >= 300
    assert not {row["outcome"] for row in rows} & {"differs", "failed"}
