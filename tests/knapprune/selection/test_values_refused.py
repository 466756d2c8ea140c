"""Digits that cannot be chosen: refused in a sentence, by `select`, `prune` and the commands, before any work."""

import sys

import numpy as np
import pytest
import yaml

import knapprune as kp
from knapprune.cli import app
from knapprune.project.export import export
from knapprune.selection.check import SelectionWarning
from shared.commands import invoke
from shared.frameworks import keras
from shared.hls import hls_settings
from shared.networks import dense_network

pytestmark = pytest.mark.needs("keras")

CONSTANTS = hls_settings("latency", 1)
NARROW = {"Precision": {"default": "fixed<10,6>", "weight": "fixed<2,1>"}, "ReuseFactor": 1, "Strategy": "latency"}
BESIDE_MEMORY = hls_settings("latency", 1, fc1={"ReuseFactor": 4, "Strategy": "resource_unrolled"})
X, Y = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32), np.arange(64) % 4


def expected(given, layer="'fc0'"):
    return f"choose['digits']: got {given} for layer {layer}, expected a whole number from 0 to 30, or a list of such"


def keys(given):
    return (
        f"choose: got {given!r}, expected a mapping of some of 'reuse_factor', 'bits', 'digits', 'data_bits'",
        "such as {'reuse_factor': 'legal', 'bits': [8, 12, 16]} or {'digits': 2}",
    )


def memory(layers):
    return (
        f"choose['digits']: at higher reuse factors than 1 ({layers}) weights are no constants: they live in memory or "
        "take turns at a multiplier, whatever their digits; expected reuse factor 1"
    )


NOTHING = "choose['digits']: got {}, expected a whole number from 0 to 30, or a list of such, or a mapping of layers"
TOO_NARROW = (
    "choose['digits']: got {} for layer 'fc0', whose type fixed<2,1> holds no number of two digits; expected at most "
    "1, or a wider type"
)
STRUCTURE = "structure: got {} for layer {!r}, whose values are chosen weight by weight; expected 'auto' there"
LEAST = (
    "budget['lut'] = 3 (a count): at least 4888 (today 6511) stay in use whatever is chosen\n"
    "the smallest budget that can be kept: lut=4888"
)
NO_CONSTANTS = (
    "budget['lut']: pruning saves look-up tables for certain where weights are constants, and no layer holds any; "
    "expected layers at reuse factor 1, or no such budget"
)
NO_DIGITS = (-1, 31, 10**30, True, 2.5, "two", "2", [], [-1], [1, True])
UNKNOWN = "choose['digits']: no layers ['fc9'], expected some of ['fc0', 'fc1']"
CASES = {
    "memory": ({"digits": 2}, hls_settings("resource_unrolled", 4), memory("'fc0' at 4, 'fc1' at 4")),
    "memory in a named layer": ({"digits": {"fc1": 2, "fc0": 1}}, BESIDE_MEMORY, memory("'fc1' at 4")),
    "turns": ({"digits": {"fc0": 2}}, hls_settings("latency", 2), memory("'fc0' at 2")),
    **{f"digits {own!r}": ({"digits": own}, CONSTANTS, expected(repr(own))) for own in NO_DIGITS},
    "of a layer": ({"digits": {"fc1": [2, "3"]}}, CONSTANTS, expected("[2, '3']", "'fc1'")),
    "none": ({"digits": None}, CONSTANTS, NOTHING.format(None)),
    "of no layer": ({"digits": {}}, CONSTANTS, NOTHING.format({})),
    "unknown": ({"digits": {"fc9": 2}}, CONSTANTS, UNKNOWN),
    "narrow": ({"digits": 2}, CONSTANTS | {"LayerName": {"fc0": NARROW}}, TOO_NARROW.format(2)),
    "narrow list": ({"digits": [1, 3]}, CONSTANTS | {"LayerName": {"fc0": NARROW}}, TOO_NARROW.format([1, 3])),
}  # fmt: skip


@pytest.fixture
def model():
    built = dense_network(8, 8, 4)
    for layer in built.layers:
        layer.set_weights([np.round(weights * 2**10) / 2**10 for weights in layer.get_weights()])
    built.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return built


@pytest.fixture
def refused(model, monkeypatch, tmp_path):
    """Ask `select` and `prune`; return what each says, where nothing was trained, measured or written."""

    def never(*_, **__):
        pytest.fail("a model was trained or measured")

    monkeypatch.setattr("knapprune.pruning.arguments.run", never)

    def ask(choose, settings, budget, **options):
        said = []
        with pytest.raises((ValueError, kp.MissingToolError)) as caught:
            kp.select(model, settings, budget, choose=choose, **options)
        said.append(str(caught.value))
        data = {"train": (X, Y), "validation": (X, Y), "progress": False, "checkpoint": tmp_path / "run"}
        with pytest.raises((ValueError, kp.MissingToolError)) as caught:
            kp.prune(model, settings, budget=budget, choose=choose, **data, **options)
        assert not (tmp_path / "run").exists()
        return [*said, str(caught.value)]

    return ask


@pytest.mark.parametrize(("choose", "settings", "said"), CASES.values(), ids=CASES)
def test_what_cannot_be_chosen_is_refused_in_a_sentence(refused, choose, settings, said):
    assert refused(choose, settings, {"dsp": 0}) == [said, said]


@pytest.mark.parametrize("choose", [{"digit": 2}, {"digits": 2, "bit": [8]}, 2, {}, "digits"])
def test_keys_that_are_none_are_refused(refused, choose):
    of_select, of_prune = refused(choose, CONSTANTS, {"dsp": 0})
    assert all(part in of_select for part in keys(choose))
    assert of_prune == (
        f"choose: got {choose!r}, expected {{'digits': ...}}, with 'data_bits' perhaps, or None; let knapprune.select "
        "choose the others before"
    )


@pytest.mark.parametrize("other", [{"reuse_factor": "legal"}, {"bits": [8]}])
def test_nothing_that_changes_constants_is_chosen_beside_their_digits(model, other):
    with pytest.raises(ValueError, match=rf"choose: got .*{next(iter(other))}.*, expected digits"):
        kp.select(model, CONSTANTS, {"dsp": 0}, choose={"digits": 2} | other)
    with pytest.raises(ValueError, match=rf"choose: got {next(iter(other))} under a budget of 'lut'"):
        kp.select(model, CONSTANTS, {"lut": 0.5}, choose=other)


@pytest.mark.parametrize(
    ("structure", "given", "layer"),
    [
        ("neuron", "'neuron'", "fc0"),
        ({"fc1": "neuron"}, "'neuron'", "fc1"),
        ("fetch-group:2/4", "'fetch-group:2/4'", "fc0"),
        (kp.FetchGroup(4, 2), "FetchGroup(size=4, pruned=2, axis='in')", "fc0"),
    ],
)
def test_structures_that_would_do_nothing_are_refused(refused, structure, given, layer):
    said = STRUCTURE.format(given, layer)
    assert refused({"digits": 2}, CONSTANTS, {"dsp": 0}, structure=structure) == [said, said]


def test_a_budget_of_look_up_tables_below_what_is_fixed_says_the_least_which_can_be_kept(refused, model):
    assert refused({"digits": 2}, BESIDE_MEMORY, {"lut": 3}) == [LEAST, LEAST]
    with pytest.warns(SelectionWarning, match="no weight of 'fc0' is kept"):
        least = kp.select(model, BESIDE_MEMORY, {"lut": 4888}, choose={"digits": 2})
    assert least.resources["lut"] == 4888


def test_look_up_tables_without_constants_are_no_budget(refused):
    assert refused(None, hls_settings("resource_unrolled", 4), {"lut": 0.5}) == [NO_CONSTANTS, NO_CONSTANTS]


@pytest.mark.needs("hls4ml")
def test_without_da4ml_look_up_tables_of_adder_graphs_are_refused_with_what_installs_it(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "da4ml", None)
    said = 'da4ml is not installed; install it with: pip install "knapprune[da]"'
    settings = hls_settings("distributed_arithmetic", 1)
    assert refused({"digits": 2}, settings, {"lut": 0.5}) == [said, said]
    assert refused(None, settings, {"lut": 0.5}) == [said, said]


@pytest.mark.needs("hls4ml")
def test_without_da4ml_no_conversion_blames_the_model(model, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "da4ml", None)
    with pytest.raises(kp.MissingToolError, match=r'da4ml is not installed; .* pip install "knapprune\[da\]"'):
        export(model, hls_settings("distributed_arithmetic", 1), tmp_path / "project")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=-1"], expected(-1)),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=31"], expected(31)),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=True"], expected("'True'")),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=1,x"], expected([1, "x"])),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=²"], expected("'²'")),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "fc9.digits=2"], UNKNOWN),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digit=2"], "choose: got {'digit': [2]}, expected"),
        (CONSTANTS, ["--budget", "dsp=0", "--choose", "digits=2", "--structure", "neuron"],
         STRUCTURE.format("'neuron'", "fc0")),
        (CONSTANTS, ["--budget", "lut=-3", "--choose", "digits=2"], "budget['lut']: got -3"),
        (hls_settings("resource_unrolled", 4), ["--budget", "dsp=0", "--choose", "digits=2"], CASES["memory"][2]),
        (hls_settings("resource_unrolled", 4), ["--budget", "lut=3"], NO_CONSTANTS),
        (BESIDE_MEMORY, ["--budget", "lut=3", "--choose", "digits=2"], LEAST),
        pytest.param(hls_settings("distributed_arithmetic", 1), ["--budget", "lut=0.5", "--choose", "digits=2"],
                     'da4ml is not installed; install it with: pip install "knapprune[da]"',
                     marks=pytest.mark.needs("hls4ml")),
    ],
)  # fmt: skip
def test_the_commands_say_so_in_one_sentence_and_write_nothing(model, tmp_path, monkeypatch, settings, options, said):
    monkeypatch.setitem(sys.modules, "da4ml", None)
    model.save(tmp_path / "model.keras")
    (tmp_path / "config.yml").write_text(yaml.safe_dump(settings))
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    data = ["--train", tmp_path / "data.npz", "--validation", tmp_path / "data.npz"]
    for command, more in (("select", []), ("prune", data)):
        out = tmp_path / command
        result = invoke(app, command, tmp_path / "model.keras", tmp_path / "config.yml", *options, *more, "--out", out)
        assert result.exit_code == 2
        assert said in result.stderr
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.output
        assert not out.exists() or not any(out.iterdir())
