"""Options that do nothing in the call at hand are refused, before anything is computed."""

from functools import cache

import numpy as np
import pytest

import knapprune as kp
from knapprune.cli import app
from shared.commands import invoke
from shared.frameworks import keras
from shared.hls import hls_settings

pytestmark = pytest.mark.needs("keras")

X = np.random.default_rng(0).normal(size=(20, 8)).astype("float32")
Y = np.random.default_rng(1).integers(0, 2, 20)
HALF = {"dsp": 0.5}


@cache
def network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, "softmax", name="fc")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def cubes(layer, kernel):
    return np.abs(kernel) ** 3


def select(**options):
    return kp.select(network(), hls_settings(), HALF, **options)


def verify(**options):
    return kp.verify(network(), hls_settings(), **options)


REFUSED = {
    "data for l1": (
        lambda: select(saliency="l1", data=(X, Y)),
        "data: does nothing here, since the saliency 'l1' is of the weights alone; expected None, or a saliency of "
        "gradients such as 'fisher'",
    ),
    "data for a function of the weights": (
        lambda: select(saliency=cubes, data=(X, Y)),
        "data: does nothing here, since the saliency cubes is of the weights alone",
    ),
    "data for digits alone": (
        lambda: select(saliency="l2", normalise="none", data=(X, Y), choose={"digits": 2}),
        "data: does nothing here, since the saliency 'l2'",
    ),
    "batches of nothing": (lambda: select(batch_size=8), "batch_size: does nothing here, since there are no data"),
    "batches of batches": (
        lambda: select(data=[(X, Y)] * 4, batch_size=8),
        "batch_size: does nothing here, since the data come in batches of their own",
    ),
    "a metric of nothing": (
        lambda: verify(metric="accuracy"),
        "metric: does nothing here, since there are no data to score",
    ),
    "force of nothing": (lambda: verify(force=True), "force: does nothing here, since the project goes to a folder"),
    "synthesis of nothing": (
        lambda: verify(synthesise=True),
        "synthesise: does nothing here, since no layer has the strategy 'distributed_arithmetic'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.needs("hls4ml")
def test_an_option_that_nothing_reads_is_refused(name):
    call, expected = REFUSED[name]
    with pytest.raises(ValueError, match="does nothing here") as caught:
        call()
    assert str(caught.value).startswith(expected)


@pytest.mark.needs("hls4ml")
def test_data_for_a_graph_that_is_not_compiled_are_refused():
    from knapprune.adapters.finding import find_adapter
    from knapprune.network.hls_config_file import read_hls_config

    graph = find_adapter(network()).convert(network(), read_hls_config(hls_settings()), "unwritten")
    with pytest.raises(ValueError, match=r"^data: does nothing here, since a ModelGraph has no arithmetic but the"):
        kp.verify(graph, data=(X, Y), compile=False)


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_no_time_is_refused_before_anything_is_valued(limit):
    with pytest.raises(ValueError, match=f"time_limit must be a positive, finite number; got {limit}"):
        select(time_limit=limit)


def test_what_is_read_is_taken():
    assert select(saliency="taylor", data=(X, Y), batch_size=5).solution.status == "OPTIMAL"
    assert select(saliency="taylor", data=(X, Y)).solution.status == "OPTIMAL"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["select", "--out", "out", "--budget", "dsp=0.5", "--time-limit", "0"], "time_limit must be a positive"),
        (["select", "--out", "out", "--budget", "dsp=0.5", "--weights", "DATA"], "weights: does nothing here"),
        (["estimate", "--weights", "DATA"], "weights: does nothing here, since net.keras has weights of its own"),
        (["verify", "--force"], "force: does nothing here"),
        (["verify", "--synthesise"], "synthesise: does nothing here"),
        (
            ["select", "--out", "out", "--budget", "dsp=0.5", "--data", "DATA", "--saliency", "l1"],
            "data: does nothing here",
        ),
    ],
    ids=lambda given: " ".join(given[:1] + given[-2:]) if isinstance(given, list) else "",
)
@pytest.mark.needs("hls4ml")
def test_commands_refuse_them_too_and_write_nothing(tmp_path, monkeypatch, arguments, expected):
    import yaml

    monkeypatch.chdir(tmp_path)
    network().save("net.keras")
    (tmp_path / "config.yml").write_text(yaml.safe_dump(hls_settings()))
    np.savez("data.npz", x=X, y=Y)
    command, *options = [str(tmp_path / "data.npz") if word == "DATA" else word for word in arguments]
    result = invoke(app, command, "net.keras", "config.yml", *options)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.split())
    assert not [path for path in tmp_path.glob("out/*") if not path.name.startswith(".")]
