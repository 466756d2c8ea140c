"""Importing knapprune is quick, loads nothing heavy and changes nothing."""

import subprocess
import sys

import pytest

import knapprune
from knapprune.tools import MissingToolError

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


def test_import_leaves_the_import_system_as_it_was():
    run(
        "import sys\nfinders, hooks = list(sys.meta_path), list(sys.path_hooks)\n"
        "import knapprune\nassert (sys.meta_path, sys.path_hooks) == (finders, hooks)"
    )


@pytest.mark.parametrize("order", ["import knapprune, keras", "import keras, knapprune"])
def test_import_tells_keras_nothing(order):
    run(f"{order}\nassert not [name for name in keras.saving.get_custom_objects() if 'knapprune' in name]")


def test_what_keras_is_told_of_a_saved_mask_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingToolError, match="Keras is not installed"):
        knapprune.custom_objects()


def test_every_public_name_is_there():
    for name in knapprune.__all__:
        assert getattr(knapprune, name) is not None
        assert name in dir(knapprune)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'estimates'"):
        _ = knapprune.estimates
