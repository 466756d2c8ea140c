"""The frontier of a network: at each budget what `select` chooses, counted as `select` counts it."""

import csv
import io
import json
import math

import numpy as np
import pytest

import knapprune as kp
from shared.hls import hls_settings as config
from shared.networks import dense_network

pytestmark = [
    pytest.mark.needs("keras"),
    pytest.mark.filterwarnings("ignore::knapprune.selection.selecting.SelectionWarning"),
]


@pytest.fixture(scope="module")
def model():
    return dense_network(16, 24, 5)


@pytest.fixture(scope="module")
def found(model):
    return kp.frontier(model, config(), points=12)


def test_each_point_is_what_select_chooses_with_that_budget(model, found):
    """Values, masks, resources and proofs; where an output would be lost, by the same ranking of its structures."""
    assert found.points[0].budget == 0
    assert found.points[-1].budget == found.before["dsp"]
    assert any(point.outputs_first for point in found.points)
    for place, point in enumerate(found.points):
        alone, ours = kp.select(model, config(), {"dsp": point.budget}), found.select(place)
        assert point.status == alone.solution.status == "OPTIMAL"
        assert ours.solution.value == pytest.approx(alone.solution.value, rel=1e-12)
        assert ours.resources.total == point.resources
        assert ours.resources["dsp"] == alone.resources["dsp"] <= point.budget
        assert ours.budget == alone.budget
        assert ours.structures == alone.structures
        if not point.outputs_first:
            assert point.value == pytest.approx(alone.solution.value, rel=1e-12)
            assert point.bound == pytest.approx(point.value, rel=1e-12)
        assert point.value <= point.bound * (1 + 1e-12)


def test_more_budget_never_keeps_less_and_all_of_it_keeps_all(found):
    kept = [point.value for point in found.points if not point.outputs_first]
    assert kept == sorted(kept)
    assert found.points[-1].share == pytest.approx(1.0)
    prices = [point.price for point in found.points if not point.outputs_first]
    assert prices == sorted(prices, reverse=True)
    assert found.points[-1].price == 0.0


@pytest.mark.parametrize(
    ("resource", "others"), [("bram18", {"dsp": 0.4}), ("bram", None), ("dsp", {"fc1": {"dsp": 8}})]
)
def test_other_budgets_hold_at_each_point(model, resource, others):
    found = kp.frontier(model, config(), resource, points=5, budget=others)
    for place in (0, 2, 4)[: len(found)]:
        point = found.points[place]
        alone = kp.select(model, config(), {**(others or {}), resource: point.budget})
        ours = found.select(place)
        assert ours.solution.value == pytest.approx(alone.solution.value, rel=1e-12)
        assert ours.budget == alone.budget
        assert point.resources[resource] <= point.budget


def test_a_price_is_of_one_more_unit_of_the_budget(model):
    """A whole block is two halves."""
    blocks = kp.frontier(model, config(), "bram", budgets=[3]).points[0]
    halves = kp.frontier(model, config(), "bram18", budgets=[6]).points[0]
    assert blocks.value == halves.value
    assert blocks.price == pytest.approx(2 * halves.price)


def test_budgets_are_read_as_select_reads_them(model):
    found = kp.frontier(model, config(), budgets=[0.5, 0.25, 10, 0.5])
    today = found.before["dsp"]
    assert [point.budget for point in found.points] == sorted({10, today // 4, today // 2})


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"resource": "dps"}, kp.BudgetError, "resource: got 'dps', expected one of ['dsp', 'bram18', 'bram']"),
        ({"resource": "latency"}, kp.BudgetError, "resource: got 'latency', expected one of"),
        ({"resource": 3}, TypeError, "resource: got 3, expected a resource's name"),
        ({"resource": "parameters"}, ValueError, "whole channels"),
        ({"structure": "channel"}, ValueError, "whole channels"),
        ({"budget": {"macs": 0.5}}, ValueError, "whole channels"),
        ({"structure": "fetch-group:2/4"}, ValueError, "a frontier takes no fetch groups"),
        ({"structure": {"fcX": "neuron"}}, ValueError, "structure: no layers ['fcX']"),
        ({"choose": {"bits": [8]}}, ValueError, "choose: a frontier chooses which weights are kept"),
        ({"points": 0}, ValueError, "points must be a whole number, 1 or more; got 0"),
        ({"points": 2.0}, TypeError, "points must be a whole number"),
        ({"budget": {"dsp": 0.5}}, kp.BudgetError, "budget: holds 'dsp', whose budgets are the frontier"),
        ({"budget": 0.5}, kp.BudgetError, "budget: got 0.5, expected a mapping"),
        ({"budget": {"bram18": -1}}, kp.BudgetError, "budget['bram18']: got -1"),
        ({"budget": {"fc9": {"dsp": 1}}}, kp.BudgetError, "no layer 'fc9'"),
        ({"budgets": []}, kp.BudgetError, "budgets: got none"),
        ({"budgets": [3, -1]}, kp.BudgetError, "budgets[1]: got -1"),
        ({"budgets": [math.nan]}, kp.BudgetError, "budgets[0]: got nan"),
        ({"budgets": [True]}, kp.BudgetError, "budgets[0]: got True"),
        ({"budgets": ["3"]}, kp.BudgetError, "budgets[0]: got '3'"),
        ({"budgets": 5}, TypeError, "budgets: got 5, expected a list"),
        ({"budgets": "0.5"}, TypeError, "budgets: got '0.5', expected a list"),
        ({"solver": "gredy"}, ValueError, "solver must be one of"),
        ({"time_limit": 0}, ValueError, "time_limit"),
        ({"time_limit": math.nan}, ValueError, "time_limit"),
    ],
)
def test_what_a_frontier_cannot_do_is_refused_with_a_sentence(model, arguments, error, words):
    with pytest.raises(error) as raised:
        kp.frontier(model, config(), **arguments)
    assert words in str(raised.value)


def test_there_is_no_selection_beyond_the_points(found):
    with pytest.raises(IndexError, match="point: got 12, expected one of 0 to 11"):
        found.select(12)
    assert found.select(-1).resources["dsp"] == found.before["dsp"]


def test_it_is_shown_in_ten_lines_a_table_of_eighty_columns_and_plain_values(found, model):
    assert len(repr(found).splitlines()) <= 10
    assert max(map(len, found.summary().splitlines())) <= 80
    assert found._repr_html_().count("<tr>") == len(found)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [point["value"] for point in record["points"]] == [point.value for point in found.points]
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    frame = found.to_frame()
    assert list(rows[0]) == list(frame.columns)
    assert [float(row["value"]) for row in rows] == frame["value"].tolist()
    assert frame["dsp"].tolist() == [point.resources["dsp"] for point in found.points]
    capped = kp.frontier(model, config(), points=2, budget={"bram18": 0.5})
    assert "beside budget['bram18']" in capped.summary()


@pytest.mark.needs("matplotlib")
def test_a_picture_has_the_value_the_price_and_what_is_open(found, tmp_path):
    from knapprune.report.frontier_plot import frontier_figure

    content = found.to_dict()
    content["points"][5] = {**content["points"][5], "status": "FEASIBLE", "outputs_first": False}
    above, below = frontier_figure(content).axes
    labels = set(above.get_legend_handles_labels()[1])
    assert {"best, proved", "no output lost", "best found", "bound", f"unpruned: {found.before['dsp']} DSP"} <= labels
    prices = [100 * point.price / found.total for point in found.points]
    logarithmic = below.get_yscale() == "log"
    assert logarithmic == (max(prices) > 100 * min(price for price in prices if price))
    assert np.allclose(below.lines[0].get_ydata(), [price for price in prices if price or not logarithmic])
    content["points"] = [{**point, "price": 1.0 / (1 + place)} for place, point in enumerate(content["points"])]
    assert frontier_figure(content).axes[1].get_yscale() == "linear"
    assert "DSP" in below.get_xlabel()
    for kind in ("png", "svg", "pdf"):
        found.plot(tmp_path / f"frontier.{kind}")
        assert (tmp_path / f"frontier.{kind}").stat().st_size > 1000
    with pytest.raises(ValueError, match=r"path: got '.*jpg', expected a name that ends in .png, .svg or .pdf"):
        found.plot(tmp_path / "frontier.jpg")


def test_layers_of_rows_and_words_are_solved_as_choices():
    """Rows together with their memory words are items that exclude one another."""
    model, structure = dense_network(16, 12, 5), {"fc0": "row-and-word"}
    found = kp.frontier(model, config(), "bram18", points=4, structure=structure)
    for place, point in enumerate(found.points):
        alone = kp.select(model, config(), {"bram18": point.budget}, structure=structure)
        assert found.select(place).solution.value == pytest.approx(alone.solution.value, rel=1e-9)
        assert point.status == "OPTIMAL"
