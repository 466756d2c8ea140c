"""Importing knapprune is quick, loads nothing heavy and changes nothing."""

import subprocess
import sys

import pytest

import knapprune

HEAVY = ("numba", "tensorflow", "keras", "torch", "jax", "hls4ml", "ortools", "cvxpy", "matplotlib")


def run(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_framework_no_solver_and_no_hls4ml():
    run(f"import sys, knapprune\nassert not set({HEAVY}) & set(sys.modules), set({HEAVY}) & set(sys.modules)")


def test_import_takes_less_than_a_third_of_a_second():
    script = "import time; start = time.perf_counter(); import knapprune; print(time.perf_counter() - start)"
    assert min(float(run(script)) for _ in range(3)) < 0.3


@pytest.mark.parametrize(
    "order",
    # TensorFlow asks where Keras is, and does not import it.
    [
        "import knapprune, keras",
        "import keras, knapprune",
        "import knapprune, importlib.util; importlib.util.find_spec('keras'); import keras",
        "import knapprune, tensorflow, keras",
    ],
)
def test_masks_are_registered_with_keras_in_any_order(order):
    run(f"{order}\nassert 'knapprune>KernelMask' in keras.saving.get_custom_objects()")


def test_keras_is_found_as_ever_and_the_watcher_is_gone():
    run("import knapprune, sys, keras\nassert not any('knapprune' in type(f).__module__ for f in sys.meta_path)")


def test_every_public_name_is_there():
    for name in knapprune.__all__:
        assert getattr(knapprune, name) is not None
        assert name in dir(knapprune)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'estimates'"):
        _ = knapprune.estimates
