"""Networks that several test modules build, load or mask."""

from pathlib import Path
from typing import Any

import numpy as np

from shared.frameworks import keras


def dense_network(*widths: int, seed: int = 0, activation: str | None = None, first: int = 0) -> Any:
    """Return a Keras model of Dense layers, ``fc0`` and so on or from `first` on, behind inputs of the first width."""
    keras.utils.set_random_seed(seed)
    dense = [keras.layers.Dense(w, activation=activation, name=f"fc{i}") for i, w in enumerate(widths[1:], first)]
    return keras.Sequential([keras.Input((widths[0],)), *dense])


def jet_network(data_folder: Path, name: str) -> Any:
    """Return one of the trained jet-tagging networks of hls4ml's examples."""
    from knapprune.adapters.keras.files import load_keras_model

    return load_keras_model(data_folder / "models" / "jets" / f"{name}.json")


def random_masks(adapter: Any, model: Any, keep: float, seed: int = 0) -> dict[str, Any]:
    """Return masks that keep about this share of the weights of each kernel."""
    rng = np.random.default_rng(seed)
    return {name: rng.random(kernel.shape) < keep for name, kernel in adapter.kernels(model).items()}
