"""Plug-ins from a folder with the metadata that an installed distribution has."""

import warnings

import pytest

import knapsolve
from knapprune.adapters.adapter import Adapter
from knapprune.adapters.finding import find_adapter
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapsolve.plugins import PluginError, PluginWarning, find
from knapsolve.solver import load_all, solvers
from shared.frameworks import keras


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with one module and one entry point on the path."""

    def put(distribution, group, name, module, code=""):
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:Plugin\n")
        (tmp_path / f"{module}.py").write_text(code)

    monkeypatch.syspath_prepend(tmp_path)
    find.cache_clear()
    yield put
    find.cache_clear()


def test_built_ins_come_through_the_same_entry_points():
    assert find("knapprune.hardware")["hls4ml"].value == "knapprune.hardware.hls4ml:Hls4mlHardware"
    assert isinstance(find_hardware_model("hls4ml", "xc7z020"), Hls4mlHardware)


def test_built_ins_keep_their_protocols():
    assert isinstance(Hls4mlHardware(), HardwareModel)
    assert isinstance(KerasAdapter(), Adapter)


def test_a_strangers_hardware_model_is_found_by_name(install):
    install(
        "guest",
        "knapprune.hardware",
        "asic",
        "guest_asic",
        "class Plugin:\n    def __init__(self, part): self.part = part\n",
    )
    assert find_hardware_model("asic", "n5").part == "n5"


def test_a_broken_plugin_that_is_not_asked_for_warns_with_its_distribution_and_breaks_no_other(install):
    install("broken-guest", "knapprune.adapters", "broken", "broken_guest", "raise RuntimeError('no licence')\n")
    said = "knapprune.adapters: 'broken' of distribution 'broken-guest' cannot be loaded: RuntimeError: no licence"
    with (
        pytest.warns(PluginWarning, match=f"^{said}; it is ignored$"),
        pytest.raises(TypeError, match="expected a model of one of the adapters"),
    ):
        find_adapter(object())


@pytest.mark.needs("keras")
def test_a_plugin_that_fails_when_it_is_asked_about_a_model_is_ignored(install):
    install(
        "rash-guest",
        "knapprune.adapters",
        "a-rash-one",
        "rash_guest",
        """
import knapprune.adapters.keras.adapter

class Plugin(knapprune.adapters.keras.adapter.KerasAdapter):
    def matches(self, model):
        raise AttributeError("no layers")
""",
    )
    with pytest.warns(PluginWarning, match="'a-rash-one' of distribution 'rash-guest' .*AttributeError: no layers"):
        assert type(find_adapter(keras.Sequential())) is KerasAdapter


def test_a_plugin_without_what_the_seam_asks_for_is_ignored_and_says_what_it_lacks(install):
    install("poor-guest", "knapprune.solvers", "poor", "poor_guest", "class Plugin:\n    name = 'poor'\n")
    assert "poor" in solvers()
    with pytest.warns(PluginWarning, match="'poor' of distribution 'poor-guest' must have capabilities, solve; got"):
        assert "greedy" in load_all()


def test_a_broken_plugin_that_is_asked_for_by_name_is_an_error_with_its_distribution(install):
    install("broken-model", "knapprune.hardware", "asic", "broken_asic", "raise OSError('no licence')\n")
    install("broken-solver", "knapprune.solvers", "quantum", "broken_quantum", "raise OSError('no licence')\n")
    with pytest.raises(PluginError, match="'asic' of distribution 'broken-model' cannot be loaded: OSError"):
        find_hardware_model("asic", "n5")
    with pytest.raises(PluginError, match="'quantum' of distribution 'broken-solver' cannot be loaded: OSError"):
        knapsolve.solve(knapsolve.Knapsack([1], [1], 1), "quantum")


@pytest.mark.parametrize("group", ["knapprune.hardware", "knapprune.adapters", "knapprune.solvers"])
def test_a_duplicate_name_warns_and_ours_stays(install, group):
    ours = {"knapprune.hardware": "hls4ml", "knapprune.adapters": "keras", "knapprune.solvers": "highs"}[group]
    # "a-guest" is before "knapprune" in the order of distributions.
    install("a-guest", group, ours, "a_guest")
    with pytest.warns(PluginWarning, match=f"'{ours}' of distribution 'a-guest' is ignored: .* taken by 'knapprune'"):
        assert find(group)[ours].value.startswith("kna")


def test_of_two_strangers_of_one_name_the_first_stays(install):
    for guest in ("second-guest", "first-guest"):
        install(guest, "knapprune.hardware", "asic", guest.replace("-", "_"), "class Plugin:\n    pass\n")
    with pytest.warns(PluginWarning, match="'asic' of distribution 'second-guest' is ignored"):
        assert find("knapprune.hardware")["asic"].value == "first_guest:Plugin"


def test_plugins_are_looked_for_once(install, monkeypatch):
    find("knapprune.hardware")
    monkeypatch.setattr("knapsolve.plugins.entry_points", lambda **_: pytest.fail("looked again"))
    assert "hls4ml" in find("knapprune.hardware")


def test_looking_for_plugins_loads_none(install):
    install("lazy-guest", "knapprune.hardware", "lazy", "lazy_guest", "raise RuntimeError\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "lazy" in find("knapprune.hardware")


def test_an_unknown_hardware_model_lists_those_there_are_and_the_nearest():
    with pytest.raises(
        ValueError,
        match=r"got 'hls4mm', expected one of \['accelerator', 'hls4ml', .*\]; did you mean 'hls4ml'\?",
    ):
        find_hardware_model("hls4mm", "xc7z020")


def test_a_model_of_no_adapter_is_named_with_the_adapters_there_are():
    with pytest.raises(
        TypeError,
        match=r"model: got builtins.dict, expected a model of one of the adapters "
        r"\['brevitas', 'hls4ml', 'keras', 'tf_keras', 'torch'\]",
    ):
        find_adapter({})
