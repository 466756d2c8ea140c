"""Whole channels go step by step while the network trains; an interrupted run ends where another does."""

import numpy as np
import pytest

import knapprune as kp
from shared.channel_counts import residual
from shared.hls import hls_settings

pytestmark = [pytest.mark.needs("keras"), pytest.mark.filterwarnings("ignore::knapprune.HardwareWarning")]


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(0).normal(size=(96, 8, 8, 1)).astype("float32")
    return x, (x.mean((1, 2, 3)) > 0).astype(int) + (x[:, 0, 0, 0] > 1)


def pruned(model, data, config=None, **options):
    settings = {"steps": 3, "epochs": 1, "tolerance": 1.0, "structure": "channel"} | options
    return kp.prune(model, config, train=data, validation=data, progress=False, **settings)


@pytest.mark.parametrize(
    "options",
    [{}, *(pytest.param(own, marks=pytest.mark.slow) for own in ({"regrow": 0.1}, {"saliency": "taylor"}))],
)
def test_the_budget_is_reached_in_steps_and_held_while_the_network_trains(data, options):
    out = pruned(residual(), data, budget={"parameters": 0.4}, **options)
    assert out.met
    sizes = [step.selection.resources["parameters"] for step in out.history]
    assert sizes == sorted(sizes, reverse=True)
    small = kp.shrink(out.model)
    assert small.parameters == out.resources["parameters"] <= 0.4 * out.before["parameters"]
    small.model.fit(*data, verbose=0)


def test_hardware_is_counted_as_the_smaller_network_has_it(data):
    config = hls_settings(strategy="resource", reuse_factor=2)
    out = pruned(residual(), data, config, budget={"dsp": 0.4}, steps=2)
    assert out.met
    assert out.resources.total == kp.estimate(kp.shrink(out.model).model, config).total


def test_frozen_layers_keep_their_weights(data):
    model = residual()
    model.get_layer("inner").trainable = False
    model.compile(model.optimizer, model.loss)
    kernel = np.array(model.get_layer("inner").kernel)
    with pytest.raises(ValueError, match=r"no channel of the model can go: layers 'inner' are kept whole"):
        pruned(model, data, budget={"parameters": 0.9})
    model.get_layer("inner").trainable, model.get_layer("out").trainable = True, False
    model.compile(model.optimizer, model.loss)
    out = pruned(model, data, budget={"parameters": 0.8}, steps=1)
    assert "out" not in out.masks
    assert (np.array(out.model.get_layer("out").kernel) == np.array(model.get_layer("out").kernel)).all()
    assert not (np.array(out.model.get_layer("inner").kernel) == kernel).all()


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_to_the_same_end(data, tmp_path):
    model = residual()
    whole = pruned(model, data, budget={"macs": 0.5})

    class StopError(Exception):
        pass

    calls = []

    def metric(targets, outputs):
        calls.append(None)
        if len(calls) == 5:
            raise StopError
        return float((outputs.argmax(1) == targets).mean())

    options = {"budget": {"macs": 0.5}, "checkpoint": tmp_path / "run", "metric": metric}
    with pytest.raises(StopError):
        pruned(model, data, **options)
    out = pruned(model, data, **options)
    assert out.met
    assert all((out.masks[name] == mask).all() for name, mask in whole.masks.items())
    for own, other in zip(out.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_budget_that_no_step_can_keep_is_refused_before_anything_is_trained(data):
    with pytest.raises(kp.BudgetError, match="stay in use with the best channel of each tensor"):
        pruned(residual(), data, budget={"parameters": 10})


def test_what_does_not_go_with_channels_is_refused(data):
    with pytest.raises(ValueError, match="regularization: got a penalty with whole channels, expected None"):
        pruned(residual(), data, budget={"parameters": 0.5}, regularization=0.1)
