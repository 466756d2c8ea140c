"""The kernels in a Keras model: which variable each is, and which constraint holds it under training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from knapprune.adapters.keras.kinds import leaf_layers

_ONE = (("", "kernel", "kernel_constraint"),)
_SEPARABLE = (
    ("_depthwise", "depthwise_kernel", "depthwise_constraint"),
    ("_pointwise", "pointwise_kernel", "pointwise_constraint"),
)
_RECURRENT = (("", "kernel", "kernel_constraint"), ("/recurrent", "recurrent_kernel", "recurrent_constraint"))
# Suffix of the kernel's name, variable and constraint, by layer. Exact classes: a quantised Dense of another library is
# computed differently.
_VARIABLES: dict[type, tuple[tuple[str, str, str], ...]] = {
    keras.layers.Dense: _ONE,
    keras.layers.Conv1D: _ONE,
    keras.layers.Conv2D: _ONE,
    keras.layers.EinsumDense: _ONE,
    keras.layers.DepthwiseConv1D: (("", "kernel", "depthwise_constraint"),),
    keras.layers.DepthwiseConv2D: (("", "kernel", "depthwise_constraint"),),
    keras.layers.SeparableConv1D: _SEPARABLE,
    keras.layers.SeparableConv2D: _SEPARABLE,
    keras.layers.LSTM: _RECURRENT,
    keras.layers.GRU: _RECURRENT,
}
# The same of HGQ2's layers, by their full names: importing them takes time, and HGQ2 need not be there.
_HIGH_GRANULARITY = {
    "hgq.layers.conv.QConv1D": _ONE,
    "hgq.layers.conv.QConv2D": _ONE,
    "hgq.layers.core.dense.QBatchNormDense": _ONE,
    "hgq.layers.core.dense.QDense": _ONE,
    "hgq.layers.core.einsum_dense.QEinsumDense": _ONE,
    "hgq.layers.einsum_dense_batchnorm.QEinsumDenseBatchnorm": _ONE,
}
# Multiplied by parameters that cannot be pruned: kernels of no weights.
SCALES = (keras.layers.BatchNormalization, keras.layers.PReLU)


@dataclass(frozen=True)
class Kernel:
    """One kernel of a Keras layer.

    Parameters
    ----------
    layer
        The layer.
    variable_name, constraint_name
        The attributes of the layer, or of its cell where it is recurrent.
    """

    layer: Any
    variable_name: str
    constraint_name: str

    @property
    def variable(self) -> Any:
        """The Keras variable."""
        return getattr(self._holder, self.variable_name)

    @property
    def array(self) -> npt.NDArray[np.generic]:
        """A copy of the weights."""
        return np.array(keras.ops.convert_to_numpy(self.variable))

    @property
    def constraint(self) -> Any:
        """What Keras applies after each step of the optimiser; None for nothing."""
        return getattr(self._holder, self.constraint_name)

    def constrain(self, constraint: Any) -> None:
        """Hold the kernel by another constraint."""
        # The layer's attribute is what is saved, the variable's is what the optimiser applies.
        setattr(self._holder, self.constraint_name, constraint)
        self.variable.constraint = constraint

    @property
    def _holder(self) -> Any:
        return getattr(self.layer, "cell", self.layer)


def kernel_names(layer: Any) -> dict[str, Kernel]:
    """Find the kernels of one layer that can be masked."""
    if getattr(layer, "groups", 1) != 1:
        return {}
    kind = type(layer)
    known = _VARIABLES.get(kind, _HIGH_GRANULARITY.get(f"{kind.__module__}.{kind.__qualname__}", ()))
    return {f"{layer.name}{suffix}": Kernel(layer, variable, constraint) for suffix, variable, constraint in known}


def find_kernels(model: Any) -> dict[str, Kernel]:
    """Find the kernels of a model that can be masked."""
    if not model.built:
        raise ValueError(f"model {model.name!r} has no weights yet: give it an Input layer, or call it once")
    known: dict[str, Kernel] = {}
    for layer in leaf_layers(model):
        for name, kernel in kernel_names(layer).items():
            if known.setdefault(name, kernel).layer is not layer:
                raise ValueError(f"model {model.name!r} has two layers named {name!r}, expected different names")
    return known
