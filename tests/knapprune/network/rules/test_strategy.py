import warnings

import pytest

from knapprune import HardwareWarning
from knapprune.network.hls_config import HlsConfigError
from knapprune.network.hls_config_file import read_hls_config
from knapprune.network.rules.strategy import resolve_layer


def resolve(
    strategy="resource_unrolled", reuse_factor=4, shape=(16, 5), hls_type="Dense", io_type="io_parallel", **more
):
    config = read_hls_config({"Model": {"Strategy": strategy, "ReuseFactor": reuse_factor, **more}}, io_type=io_type)
    kind = {2: "dense", 3: "conv1d", 4: "conv2d"}[len(shape)]
    return resolve_layer(config, "fc", kind, shape, pixels=12, hls_type=hls_type, data_bits=16)


def test_a_valid_setting_passes_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = resolve()
    assert (layer.strategy, layer.reuse_factor, layer.weight_bits) == ("resource_unrolled", 4, 16)


def test_a_changed_reuse_factor_is_told_with_both_numbers():
    with pytest.warns(HardwareWarning, match=r"layer 'fc'.*reuse factor 5 by 4.*valid: 1, 2, 4, 8, 16\)"):
        layer = resolve(reuse_factor=5)
    assert (layer.requested_reuse_factor, layer.reuse_factor) == (5, 4)


def test_unrolled_drops_the_largest_reuse_factor_and_resource_keeps_it():
    with pytest.warns(HardwareWarning, match="80 by 16"):
        assert resolve(reuse_factor=80).reuse_factor == 16
    assert resolve("Resource", 80).reuse_factor == 80


def test_unrolled_with_reuse_factor_one_becomes_resource():
    with pytest.warns(HardwareWarning, match="'resource_unrolled' by 'resource' at reuse factor 1"):
        layer = resolve(reuse_factor=1)
    assert (layer.requested_strategy, layer.strategy) == ("resource_unrolled", "resource")


def test_an_unrolled_convolution_becomes_resource_unless_it_streams():
    conv = {"shape": (3, 4, 5), "hls_type": "Conv1D"}
    with pytest.warns(HardwareWarning, match="Conv1D in io_parallel"):
        assert resolve(**conv).strategy == "resource"
    assert resolve(**conv, io_type="io_stream").strategy == "resource_unrolled"


@pytest.mark.parametrize("strategy", ["Unrolled", "RESOURCE", "fast"])
def test_an_unknown_strategy_silently_becomes_latency_but_not_here(strategy):
    with pytest.warns(HardwareWarning, match="takes 'latency'.*'resource_unrolled'"):
        assert resolve(strategy).strategy == "latency"


def test_the_spelling_in_capitals_of_words_is_understood():
    assert resolve("ResourceUnrolled").strategy == "resource_unrolled"


def test_latency_takes_any_reuse_factor():
    assert resolve("Latency", 7).reuse_factor == 7


def test_a_factor_that_falls_back_to_one_would_not_compile_and_is_refused():
    with pytest.raises(HlsConfigError, match=r"change ReuseFactor 2 of layer 'fc' to 1.*one of \[5\]"):
        resolve(reuse_factor=2, shape=(5, 5))
    with pytest.raises(HlsConfigError, match="none: use another strategy"):
        resolve(reuse_factor=2, shape=(1, 1))


def test_a_pointwise_convolution_with_its_own_invalid_factor_is_refused():
    config = read_hls_config(
        {"Model": {"Strategy": "resource_unrolled"}, "LayerName": {"fc": {"ReuseFactor": 5}}}, io_type="io_stream"
    )
    with (
        pytest.warns(HardwareWarning),
        pytest.raises(HlsConfigError, match="'fc' has ReuseFactor 5, expected a valid one such as 4"),
    ):
        resolve_layer(config, "fc", "conv1d", (1, 16, 5), pixels=12, hls_type="Conv1D", data_bits=16)


def test_parallel_pixels_are_copies_of_the_multipliers_and_only_in_parallel():
    conv = {"strategy": "Latency", "reuse_factor": 1, "shape": (3, 4, 5), "hls_type": "Conv1D"}
    assert resolve(**conv, ParallelizationFactor=6).copies == 6
    assert resolve(**conv, ParallelizationFactor=6, io_type="io_stream").copies == 1
    with pytest.warns(HardwareWarning, match="ParallelizationFactor 5 by 4"):
        assert resolve(**conv, ParallelizationFactor=5).copies == 4


def test_distributed_arithmetic_is_refused_above_reuse_factor_one():
    assert resolve("da", 1).strategy == "distributed_arithmetic"
    with pytest.raises(HlsConfigError, match="ReuseFactor 4, expected 1"):
        resolve("distributed_arithmetic", 4)


@pytest.mark.parametrize("setting", ["TargetCycles", "Compression"])
def test_what_is_not_supported_is_refused_by_name(setting):
    with pytest.raises(HlsConfigError, match=setting):
        resolve(**{setting: 12})


def test_a_convolution_in_parallel_is_refused_a_reuse_factor_above_its_inputs():
    """hls4ml 1.3 takes it, and writes a project that aborts, or with Vitis a Conv2D of wrong results."""
    conv = {"strategy": "resource", "shape": (3, 4, 6), "hls_type": "Conv1D"}
    assert resolve(**conv, reuse_factor=12).reuse_factor == 12
    with pytest.raises(HlsConfigError, match=r"ReuseFactor 24, expected one of \[1, 2, 3, 4, 6, 12\](?s:.*)io_stream"):
        resolve(**conv, reuse_factor=24)
    assert resolve(**conv, reuse_factor=24, io_type="io_stream").reuse_factor == 24
