"""Real residual and depthwise networks, halved by whole channels: really smaller, and as predicted."""

import numpy as np
import pytest

import knapprune as kp
from shared.channel_counts import multiplications, residual
from shared.dying_models import largest_difference
from shared.hls import hls_settings

pytestmark = [pytest.mark.slow, pytest.mark.needs("keras")]


@pytest.fixture(scope="module", params=["pretrainedResnet.h5", "vww_96.h5"])
def network(request, data_folder):
    from knapprune.adapters.keras.files import load_keras_model

    return load_keras_model(data_folder / "models" / "mlperf_tiny" / request.param)


@pytest.mark.parametrize("resource", ["parameters", "macs"])
def test_half_of_a_real_network_computes_what_the_masked_one_does(network, resource):
    chosen = kp.select(network, budget={resource: 0.5}, structure="channel", saliency="l2")
    masked = chosen.apply(network)
    out = kp.shrink(masked)
    x = np.random.default_rng(0).normal(size=(4, *network.input_shape[1:])).astype("float32")
    assert largest_difference(masked, out.model, x) <= 1e-5
    assert out.parameters == out.model.count_params() == chosen.resources["parameters"]
    assert multiplications(out.model) == chosen.resources["macs"]
    limit = chosen.budget[0].limit
    assert 0.995 * limit <= chosen.resources[resource] <= limit
    assert chosen.solution.gap < 0.05


@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
def test_the_smaller_network_costs_what_is_predicted(network):
    """The reuse factor divides three by three weights of any number of channels."""
    settings = hls_settings(strategy="resource", reuse_factor=9) | {"IOType": "io_stream"}
    chosen = kp.select(network, settings, {"dsp": 0.5, "bram18": 0.6}, structure="channel", saliency="l2")
    counted = kp.estimate(kp.shrink(chosen.apply(network)).model, settings)
    assert counted.total == chosen.resources.total
    assert all(0.8 * cap.limit < cap.use(chosen.resources) <= cap.limit for cap in chosen.budget[:1])


@pytest.mark.needs("hls4ml")
@pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")
@pytest.mark.parametrize(("strategy", "factor"), [("resource", 3), ("latency", 1)])
def test_the_project_of_the_smaller_network_has_what_was_predicted(strategy, factor):
    settings = hls_settings(strategy=strategy, reuse_factor=factor)
    chosen = kp.select(residual(), settings, {"dsp": 0.4}, structure="channel")
    check = kp.verify(kp.shrink(chosen.apply(residual())).model, settings)
    assert check.predicted == check.counted
    assert check.counted["dsp"] == chosen.resources["dsp"] <= chosen.budget[0].limit
