"""The plot of a pruning's history: what is where, that it can be read, and the files it is written to."""

from __future__ import annotations

import itertools
from dataclasses import fields

import numpy as np
import pytest

import knapprune as kp
from knapprune.report.content import Vendor
from knapprune.report.history_plot import history_figure
from knapprune.verification.reports.reported import Reported
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("matplotlib")


def step(metric_before, metrics, dsp, accepted=True):
    metric = max([metric_before, *metrics])
    return {"metric_before": metric_before, "metrics": metrics, "metric": metric, "accepted": accepted,
            "resources": {"dsp": dsp, "bram18": 7, "bram": 4, "lut": 0}}  # fmt: skip


def content(steps, ended=None):
    returned = next((one for one in reversed(steps) if one["accepted"]), steps[0])
    return {
        "history": steps,
        "baseline": {"metric": 0.9, "resources": {"dsp": 1000, "bram18": 10, "bram": 5, "lut": 0}},
        "pruned": {"resources": returned["resources"]},
        "budget": {"dsp": 250, "bram18": 40, "fc": {"dsp": 3}},
        "tolerance": 0.02,
        "ended": ended,
    }


TWO = [step(0.80, [0.85, 0.89], 500), step(0.70, [0.82, 0.87, 0.86], 250, accepted=False)]


def lines(axes):
    """The drawn lines by their label in the legend."""
    return {line.get_label(): [tuple(map(float, point)) for point in line.get_xydata()] for line in axes.get_lines()}


def test_the_metric_stands_over_the_epochs_and_masking_where_its_step_begins():
    above, _ = history_figure(content(TWO)).axes
    drawn = lines(above)
    assert drawn["after an epoch"] == [(1, 0.85), (2, 0.89), (3, 0.82), (4, 0.87), (5, 0.86)]
    assert drawn["right after masking"] == [(0, 0.80), (2, 0.70)]
    assert drawn["returned: 0.8900"] == [(2, 0.89)]
    assert {y for _, y in drawn["unpruned: 0.9000"]} == {0.9}
    assert {y for _, y in drawn["tolerance: 0.8800"]} == {0.88}


def test_each_resource_is_a_percentage_of_the_unpruned_and_a_budget_that_asks_for_something_is_dashed():
    _, below = history_figure(content(TWO)).axes
    assert {text.get_text() for text in below.get_legend().get_texts()} == {
        "DSP: 1,000 → 500 (budget 250)",
        "BRAM18 halves: 10 → 7 (budget 40)",
    }
    stairs = {patch.get_label().partition(":")[0]: patch.get_data() for patch in below.patches}
    assert stairs["DSP"].values.tolist() == [50, 25]
    assert stairs["DSP"].edges.tolist() == [0, 2, 5]
    assert stairs["BRAM18 halves"].values.tolist() == [70, 70]
    dashed = [line for line in below.get_lines() if line.get_linestyle() == "--"]
    assert [set(line.get_ydata()) for line in dashed] == [{25.0}]
    assert "%" in below.get_ylabel()
    assert below.get_xlabel() == "epochs of fine-tuning; a vertical line ends a step"


def test_memory_is_drawn_once_in_the_unit_of_the_budget():
    blocks = content(TWO) | {"budget": {"dsp": 250, "bram": 3}}
    _, below = history_figure(blocks).axes
    assert "BRAM: 5 → 4 (budget 3)" in {text.get_text() for text in below.get_legend().get_texts()}
    assert {patch.get_label().partition(":")[0] for patch in below.patches} == {"DSP", "BRAM"}
    dashed = [line for line in below.get_lines() if line.get_linestyle() == "--"]
    assert [set(line.get_ydata()) for line in dashed] == [{25.0}, {60.0}]


def test_steps_that_train_nothing_are_counted_as_steps():
    above, below = history_figure(content([step(0.89, [], 500), step(0.5, [], 250, accepted=False)])).axes
    assert lines(above)["right after masking"] == [(1, 0.89), (2, 0.5)]
    assert below.get_xlabel() == "pruning steps, without fine-tuning"


def test_masking_that_loses_nearly_all_leaves_room_for_the_rest():
    """Below the axis it is said to be below the axis; the tolerance can still be told from the unpruned model."""
    above, _ = history_figure(content([*TWO, step(0.05, [0.86], 250)])).axes
    bottom, top = above.get_ylim()
    assert (0.90 - 0.88) / (top - bottom) > 0.05
    assert lines(above)["masked, below the axis"] == [(5, bottom)]
    assert lines(above)["right after masking"] == [(0, 0.80), (2, 0.70)]


@pytest.mark.parametrize("steps", [1, 24])
def test_no_text_hides_another_and_all_are_inside_the_picture(steps):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    many = [step(0.1 + 0.03 * number, [0.8], 1000 - 30 * number) for number in range(steps)]
    why = "in step 24, checkpoint: /a/folder/of/somebody/with/a/long/name/state-000123.npz: No space left on device; "
    why *= 2
    drawn = history_figure(content(many, why))
    FigureCanvasAgg(drawn).draw()
    boxes = [drawn._suptitle.get_window_extent()]
    for axes in drawn.axes:
        texts = [axes.yaxis.label, axes.xaxis.label, *axes.get_legend().get_texts()]
        boxes += [text.get_window_extent() for text in texts if text.get_text()]
        low, high = axes.get_ylim()
        ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        boxes += [label.get_window_extent() for at, label in ticks if low <= at <= high]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert all(box.x0 >= 0 and box.x1 <= drawn.bbox.x1 and box.y0 >= 0 and box.y1 <= drawn.bbox.y1 for box in boxes)


@pytest.fixture(scope="module")
def pruned():
    """Prune a small network, with what a test asks for."""
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 96)
    inputs = (random.normal(size=(3, 8))[labels] + 0.3 * random.normal(size=(96, 8))).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, name="out")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, labels, epochs=20, verbose=0)
    config = hls_settings()

    def run(**options):
        data = (inputs, labels)
        defaults = {"train": data, "validation": data, "budget": {"dsp": 0.5}, "steps": 2, "epochs": 1}
        return kp.prune(model, config, progress=False, **defaults | options)

    return run


def test_a_pruning_draws_itself_into_a_file_of_the_kind_its_name_says(pruned, tmp_path):
    out = pruned(tolerance=1.0)
    for name, magic in {"a.png": b"\x89PNG", "a.svg": b"<?xml", "a.PDF": b"%PDF"}.items():
        out.plot(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
    with pytest.raises(ValueError, match=r"path: got '.*a\.jpeg', expected a name that ends in \.png, \.svg or \.pdf"):
        out.plot(tmp_path / "a.jpeg")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg", "a.PDF"}
    assert out.report.content["ended"] is None


@pytest.mark.needs("jinja2")
def test_the_page_says_that_patience_was_at_its_end(pruned, tmp_path):
    out = pruned(budget={"dsp": 0.1}, steps=5, epochs=0, tolerance=0.0, patience=1)
    assert len(out.history) < 5
    out.report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Ended early:" in page
    assert "the last 1 missed the tolerance, and patience was at its end" in page


@pytest.mark.needs("jinja2")
def test_the_page_shows_the_history_and_says_what_went_wrong(pruned, tmp_path):
    out = pruned(tolerance=1.0)
    out.report.save(tmp_path / "whole.html")
    whole = (tmp_path / "whole.html").read_text()
    assert "Ended early:" not in whole
    assert 'alt="validation metric and share of each resource over the epochs"' in whole
    with pytest.warns(kp.PruningWarning):
        broken = pruned(learning_rate=lambda epoch, epochs: float("nan") if epoch else 1.0, epochs=2)
    broken.report.save(tmp_path / "broken.html")
    assert "Ended early:</strong> in step 1, train: the loss is nan" in (tmp_path / "broken.html").read_text()


def test_what_the_vendor_reports_is_typed_as_it_is_written():
    assert set(Vendor.__annotations__) == {field.name for field in fields(Reported)}
