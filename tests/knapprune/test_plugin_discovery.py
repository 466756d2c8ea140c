"""Plug-ins from a folder with the metadata that an installed distribution has."""

import warnings

import pytest

from knapprune.adapters.adapter import Adapter, find_adapter
from knapprune.adapters.keras.adapter import KerasAdapter
from knapprune.hardware.hardware_model import HardwareModel, find_hardware_model
from knapprune.hardware.hls4ml import Hls4mlHardware
from knapprune.plugins import PluginWarning, find, load


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with one module and one entry point on the path."""

    def put(distribution, group, name, module, code=""):
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:Plugin\n")
        (tmp_path / f"{module}.py").write_text(code)

    monkeypatch.syspath_prepend(tmp_path)
    return put


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


def test_a_broken_plugin_warns_with_its_distribution_and_breaks_no_other(install):
    install("broken-guest", "knapprune.adapters", "broken", "broken_guest", "raise RuntimeError('no licence')\n")
    with pytest.warns(PluginWarning, match="'broken' of broken-guest .*RuntimeError: no licence"):
        assert load(find("knapprune.adapters")["broken"]) is None
    with pytest.warns(PluginWarning), pytest.raises(TypeError, match="expected a model of one of the adapters"):
        find_adapter(object())


def test_a_duplicate_name_warns_and_ours_stays(install):
    install("another-guest", "knapprune.hardware", "hls4ml", "another_guest")
    with pytest.warns(PluginWarning, match="another-guest registers 'hls4ml', which knapprune already does"):
        assert find("knapprune.hardware")["hls4ml"].value == "knapprune.hardware.hls4ml:Hls4mlHardware"


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
        match=r"model: got builtins.dict, expected a model of one of the adapters \['hls4ml', 'keras', 'torch'\]",
    ):
        find_adapter({})
