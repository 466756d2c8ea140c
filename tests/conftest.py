"""What every test shares: a quiet TensorFlow, kernels compiled from these very sources, the folder of optional data."""

import hashlib
import os
import shutil
import signal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# A shell that starts the tests in the background has them ignore Ctrl-C, and what they start too: some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _kernel_cache() -> str:
    """Folder of compiled kernels, by all sources: Numba would miss a change in a kernel that another one calls."""
    root = Path(__file__).parents[1]
    sources = sorted((root / "solvers").rglob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    return str(root / "build" / "numba" / digest[:16])


os.environ.setdefault("NUMBA_CACHE_DIR", _kernel_cache())

# How long an example takes says nothing: the first one loads what it needs, and other processes share the machine.
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what other packages warn about and we cannot change; everything else is an error (pyproject.toml)."""
    # Keras 3.15 and TensorFlow 2.21 have not followed NumPy 2's copy keyword.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning")
    # What Brevitas says of itself when it is imported.
    config.addinivalue_line("filterwarnings", "ignore:brevitas.fx is deprecated:DeprecationWarning")
    config.addinivalue_line("filterwarnings", "ignore:fast_hadamard_transform package not found:UserWarning")
    # QKeras 0.9, and tensorflow-model-optimization that it imports, are of 2021 and 2024.
    config.addinivalue_line("filterwarnings", "ignore:distutils Version classes are deprecated:DeprecationWarning")
    config.addinivalue_line("filterwarnings", "ignore:'(delimitedList|parseString)' deprecated:DeprecationWarning")


@cache
def _installed(name: str) -> bool:
    """Look for a package or a command of this name, without importing it."""
    return find_spec(name) is not None or shutil.which(name) is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a package or a command that is not installed."""
    for item in items:
        for name in (name for marker in item.iter_markers("needs") for name in marker.args):
            if not _installed(name):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real networks and instances; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("KNAPPRUNE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("KNAPPRUNE_DATA does not name the folder of real networks and instances")
    return Path(folder)
