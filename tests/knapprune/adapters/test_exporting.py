"""An exported model has nothing of this library on it, and computes the same."""

import subprocess
import sys

import numpy as np
import pytest

import knapprune as kp
from shared.frameworks import keras, torch
from shared.hls import hls_settings

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
WITHOUT = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("knapprune", "knapsolve"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without())
"""


def loaded_without(script, *paths):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + script, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.needs("keras")
@pytest.mark.parametrize("held", ["masks", "values"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # h5py takes variables of Keras
def test_a_keras_model_is_loaded_and_trained_where_there_is_no_knapprune(tmp_path, held, suffix):
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    model = keras.Sequential(
        [keras.Input((6,)), dense(8, "relu", name="fc1", kernel_constraint="non_neg"), dense(3, name="out")]
    )
    model.compile("adam", keras.losses.MeanSquaredError())
    model.fit(X, X[:, :3], epochs=1, verbose=0)
    choose = {"digits": 1} if held == "values" else None
    pruned = kp.select(model, hls_settings("latency", 1), {"dsp": 0.5}, choose=choose).apply(model)
    if choose is not None:
        from knapprune.adapters.keras.adapter import KerasAdapter
        from knapprune.network.grid import Grid

        digits = np.ones((8, 3), np.uint8)
        KerasAdapter().hold(pruned, {"out": Grid(0.125, -15, 15, digits)})
    plain = kp.export(pruned)
    expected = pruned.predict(X, verbose=0)
    assert np.array_equal(plain.predict(X, verbose=0), expected)
    assert kp.estimate(plain, hls_settings("latency", 1)).total == kp.estimate(pruned, hls_settings("latency", 1)).total
    assert plain.get_layer("out").kernel_constraint is None
    assert type(plain.get_layer("fc1").kernel_constraint) is keras.constraints.NonNeg
    assert pruned.get_layer("out").kernel_constraint is not None
    plain.save(tmp_path / f"model.{suffix}")
    np.savez(tmp_path / "data.npz", x=X, y=expected, kernel=keras.ops.convert_to_numpy(pruned.get_layer("out").kernel))
    script = """
import keras, numpy as np
model, data = keras.models.load_model(sys.argv[1]), np.load(sys.argv[2])
assert np.array_equal(model.predict(data["x"], verbose=0), data["y"])
assert np.array_equal(keras.ops.convert_to_numpy(model.get_layer("out").kernel), data["kernel"])
model.compile("adam", "mse")
model.fit(data["x"], data["y"], verbose=0)
"""
    loaded_without(script, tmp_path / f"model.{suffix}", tmp_path / "data.npz")


@pytest.mark.needs("torch")
def test_a_pytorch_module_is_loaded_whole_and_by_its_state_where_there_is_no_knapprune(tmp_path):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    config = hls_settings("latency", 1) | {"InputShape": [6]}
    pruned = kp.select(module, config, {"dsp": 0.5}).apply(module)
    from knapprune.adapters.pytorch.adapter import PyTorchAdapter
    from knapprune.network.grid import Grid

    PyTorchAdapter().hold(pruned, {"_2": Grid(0.125, -15, 15, np.ones((8, 3), np.uint8))})
    plain = kp.export(kp.TorchModel(pruned))
    expected = pruned(torch.tensor(X)).detach().numpy()
    assert np.array_equal(plain(torch.tensor(X)).detach().numpy(), expected)
    assert set(plain.state_dict()) == set(module.state_dict())
    assert set(pruned.state_dict()) > set(module.state_dict())
    torch.save(plain, tmp_path / "module.pt")
    torch.save(plain.state_dict(), tmp_path / "state.pt")
    np.savez(tmp_path / "data.npz", x=X, y=expected)
    script = """
import torch, numpy as np
module, data = torch.load(sys.argv[1], weights_only=False), np.load(sys.argv[3])
fresh = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
fresh.load_state_dict(torch.load(sys.argv[2], weights_only=True))
for own in (module, fresh):
    assert np.array_equal(own(torch.tensor(data["x"])).detach().numpy(), data["y"])
    assert (own[0].weight == 0).any()
"""
    loaded_without(script, tmp_path / "module.pt", tmp_path / "state.pt", tmp_path / "data.npz")


@pytest.mark.needs("keras", "hls4ml")
def test_a_graph_of_hls4ml_has_nothing_to_fold():
    from knapprune.adapters.keras.adapter import KerasAdapter
    from knapprune.network.hls_config_file import read_hls_config

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="out")])
    graph = KerasAdapter().convert(model, read_hls_config(hls_settings("latency", 1)), "unwritten")
    with pytest.raises(TypeError, match=r"model: a .* holds no masks, expected a Keras model or a PyTorch module"):
        kp.export(graph)
