"""Keras models are pruned on its JAX backend: in processes of their own, for a backend is chosen once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs("keras", "hls4ml", "jax"), pytest.mark.slow]

PRUNED = """
import json
import keras, numpy as np
import knapprune as kp

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 8)).astype("float32")
y = (x @ rng.normal(size=(8, 4))).argmax(axis=1)
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(16, "relu", name="fc"), keras.layers.Dense(4, name="out")]
)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(x, y, epochs=5, verbose=0)
config = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 4, "Strategy": "resource_unrolled"}}

def zeros(pruned):
    kernels = {name: np.asarray(keras.ops.convert_to_numpy(pruned.get_layer(name).kernel)) for name in ("fc", "out")}
    return all(not kernels[name][~mask].any() for name, mask in out.masks.items())

out = kp.prune(
    model, config, train=(x, y), validation=(x, y), budget={"dsp": 0.5}, steps=2, epochs=2, tolerance=1.0, distill=0.5,
    regularization=kp.Regularization(1e-4, "price"), progress=False,
)
held = zeros(out.model)
out.model.fit(x, y, epochs=1, verbose=0)
out.model.save("pruned.keras")
loaded = kp.load("pruned.keras")
loaded.fit(x, y, epochs=1, verbose=0)
counted = kp.verify(loaded, config)
print(json.dumps({
    "backend": keras.backend.backend(), "met": out.met, "held": held, "held by fit": zeros(out.model),
    "held where loaded": zeros(loaded), "dsp": counted.counted["dsp"],
    "predicted": out.resources["dsp"], "before": out.before["dsp"],
}))
"""


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_model_is_pruned_trained_on_saved_and_counted(tmp_path):
    done = run("-c", PRUNED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["backend"] == "jax"
    assert all(seen[name] for name in ("met", "held", "held by fit", "held where loaded")), seen
    assert seen["dsp"] == seen["predicted"] <= 0.5 * seen["before"]


def test_gradients_are_the_same():
    here = Path(__file__).parent
    done = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        str(here / "test_keras_gradients.py"),
        cwd=here.parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
