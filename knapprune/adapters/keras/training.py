"""Fine-tuning through Keras' own ``fit``: masks are constraints, so nothing else is needed to keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.data import arguments, learning_rate, on_tensorflow
from knapprune.adapters.keras.grid import grid_of
from knapprune.adapters.keras.kernels import find_kernels
from knapprune.adapters.seeding import seeded


def fit(model: Any, train: Any, *, batch_size: int, seed: int, rate: float = 1.0, **more: Any) -> float:
    """Train a compiled model for one epoch, the same way for the same state and seed; more goes to Keras' `fit`."""
    if not model.compiled:
        raise ValueError("model: got one that is not compiled, expected one with an optimiser and a loss to train by")
    random = np.random.default_rng(seed)
    with learning_rate(model, rate), seeded(seed):
        for variable in _seeds(model):
            variable.assign(random.integers(0, 2**31, tuple(variable.shape)))
        history = model.fit(**{"epochs": 1, "verbose": 0, **arguments(train, batch_size, random, keras.tree), **more})
    return float(history.history["loss"][-1])


def prepared(train: Any) -> Any:
    """Copy arrays once to where `fit` reads them."""
    if keras.backend.backend() != "tensorflow":
        return train
    return on_tensorflow(train, keras.tree, keras.config.floatx())


def state(model: Any) -> dict[str, npt.NDArray[Any]]:
    """Copy out all that training changes; random layers are left out: `fit` seeds them."""
    return {name: np.array(keras.ops.convert_to_numpy(variable)) for name, variable in _variables(model).items()}


def restore(model: Any, state: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `state` returned."""
    variables = _variables(model)
    if variables.keys() != state.keys():
        raise ValueError(f"state: got {len(state)} variables, expected the {len(variables)} of model {model.name!r}")
    for name, variable in variables.items():
        variable.assign(state[name])


def _variables(model: Any) -> dict[str, Any]:
    variables = {f"weight/{position}": variable for position, variable in enumerate(model.weights)}
    for name, kernel in find_kernels(model).items():
        grid = grid_of(kernel.constraint)
        if grid is not None:
            variables |= {f"grid/{name}/{part}": variable for part, variable in grid.variables.items()}
    if model.compiled:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables |= {f"optimizer/{position}": variable for position, variable in enumerate(model.optimizer.variables)}
    return variables


def _seeds(model: Any) -> list[Any]:
    """Find the state of the random layers: what is neither a weight nor a metric's."""
    known = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    return [variable for variable in model.variables if id(variable) not in known]
