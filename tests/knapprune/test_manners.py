"""What people may expect of knapprune in Python: what it offers, how results are compared, shown and listed."""

import resource
import subprocess
import sys
import types
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

import knapprune as kp
import knapsolve
from knapprune.cli import app
from knapprune.hardware.explanation import Explanation
from knapprune.hardware.resources import Resources
from knapprune.network.layers import Layer
from knapsolve import plugins
from shared.commands import invoke
from shared.frameworks import keras
from shared.hls import hls_settings


def offered():
    code = "import knapprune; print(*dir(knapprune))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_package_offers_what_is_public_and_nothing_else():
    names = offered()
    assert names == sorted(kp.__all__)
    assert not {"Any", "TYPE_CHECKING", "annotations", "importlib"} & set(names)
    assert [name for name in names if name.startswith("_")] == ["__version__"]
    assert [name for name in names if isinstance(getattr(kp, name), types.ModuleType)] == []


RESULTS = {
    *("Beside", "Cap", "Explanation", "LayerCheck", "Pruning", "Report", "Reported", "Resources", "Selection"),
    *("Shrunk", "Solution", "Status", "Step", "Tuning", "Verification"),
}
WARNINGS = {
    *("BudgetWarning", "CollapseWarning", "HardwareWarning", "MisplacedKeyWarning", "ModelFileWarning"),
    *("PluginWarning", "PruningWarning", "SelectionWarning"),
}
ERRORS = {
    *("BudgetError", "CompilationError", "ConversionError", "GeneratedProjectError", "GradientError", "HlsConfigError"),
    *("MissingPackageError", "MissingToolError", "PluginError", "ReportError", "SynthesisError", "VerificationError"),
}


def test_all_that_calls_return_warn_of_and_raise_is_offered():
    assert RESULTS | WARNINGS | ERRORS | {"Budget", "Choose"} <= set(kp.__all__)
    assert all(issubclass(getattr(kp, name), UserWarning) for name in WARNINGS)
    assert all(issubclass(getattr(kp, name), Exception) for name in ERRORS)


def test_the_version_is_the_engines_and_the_command_prints_it():
    assert kp.__version__ == knapsolve.__version__
    result = invoke(app, "--version")
    assert (result.exit_code, result.stdout) == (0, f"knapprune {kp.__version__}\n")


def layer(name, size=4, **changed):
    known = {"strategy": "latency", "requested_strategy": "latency", "reuse_factor": 1, "requested_reuse_factor": 1}
    return Layer(name, "dense", (size, 2), **{**known, "weight_bits": 16, "data_bits": 8, **changed})


def used(**changed):
    use = {"fc1": {"dsp": 8, "bram18": 3}, "fc2": {"dsp": 4, "bram18": 0}, "norm": {"dsp": 1}}
    return replace(Resources(use, (layer("fc1"), layer("fc2", 2)), ("odd",), "xc7z020clg400-1"), **changed)


def test_resources_are_a_mapping_of_totals():
    one = used()
    assert isinstance(one, Mapping)
    assert dict(one) == {"dsp": 13, "bram18": 3, "bram": 2}
    assert (one["dsp"], list(one), len(one), "lut" in one) == (13, ["dsp", "bram18", "bram"], 3, False)
    with pytest.raises(KeyError):
        one["lut"]


@pytest.mark.parametrize(
    "changed",
    [
        {"by_layer": {"fc1": {"dsp": 4, "bram18": 3}, "fc2": {"dsp": 8, "bram18": 0}, "norm": {"dsp": 1}}},
        {"layers": (layer("fc1", reuse_factor=2), layer("fc2", 2))},
        {"uncounted": ()},
        {"part": None},
        {"beside": (kp.Beside("fc1", "fifo", bram18=1),)},
        {"explanations": (Explanation(layer("fc1"), {}, {}, 1, 1, 0, 1, (1, 1), 0, 0, 0, {}, {}, 1, None),)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_resources_are_equal_where_all_that_they_hold_is(changed):
    assert used() == used()
    assert len({used(), used()}) == 1
    assert used() != used(**changed)
    assert used() != dict(used())  # equal totals of other layers are no equal resources


@pytest.mark.needs("pandas")
def test_a_frame_has_a_row_a_layer_and_its_sums_are_the_totals():
    import pandas

    frame = used().to_frame()
    assert list(frame.index) == ["fc1", "fc2", "norm"]
    assert list(frame.columns) == ["kernel", "strategy", "reuse_factor", "weight_bits", "data_bits", "dsp", "bram18"]
    assert frame["dsp"].sum() == 13
    assert frame.loc["fc1", "kernel"] == (4, 2)
    assert pandas.isna(frame.loc["norm", "reuse_factor"])
    assert pandas.DataFrame([used()]).iloc[0].to_dict() == dict(used())
    assert Resources({}, ()).to_frame().empty


def test_without_pandas_a_frame_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setattr(plugins, "find_spec", lambda name: None)
    expected = r"^Resources.to_frame needs pandas, which is not installed: pip install pandas$"
    with pytest.raises(kp.MissingPackageError, match=expected):
        used().to_frame()


class Cells(HTMLParser):
    """Texts of a page's cells, and its tags; what is left open is an error."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags, self.open = [], set(), []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attributes} <= {"scope", "colspan"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


TAGS = {"div", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "p"}


def test_a_notebook_shows_resources_as_a_table_whatever_layers_are_called():
    name = "<script>alert(1)</script>"
    page = Cells(used(by_layer={name: {"dsp": 7}}, layers=(layer(name),))._repr_html_())
    assert page.tags <= TAGS
    assert {"Resources by layer", name, "total", "7", "not counted: odd"} <= set(page.texts)


def test_a_table_has_twenty_layers_and_counts_the_others_and_the_total_has_all():
    many = {f"fc{i}": {"dsp": 1} for i in range(100)}
    page = Cells(Resources(many, tuple(layer(name) for name in many))._repr_html_())
    assert "fc19" in page.texts
    assert "fc20" not in page.texts
    assert {"and 80 more", "100"} <= set(page.texts)


def test_resources_are_shown_in_a_line_however_many_layers():
    many = {f"fc{i}": {"dsp": 1} for i in range(1000)}
    assert repr(Resources(many, tuple(layer(name) for name in many))) == "Resources(dsp=1000, layers=1000)"
    assert repr(used()) == ("Resources(dsp=13, bram18=3, bram=2, layers=2, part='xc7z020clg400-1', uncounted=1)")


@cache
def network():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu", name="fc1"), keras.layers.Dense(3, "softmax", name="fc2")]
    model = keras.Sequential([keras.Input((16,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


X = np.random.default_rng(0).normal(size=(96, 16)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 96)


@cache
def pruned(seed=0):
    return kp.prune(
        network(),
        hls_settings(),
        train=(X, Y),
        validation=(X, Y),
        budget={"dsp": 0.5},
        tolerance=1.0,
        steps=2,
        epochs=1,
        seed=seed,
        check_conversion=False,
    )


@cache
def verified():
    return kp.verify(network(), hls_settings())


needs_keras = pytest.mark.needs("keras")


@needs_keras
def test_a_selection_is_a_line_and_a_table_of_what_was_asked_for_and_found():
    found = kp.select(network(), hls_settings(), {"dsp": 0.5})
    shown = repr(found)
    assert "\n" not in shown
    assert shown.startswith("Selection[OPTIMAL](weights=")
    assert "dsp=38 -> 19" in shown
    assert "budget=[dsp 19 (0.5 of 38)]" in shown
    page = Cells(found._repr_html_())
    assert page.tags <= TAGS
    assert {"fc1", "fc2", "dsp-row", "total", "38 -> 19", "budget: dsp 19 (0.5 of 38), uses 19"} <= set(page.texts)


@needs_keras
def test_a_pruning_is_a_line_and_a_table():
    found = pruned()
    assert repr(found).startswith("Pruning[met](metric=")
    assert "dsp=38 -> 19" in repr(found)
    assert "\n" not in repr(found)
    page = Cells(found._repr_html_())
    assert page.tags <= TAGS
    assert {"dsp", "38", "19", "validation metric", "The budget is met.", "budget: dsp 19 (0.5 of 38)"} <= set(
        page.texts
    )


@needs_keras
@pytest.mark.needs("hls4ml")
def test_a_verification_is_a_line_and_a_table():
    found = verified()
    assert repr(found).startswith("Verification(dsp=38, ")
    assert "\n" not in repr(found)
    page = Cells(found._repr_html_())
    assert page.tags <= TAGS
    assert {"Predicted and counted", "fc1", "predicted dsp", "counted dsp", "total", "38"} <= set(page.texts)


@needs_keras
@pytest.mark.needs("hls4ml")
def test_verifications_are_equal_where_all_is_but_how_long_they_took():
    one = verified()
    assert one == kp.verify(network(), hls_settings())
    assert hash(one) == hash(replace(one, seconds=0.0))
    assert one != replace(one, counted={**one.counted, "dsp": 39})
    assert one != replace(one, accuracy=0.5)


CHANGES = {
    "model": lambda one: pruned(1).model,
    "masks": lambda one: {name: ~mask for name, mask in one.masks.items()},
    "history": lambda one: one.history[:1],
    "before": lambda one: one.resources,
    "budget": lambda one: (),
    "met": lambda one: not one.met,
    "metric": lambda one: -1.0,
    "stopped": lambda one: "by hand",
    "hls_config": lambda one: {},
}


@needs_keras
def test_the_same_pruning_twice_is_equal_weight_by_weight():
    one = pruned()
    pruned.cache_clear()
    other = pruned()
    assert one.model is not other.model
    assert one == other
    assert hash(one) == hash(other)


@needs_keras
@pytest.mark.parametrize("name", CHANGES)
def test_prunings_are_equal_where_all_that_they_hold_is(name):
    one = pruned()
    assert one == replace(one, seconds=0.0, masks={key: mask.copy() for key, mask in one.masks.items()})
    assert one != replace(one, **{name: CHANGES[name](one)})
    assert one != "a pruning"


@needs_keras
@pytest.mark.needs("jinja2", "matplotlib")
@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_a_report_that_a_full_disk_does_not_take_is_named(tmp_path, name):
    report = pruned().report
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match=rf"File too large: '\S*{name}'"):
            report.save(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert list(tmp_path.iterdir()) == []
